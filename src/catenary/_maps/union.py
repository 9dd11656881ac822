"""Terms that stand on one diagonal over ranges that overlap, as one term over the whole range.

Neighbouring cells of a grid add to the same entries, each over a range of its own: [0, n − 1) and [1, n) are [0, n).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from catenary._maps.add import reached
from catenary._maps.table import Table, concrete
from catenary._maps.term import Axis, Term


@dataclass(frozen=True, slots=True)
class Union:
    """How two terms become ``term``: for each of them, for each label, how many places it is padded (before, after)."""

    term: Term
    pads: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


@lru_cache(maxsize=4096)
def union(a: Term, b: Term) -> Union | None:
    """The sum of two terms over ranges that make one box and share a half of the smaller; None where they do not.

    >>> left, right = (Term((Axis(4, k, ((0, 1),)),), (Axis(4, k, ((0, 1),)),), (3,)) for k in (0, 1))
    >>> union(left, right)
    Union(term=Term('a <- a', core='a'), pads=(((0, 1),), ((1, 0),)))
    """
    shifts = _shifts(a, b)
    if shifts is None:
        return None
    first = [(0, n) for n in a.sizes]
    second = [(d, d + n) for d, n in zip(shifts, b.sizes, strict=True)]
    hull = [(min(x[0], y[0]), max(x[1], y[1])) for x, y in zip(first, second, strict=True)]
    shared = prod(max(0, min(x[1], y[1]) - max(x[0], y[0])) for x, y in zip(first, second, strict=True))
    small, large = sorted((prod(a.sizes), prod(b.sizes)))
    differ = [k for k, (x, y) in enumerate(zip(first, second, strict=True)) if x != y]
    if 2 * shared < small or 2 * small < large or (len(differ) > 1 and hull not in (first, second)):
        return None
    core = tuple(dict.fromkeys((*reached(a), *reached(b), *differ)))
    out, inp = (tuple(_moved(x, hull) for x in side) for side in (a.out, a.inp))
    term = Term(out, inp, tuple(high - low for low, high in hull), core, precision=a.precision or b.precision)
    pads = tuple(tuple((x[0] - h[0], h[1] - x[1]) for x, h in zip(box, hull, strict=True)) for box in (first, second))
    return Union(term, (pads[0], pads[1]))


def _moved(axis: Axis, hull: list[tuple[int, int]]) -> Axis:
    return Axis(axis.size, axis.start + sum(s * hull[i][0] for i, s in axis.factors), axis.factors)


def _shifts(a: Term, b: Term) -> list[int] | None:
    """By how much each label of ``b`` is ahead of that of ``a``, in terms that differ in where they start and end."""
    pairs = list(zip((*a.out, *a.inp), (*b.out, *b.inp), strict=True))
    if any(x.size != y.size or x.factors != y.factors for x, y in pairs):
        return None
    strides = [s for x, _ in pairs for _, s in x.factors]
    if any(isinstance(s, Table) for s in strides) or not concrete(*strides, *a.sizes, *b.sizes):
        return None
    shifts: dict[int, int] = {}
    for x, y in pairs:
        if not concrete(x.start, y.start) or (y.start != x.start and len(x.factors) != 1):
            return None
        for label, stride in x.factors:
            by, rest = divmod(y.start - x.start, stride)
            if rest or shifts.setdefault(label, by) != by:
                return None
    return [shifts[label] for label in range(len(a.sizes))]
