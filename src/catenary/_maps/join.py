"""Where axes meet at positions that no stride gives: pair the labels of both sides off, position by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from catenary._maps.table import Table, concrete, grid, matches, places, volume
from catenary._maps.term import Axis, Size, labels_of

#: Sides with more positions than this are not enumerated: planning would be felt.
MOST = 1 << 24


def entangled(left: Sequence[Axis], right: Sequence[Axis], k: int) -> list[int]:
    """The places that share labels with the ``k``-th through tables: one by one they would match too much."""
    chosen = [k]
    while True:
        known = set(labels_of([side[g] for g in chosen for side in (left, right)]))
        more = [
            g
            for g in range(len(left))
            if g not in chosen
            and left[g] != right[g]
            and any(i in known and isinstance(s, Table) for side in (left, right) for i, s in side[g].factors)
        ]
        if not more:
            return sorted(chosen)
        chosen += more


def join(a: Sequence[Axis], b: Sequence[Axis], sizes: Mapping[int, Size]) -> dict[int, np.ndarray] | None:
    """The values of all labels of two sides at every assignment in which their axes agree; None where that is too much.

    >>> left, right = Axis(4, 0, ((0, Table([3, 0, 2])),)), Axis(4, 0, ((1, 1),))
    >>> {i: v.tolist() for i, v in join([left], [right], {0: 3, 1: 4}).items()}
    {0: [0, 1, 2], 1: [3, 0, 2]}
    """
    mine, theirs = labels_of(a), labels_of(b)
    strides = [s for x in (*a, *b) for _, s in x.factors if not isinstance(s, Table)]
    numbers = [n for x in (*a, *b) for n in (x.size, x.start)]
    if not concrete(*numbers, *strides, *(sizes[i] for i in (*mine, *theirs))):
        return None
    if max(volume(mine, sizes), volume(theirs, sizes)) > MOST:
        return None
    return _decoded(a, b, sizes) or _decoded(b, a, sizes) or _sorted(a, b, sizes)


def _decoded(a: Sequence[Axis], b: Sequence[Axis], sizes: Mapping[int, Size]) -> dict[int, np.ndarray] | None:
    """The join where each axis of ``a`` is one label from end to end: it is the position on the other side."""
    labels = [i for x in a for i, _ in x.factors]
    if not all(x.plain and sizes[x.factors[0][0]] == x.size for x in a) or len(set(labels)) < len(labels):
        return None
    values = grid(labels_of(b), sizes)
    if not values or not set(labels).isdisjoint(values):
        return None
    count = volume(values, sizes)
    return {**values, **{i: places([x], values, count) for i, x in zip(labels, b, strict=True)}}


def _sorted(a: Sequence[Axis], b: Sequence[Axis], sizes: Mapping[int, Size]) -> dict[int, np.ndarray] | None:
    """The join by sorting the positions of one side."""
    left, right = grid(labels_of(a), sizes), grid(labels_of(b), sizes)
    mine, theirs = (places(axes, at, volume(at, sizes)) for axes, at in ((a, left), (b, right)))
    for i in left:
        if i in right:  # one label on both sides has one value
            mine, theirs = mine * sizes[i] + left[i], theirs * sizes[i] + right[i]
    pairs = matches(mine, theirs, MOST)
    if pairs is None:
        return None
    return {i: v[pairs[k]] for k, side in ((1, right), (0, left)) for i, v in side.items()}
