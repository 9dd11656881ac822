"""The derivatives of functions of matrices, as rows of the table of pullbacks.

With Y̅ the cotangent of the result and A̅ that of the matrix.  Sources: M. Giles, "Collected matrix derivative results
for forward and reverse mode algorithmic differentiation" (2008), sections 2.2 and 3; for the Cholesky factor I. Murray,
"Differentiation of the Cholesky decomposition" (2016), eq. 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expressions.build import add, fn, mul, num, power, total
from ..expressions.expr import Along, Expr, Index, Pos, temporary
from ..expressions.linalg import inverse
from ..expressions.rename import rename

Inner = tuple[Index, ...]


def _inverse(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = −Y⁻ᵀ … : −Yᵀ Y̅ Yᵀ."""
    (i, j), (a, b) = node.outer, inner
    s, t = temporary(i.size), temporary(j.size)
    left, right = rename(node, {i: s, j: a}), rename(node, {i: b, j: t})
    return mul((num(-1), total((s, t), mul((left, rename(w, {i: s, j: t}), right)))))


def _determinant(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = y̅ det(A) A⁻ᵀ."""
    return mul((w, node, rename(inverse(body, *inner), _swap(*inner))))


def _log_determinant(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = y̅ A⁻ᵀ."""
    return mul((w, rename(inverse(body, *inner), _swap(*inner))))


def _swap(a: Index, b: Index) -> dict[Index, Index]:
    return {a: b, b: a}


def _cholesky(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = L⁻ᵀ Φ(Lᵀ L̅) L⁻¹, where Φ takes the lower triangle and halves its diagonal."""
    (i, j), (a, b) = node.outer, inner
    r, s, t = (temporary(i.size) for _ in range(3))
    middle = total((r,), mul((rename(node, {i: r, j: s}), rename(w, {i: r, j: t}))))
    back = inverse(node, i, j)
    half = fn("step", add((Pos(s), mul((num(-1), Pos(t))))))
    return total((s, t), mul((rename(back, {i: s, j: a}), half, middle, rename(back, {i: t, j: b}))))


def _eigenvalues(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = V diag(λ̅) Vᵀ."""
    (k,), (a, b) = node.outer, inner
    vectors = Along("eigenvectors", (a, k), node.inner, node.children)
    return total((k,), mul((w, vectors, rename(vectors, {a: b}))))


def _eigenvectors(node: Along, inner: Inner, body: Expr, w: Expr) -> Expr:
    """A̅ = V (F ⊙ (Vᵀ V̅)) Vᵀ with F_st = 1/(λ_t − λ_s) off the diagonal."""
    (i, j), (a, b) = node.outer, inner
    r, s, t = (temporary(i.size) for _ in range(3))
    values = Along("eigenvalues", (s,), node.inner, node.children)
    gap = add((rename(values, {s: t}), mul((num(-1), values)), fn("eq", Pos(s), Pos(t))))
    f = mul((fn("ne", Pos(s), Pos(t)), power(gap, -1)))
    middle = total((r,), mul((rename(node, {i: r, j: s}), rename(w, {i: r, j: t}))))
    return total((s, t), mul((rename(node, {i: a, j: s}), f, middle, rename(node, {i: b, j: t}))))


LINALG: dict[str, Callable[[Any, Inner, Expr, Expr], Expr]] = {
    "inv": _inverse,
    "det": _determinant,
    "logdet": _log_determinant,
    "cholesky": _cholesky,
    "eigenvalues": _eigenvalues,
    "eigenvectors": _eigenvectors,
}
