"""What a step costs: its work, and the models that make one number of it.

Work follows from structure alone. Three models price it: ``multiplications``, as the literature on elimination orders
counts them; ``flops``, as XLA counts them; and ``time``, the roofline of a device (Williams, Waterman and Patterson,
Roofline, CACM 2009) from the table below, never from a stopwatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from math import prod
from operator import attrgetter
from typing import Any, NamedTuple

from catenary import _dimensions
from catenary._maps.compose import Recipe, volume
from catenary._maps.dense import blocked
from catenary._maps.pieces import cut, pieces
from catenary._maps.term import Term


class Work(NamedTuple):
    """What one step does, or several together; entries are integers, or polynomials in symbolic sizes.

    flops            arithmetic: products, sums, selections; ones are free, a change of sign is not
    multiplications  pairs of entries that meet: |pred| · |succ| with every size counted, ±1 and ones charged
    products         multiplications of numbers, ±1 free
    bytes            read and written by what does not fuse with its neighbours
    kernels          how many such passes over memory there are; 0 for entry-by-entry arithmetic, which fuses
    """

    flops: Any = 0
    multiplications: Any = 0
    products: Any = 0
    bytes: Any = 0
    kernels: Any = 0

    def __add__(self, other: Work) -> Work:  # type: ignore[override]
        """The work of both."""
        return Work(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, n: Any) -> Work:
        """The work of n such steps."""
        return Work(*(n * a for a in self))

    def at(self, sizes: dict[str, int]) -> Work:
        """The work where symbolic dimensions have the given sizes."""
        return Work(*(_dimensions.evaluated(a, sizes) for a in self))


class Device(NamedTuple):
    """What a kind of device does in a second: flops of products and of fused loops, bytes; and what a kernel adds."""

    contract: float
    entrywise: float
    bandwidth: float
    kernel: float

    def seconds(self, work: Work, width: int = 4) -> float:
        """The roofline of one step on numbers of ``width`` bytes: arithmetic or memory, whichever takes longer.

        >>> DEVICES["a100"].seconds(Work(flops=10**10, bytes=10**6, kernels=1)) < 1e-3
        True
        """
        rate = self.contract if work.kernels else self.entrywise
        return max(work.flops * width / 4 / rate, work.bytes / self.bandwidth) + work.kernels * self.kernel


#: Kind of device → its rates for numbers of four bytes. "cpu" was set beside measured times (benchmarks/cost.py),
#: "h200" measured (benchmarks/rates.py), "h100" is the same chip with slower memory; the others are shares of what the
#: makers' sheets say, and unmeasured.
DEVICES = {
    #               contract  entrywise  bandwidth  kernel
    "cpu":  Device(6e10,     4e9,       1.2e10,    1e-6),
    "a100": Device(8e13,     5e12,      1.4e12,    5e-6),
    "h100": Device(4.5e14,   2.6e13,    3.0e12,    2.2e-6),
    "h200": Device(4.5e14,   2.6e13,    4.3e12,    2.2e-6),
    "gpu":  Device(1e13,     2e12,      5e11,      6e-6),
    "tpu":  Device(9e13,     4e12,      1.0e12,    3e-6),
}  # fmt: skip


def device(kind: str) -> Device:
    """The rates of a device by its kind, as JAX names it.

    >>> device("NVIDIA A100-SXM4-40GB") is DEVICES["a100"]
    True
    """
    return next((rates for name, rates in DEVICES.items() if name in kind.lower()), DEVICES["gpu"])


#: The models that are sums read one entry of the work; ``time`` prices step by step.
SUMS = ("flops", "multiplications", "products")
MODELS = ("time", *SUMS)


class Price:
    """What a model asks for a step: a number to compare, symbolic sizes at typical values.

    shapes   of the program's values: where names of dimensions are found
    kind     of device, and ``width`` of the numbers in bytes, for the model ``time``
    """

    def __init__(self, model: str, shapes: Iterable[Sequence[Any]] = (), kind: str = "cpu", width: int = 4):
        self.shapes, self.known = shapes, dict[Work, Any]()
        rates = device(kind)
        self.of: Callable[[Work], Any] = (
            (lambda work: rates.seconds(work, width)) if model == "time" else attrgetter(model)
        )

    def __call__(self, work: Work) -> Any:
        price = self.known.get(work)
        if price is None:
            numeric = all(isinstance(n, int) for n in work)
            price = self.known[work] = self.of(work if numeric else work.at(self.typical))
        return price

    @cached_property
    def typical(self) -> dict[str, int]:
        """Every dimension a large number of its own."""
        return _dimensions.typical(*(n for shape in self.shapes for n in shape))


@lru_cache(maxsize=65536)
def composed(recipe: Recipe, width: int, second: int = 1, first: int = 1) -> Work:
    """The work of a composition on numbers of ``width`` bytes.

    second, first   how often a contraction passes over each operand: once, or twice where it is a fused loop that must
                    be written out before it is read
    """
    cores = [s for s in recipe.sources if s.role == "core"]
    inside = {i for s in cores for i in s.labels}
    if inside <= set(recipe.core or ()):
        return Work(recipe.flops, recipe.multiplications, recipe.products)
    passes = {"second": second, "first": first}
    moved = volume(recipe.core, recipe.sizes)
    for s in cores:
        moved = moved + passes[s.of or ""] * volume(s.labels, recipe.sizes)
    return Work(recipe.flops, recipe.multiplications, recipe.products, width * moved, second + first - 1)


def multiplied(m: int, k: int, n: int, width: int, second: int = 1, first: int = 1) -> Work:
    """The work of a dense m × k matrix by a dense k × n one: what ``composed`` says of their recipe, without one."""
    moved = m * n + second * m * k + first * k * n
    return Work(2 * m * k * n, m * k * n, m * k * n, width * moved, second + first - 1)


def dense(terms: Sequence[Term]) -> Any:
    """Flops of writing terms out as one array: a selection for each tie, an addition for each term that overlaps."""
    flops: Any = 0
    if (found := pieces(terms)) is not None:
        k, groups = found
        return sum(dense([cut(terms[n], k, span) for n in group]) for span, group in groups)
    for term in terms:
        seen: set[int] = set()
        size = prod(term.sizes)
        for axis in (*term.out, *term.inp):
            for label, _ in axis.factors:
                if label in seen:
                    mask = axis.size * term.sizes[label]
                    size = size * term.sizes[label]
                    flops = flops + size + mask
                seen.add(label)
        if not term.one and not (isinstance(term.scale, int | float) and abs(term.scale) == 1):
            flops = flops + volume(term.core or (), term.sizes)
    if len(terms) > 1:
        flops = flops + (len(terms) - 1) * prod(a.size for a in (*terms[0].out, *terms[0].inp))
    return flops


def written(terms: Sequence[Term], width: int) -> Work:
    """The work of writing a map out in full, as an array that somebody reads."""
    if not terms:
        return Work()
    size = prod(a.size for a in (*terms[0].out, *terms[0].inp))
    flops = dense(terms)
    if len(terms) > 1:  # what all terms tie is written out once, around the sum of the blocks
        whole, blocks = blocked(terms)
        flops = dense(blocks) + dense([whole])
    return Work(flops=flops, bytes=width * size, kernels=1)
