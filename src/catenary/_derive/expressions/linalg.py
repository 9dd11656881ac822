"""Functions of matrices as expressions: inverse, determinant, Cholesky factor, eigenvalues.

A matrix is an expression in two of its indices, rows and columns; all other indices are batch axes.  A system of
equations is solved by the inverse: A⁻¹ b is how it is written, and ``jnp.linalg.solve`` how it is computed.
"""

from __future__ import annotations

from fractions import Fraction

from .build import ONE, add, along_axes, fn, mul, power, total
from .expr import Expr, Index, Pos, temporary
from .rename import rename

HALF = Fraction(1, 2)


def inverse(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return entry i, j of the inverse of a matrix with rows i and columns j."""
    return power(matrix, -1) if i.size == 1 else along_axes("inv", (i, j), (i, j), matrix)


def cholesky(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return entry i, j of the lower triangular L with L Lᵀ the matrix."""
    return power(matrix, HALF) if i.size == 1 else along_axes("cholesky", (i, j), (i, j), matrix)


def determinant(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return det A."""
    return matrix if i.size == 1 else along_axes("det", (), (i, j), matrix)


def log_determinant(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return ln |det A|."""
    return fn("log", fn("abs", matrix)) if i.size == 1 else along_axes("logdet", (), (i, j), matrix)


def applied(matrix: Expr, i: Index, j: Index, vector: Expr, k: Index) -> Expr:
    """Return entry i of A v, where v is an expression in k."""
    if k.size == 1:
        return mul((matrix, vector))
    s = temporary(k.size)
    return total((s,), mul((rename(matrix, {j: s}), rename(vector, {k: s}))))


def triangle(matrix: Expr, i: Index, j: Index, lower: bool, unit: bool = False) -> Expr:
    """Return a matrix with zeros above its diagonal, or below it; with ones on it if it is a unit triangle."""
    if i.size == 1:
        return ONE if unit else matrix
    rows, columns = Pos(i), Pos(j)
    low, high = (columns, rows) if lower else (rows, columns)
    if unit:
        return add((fn("eq", rows, columns), mul((fn("gt", high, low), matrix))))
    return mul((fn("ge", high, low), matrix))


def eigenvalue(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return eigenvalue i of a symmetric matrix, in ascending order."""
    return matrix if i.size == 1 else along_axes("eigenvalues", (i,), (i, j), matrix)


def eigenvector(matrix: Expr, i: Index, j: Index) -> Expr:
    """Return entry i of eigenvector j of a symmetric matrix."""
    return ONE if i.size == 1 else along_axes("eigenvectors", (i, j), (i, j), matrix)
