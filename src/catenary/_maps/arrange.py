"""Bring one side of a map into the form that an implicit map can be pushed through or pulled from.

    core[batch…, axes of the side…]

Every axis of the side stands in the core in full, with a label of its own; an axis along which the implicit
map does not act may keep its tie to the other side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from catenary._maps.compose import Source
from catenary._maps.factor import Operand, Work
from catenary._maps.table import Table
from catenary._maps.term import Axis, Size, Term, labels_of


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a term's arrays become one array ``core[batch…, side…]``.

    sources  operands of the product, all of one core at most; masks select
    batch    labels of the other side that lead the array
    side     the labels of each axis of the side: one, the digits of a merged axis, or none for an axis of size 1
    other    the axes of the other side, in the same labels
    """

    sources: tuple[Source, ...]
    batch: tuple[int, ...]
    side: tuple[tuple[int, ...], ...]
    other: tuple[Axis, ...]
    sizes: dict[int, Size]
    scale: Any

    __hash__ = object.__hash__

    @property
    def ties(self) -> tuple[int, ...]:
        """Places of the side's axes that are still tied to the other side."""
        other = set(labels_of(self.other))
        return tuple(k for k, labels in enumerate(self.side) if not other.isdisjoint(labels))

    def axis(self, k: int) -> Axis:
        """Axis ``k`` of the side, in the same labels."""
        span: Any = 1
        factors = []
        for label in reversed(self.side[k]):
            factors.append((label, span))
            span = span * self.sizes[label]
        return Axis(span, 0, tuple(reversed(factors)))


@lru_cache(maxsize=16384)
def arrange(term: Term, side: str, tied: Collection[int]) -> Arrangement | None:
    """Arrange ``side`` ("out" or "inp") of a term; axes in ``tied`` may stay tied to the other side.

    None where an axis of the side is filled in part by labels of its own: then the map is written out first.

    >>> mlp = Term.of("b m", "b n", core="b m n", b=256, m=16, n=64)
    >>> arrange(mlp, "inp", frozenset({0})).ties
    (0,)
    >>> arrange(mlp, "inp", frozenset()).batch  # the batch untied: one cotangent for each entry of the output
    (0, 1)
    """
    other = "inp" if side == "out" else "out"
    groups = {"out": list(term.out), "inp": list(term.inp)}
    operands = [
        Operand(role, list(labels)) for role, labels in (("core", term.core), ("mask", term.mask)) if labels is not None
    ]
    work = Work(groups, operands, dict(enumerate(term.sizes)))
    beyond = set(labels_of(groups[other]))
    once = Counter(label for axis in groups[side] for label, _ in axis.factors)
    for k, axis in enumerate(groups[side]):
        labels = {i for i, _ in axis.factors}
        alone = digits(axis, work.sizes) is not None and all(once[i] == 1 for i in labels)
        if alone and (labels.isdisjoint(beyond) or k in tied):
            continue
        if not labels <= beyond:
            return None
        work.untie(side, k)
    sources = tuple(
        Source(
            o.role if o.role != "delta" else None,
            "core" if o.role == "core" else "mask",
            tuple(o.ops),
            tuple(o.labels),
            o.delta,
        )
        for o in work.operands
    )
    places = tuple(digits(axis, work.sizes) or () for axis in groups[side])
    flat = [i for labels in places for i in labels]
    inside = {i for s in sources for i in s.labels}
    batch = tuple(i for i in labels_of(groups[other]) if i in inside and i not in flat)
    return Arrangement(sources, batch, places, tuple(groups[other]), dict(work.sizes), term.scale)


def digits(axis: Axis, sizes: Any) -> tuple[int, ...] | None:
    """The labels of an axis that they fill from end to end, slowest first; None where they do not."""
    if axis.size == 1 and not axis.factors:
        return ()
    if any(isinstance(stride, Table) for _, stride in axis.factors):
        return None
    span: Any = 1
    order = sorted(axis.factors, key=lambda f: f[1])
    for label, stride in order:
        if stride != span:
            return None
        span = span * sizes[label]
    return tuple(i for i, _ in reversed(order)) if axis.start == 0 and span == axis.size and order else None
