"""The entries of a map, one by one: where each of them stands, and which stand together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from catenary._maps.join import MOST
from catenary._maps.table import concrete, normal, reach
from catenary._maps.term import Axis, Term


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where the entries of a sum of terms stand, those of all terms in a row, each term's in the order of its labels.

    positions   in the array out + inp, in row-major order: rising, none twice
    first       for each of them an entry that stands there; None where that is the k-th for the k-th
    more        (which positions, which entries) for those that are added to the first ones
    """

    positions: np.ndarray
    first: np.ndarray | None
    more: tuple[tuple[np.ndarray, np.ndarray], ...]

    __hash__ = object.__hash__

    def side_by_side(self, many: int) -> tuple[int, ...] | None:
        """Where every row takes one entry from each of ``many`` terms of one length, in one order: that order.

        >>> even, odd = (Axis(4, k, ((0, 2),)) for k in (0, 1))
        >>> pattern((Term((even,), (odd,), (2,)), Term((even,), (even,), (2,)))).side_by_side(2)
        (1, 0)
        """
        if self.first is None or self.more or len(self.first) % many:
            return None
        rows = self.first.reshape(-1, many)
        order, within = np.divmod(rows[0], len(rows))
        regular = not within.any() and (rows == rows[0] + np.arange(len(rows))[:, None]).all()
        return tuple(map(int, order)) if regular else None


def placed(term: Term) -> np.ndarray:
    """The position of each entry of a term in the array out + inp, labels in order, the last one fastest.

    >>> placed(Term.of("a", "a", a=3))
    array([0, 4, 8])
    """
    start, weight = 0, 1
    lines = [np.zeros(n, np.int64) for n in term.sizes]
    for axis in reversed((*term.out, *term.inp)):
        start += weight * axis.start
        for label, stride in axis.factors:
            lines[label] += weight * reach(stride, np.arange(term.sizes[label]))
        weight *= axis.size
    total = np.full((1,) * len(lines), start, np.int64)
    for k, line in enumerate(lines):
        total = total + line.reshape([-1 if j == k else 1 for j in range(len(lines))])
    return total.reshape(-1)


@lru_cache(maxsize=64)
def pattern(terms: tuple[Term, ...]) -> Pattern:
    """The entries of a sum of terms of one shape.

    >>> corner = Term((Axis(3),), (Axis(3, 2),), ())
    >>> pattern((corner, Term.of("a", "a", a=3))).positions
    array([0, 2, 4, 8])
    """
    keys = np.concatenate([np.zeros(0, np.int64), *map(placed, terms)])
    if (np.diff(keys) > 0).all():
        return Pattern(keys, None, ())
    order = np.argsort(keys, kind="stable")  # a merge of runs: each term's entries rise by themselves
    ranked = keys[order]
    fresh = np.ones(len(keys), bool)
    fresh[1:] = ranked[1:] != ranked[:-1]
    heads = np.flatnonzero(fresh)
    counts = np.diff(heads, append=len(keys))
    more = []
    for n in range(1, counts.max(initial=1)):
        here = np.flatnonzero(counts > n)
        more.append((here, order[heads[here] + n]))
    return Pattern(ranked[heads], order[heads], tuple(more))


@dataclass(frozen=True, slots=True)
class Gathered:
    """Many terms as one, ``term``, whose only label counts the entries of their pattern."""

    term: Term
    pattern: Pattern

    @property
    def full(self) -> bool:
        """Whether no entry of the map is missing."""
        return self.term.sizes[0] == prod(a.size for a in (*self.term.out, *self.term.inp))


@lru_cache(maxsize=64)
def gathered(terms: tuple[Term, ...]) -> Gathered | None:
    """Terms of one map as a single one that looks positions up in tables; None where sizes are symbolic or too large.

    >>> corner = Term((Axis(4),), (Axis(4, 3),), ())
    >>> gathered((Term.of("a", "a", a=4), corner)).term
    Term('table[a] <- table[a]', core='a')
    """
    axes = [axis.size for axis in (*terms[0].out, *terms[0].inp)]
    if (
        not axes
        or not concrete(*axes, *(n for t in terms for n in t.sizes))
        or sum(prod(t.sizes) for t in terms) > MOST
    ):
        return None
    found = pattern(terms)
    count = len(found.positions)
    sides = []
    for n, where in zip(axes, np.unravel_index(found.positions, axes), strict=True):
        start, stride = normal(where)
        fixed = isinstance(stride, int) and stride == 0
        sides.append(Axis(n, start, () if fixed else ((0, stride),)))
    n = len(terms[0].out)
    return Gathered(Term(tuple(sides[:n]), tuple(sides[n:]), (count,), (0,)), found) if count > 1 else None
