"""Jacobians between matrices: which Kronecker products, diagonals and outer products an expression in four axes is.

A matrix is read row after row, as ``ravel`` does: with vec so defined, vec(AXB) = (A ⊗ Bᵀ) vec(X).  A factor that
joins row i of the result to row k of the argument stands on one side of ⊗, one that joins j to l on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..expressions import expr as ex
from ..expressions.build import mul
from ..expressions.expr import Expr, Index
from ..expressions.look import factors
from ..expressions.rename import rename
from . import algebra
from . import matrix as mx
from .algebra import transpose
from .matrix import Matrix
from .recognise import NotMatrix, Recogniser, full

Axes = tuple[Index, ...]
Pair = tuple[Index | None, Index | None]


def jacobian(recogniser: Recogniser, expr: Expr, rows: Axes, columns: Axes) -> Matrix:
    """Return ∂(array over rows)/∂(array over columns) as one matrix; ``NotMatrix`` where it has no such form."""
    if max(len(rows), len(columns)) > 2:
        raise NotMatrix
    return _Writer(recogniser, rows, columns).write(expr)


class _Writer:
    """Writes expressions over the axes (i, j) of a result and (k, l) of an argument."""

    def __init__(self, recogniser: Recogniser, rows: Axes, columns: Axes) -> None:
        self.place = recogniser.place
        self.rows, self.columns = rows, columns
        self.dims = (_size(rows), _size(columns))

    def write(self, expr: Expr) -> Matrix:
        """Return an expression; where it is no product of the right kind it is multiplied out."""
        if expr is ex.Num(0):
            return algebra.scaled([mx.Number((), expr.value)], mx.Identity(self.dims))
        try:
            if not isinstance(expr, ex.Add):
                return self._term(factors(expr))
        except NotMatrix:
            pass
        parts = factors(expr)
        wide = next((f for f in parts if isinstance(f, ex.Add)), None)
        if wide is None:
            raise NotMatrix
        rest = [f for f in parts if f is not wide]
        return algebra.total([self.write(mul([*rest, t])) for t in wide.children], self.dims)

    def _term(self, parts: Sequence[Expr]) -> Matrix:
        """Return a product of factors as a matrix."""
        scalars = [self.place(f)[0] for f in parts if not f.free & {*self.rows, *self.columns}]
        parts = _at_rows([f for f in parts if f.free & {*self.rows, *self.columns}], self.rows, self.columns)
        for (i, j), (k, l), turned in self._pairings():
            groups = self._grouped(parts, (i, k), (j, l))
            if groups is not None:
                core = self._core(groups[:2], ((i, k), (j, l)), turned, bool(groups[2] or groups[3]))
                return algebra.scaled(scalars, self._weighted(core, *groups[2:]))
        raise NotMatrix

    def _pairings(self) -> Iterator[tuple[Pair, Pair, bool]]:
        """Yield the ways to put axes on the two sides of ⊗, and whether those of the argument are turned round."""
        for rows in _sides(self.rows):
            for columns in _sides(self.columns):
                yield rows, columns, False
        if len(self.rows) == len(self.columns) == 2:
            yield (self.rows[0], self.rows[1]), (self.columns[1], self.columns[0]), True

    def _grouped(self, parts: Sequence[Expr], *pairs: Pair) -> list[list[Expr]] | None:
        """Return the factors on each side of ⊗ and those of all rows or of all columns, or ``None``."""
        places = [{i for i in pair if i is not None} for pair in (*pairs, self.rows, self.columns)]
        groups: list[list[Expr]] = [[], [], [], []]
        for f in parts:
            n = next((n for n, place in enumerate(places) if f.free <= place), None)
            if n is None:
                return None
            groups[n].append(f)
        return groups

    def _core(self, sides: Sequence[list[Expr]], pairs: Sequence[Pair], turned: bool, weighted: bool) -> Matrix | None:
        """Return B ⊗ C for the factors on its two sides; ``None`` where they say nothing beside a weight."""
        if weighted and not any(sides):
            return None
        made: list[Matrix] = []
        for side, pair in zip(sides, pairs, strict=True):
            axes = tuple(i for i in pair if i is not None)
            if axes:
                x = full(*self.place(mul(side)), axes)
                made.append(x if pair[0] is not None else transpose(x))
        core = made[0] if len(made) == 1 else algebra.kronecker(made, self.dims)
        return mx.Commuted(self.dims, core, tuple(i.size for i in self.columns)) if turned else core

    def _weighted(self, core: Matrix | None, left: list[Expr], right: list[Expr]) -> Matrix:
        """Return diag(vec(left)) core diag(vec(right)), or vec(left) vec(right)ᵀ where there is no core."""
        u, v = self._vec(left, self.rows), self._vec(right, self.columns)
        if core is None:
            return algebra.product([u, transpose(v)], self.dims)
        m, n = self.dims
        before = [mx.Diag((m, m), u)] if left else []
        after = [mx.Diag((n, n), v)] if right else []
        return algebra.product([*before, core, *after], self.dims)

    def _vec(self, parts: list[Expr], axes: Axes) -> Matrix:
        x = full(*self.place(mul(parts)), axes)
        return x if len(axes) < 2 else mx.Ones((_size(axes),)) if not parts else mx.Vec((_size(axes),), x)


def _sides(axes: Axes) -> list[Pair]:
    """Return the ways to put one axis, two or none on the two sides of ⊗."""
    if len(axes) == 2:
        return [(axes[0], axes[1])]
    return [(axes[0], None), (None, axes[0])] if axes else [(None, None)]


def _at_rows(parts: Sequence[Expr], rows: Axes, columns: Axes) -> list[Expr]:
    """Return factors with every argument's axis that a δ ties to one of the result called by the latter."""
    tied: dict[Index, Index | int] = {}
    deltas = []
    for f in parts:
        if isinstance(f, ex.Fn) and f.name == "eq" and all(isinstance(a, ex.Pos) for a in f.children):
            ends = [a.index for a in f.children if isinstance(a, ex.Pos)]
            for c, r in (ends, ends[::-1]):
                if c in columns and r in rows and c not in tied:
                    tied[c] = r
                    deltas.append(f)
    return [*deltas, *(rename(f, tied) for f in parts if f not in deltas)]


def _size(axes: Axes) -> ex.Size:
    return axes[0].size if len(axes) == 1 else "*".join(str(i.size) for i in axes) or 1
