"""Entries that stand at one position become one: a segment sum, planned once.

A scatter after a gather, a row pulled through a gather, the edges of a mesh: several values of a label share a pair of
positions. Where that is so, the label gives way to a shorter one that counts the positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catenary._maps.factor import Work
from catenary._maps.table import Table, grid, normal, places, volume
from catenary._maps.term import Axis, labels_of

#: Entries of a tie are summed beforehand where that leaves fewer than this share of them.
SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Merge:
    """The sum over ``label``, segment by segment, with ``fresh`` for the segments: fresh = segment[label]."""

    label: int
    fresh: int
    segment: Table
    count: int


def coalesce(work: Work) -> tuple[Merge, ...]:
    """Shorten labels in the axes of "out" and "inp" that tables send to fewer positions."""
    places_ = [(side, k) for side in ("out", "inp") for k in range(len(work.groups[side]))]
    merges = []
    for family in families([work.groups[side][k] for side, k in places_]):
        merge = _coalesced(work, [places_[n] for n in family])
        if merge is not None:
            merges.append(merge)
    return tuple(merges)


def families(axes: Sequence[Axis]) -> list[list[int]]:
    """The places of axes that hang together by labels, where one of them has a table.

    >>> families([Axis(9, 0, ((0, Table([4, 7, 1])),)), Axis(5, 0, ((1, 1),)), Axis(3, 0, ((0, 1),))])
    [[0, 2]]
    """
    found: list[list[int]] = []
    for first, axis in enumerate(axes):
        if not axis.tabled or any(first in family for family in found):
            continue
        family, known = [first], set(labels_of([axis]))
        while True:
            more = [k for k, x in enumerate(axes) if k not in family and not known.isdisjoint(labels_of([x]))]
            if not more:
                break
            family += more
            known.update(labels_of([axes[k] for k in more]))
        found.append(sorted(family))
    return found


def _coalesced(work: Work, family: list[tuple[str, int]]) -> Merge | None:
    axes = [work.groups[side][k] for side, k in family]
    labels = labels_of(axes)
    tie = len(axes) > 1
    single = len(labels) == 1
    if tie and single and any(isinstance(s, int) for x in axes for _, s in x.factors):
        return None  # one of its axes tells all values of the label apart
    sizes = tuple(work.sizes[i] for i in labels)
    number = {label: k for k, label in enumerate(labels)}
    unique, segment = _distinct(
        tuple(Axis(x.size, x.start, tuple((number[i], s) for i, s in x.factors)) for x in axes), sizes
    )
    total = segment.size
    if (tie and unique.size > SHARE * total) or (unique.size == total and (np.diff(segment) == 1).all()):
        return None
    label = labels[0] if single or unique.size == 1 else work.tabulate(grid(labels, work.sizes))
    fresh = work.new(unique.size)
    found = np.unravel_index(unique, [x.size for x in axes])
    for (side, k), axis, positions in zip(family, axes, found, strict=True):
        start, stride = normal(positions)
        fixed = isinstance(stride, int) and stride == 0
        work.groups[side][k] = Axis(axis.size, start, () if fixed else ((fresh, stride),))
    if unique.size == 1:  # a sum over all of them
        work.live.discard(fresh)
        return None
    work.live.discard(label)
    return Merge(label, fresh, Table(segment), unique.size)


@lru_cache(maxsize=64)
def _distinct(axes: tuple[Axis, ...], sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The positions on axes in labels 0, 1, …, each once and rising, and which of them each assignment has."""
    every = dict(enumerate(sizes))
    labels = tuple(every)
    unique, segment = np.unique(places(axes, grid(labels, every), volume(labels, every)), return_inverse=True)
    return unique, segment
