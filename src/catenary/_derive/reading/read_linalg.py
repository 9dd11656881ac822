"""Reading the primitives of linear algebra: Cholesky factors, triangular solves, eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expressions.dims import Value
from ..expressions.expr import Expr, axis, temporary
from ..expressions.linalg import applied, cholesky, eigenvalue, eigenvector, inverse, triangle
from ..expressions.rename import rename
from ..unreadable import UnreadableError


def _cholesky(eqn: Any, v: list[Value]) -> list[Expr]:
    *_, i, j = (axis(n, d) for n, d in enumerate(v[0].dims))
    return [cholesky(v[0].expr, i, j)]


def _triangular_solve(eqn: Any, v: list[Value]) -> list[Expr]:
    """T⁻¹ B, or B T⁻¹, where T is a triangle of the first operand, perhaps transposed."""
    matrix, right = v
    *_, i, j = (axis(n, d) for n, d in enumerate(matrix.dims))
    *_, rows, columns = (axis(n, d) for n, d in enumerate(right.dims))
    p = eqn.params
    r, c = temporary(i.size), temporary(i.size)
    t = triangle(rename(matrix.expr, {i: r, j: c}), r, c, p["lower"], p["unit_diagonal"])
    if p["transpose_a"]:
        t = rename(t, {r: c, c: r})
    if p["left_side"]:
        return [applied(rename(inverse(t, r, c), {r: rows}), rows, c, right.expr, rows)]
    return [applied(rename(inverse(t, r, c), {c: columns}), columns, r, right.expr, columns)]


def _eigh(eqn: Any, v: list[Value]) -> list[Expr]:
    if not eqn.params["lower"] or eqn.params.get("subset_by_index"):
        raise UnreadableError("eigenvalues of the upper triangle, or some of them")
    *_, i, j = (axis(n, d) for n, d in enumerate(v[0].dims))
    return [eigenvector(v[0].expr, i, j), eigenvalue(v[0].expr, i, j)]


READ_LINALG: dict[str, Callable[[Any, list[Value]], list[Expr]]] = {
    "cholesky": _cholesky,
    "triangular_solve": _triangular_solve,
    "eigh": _eigh,
}
