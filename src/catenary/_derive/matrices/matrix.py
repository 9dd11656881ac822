"""Matrix language: the closed set of things a formula without indices is made of.

Scalars, column vectors and matrices: ``dims`` has no, one or two sizes.  The row vᵀ is a
``Transpose`` of a vector and stands only inside products.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from ..expressions import expr as ex
from ..expressions.expr import Index, Size


@dataclass(frozen=True)
class Matrix:
    """A matrix expression; ``dims`` are its sizes."""

    dims: tuple[Size, ...]

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """The expressions inside."""
        return ()

    def turned(self) -> Matrix | None:
        """Return the transpose with the turning done inside, where that reads better."""
        return None

    @property
    def weight(self) -> int:
        """The number of symbols and operations."""
        return 1 + sum(p.weight for p in self.parts)


@dataclass(frozen=True)
class Member:
    """An axis at which one member of a family is meant: an entry, or a block of so many entries."""

    index: Index
    block: Size | None = None


@dataclass(frozen=True)
class Symbol(Matrix):
    """A named array; ``fixed`` are positions of single entries, as in ``x[0]``, with ``"0"`` on an axis of size 1.

    Where an axis numbers the steps of a loop, the letter of the step stands there.
    """

    name: str
    fixed: tuple[int | str | Member | None, ...] = ()
    symmetric: bool = False

    @property
    def shown(self) -> str:
        """The name as it is printed, with the step for a subscript: ``h@-`` at step t is ``h_{t−1}``."""
        step = next((f for f in self.fixed if isinstance(f, str) and f != "0"), "")
        if "@" in self.name and self.fixed and isinstance(self.fixed[0], int):
            return stepped(self.name, str(self.fixed[0] + 1))
        return stepped(self.name, step) if step else self.name.partition("@")[0]

    @property
    def entry(self) -> list[str]:
        """The fixed positions that are printed beside the name."""
        own = self.fixed[1:] if "@" in self.name else self.fixed
        return [str(f) for f in own if isinstance(f, int)]


@dataclass(frozen=True)
class Number(Matrix):
    """A number."""

    value: Fraction | float


def is_decimal(value: Fraction) -> bool:
    """Say whether a number reads best as a decimal: 0.044715, but 1/1797.

    >>> is_decimal(Fraction("0.044715")), is_decimal(Fraction(1, 1797)), is_decimal(Fraction(1, 2))
    (True, False, False)
    """
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1 and value.denominator > 100


@dataclass(frozen=True)
class Dimension(Matrix):
    """The size of an axis."""

    name: str


@dataclass(frozen=True)
class Ones(Matrix):
    """The vector 1."""


@dataclass(frozen=True)
class Identity(Matrix):
    """The matrix I."""


@dataclass(frozen=True)
class _One(Matrix):
    x: Matrix

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """The one expression inside."""
        return (self.x,)


@dataclass(frozen=True)
class Transpose(_One):
    """Xᵀ."""


@dataclass(frozen=True)
class Diag(_One):
    """diag(v), the matrix with v on its diagonal, or the diagonal of a matrix as a vector."""


@dataclass(frozen=True)
class Trace(_One):
    """tr X."""


@dataclass(frozen=True)
class Inverse(_One):
    """X⁻¹."""


@dataclass(frozen=True)
class Whole(_One):
    """A function of a whole matrix by name: a determinant, a Cholesky factor, eigenvalues."""

    name: str


@dataclass(frozen=True)
class Entry(_One):
    """An entry, a row or a column of what has no name: ``fixed`` are positions, ``None`` where an axis stays."""

    fixed: tuple[int | str | None, ...]


@dataclass(frozen=True)
class SquaredNorm(_One):
    """‖X‖², the sum of the squares of all entries."""


@dataclass(frozen=True)
class OneHot(_One):
    """The matrix with a 1 in row n at column y[n]."""


@dataclass(frozen=True)
class Vec(_One):
    """vec(X), the rows of X one after another."""


@dataclass(frozen=True)
class Commuted(_One):
    """A matrix times K, where K vec(X) = vec(Xᵀ); ``shape`` is that of X."""

    shape: tuple[Size, ...]


@dataclass(frozen=True)
class Laid(_One):
    """A matrix seen as an array with more axes, or with axes of size 1: the layout that JAX gives a derivative."""


@dataclass(frozen=True)
class Power(_One):
    """A power, entry by entry."""

    exponent: Fraction


@dataclass(frozen=True)
class Along(_One):
    """A function along an axis, such as softmax."""

    name: str
    axis: int


@dataclass(frozen=True)
class Reduction(_One):
    """A reduction over one axis, or over all (``axis`` is ``None``)."""

    name: str
    axis: int | None


@dataclass(frozen=True)
class _Many(Matrix):
    items: tuple[Matrix, ...]

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """The expressions inside."""
        return self.items


@dataclass(frozen=True)
class Product(_Many):
    """A matrix product."""


@dataclass(frozen=True)
class Kronecker(_Many):
    """A Kronecker product of two."""


@dataclass(frozen=True)
class Hadamard(_Many):
    """A product entry by entry."""


@dataclass(frozen=True)
class Sum(_Many):
    """A sum of terms."""


@dataclass(frozen=True)
class Apply(_Many):
    """A function entry by entry."""

    name: str


@dataclass(frozen=True)
class Scaled(Matrix):
    """Scalars in front of an expression."""

    scalars: tuple[Matrix, ...]
    x: Matrix

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """The scalars and the expression."""
        return (*self.scalars, self.x)


@dataclass(frozen=True)
class Select(Matrix):
    """The matrix that picks the entries from ``start`` on, by ``stride``: it stands only inside products."""

    start: Size
    stride: int


@dataclass(frozen=True)
class Difference(Matrix):
    """The matrix of differences of neighbours: (Dx)_i = x_{i+1} − x_i."""


@dataclass(frozen=True)
class Part(_One):
    """Entries along one axis from ``start`` on, by ``stride``: x_{1:}."""

    axis: int
    start: Size
    stride: int


@dataclass(frozen=True)
class Block(_Many):
    """Pieces along one axis, each from its start on, with zeros between them: [0; r]."""

    axis: int
    starts: tuple[Size, ...]


@dataclass(frozen=True)
class Convolution(_Many):
    """a ∗ b of two vectors; ``mode`` is how far it reaches: ``"full"``, ``"same"`` or ``"valid"``."""

    mode: str


@dataclass(frozen=True)
class Labelled(Matrix):
    """An expression with indices, where matrix language does not reach."""

    expr: ex.Expr
    axes: tuple[Index, ...]
    names: tuple[tuple[ex.Array, str], ...]


@dataclass(frozen=True)
class Each(_One):
    """An array made step by step: ``x`` for each step of the axis number ``axis``."""

    letter: str
    axis: int


@dataclass(frozen=True)
class Over(_One):
    """Σ_t x, a sum over steps: ``length`` many."""

    letter: str
    length: Size


@dataclass(frozen=True)
class Step(Matrix):
    """The number of steps before this one, t − 1."""

    letter: str


def stepped(name: str, step: str) -> str:
    """Return a name with the number of a step for a subscript; an ``@`` in it says which step is meant.

    >>> stepped("h", "t"), stepped("h@-", "t"), stepped("W_1@+", "t")
    ('h_{t}', 'h_{t−1}', 'W_{1,t+1}')
    """
    base, _, shift = name.partition("@")
    ahead = shift.count("+") - shift.count("-")
    if step.isdigit():
        step = str(int(step) + ahead)
    elif ahead:
        step += f"+{ahead}" if ahead > 0 else f"−{-ahead}"
    match = re.fullmatch(r"(.*[^\d_])_?(\d+)", base)
    return f"{match[1]}_{{{match[2]},{step}}}" if match else f"{base}_{{{step}}}"


def renamed(x: Any, name: Callable[[str], str]) -> Any:
    """Return a matrix expression, or a tuple of them, with every symbol renamed."""
    match x:
        case Symbol():
            return Symbol(x.dims, name(x.name), x.fixed, x.symmetric)
        case Labelled():
            named = dict(x.names)
            found = {n.array: None for _, n in ex.walk(x.expr) if isinstance(n, ex.At)}
            return Labelled(x.dims, x.expr, x.axes, tuple((a, name(named.get(a) or a.symbol)) for a in found))
        case Matrix():
            parts = {f.name: getattr(x, f.name) for f in fields(x)}
            return type(x)(**{k: renamed(v, name) if k != "dims" else v for k, v in parts.items()})
        case tuple() if any(isinstance(p, Matrix) for p in x):
            return tuple(renamed(p, name) for p in x)
    return x


TYPES = (
    Symbol, Number, Dimension, Ones, Identity, Transpose, Diag, Trace, SquaredNorm, OneHot, Vec, Commuted, Laid,
    Power, Along, Reduction, Product, Kronecker, Hadamard, Sum, Apply, Scaled, Select, Difference, Part, Block,
    Convolution, Labelled, Inverse, Whole, Entry, Each, Over, Step,
)  # fmt: skip


def scaled(scalars: Iterable[Matrix], x: Matrix) -> Matrix:
    """Return scalars in front of x; a minus sign is spent on a difference in x."""
    if isinstance(x, Scaled):
        return scaled([*scalars, *x.scalars], x.x)
    number, rest = Fraction(1), []
    for s in (*scalars, *([x] if not x.dims else [])):
        for part in (*s.scalars, s.x) if isinstance(s, Scaled) else (s,):
            if isinstance(part, Number) and isinstance(part.value, Fraction):
                number *= part.value
            else:
                rest.append(part)
    core = x if x.dims else None
    if number < 0:
        flipped = _negated(core) if core else None
        if flipped:
            core, number = flipped, -number
    if not rest and number == 1 and core:
        return core
    numbers = [] if number == 1 and (rest or core) else [Number((), number)]
    if core is None:
        items = [*numbers, *rest]
        return items[0] if len(items) == 1 else Scaled((), tuple(items[:-1]), items[-1])
    return Scaled(core.dims, (*numbers, *rest), core)


def _negated(x: Matrix) -> Matrix | None:
    """Return -x where that only turns a difference round: -(a - b) is b - a."""
    if isinstance(x, Sum) and any(sign(t) < 0 for t in x.items):
        return total((scaled([Number((), Fraction(-1))], t) for t in x.items), x.dims)
    if isinstance(x, Product | Hadamard):
        for n, item in enumerate(x.items):
            if transpose(item) in x.items:  # −u uᵀ is not (−u) uᵀ
                continue
            inner = item.x if isinstance(item, Transpose) else item
            new = _negated(inner)
            if new is not None:
                new = transpose(new) if isinstance(item, Transpose) else new
                return type(x)(x.dims, (*x.items[:n], new, *x.items[n + 1 :]))
    return None


def sign(x: Matrix) -> int:
    """Return -1 for an expression with a minus in front."""
    first = x.scalars[0] if isinstance(x, Scaled) else x
    return -1 if isinstance(first, Number) and first.value < 0 else 1


def transpose(x: Matrix) -> Matrix:
    """Return Xᵀ with the transposes pushed inwards."""
    if inside := x.turned():
        return inside
    match x:
        case Matrix(dims=()) | Identity():
            return x
        case Diag() | Symbol(symmetric=True) if len(x.dims) == 2:
            return x
        case Inverse():
            return x if transpose(x.x) == x.x else Transpose(x.dims, x)
        case Transpose():
            return x.x
        case Scaled():
            new = transpose(x.x)
            return Scaled(new.dims, x.scalars, new)
        case Product():
            return Product(x.dims[::-1], tuple(transpose(f) for f in reversed(x.items)))
        case Sum() | Hadamard() if len(x.dims) == 2:
            items = [transpose(t) for t in x.items]
            turned = total(items, x.dims[::-1]) if isinstance(x, Sum) else Hadamard(x.dims[::-1], tuple(items))
            if turned == x or turns(turned) <= turns(x):
                return turned
        case Apply() | Power() if len(x.dims) == 2 and all(transpose(p) == p for p in x.parts):
            return x
        case Part() if len(x.dims) == 2:
            return Part(x.dims[::-1], transpose(x.x), 1 - x.axis, x.start, x.stride)
        case Block() if len(x.dims) == 2:
            return Block(x.dims[::-1], tuple(map(transpose, x.items)), 1 - x.axis, x.starts)
    return Transpose(x.dims[::-1], x)


def inverse(x: Matrix) -> Matrix:
    """Return X⁻¹, where X is no transpose unless it is symmetric: X⁻ᵀ is the transpose of an inverse."""
    turned = transpose(x)
    if turned != x and turns(turned) < turns(x):
        return Transpose(x.dims, Inverse(x.dims, turned))
    return Inverse(x.dims, x)


def turns(x: Matrix) -> int:
    """Return the number of transposed matrices in an expression."""
    return (isinstance(x, Transpose) and len(x.dims) == 2) + sum(map(turns, x.parts))


def product(items: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a matrix product, flat, with scalars in front and identities gone."""
    scalars: list[Matrix] = []
    flat: list[Matrix] = []
    for item in items:
        if isinstance(item, Scaled) and item.dims:
            scalars += item.scalars
            item = item.x
        if not item.dims:
            scalars.append(item)
        elif isinstance(item, Product):
            flat += item.items
        elif not isinstance(item, Identity):
            flat.append(item)
    if len(flat) > 1 and any(map(touches_selection, flat)):
        from .matrix_parts import spread_out, without_selections  # built on the functions of this file

        if (terms := spread_out(flat)) is not None:
            return scaled(scalars, total((product(t, dims) for t in terms), dims))
        flat = without_selections(flat)
    if not flat:
        return scaled(scalars, Identity(dims)) if len(dims) == 2 else scaled(scalars[:-1], scalars[-1])
    if not dims and len(flat) > 1:
        turned = [transpose(f) for f in reversed(flat)]
        if _turns(turned) < _turns(flat):
            flat = turned
    return scaled(scalars, flat[0] if len(flat) == 1 else Product(dims, tuple(flat)))


def is_selection(x: Matrix) -> bool:
    """Say whether a factor is a selection of entries, its transpose, or a sum of such."""
    core = x.x if isinstance(x, Scaled | Transpose) else x
    return (
        is_selection(core)
        if core is not x
        else isinstance(x, Select) or (isinstance(x, Sum) and all(map(is_selection, x.items)))
    )


def touches_selection(x: Matrix) -> bool:
    """Say whether a factor is a selection, or a sum with one among its terms."""
    core = x.x if isinstance(x, Transpose) else x
    return is_selection(x) or (isinstance(core, Sum) and any(map(is_selection, core.items)))


def _turns(items: list[Matrix]) -> int:
    return sum(isinstance(f, Transpose) and len(f.dims) == 2 for f in items)


ORDER = (Symbol, Transpose, Product, Sum, Along, Reduction)


def hadamard(items: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a product entry by entry, flat, with scalars in front; symbols first, functions last."""
    scalars: list[Matrix] = []
    flat: list[Matrix] = []
    for item in items:
        if isinstance(item, Scaled) and item.dims:
            scalars += item.scalars
            item = item.x
        if not item.dims:
            scalars.append(item)
        elif isinstance(item, Hadamard):
            flat += item.items
        else:
            flat.append(item)
    flat.sort(key=lambda f: next((n for n, t in enumerate(ORDER) if isinstance(f, t)), len(ORDER)))
    if not flat:
        return scaled(scalars[:-1], scalars[-1])
    return scaled(scalars, flat[0] if len(flat) == 1 else Hadamard(dims, tuple(flat)))


def total(terms: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a sum: numbers, what is added, products before symbols before what is repeated, what is subtracted."""

    def place(t: Matrix) -> tuple[bool, bool, bool, int, int]:
        core = t.x if isinstance(t, Scaled) else t
        turned = sum(isinstance(p, Transpose) for p in (core, *core.parts))
        return sign(t) < 0, not isinstance(t, Number), _repeated(core), turned - core.weight, turned

    from .matrix_parts import joined  # built on the functions of this file

    items = sorted(joined(list(terms), dims), key=place)
    if len(items) == 1:
        return items[0]
    numbers = {abs(n) if (n := _number_alone(t)) else Fraction(1) for t in items}
    if len(numbers) == 1 and 1 not in numbers:
        (number,) = numbers
        rest = (scaled([Number((), 1 / number)], t) for t in items)
        return scaled([Number((), number)], Sum(dims, tuple(rest)))
    return Sum(dims, tuple(items))


def _number_alone(x: Matrix) -> Fraction | None:
    """Return the number in front of an array that has no other scalar."""
    if isinstance(x, Scaled) and x.dims and len(x.scalars) == 1 and isinstance(x.scalars[0], Number):
        value = x.scalars[0].value
        return value if isinstance(value, Fraction) else None
    return None


def either_sign(x: Matrix) -> Matrix:
    """Return x or -x, whichever has its heaviest term in front, for a place where the sign does not matter."""
    if sign(x) < 0:
        return scaled([Number((), Fraction(-1))], x)
    if not isinstance(x, Sum):
        return x
    heaviest = max(
        x.items, key=lambda t: (t.dims == x.dims, not _repeated(t.x if isinstance(t, Scaled) else t), t.weight)
    )
    return _negated(x) or x if sign(heaviest) < 0 else x


def _repeated(core: Matrix) -> bool:
    return isinstance(core, Product) and any(isinstance(f, Ones) for f in (core.items[0], *_inner(core.items[-1])))


def _inner(x: Matrix) -> tuple[Matrix, ...]:
    return (x.x,) if isinstance(x, Transpose) else ()


def kronecker(items: Sequence[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return A ⊗ B with scalars in front; I ⊗ I is I."""
    if all(isinstance(x, Identity) for x in items):
        return Identity(dims)
    scalars = [s for x in items if isinstance(x, Scaled) for s in x.scalars]
    return scaled(scalars, Kronecker(dims, tuple(x.x if isinstance(x, Scaled) else x for x in items)))
