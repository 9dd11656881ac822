"""Families of matrices: an array with more than two axes as a matrix for each index of the others.

A symbol's axis that a family runs over carries a ``Member`` in ``fixed``: the matrix Q_h of head h, or the block of
columns W_h that belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from ..expressions.expr import Index, Size
from . import algebra
from . import matrix as mx
from .matrix import Matrix, Member


@dataclass(frozen=True)
class Family(mx._One):
    """An array with an axis for each index of a family; ``order`` is where the axes of (indices, x) go."""

    indices: tuple[Index, ...]
    order: tuple[int, ...]

    def named(self, name: str, start: int = 0, stop: int | None = None) -> mx.Symbol:
        """Return the member that is meant, by the name of the whole, whose axes are those from start to stop."""
        places = [self.indices[p] if p < len(self.indices) else None for p in self.order[start:stop]]
        sizes = [d for d, i in zip(self.dims[start:stop], places, strict=True) if i is None]
        return mx.Symbol(tuple(sizes), name, tuple(Member(i) if i else None for i in places))


@dataclass(frozen=True)
class FamilySum(mx._One):
    """The sum over a family: Σ_h x."""

    index: Index

    @property
    def weight(self) -> int:
        """The number of symbols and operations; a sum with an index reads as several."""
        return 4 + super().weight

    def turned(self) -> Matrix | None:
        """Return the sum of the transposes."""
        return FamilySum(self.dims[::-1], algebra.transpose(self.x), self.index) if len(self.dims) == 2 else None


@dataclass(frozen=True)
class Blocks(mx._One):
    """The members of a family beside each other (``axis`` 1) or below each other (0): [x_1 … x_H]."""

    index: Index
    axis: int

    def turned(self) -> Matrix | None:
        """Return the transposed blocks in the other direction; of blocks that are symbols the whole is transposed."""
        if len(self.dims) < 2 or isinstance(self.x, mx.Symbol):
            return None
        return Blocks(self.dims[::-1], algebra.transpose(self.x), self.index, 1 - self.axis)


@dataclass(frozen=True)
class Reshaped(mx._One):
    """The entries of an array, row after row, in another shape."""


@dataclass(frozen=True)
class Lower(Matrix):
    """The matrix with ones on and below the k-th diagonal."""

    k: int


def members(x: Any) -> Iterator[Member]:
    """Yield what stands for a member of a family in an expression."""
    if isinstance(x, mx.Symbol):
        yield from (f for f in x.fixed if isinstance(f, Member))
    elif isinstance(x, Matrix):
        inside = {x.index} if isinstance(x, FamilySum | Blocks) else set(x.indices) if isinstance(x, Family) else set()
        yield from (m for p in x.parts for m in members(p) if m.index not in inside)


def at(x: Any, index: Index, place: str) -> Any:
    """Return an expression with one place in the range of a family's index written for the index."""
    match x:
        case Member(index=i) if i is index:
            return replace(x, index=Index(place, index.size))
        case Matrix():
            return type(x)(**{f.name: at(getattr(x, f.name), index, place) for f in fields(x)})
        case tuple():
            return tuple(at(p, index, place) for p in x)
    return x


def beside(x: Matrix, index: Index, axis: int) -> Matrix:
    """Return the members of a family as the blocks of one matrix; what all members share stands outside."""
    size: Size = f"{index.size}*{x.dims[axis]}"
    if isinstance(index.size, int) and isinstance(x.dims[axis], int):
        size = index.size * int(x.dims[axis])
    dims = (*x.dims[:axis], size, *x.dims[axis + 1 :])
    if isinstance(x, mx.Scaled) and not any(m.index is index for s in x.scalars for m in members(s)):
        return algebra.scaled(x.scalars, beside(x.x, index, axis))
    if isinstance(x, mx.Product) and len(x.dims) == 2:
        items = list(x.items)
        outer = items[:-1] if axis == 1 else items[1:]
        if not any(m.index is index for f in outer for m in members(f)):
            inside = beside(items[-1] if axis == 1 else items[0], index, axis)
            return algebra.product([*outer, inside] if axis == 1 else [inside, *outer], dims)
    return Blocks(dims, x, index, axis)
