"""From labels to matrix language: which products, transposes, diagonals and traces an expression is.

A product of factors with summed indices is a small graph: a factor with two indices is an edge, one
with one index a weight on a vertex.  Summing an index out joins two edges to a matrix product.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ..calculus.recurrence import Timed
from ..expressions import build, positions
from ..expressions import expr as ex
from ..expressions.expr import Array, At, Index, Size
from ..expressions.look import factors
from . import algebra
from . import matrix as mx
from .algebra import hadamard, product, scaled, total, transpose
from .convolution import Convolved, convolved, one_convolution, reverse
from .family import Lower
from .matrix import Matrix

Placed = tuple[Matrix, tuple[Index, ...]]
WHOLE = frozenset({"inv", "det", "logdet", "cholesky", "eigenvalues", "eigenvectors"})


class NotMatrix(Exception):
    """The expression has no form in matrix language."""


class Recogniser:
    """Writes expressions in matrix language; ``names`` are the names of arrays with a body."""

    def __init__(self, names: dict[Array, str], timed: Timed | None = None, taken: Iterable[str] = ()) -> None:
        """Remember the names, and which axes number steps."""
        self.names, self.timed = names, timed or Timed()
        self.letters = [c for c in ("t", "s", "τ", "r", "u", *(f"t{n}" for n in range(99))) if c not in taken]
        self.steps: dict[Index, str] = {}  # the axes that are steps where an expression is being written

    def write(self, expr: ex.Expr, axes: tuple[Index, ...]) -> Matrix:
        """Return the array over the given axes, step by step in a loop; with indices where it must be."""
        steps = [i for i in axes if i in self.timed.indices(expr)]
        for attempt in (lambda: self.each(expr, steps[0], axes), lambda: self.whole(expr, axes)):
            with contextlib.suppress(NotMatrix, IndexError):
                return attempt()
        return self.entries(expr, axes)

    def whole(self, expr: ex.Expr, axes: tuple[Index, ...]) -> Matrix:
        """Return the array over the given axes, at most two."""
        if len(axes) > 2:
            raise NotMatrix
        value, own = self.place(expr)
        return full(value, own, axes)

    def each(self, expr: ex.Expr, step: Index, axes: tuple[Index, ...]) -> mx.Each:
        """Return the array step by step, along one of its axes."""
        rest = tuple(i for i in axes if i is not step)
        with self.at(step) as letter:
            return mx.Each(_sizes(axes), self.whole(expr, rest), letter, axes.index(step))

    @contextlib.contextmanager
    def at(self, step: Index) -> Iterator[str]:
        """Write what is inside at one step of an axis."""
        letter = next(c for c in self.letters if c not in self.steps.values())
        before, self.steps = self.steps, self.steps | {step: letter}
        try:
            yield letter
        finally:
            self.steps = before

    def entries(self, expr: ex.Expr, axes: tuple[Index, ...]) -> mx.Labelled:
        """Return the array over the given axes with its indices."""
        used = {n.array for _, n in ex.walk(expr) if isinstance(n, At) and n.array in self.names}
        names = tuple(sorted(((a, self.names[a]) for a in used), key=lambda p: p[1]))
        return mx.Labelled(_sizes(axes), expr, axes, names)

    def place(self, expr: ex.Expr) -> Placed:
        """Return the expression and the indices of its rows and columns."""
        x, axes = self._place(expr)
        if self.steps and any(i in self.steps for i in axes):
            raise NotMatrix
        return x, axes

    def _place(self, expr: ex.Expr) -> Placed:
        match expr:
            case ex.Num():
                return mx.Number((), expr.value), ()
            case ex.Dim():
                return mx.Dimension((), expr.name), ()
            case ex.At():
                return self._entry(expr)
            case ex.Pos() if expr.index in self.steps:
                return mx.Step((), self.steps[expr.index]), ()
            case ex.Fn():
                return self._function(expr)
            case ex.Pow():
                x, axes = self.place(expr.base)
                x = algebra.either_sign(x) if expr.exponent.numerator % 2 == 0 else x
                return mx.Power(x.dims, x, expr.exponent), axes
            case ex.Along():
                return self._along(expr)
            case ex.Reduce():
                return self._sum(expr) if expr.name == "sum" else self._reduce(expr)
            case ex.Mul():
                return self._product(expr.children, ())
            case ex.Add():
                content = {abs(build.split(t)[0]) for t in expr.children}
                if len(content) == 1 and min(content).denominator > 1:  # (1/2) (a − b)
                    number = ex.Num(content.pop())
                    x, axes = self.place(build.add(build.mul((build.power(number, -1), t)) for t in expr.children))
                    return scaled([mx.Number((), number.value)], x), axes
                placed = [self.place(t) for t in expr.children]
                axes = common_axes(placed)
                return total((aligned(x, own, axes) for x, own in placed), _sizes(axes)), axes
        raise NotMatrix

    def _entry(self, expr: At) -> Placed:
        array = expr.array
        name = array.symbol or self.names.get(array, "")
        axes = tuple(i for i in expr.indices if isinstance(i, Index) and i not in self.steps)
        fixed: tuple[int | str | None, ...] = tuple(
            self.steps.get(i) if isinstance(i, Index) else "0" if d == 1 else i
            for i, d in zip(expr.indices, array.dims, strict=True)
        )
        if any(isinstance(f, str) and f != "0" for f in fixed) or "@" in name or "{" in name:
            if array.body is not None or "@" in name or "{" in name:
                fixed = tuple(f for f in fixed if f != "0")
            fixed = fixed if any(f is not None for f in fixed) else ()
        elif not any(isinstance(f, int) for f in fixed) and (array.body is not None or len(axes) == len(fixed)):
            fixed = ()  # a definition is written without axes of size 1
        if len(axes) > 2 and (fixed or len(set(axes)) < len(axes)):
            raise NotMatrix
        x: Matrix = mx.Symbol(_sizes(axes), name, fixed, len(fixed) == 0 and array.symmetric)
        if not name:
            assert array.body is not None
            whole = self.write(array.body, tuple(i for i in array.axes if i.size != 1))
            x = mx.Entry(_sizes(axes), whole, fixed) if fixed else whole
        if len(axes) == 2 and axes[0] is axes[1]:
            return mx.Diag((axes[0].size,), x), axes[:1]
        return x, axes

    def _function(self, expr: ex.Fn) -> Placed:
        if expr.name in ("ge", "gt") and (found := _triangle(expr)):
            return found
        if expr.name == "eq":
            chosen = selection(expr)
            if chosen is not None:
                return chosen
            for a, b in (expr.children, expr.children[::-1]):
                if any(isinstance(x, ex.Pos) and x.index in self.steps for x in (a, b)):
                    continue
                if isinstance(a, ex.Pos) and isinstance(b, ex.Pos):
                    if a.index.size != b.index.size:
                        raise NotMatrix  # neither is known to be the longer
                    return mx.Identity((a.index.size, b.index.size)), (a.index, b.index)
                if isinstance(a, ex.Pos) and a.index not in b.free:
                    y, axes = self.place(b)
                    if len(axes) > 1:
                        raise NotMatrix
                    return mx.OneHot((*y.dims, a.index.size), y), (*axes, a.index)
        placed = [self.place(a) for a in expr.children]
        if expr.name == "abs":
            placed = [(algebra.either_sign(x), own) for x, own in placed]
        axes = common_axes(placed)
        return mx.Apply(_sizes(axes), tuple(aligned(x, own, axes) for x, own in placed), expr.name), axes

    def _whole(self, expr: ex.Along) -> Placed:
        """Return a function of a whole matrix: an inverse, a determinant."""
        x, own = self.place(expr.body)
        if not set(own) <= set(expr.inner):
            raise NotMatrix
        x = full(x, own, expr.inner)
        if expr.name == "inv":
            return algebra.inverse(x), expr.outer
        return mx.Whole(_sizes(expr.outer), x, expr.name), expr.outer

    def _along(self, expr: ex.Along) -> Placed:
        if expr.name in WHOLE and len(expr.children) == 1:
            return self._whole(expr)
        if len(expr.inner) != 1 or len(expr.outer) != 1:
            raise NotMatrix
        (inside,), (outside,) = expr.inner, expr.outer
        if outside in self.steps:
            raise NotMatrix
        x, axes = self.place(expr.body)
        if expr.name == "reverse" and axes == (inside,):
            return reverse(x), (outside,)
        x, axes = _upright(x, axes, inside)
        if inside not in axes or (len(axes) > 2 and axes[-1] is not inside):
            raise NotMatrix
        where = axes.index(inside)
        return mx.Along(x.dims, x, expr.name, where), tuple(outside if i is inside else i for i in axes)

    def _reduce(self, expr: ex.Reduce) -> Placed:
        x, axes = self.place(expr.body)
        if set(expr.indices) == set(axes):
            return mx.Reduction((), x, expr.name, None), ()
        if len(expr.indices) > 1 or len(axes) > 2 or expr.indices[0] not in axes:
            raise NotMatrix
        x, axes = _upright(x, axes, expr.indices[0])
        where = axes.index(expr.indices[0])
        rest = tuple(i for i in axes if i is not expr.indices[0])
        return mx.Reduction(_sizes(rest), x, expr.name, where), rest

    def _sum(self, expr: ex.Reduce) -> Placed:
        steps = self.timed.indices(expr.body) & set(expr.indices)
        if steps and len(steps) < 2:
            with contextlib.suppress(NotMatrix):
                return self._over(expr, *steps)
        parts = factors(expr.body)
        try:
            return self._product(parts, expr.indices)
        except NotMatrix:
            # a sum of terms over too many axes may be a sum of products
            wide = next((f for f in parts if isinstance(f, ex.Add)), None)
            if wide is None:
                raise
            rest = [f for f in parts if f is not wide]
            terms = [build.total(expr.indices, build.mul([*rest, t])) for t in wide.children]
            placed = [self.place(t) for t in terms]
            axes = common_axes(placed)
            return total((aligned(x, own, axes) for x, own in placed), _sizes(axes)), axes

    def _over(self, expr: ex.Reduce, step: Index) -> Placed:
        """Write a sum over the steps of a loop: Σ_t of what one step adds."""
        rest = tuple(i for i in expr.indices if i is not step)
        body = build.total(rest, expr.body) if rest else expr.body
        with self.at(step) as letter:
            x, axes = self.place(body)
        return mx.Over(x.dims, x, letter, step.size), axes

    def _product(self, parts: Sequence[ex.Expr], summed: tuple[Index, ...]) -> Placed:
        made = one_convolution(parts, summed)
        if made is not None:
            return self._convolved(made, summed)
        network = Network(summed)
        for f in parts:
            network.put(*self.place(f))
        return network.contract()

    def _convolved(self, made: Convolved, summed: tuple[Index, ...]) -> Placed:
        a, b = (self._product(side, ())[0] for side in made.sides)
        value = convolved(made, a, b)
        if value is None:
            raise NotMatrix
        network = Network(tuple(i for i in summed if i not in made.own))
        network.put(value, (made.out,))
        for f in made.others:
            network.put(*self.place(f))
        return network.contract()


def selection(expr: ex.Fn) -> Placed | None:
    """Return [k = start + stride i] as the matrix that picks such entries, rows i and columns k."""
    for column in sorted(expr.free, key=lambda i: i.name):
        where = positions.solved(expr, column)
        form = positions.affine(where) if where is not None else None
        if form is None or len(form[0]) != 1:
            continue
        ((row, stride),) = form[0].items()
        if stride > 0 and not (row.size == column.size and stride == 1):
            return mx.Select((row.size, column.size), positions.text(form[1]), stride), (row, column)
    return None


class Network:
    """The factors of a product by the indices they carry."""

    def __init__(self, summed: tuple[Index, ...]) -> None:
        """Start empty, with the indices to sum over."""
        self.summed = list(summed)
        self.scalars: list[Matrix] = []
        self.factors: dict[frozenset[Index], list[Placed]] = {}

    def put(self, x: Matrix, axes: tuple[Index, ...]) -> None:
        """Add a factor; its scalars go to the front."""
        if isinstance(x, mx.Scaled) and axes:
            self.scalars += x.scalars
            x = x.x
        if axes:
            self.factors.setdefault(frozenset(axes), []).append((x, axes))
        else:
            self.scalars.append(x)

    def take(self, indices: frozenset[Index]) -> Placed:
        """Remove the factors over exactly these indices; return their product entry by entry."""
        group = self.factors.pop(indices)
        axes = common_axes(group)
        return hadamard((aligned(x, own, axes) for x, own in group), _sizes(axes)), axes

    def contract(self) -> Placed:
        """Sum out every summed index and return what is left."""
        for key in [k for k in self.factors if len(k) > 2]:
            self._sum_whole(key)
        while self.summed:
            index = min(self.summed, key=self._difficulty)
            self.summed.remove(index)
            self._eliminate(index)
        x, axes = self._rest()
        return scaled(self.scalars, x), axes

    def _sum_whole(self, key: frozenset[Index]) -> None:
        """Sum an array with more than two axes over all of them; nothing else may depend on one."""
        others = [k for k in self.factors if k is not key]
        if not self.summed and all(k <= key for k in others):
            return
        if not key <= set(self.summed) or any(k & key for k in others):
            raise NotMatrix
        x, _ = self.take(key)
        self.summed = [i for i in self.summed if i not in key]
        scalars, core = (x.scalars, x.x) if isinstance(x, mx.Scaled) else ((), x)
        if isinstance(core, mx.Power) and core.exponent == 2:
            self.put(scaled(scalars, mx.SquaredNorm((), core.x)), ())
        else:
            self.put(scaled(scalars, mx.Reduction((), core, "sum", None)), ())

    def _difficulty(self, index: Index) -> tuple[int, int]:
        edges = [k for k in self.factors if index in k and len(k) == 2]
        ends = sum(1 for k in edges for i in k if i is not index and i not in self.summed)
        return len(edges), -ends

    def _eliminate(self, index: Index) -> None:
        edges = [k for k in self.factors if index in k and len(k) == 2]
        alone = frozenset([index])
        if len(edges) == 1 and edges[0] <= {index, *self.summed} and alone not in self.factors:
            other = next(i for i in edges[0] if i is not index)
            if not any(other in k for k in self.factors if k != edges[0]):
                self.summed.remove(other)
                self.put(*_double_sum(self.factors.pop(edges[0])))
                return
        weights = self.factors.pop(alone, [])
        if len(edges) > 2:
            raise NotMatrix
        if not edges:
            self.put(_dot([w for w, _ in weights], index), ())
            return
        weight = hadamard([w for w, _ in weights], (index.size,)) if weights else None
        a, rows = self.take(edges[0])
        first = next(i for i in rows if i is not index)
        a = aligned(a, rows, (first, index))
        if len(edges) == 1:
            vector = weight if weight is not None else mx.Ones((index.size,))
            self.put(product([a, vector], (first.size,)), (first,))
            return
        b, columns = self.take(edges[1])
        last = next(i for i in columns if i is not index)
        b = aligned(b, columns, (index, last))
        middle = [mx.Diag((index.size, index.size), weight)] if weight is not None else []
        self.put(product([a, *middle, b], (first.size, last.size)), (first, last))

    def _rest(self) -> Placed:
        left = sorted({i for k in self.factors for i in k}, key=lambda i: i.name)
        if len(left) > 2:
            if [*self.factors] != [frozenset(left)]:
                raise NotMatrix
            return self.take(frozenset(left))
        if not left:
            return mx.Number((), Fraction(1)), ()
        if len(left) == 1:
            return self.take(frozenset(left))
        both = frozenset(left)
        if both not in self.factors:
            (u, _), (v, _) = (self.take(frozenset([i])) for i in left)
            return product([u, transpose(v)], _sizes(left)), tuple(left)
        x, axes = self.take(both)
        sides = [self.take(frozenset([i]))[0] if frozenset([i]) in self.factors else None for i in axes]
        diagonals = [mx.Diag((i.size, i.size), s) if s is not None else None for i, s in zip(axes, sides, strict=True)]
        items = [d for d in (diagonals[0], x, diagonals[1]) if d is not None]
        return product(items, _sizes(axes)), axes


def _dot(weights: list[Matrix], index: Index) -> Matrix:
    """Return Σ_i of a product of vectors: 1ᵀu, uᵀv or ‖u‖²."""
    if len(weights) == 1:
        (u,) = weights
        if isinstance(u, mx.Power) and u.exponent == 2:
            return mx.SquaredNorm((), algebra.either_sign(u.x))
        if isinstance(u, mx.Diag):
            return mx.Trace((), u.x)
        return product([mx.Transpose((index.size,), mx.Ones((index.size,))), u], ())
    ordered = hadamard(weights, (index.size,))
    scalars, core = (ordered.scalars, ordered.x) if isinstance(ordered, mx.Scaled) else ((), ordered)
    items = core.parts if isinstance(core, mx.Hadamard) else (core,)
    return scaled(scalars, product([transpose(items[0]), hadamard(items[1:], (index.size,))], ()))


def _double_sum(group: list[Placed]) -> Placed:
    """Return Σ_ij of a product entry by entry: ‖A‖², tr(AᵀB) or 1ᵀA1."""
    axes = common_axes(group)
    x = hadamard((aligned(x, own, axes) for x, own in group), _sizes(axes))
    scalars, core = (x.scalars, x.x) if isinstance(x, mx.Scaled) else ((), x)
    rows, columns = _sizes(axes)
    if isinstance(core, mx.Power) and core.exponent == 2:
        return scaled(scalars, mx.SquaredNorm((), algebra.either_sign(core.x))), ()
    if isinstance(core, mx.Hadamard):
        first, rest = core.items[0], hadamard(core.items[1:], core.dims)
        inside = min(
            (
                product([transpose(first), rest], (columns, columns)),
                product([transpose(rest), first], (columns, columns)),
            ),
            key=lambda m: m.weight,
        )
        inner_scalars, inside = (inside.scalars, inside.x) if isinstance(inside, mx.Scaled) else ((), inside)
        return scaled([*scalars, *inner_scalars], mx.Trace((), inside)), ()
    ones = (mx.Transpose((rows,), mx.Ones((rows,))), mx.Ones((columns,)))
    return scaled(scalars, product([ones[0], core, ones[1]], ())), ()


def _sizes(axes: Sequence[Index]) -> tuple[Size, ...]:
    return tuple(i.size for i in axes)


def common_axes(placed: Sequence[Placed]) -> tuple[Index, ...]:
    """Return the axes of all, in the order that needs the fewest transposes."""
    axes = sorted({i for _, own in placed for i in own}, key=lambda i: i.name)
    if len(axes) > 2:
        ordered = {own for _, own in placed if own}
        if len(ordered) > 1:
            raise NotMatrix
        return ordered.pop()
    orders = (tuple(axes), tuple(reversed(axes))) if len(axes) == 2 else (tuple(axes),)
    return min(orders, key=lambda order: sum(transposes(aligned(x, own, order)) for x, own in placed))


def transposes(x: Matrix) -> int:
    """Return the number of transposed matrices in an expression."""
    vector = isinstance(x, mx.Transpose) and len(x.dims) == 1
    return (isinstance(x, mx.Transpose) and not vector) + sum(map(transposes, x.parts))


def _upright(x: Matrix, axes: tuple[Index, ...], index: Index) -> Placed:
    """Return the matrix not transposed, so that a function along an axis reads as along rows or columns."""
    return (x.x, axes[::-1]) if isinstance(x, mx.Transpose) and len(axes) == 2 else (x, axes)


def aligned(x: Matrix, own: tuple[Index, ...], axes: tuple[Index, ...]) -> Matrix:
    """Return x over the given axes: transposed, or repeated by a product with 1; scalars stay scalars."""
    if own == axes or not own:
        return x
    if len(axes) > 2 or not set(own) <= set(axes):
        raise NotMatrix
    if len(own) == 2:
        return transpose(x)
    a, b = axes
    if own[0] is a:
        return product([x, mx.Transpose((b.size,), mx.Ones((b.size,)))], _sizes(axes))
    return product([mx.Ones((a.size,)), transpose(x)], _sizes(axes))


def _triangle(expr: ex.Fn) -> Placed | None:
    """Return [i + k ≥ j] as the matrix with ones on and below a diagonal."""
    a, b = expr.children
    gap = build.add((a, build.mul((build.num(-1), b))))
    terms = dict((rest, c) for c, rest in map(build.split, gap.children if isinstance(gap, ex.Add) else (gap,)))
    k = terms.pop(build.ONE, Fraction(0)) - (expr.name == "gt")
    rows = [t.index for t, c in terms.items() if isinstance(t, ex.Pos) and c == 1]
    columns = [t.index for t, c in terms.items() if isinstance(t, ex.Pos) and c == -1]
    if len(terms) != 2 or not rows or not columns or k.denominator != 1:
        return None
    axes = (rows[0], columns[0])
    return Lower(_sizes(axes), int(k)), axes


def full(x: Matrix, own: tuple[Index, ...], axes: tuple[Index, ...]) -> Matrix:
    """Return x over the given axes, scalars repeated as well."""
    if own or not axes:
        return aligned(x, own, axes)
    if len(axes) > 2:
        raise NotMatrix
    ones: list[Matrix] = [mx.Ones((axes[0].size,))]
    if len(axes) == 2:
        ones.append(mx.Transpose((axes[1].size,), mx.Ones((axes[1].size,))))
    return product([x, *ones], _sizes(axes))
