"""The check: a formula, as Python source, evaluated in float64 beside the computed derivative.

The values are fresh and the sizes are not the user's.  Nothing is shown that was not so compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import tree_util

from .calculus.computed import derivatives
from .expressions.assume import obeying
from .expressions.dims import dims_of
from .expressions.value import ELEMENTWISE, _lse, sigmoid, softmax
from .reading.program import Input

SIZES = (5, 3, 4, 6, 7, 9, 8)


class FormulaError(ArithmeticError):
    """A formula that does not agree with the computed derivative, and is therefore not shown."""


@dataclass(frozen=True)
class Check:
    """The outcome of a comparison: the largest error relative to the largest entry, and where.

    >>> bool(Check(1e-16, {"N": 5}, ""))
    True
    """

    error: float
    sizes: dict[str, int]
    difference: str = ""

    def __bool__(self) -> bool:
        """Whether formula and derivative agree."""
        return not self.difference

    def __str__(self) -> str:
        """Say it in a line."""
        at = ", ".join(f"{k} = {v}" for k, v in self.sizes.items())
        at = f" at {at}" if at else ""
        if self.difference:
            return f"differs{at}: {self.difference}"
        return f"agrees with the computed derivative to {self.error:.0e} in float64{at}"


# Where a program has a value: both signs; then positive numbers, probabilities, numbers above 1, counts.
RANGES: tuple[Callable[[np.random.Generator, tuple[int, ...]], np.ndarray], ...] = (
    lambda rng, shape: rng.normal(size=shape) * 0.8,
    lambda rng, shape: rng.uniform(0.2, 1.2, shape),
    lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    lambda rng, shape: rng.uniform(1.1, 2.5, shape),
    lambda rng, shape: rng.integers(1, 5, shape).astype(float),
)


def samples(inputs: Sequence[Input], seed: int) -> Iterator[tuple[list[np.ndarray], dict[str, int]]]:
    """Yield random values for the inputs until a program has a derivative there, and the sizes of named dimensions.

    After the ranges come positive definite matrices, at other sizes.
    """
    yield from (sample(inputs, seed, attempt) for attempt in range(len(RANGES)))
    for more in range(seed, seed + 6):
        values, sizes = sample(inputs, more, 0)
        square = [v.ndim == 2 and v.shape[0] == v.shape[1] and v.dtype == float for v in values]
        yield [obeying("positive definite", v) if s else v for v, s in zip(values, square, strict=True)], sizes


def reliable(arrays: Sequence[np.ndarray]) -> bool:
    """Say whether a computed derivative is finite, and not so large that it shows a singular matrix."""
    return all(np.isfinite(a).all() and np.abs(a).max(initial=0.0) < 1e9 for a in arrays)


def sample(inputs: Sequence[Input], seed: int, attempt: int) -> tuple[list[np.ndarray], dict[str, int]]:
    """Return random values for the inputs, and the sizes drawn for named dimensions."""
    rng = np.random.default_rng(seed)
    sizes: dict[str, int] = {}
    values: list[np.ndarray] = []
    for i in inputs:
        for d in dims_of(i.struct.shape):
            for name in re.findall(r"[A-Za-z_]\w*", d) if isinstance(d, str) and "(" not in d else ():
                sizes.setdefault(name, SIZES[(len(sizes) + seed) % len(SIZES)])
    for i in inputs:
        shape = tuple(_size(d, sizes) for d in dims_of(i.struct.shape))
        if np.issubdtype(i.struct.dtype, np.integer):
            values.append(rng.integers(0, 2, shape))
        elif i.struct.dtype == bool:
            values.append(rng.integers(0, 2, shape).astype(bool))
        else:
            values.append(obeying(i.fact, np.asarray(RANGES[attempt](rng, shape))))
    return values, sizes


def _size(size: int | str, sizes: dict[str, int]) -> int:
    from .expressions.value import Draw

    return size if isinstance(size, int) else Draw(0, 0.0, 1.0, sizes).size(size)


def computed(
    flat: Callable[..., Any], chosen: Sequence[int], values: Sequence[np.ndarray], order: int = 1
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the value and the computed derivatives of a flat function, in float64."""
    with jax.enable_x64(True):
        arrays = [jax.numpy.asarray(v) for v in values]
        value, found = jax.jit(lambda *xs: (flat(*xs), derivatives(flat, chosen, order)(*xs)))(*arrays)
        return np.asarray(value), [np.asarray(g) for g in found]


def _traced(arg: Any) -> Any:
    return jax.tree.map(jax.numpy.asarray, arg)


def evaluated(source: str, name: str, args: Sequence[Any]) -> list[np.ndarray]:
    """Return what a derivation's source computes in float64: by NumPy, or by JAX where it convolves."""
    scope: dict[str, Any] = {"jnp": np, "lax": _Lax}
    if "lax.conv" in source:
        with jax.enable_x64(True):
            exec(source, scope)
            return [np.asarray(leaf, float) for leaf in tree_util.tree_leaves(scope[name](*map(_traced, args)))]
    with np.errstate(all="ignore"):
        exec(source.replace("import jax.numpy as jnp\n", "").replace("from jax import lax\n", ""), scope)
        return [np.asarray(leaf, float) for leaf in tree_util.tree_leaves(scope[name](*args))]


class _Lax:
    """What a source uses of ``jax.lax``, by NumPy."""

    erf, erf_inv, lgamma, digamma = (staticmethod(ELEMENTWISE[n]) for n in ("erf", "erfinv", "lgamma", "digamma"))
    polygamma = staticmethod(lambda order, x: ELEMENTWISE["trigamma"](x))

    @staticmethod
    def map(step: Callable[[Any], Any], steps: Any) -> Any:
        """Return what every step gives, stacked."""
        return np.stack([np.asarray(step(t)) for t in steps])

    @staticmethod
    def scan(step: Callable[[Any, Any], Any], carried: Any, steps: Any, reverse: bool = False) -> tuple[Any, Any]:
        """Return what is carried after the last step, and what every step gives, stacked."""
        made = []
        for t in steps[::-1] if reverse else steps:
            carried, out = step(carried, t)
            made.append(out)
        made = made[::-1] if reverse else made
        return carried, tree_util.tree_map(lambda *xs: np.stack([np.asarray(x) for x in xs]), *made)


def compare(
    got: Sequence[Any], wanted: Sequence[Any], names: Sequence[str], sizes: dict[str, int], coarse: bool = False
) -> Check:
    """Return how far the first list of arrays is from the second."""
    worst = 0.0
    if len(got) != len(wanted):
        return Check(np.inf, sizes, f"{len(got)} results, expected {len(wanted)}")
    for name, a, b in zip(names, got, wanted, strict=True):
        a = np.asarray(a, float)
        if a.shape != b.shape:
            turned = a.ndim == 2 and a.T.shape == b.shape and _error(a.T, b) < 1e-8
            why = "is its transpose" if turned else f"has shape {a.shape}, expected {b.shape}"
            return Check(np.inf, sizes, f"the formula for {name} {why}")
        error = _error(a, b)
        limit = 2e-3 if coarse else 1e-8
        worst = max(worst, error)
        if not error < limit:
            return Check(error, sizes, f"the formula for {name} is off {_how(a, b)}")
    return Check(worst, sizes)


def _error(a: np.ndarray, b: np.ndarray) -> float:
    if not a.size:
        return 0.0
    return float(np.max(np.abs(a - b)) / max(float(np.max(np.abs(b))), 1e-6))


def _how(a: np.ndarray, b: np.ndarray) -> str:
    """Say what differs: the sign, a factor, a transpose."""
    if _error(-a, b) < 1e-8:
        return "by its sign"
    if a.ndim == 2 and a.shape[0] == a.shape[1] and _error(a.T, b) < 1e-8:
        return "by a transpose"
    scale = np.vdot(a, a)
    factor = float(np.vdot(a, b) / scale) if scale else 0.0
    if factor and _error(factor * a, b) < 1e-8:
        return f"by a factor: it should be {factor:.6g} times that"
    return f"by up to {_error(a, b):.2g} of the largest entry"


def scope_of(inputs: Sequence[Input], values: Sequence[np.ndarray], sizes: dict[str, int]) -> dict[str, Any]:
    """Return the names a user's own formula may use."""
    scope: dict[str, Any] = {"np": np, "jnp": np, **sizes}
    scope |= {
        "exp": np.exp, "log": np.log, "tanh": np.tanh, "diag": np.diag, "tr": np.trace, "outer": np.outer,
        "sigmoid": sigmoid, "softplus": lambda x: np.logaddexp(0.0, x), "softmax": lambda x, axis=-1: softmax(x, axis),
        "logsumexp": lambda x, axis=-1: _lse(x, (axis,)), "relu": lambda x: np.maximum(x, 0.0),
    }  # fmt: skip
    return scope | {i.name: v for i, v in zip(inputs, values, strict=True)}
