"""Symmetric matrices, and the one way to write a function of a matrix and of its transpose.

The inverse of a transpose is the transpose of the inverse: of the two ways to write each entry one is chosen, and where
a matrix is symmetric its entries i, j and j, i are one.
"""

from __future__ import annotations

from fractions import Fraction
from weakref import WeakKeyDictionary

from .assume import SYMMETRIC
from .build import add, mul, num
from .expr import Along, Array, Expr, Index
from .rename import rename
from .value import same

TURNING = frozenset({"inv", "det", "logdet"})  # f(Aᵀ) is f(A), or its transpose
_matrices: WeakKeyDictionary[Expr, bool] = WeakKeyDictionary()
_arrays: WeakKeyDictionary[Array, bool] = WeakKeyDictionary()


def symmetric_array(array: Array) -> bool:
    """Say whether an array with two axes of one size is its own transpose."""
    if array.body is None:
        return array.kind in SYMMETRIC
    if array not in _arrays:
        _arrays[array] = symmetric(array.body, *array.axes)
    return _arrays[array]


def symmetric(matrix: Expr, i: Index, j: Index) -> bool:
    """Say whether a matrix, an expression in i and j, is its own transpose; if need be, by numbers."""
    turned = rename(matrix, {i: j, j: i})
    if turned is matrix:
        return True
    if matrix not in _matrices:
        _matrices[matrix] = same(matrix, turned)
    return _matrices[matrix]


def symmetric_part(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return (A + Aᵀ)/2, which is A where that is symmetric."""
    if symmetric(matrix, i, j):
        return matrix
    half = num(Fraction(1, 2))
    return add((mul((half, matrix)), mul((half, rename(matrix, {i: j, j: i})))))


def turned(node: Along) -> Along:
    """Return a function of a matrix, or of its transpose: the one that is written."""
    if node.name not in TURNING or len(node.inner) != 2:
        return node
    a, b = node.inner
    body = rename(node.body, {a: b, b: a})
    outer = node.outer[::-1]
    if body is node.body or symmetric(node.body, a, b):
        body = node.body
        names = [(len(i.name), i.name) for i in node.outer]
        return node if names == sorted(names) else Along(node.name, outer, node.inner, (body,))
    return node if node.body.key < body.key else Along(node.name, outer, node.inner, (body,))
