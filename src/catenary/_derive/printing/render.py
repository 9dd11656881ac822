"""Printing mathematics: one walk over matrix expressions, shared by text, LaTeX and MathML.

A ``Style`` says how each piece looks; this file says where parentheses stand.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction

from ..expressions.expr import Size
from ..matrices import algebra, family
from ..matrices import matrix as mx
from ..matrices.matrix import Matrix
from ..matrices.matrix_parts import explicit, inside, pieces, slices
from .entries import RATIO, Axes, Entries

SUM, SCALED, HADAMARD, PRODUCT, RAISED, ATOM = range(6)  # what has a superscript takes no second one


class Style:
    """How the pieces of a formula look."""

    @abstractmethod
    def symbol(self, name: str) -> str:
        """Return a name with its subscript."""

    @abstractmethod
    def number(self, value: Fraction | float) -> str:
        """Return a number that is not negative."""

    @abstractmethod
    def function(self, name: str, args: Sequence[str]) -> str:
        """Return a function of entries applied to its arguments."""

    @abstractmethod
    def power(self, base: str, exponent: Fraction, scalar: bool) -> str:
        """Return a power; entry by entry unless scalar."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> str:
        """Return a quotient of scalars that stands in front."""

    @abstractmethod
    def indexed(self, name: str, indices: Sequence[str]) -> str:
        """Return an entry."""

    @abstractmethod
    def big(self, name: str, indices: Sequence[str], body: str) -> str:
        """Return a reduction over named indices."""

    open = "("
    close = ")"
    minus = "−"
    plus = " + "
    subtract = " − "
    equals = " = "
    times = " ⊙ "
    over = " ⊘ "
    convolved = " ∗ "
    kronecker = " ⊗ "
    commutation = "K"
    ones = "1"
    identity = "I"
    norm = ("‖", "‖²")
    root_norm = ("‖", "‖")

    @abstractmethod
    def transposed(self, inner: str) -> str:
        """Return the transpose of what needs no parentheses."""

    @abstractmethod
    def inverted(self, inner: str, transposed: bool = False) -> str:
        """Return the inverse, or the transposed inverse, of what needs no parentheses."""

    @abstractmethod
    def gradient(self, of: str, order: int = 1) -> str:
        """Return the left side ∇f."""

    @abstractmethod
    def partial(self, of: str, by: Sequence[str]) -> str:
        """Return the left side ∂f/∂x, ∂²f/∂x∂y."""

    @abstractmethod
    def labelled(self, name: str, labels: Sequence[str]) -> str:
        """Return an entry at axes that have names."""

    @abstractmethod
    def entry(self, whole: str, indices: Sequence[str], labels: bool) -> str:
        """Return an entry of an array that has no name, by letters or by the names of its axes."""

    @abstractmethod
    def ratio(self, above: str, below: str, several: bool) -> str:
        """Return a quotient of entries; ``several`` factors below."""

    @abstractmethod
    def range(self, index: str, values: str, also: Sequence[str]) -> str:
        """Return where a recursion holds."""

    @abstractmethod
    def block(self, items: Sequence[str], axis: int) -> str:
        """Return pieces below (axis 0) or beside each other."""

    @abstractmethod
    def each(self, indices: Sequence[str]) -> str:
        """Return for which members of a family an equation holds."""

    dots = "…"
    ratio_level = RATIO

    def letter(self, name: str) -> str:
        """Return the letter of an axis where it stands as a number."""
        return name

    def axis(self, name: str) -> str:
        """Return the name of an axis."""
        return name

    def join(self, factors: Sequence[str]) -> str:
        """Return factors side by side."""
        return " ".join(factors)

    def sum(self, terms: Sequence[str]) -> str:
        """Return terms with their signs between them."""
        text = terms[0]
        for t in terms[1:]:
            text += self.subtract + t.removeprefix(self.minus) if t.startswith(self.minus) else self.plus + t
        return text


def signed(style: Style, value: Fraction | float) -> tuple[str, int]:
    """Return a number with its sign, and how tightly it binds."""
    if value < 0:
        return style.minus + style.number(-value), SUM
    if not isinstance(value, Fraction) or value.denominator == 1:
        return style.number(value), ATOM
    return style.number(value), RAISED if mx.is_decimal(value) else SCALED


SEEN_THROUGH = (mx.Laid, mx.Each, family.Family)
NAMED: dict[type[Matrix], str] = {
    mx.Diag: "diag", mx.Trace: "tr", mx.OneHot: "onehot", mx.Vec: "vec", family.Reshaped: "reshape",
}  # fmt: skip


class Printer:
    """Prints a matrix expression in a style."""

    def __init__(self, style: Style, axes: Axes = Axes()) -> None:  # noqa: B008 (a frozen value)
        """Remember the style, and how axes are called."""
        self.style, self.axes = style, axes

    def __call__(self, x: Matrix, level: int = SUM) -> str:
        """Return the expression, in parentheses if it binds less than the level asks."""
        text, own = self.piece(x)
        return text if own >= level else f"{self.style.open}{text}{self.style.close}"

    def piece(self, x: Matrix) -> tuple[str, int]:
        """Return the expression and how tightly it binds."""
        if isinstance(x, SEEN_THROUGH):
            return self.piece(x.x)
        if name := NAMED.get(type(x)):
            return self.style.function(name, [self(x.parts[0])]), ATOM
        found = self._atom(x) or self._operation(x) or self._family(x)
        if found is None:
            raise TypeError(f"{type(x).__name__} has no printed form")
        return found

    def _atom(self, x: Matrix) -> tuple[str, int] | None:
        """Return what stands by itself: names, numbers, constant matrices, entries."""
        s = self.style
        match x:
            case mx.Symbol():
                fixed = subscripts(x)
                return s.indexed(x.shown, fixed) if fixed else s.symbol(x.shown), ATOM
            case mx.Number():
                return signed(s, x.value)
            case mx.Dimension():
                return self.size(x.name), ATOM
            case mx.Ones():
                return s.ones, ATOM
            case mx.Identity():
                return s.identity, ATOM
            case mx.Apply(items=()):
                return s.symbol(x.name), ATOM
            case mx.Entry():
                return s.entry(self(x.x, ATOM), [":" if f is None else str(f) for f in x.fixed], False), ATOM
            case mx.Difference():
                return s.symbol("Δ" if "D" in self.axes.taken else "D"), ATOM
            case mx.Step():
                return f"{s.open}{x.letter}{s.subtract}{s.number(Fraction(1))}{s.close}", ATOM
            case mx.Labelled():
                return self.labelled(x), SUM
        return None

    def _operation(self, x: Matrix) -> tuple[str, int] | None:
        """Return functions, powers, products and sums."""
        s = self.style
        match x:
            case mx.Transpose(x=mx.Inverse() as inverse):
                return s.inverted(self(inverse.x, ATOM), True), RAISED
            case mx.Transpose():
                return s.transposed(self(x.x, ATOM)), RAISED
            case mx.Inverse():
                return s.inverted(self(x.x, ATOM)), RAISED
            case mx.Whole(name="logdet"):
                return s.function("log", [s.function("abs", [s.function("det", [self(x.x)])])]), ATOM
            case mx.Whole():
                return s.function(x.name, [self(x.x)]), ATOM
            case mx.SquaredNorm():
                return self(x.x).join(s.norm), RAISED
            case mx.Power():
                return self._power(x)
            case mx.Along() | mx.Reduction():
                return s.function(_along_name(x), [self(x.x)]), ATOM
            case mx.Apply():
                return s.function(x.name, [self(a) for a in x.items]), ATOM
            case mx.Sum():
                return s.sum([self(t, SUM + 1) if algebra.sign(t) > 0 else self(t) for t in x.items]), SUM
            case mx.Hadamard():
                return self._hadamard(x), HADAMARD
            case mx.Kronecker():
                return s.kronecker.join(map(self._factor, x.items)), HADAMARD
            case mx.Convolution():
                return s.convolved.join(self(i, ATOM) for i in x.items), HADAMARD
            case mx.Commuted():
                k = s.symbol(s.commutation)
                return (k, ATOM) if isinstance(x.x, mx.Identity) else (s.join([self(x.x, ATOM), k]), PRODUCT)
            case mx.Product():
                return self._product(x), PRODUCT
            case mx.Scaled():
                return self._scaled(x)
        return None

    def _family(self, x: Matrix) -> tuple[str, int] | None:
        """Return parts and blocks, and sums over a family or over steps."""
        s = self.style
        match x:
            case mx.Select():
                return self.piece(explicit(x))
            case mx.Part():
                return self._part(x), ATOM
            case mx.Block():
                return s.block([self._piece(p) for p in pieces(x)], x.axis), ATOM
            case family.Blocks():
                return self._blocks(x), ATOM
            case family.FamilySum():
                return s.big("sum", [x.index.name], self(x.x, SCALED)), SCALED
            case mx.Over():
                return s.big("sum", [x.letter], self(x.x, SCALED)), SCALED
            case family.Lower():
                return s.function("tril", [s.ones, *([s.number(Fraction(x.k))] if x.k else [])]), ATOM
        return None

    def _part(self, x: mx.Part) -> str:
        whole, where = inside(x), slices(x)
        if isinstance(whole, mx.Symbol) and not any(isinstance(f, int) for f in whole.fixed):
            return self.style.indexed(whole.name, where)
        return self.style.entry(self(whole, ATOM), where, False)

    def _piece(self, x: Matrix | Size) -> str:
        return self(x) if isinstance(x, Matrix) else self.style.number(Fraction(0))

    def _blocks(self, x: family.Blocks) -> str:
        s, last = self.style, str(x.index.size)
        first, end = (self(family.at(x.x, x.index, place), HADAMARD) for place in ("1", last))
        return s.block([first, *([s.dots] if last != "2" else []), end], x.axis)

    def _power(self, x: mx.Power) -> tuple[str, int]:
        if isinstance(x.x, mx.SquaredNorm) and x.exponent > 0:
            norm = self(x.x.x).join(self.style.root_norm)
            if x.exponent == Fraction(1, 2):
                return norm, ATOM
            return self.style.power(norm, 2 * x.exponent, True), RAISED
        if x.exponent == Fraction(1, 2):
            return self.style.function("sqrt", [self(x.x)]), ATOM
        if x.exponent < 0 and not x.dims:
            return self._quotient([], [x]), ATOM
        if x.exponent < 0:
            return self._hadamard(mx.Hadamard(x.dims, (x,))), HADAMARD
        return self.style.power(self(x.x, ATOM), x.exponent, not x.dims), RAISED

    def _hadamard(self, x: mx.Hadamard) -> str:
        above = [f for f in x.items if not (isinstance(f, mx.Power) and f.exponent < 0)]
        below = [f for f in x.items if f not in above]
        texts = [self._factor(f) for f in above] or [self.style.ones]
        text = self.style.times.join(texts)
        for f in below:
            assert isinstance(f, mx.Power)
            inverse = f.x if f.exponent == -1 else mx.Power(f.dims, f.x, -f.exponent)
            text += self.style.over + self(inverse, PRODUCT)
        return text

    def _factor(self, x: Matrix) -> str:
        """Return a factor of ⊙: a product of several letters in parentheses."""
        text = self(x, PRODUCT)
        bracketed = isinstance(x, mx.Product) and not all(map(_letter, x.items))
        return f"{self.style.open}{text}{self.style.close}" if bracketed else text

    def _product(self, x: mx.Product) -> str:
        return self.style.join([self(f, RAISED) for f in x.items])

    def _scaled(self, x: mx.Scaled) -> tuple[str, int]:
        if any(isinstance(p, mx.Number) and p.value == 0 for p in x.scalars):
            return self.style.number(Fraction(0)), ATOM
        front, rest = [], []
        for part in x.parts:
            base = part.x if isinstance(part, mx.Power) else part
            simple = not part.dims and isinstance(base, mx.Number | mx.Dimension | mx.Symbol)
            (front if simple else rest).append(part)
        divisors = [p for p in rest if isinstance(p, mx.Power) and p.exponent < 0 and not p.dims]
        rest = [p for p in rest if p not in divisors]
        negative = sum(algebra.sign(p) < 0 for p in front) % 2
        text = self._quotient([p for p in front if not _below(p)], [*(p for p in front if _below(p)), *divisors])
        if rest:
            open_ = len(rest) == 1 and isinstance(rest[0], mx.Over | family.FamilySum)
            loose = len(rest) == 1 and text != "" and isinstance(rest[0], mx.Hadamard)
            pieces = [
                self(p, SCALED if open_ or (text == "" and len(rest) == 1) else HADAMARD if loose else PRODUCT)
                for p in rest
            ]
            text = self.style.join([t for t in (text, *pieces) if t])
        return (self.style.minus if negative else "") + (
            text or self.style.number(Fraction(1))
        ), SUM if negative else SCALED

    def quotient(self, parts: Sequence[Matrix]) -> str:
        """Return scalars that stand in front as a quotient, without their sign."""
        return self._quotient([p for p in parts if not _below(p)], [p for p in parts if _below(p)])

    def _quotient(self, above: Sequence[Matrix], below: Sequence[Matrix]) -> str:
        number = Fraction(1)
        tops, bottoms = [], []
        for p in above:
            if isinstance(p, mx.Number) and isinstance(p.value, Fraction):
                number *= abs(p.value)
            else:
                tops.append(self(p, RAISED))
        for p in below:
            assert isinstance(p, mx.Power)
            inverse = p.x if p.exponent == -1 else mx.Power(p.dims, p.x, -p.exponent)
            bottoms.append(self(inverse, RAISED))
        decimal = mx.is_decimal(number)
        above_number = self.style.number(number) if decimal else self.style.number(Fraction(number.numerator))
        if number != 1 and (decimal or number.numerator != 1 or not (bottoms or number.denominator != 1)):
            tops.insert(0, above_number)
        if not decimal and number.denominator != 1:
            bottoms.insert(0, self.style.number(Fraction(number.denominator)))
        if not bottoms:
            return self.style.join(tops)
        return self.style.fraction(self.style.join(tops) or self.style.number(Fraction(1)), " ".join(bottoms))

    def labelled(self, x: mx.Labelled) -> str:
        """Return an expression with its indices."""
        return Entries(self, dict(x.names))(x.expr, self.axes.names(x.axes))

    def size(self, name: str) -> str:
        """Return the size of an axis: N, or |N| where N is the axis itself."""
        return self.style.function("abs", [self.style.axis(name)]) if self.axes.labels else self.style.symbol(name)


def subscripts(x: mx.Symbol) -> list[str]:
    """Return the positions and the members of a family at which a symbol is meant; a dot where an axis is whole.

    Dots stand only where the sizes do not tell which axis is meant.
    """
    if not any(isinstance(f, mx.Member) for f in x.fixed):
        return x.entry
    found = [f for f in x.fixed if isinstance(f, mx.Member | int)]
    sizes = [*x.dims, *(f.index.size for f in found if isinstance(f, mx.Member) and f.block is None)]
    unclear = len(set(sizes)) < len(sizes) and len({*x.dims}) == len(x.dims)
    names = [f.index.name if isinstance(f, mx.Member) else "·" if f is None else str(f) for f in x.fixed]
    return [n for n, f in zip(names, x.fixed, strict=True) if f in found or (unclear and f is None and found)]


def _letter(x: Matrix) -> bool:
    x = x.x if isinstance(x, mx.Transpose) else x
    return isinstance(x, mx.Symbol) and len(x.shown) == 1


def _below(p: Matrix) -> bool:
    return isinstance(p, mx.Power) and p.exponent < 0


def _along_name(x: mx.Along | mx.Reduction) -> str:
    columns = len(x.x.dims) == 2 and x.axis == 0
    return x.name + (" of columns" if columns else "")
