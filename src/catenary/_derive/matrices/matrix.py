"""Matrix language: the closed set of things a formula without indices is made of.

Scalars, column vectors and matrices: ``dims`` has no, one or two sizes.  The row vᵀ is a
``Transpose`` of a vector and stands only inside products.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
