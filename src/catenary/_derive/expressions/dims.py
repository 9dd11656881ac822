"""Values: an expression with the sizes of its axes, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .expr import Array, At, Expr, Size
from .positions import plain


class Value(NamedTuple):
    """An expression in the indices ``axis(n, dims[n])``, and the dimensions; size 1 needs no index."""

    expr: Expr
    dims: tuple[Size, ...]


def dims_of(shape: Sequence[Any]) -> tuple[Size, ...]:
    """Return the sizes of a shape: integers, and names or polynomials in names as text."""
    return tuple(int(d) if isinstance(d, int | np.integer) else plain(str(d)) for d in shape)


def entry_of(array: Array) -> At:
    """Return the entry of an array at its own axes, at position 0 along axes of size 1."""
    return At(array, tuple(0 if i.size == 1 else i for i in array.axes))
