"""Positions that no stride gives: a static table of integers stands where a stride would.

A gather or a scatter with constant indices moves label k to position table[k]. Tables are structure, not numbers: they
are known when the program is planned, and two maps whose tables meet are joined there, once, by sorting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np


class Table:
    """The positions ``values[label]`` that a label contributes; hashable by content.

    >>> Table([3, 0, 2]) == Table([3, 0, 2])
    True
    """

    __slots__ = ("digest", "values")

    def __init__(self, values: Any):
        self.values = np.ascontiguousarray(values, np.int64)
        self.values.setflags(write=False)
        self.digest = blake2b(self.values.data, digest_size=16).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return self.digest.hex()

    def __repr__(self) -> str:
        return f"Table({np.array2string(self.values, threshold=6, separator=', ')})"


#: what a label is multiplied by, or looked up in
Stride = Any  # an int, a symbolic dimension, or a Table


def reach(stride: Stride, label: Any) -> Any:
    """What labels (an integer or an array of them) contribute to a position."""
    return stride.values[label] if isinstance(stride, Table) else stride * label


def normal(values: np.ndarray) -> tuple[int, Stride]:
    """Positions as (start, stride) with a number for a stride where one does.

    >>> normal(np.array([5, 3, 1]))
    (5, -2)
    >>> normal(np.array([5, 3, 4]))
    (5, Table([ 0, -2, -1]))
    """
    if values.size == 0:
        return 0, 1
    start = int(values[0])
    if values.size == 1:
        return start, 0
    step = int(values[1]) - start
    line = start + step * np.arange(values.size)
    return (start, step) if np.array_equal(values, line) else (start, Table(values - start))


def grid(labels: Sequence[int], sizes: Mapping[int, int]) -> dict[int, np.ndarray]:
    """The value of each label at every assignment of all of them, the last one fastest, as flat arrays."""
    shape = [sizes[i] for i in labels]
    return {
        i: np.broadcast_to(np.arange(n).reshape([-1 if j == k else 1 for j in range(len(shape))]), shape).reshape(-1)
        for k, (i, n) in enumerate(zip(labels, shape, strict=True))
    }


def places(axes: Sequence[Any], at: Mapping[int, np.ndarray], count: int) -> np.ndarray:
    """The joint position on several axes, counted in row-major order, for each assignment ``at`` of their labels."""
    total = np.zeros(count, np.int64)
    for axis in axes:
        total = total * axis.size + axis.start
        for label, stride in axis.factors:
            total = total + reach(stride, at[label])
    return total


def matches(left: np.ndarray, right: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray] | None:
    """All pairs (i, j) with left[i] = right[j], by rising i, then j; None where there are more than ``most``.

    >>> [m.tolist() for m in matches(np.array([7, 5, 7]), np.array([5, 7, 7]), 99)]
    [[0, 0, 1, 2, 2], [1, 2, 0, 1, 2]]
    """
    order = np.argsort(right, kind="stable")
    ranked = right[order]
    first = np.searchsorted(ranked, left, "left")
    count = np.searchsorted(ranked, left, "right") - first
    if count.sum() > most:
        return None
    i = np.repeat(np.arange(left.size), count)
    within = np.arange(i.size) - np.repeat(np.cumsum(count) - count, count)
    return i, order[first[i] + within]


def concrete(*numbers: Any) -> bool:
    """Whether all sizes are plain integers: tables are made of nothing else."""
    return all(isinstance(n, int) for n in numbers)


def volume(labels: Any, sizes: Any) -> Any:
    """How many numbers an array with these labels has."""
    return prod(sizes[i] for i in labels)
