"""Printing with indices: one entry of an array, every sum with its index.

Axes have letters, ``Xᵢⱼ``, as in a classical text, or the names of their sizes, ``X[N n]``, as in labelled arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from ..expressions import expr as ex
from ..expressions.expr import Array, Expr, Index
from ..expressions.look import negated
from ..expressions.positions import affine, solution
from ..matrices import algebra
from ..matrices import matrix as mx

if TYPE_CHECKING:
    from .render import Printer

LETTERS = "ijklmnprstuv"
SUM, RATIO, BIG, PRODUCT, RAISED, ATOM = range(6)


@dataclass(frozen=True)
class Axes:
    """How axes are called: by letters, or by the names of their sizes; and the names that mean something else.

    >>> Axes().name(ex.axis(0, "N"), ["i"]), Axes(labels=True).name(ex.axis(0, "N"), ["N"])
    ('j', 'N′')
    """

    labels: bool = False
    taken: frozenset[str] = field(default_factory=frozenset)

    def name(self, index: Index, used: Iterable[str]) -> str:
        """Return a name for an axis that no axis in scope has."""
        used = {*used} if self.labels else {*used, *self.taken}
        if self.labels and str(index.size).isidentifier():
            choices = (str(index.size) + "′" * n for n in range(100))
        else:
            choices = (c + "′" * n for n in range(100) for c in LETTERS)
        return next(c for c in choices if c not in used)

    def names(self, axes: Sequence[Index], scope: dict[Index, str] | None = None) -> dict[Index, str]:
        """Return names for axes, in order, beside those in scope."""
        named = dict(scope or {})
        for index in axes:
            named[index] = self.name(index, [n for i, n in named.items() if i is not index])
        return named


class Entries:
    """Prints one entry of an array as a printer does; ``names`` are the names of arrays with a body."""

    def __init__(self, printer: Printer, names: dict[Array, str]) -> None:
        """Remember the printer and the names."""
        self.printer, self.names = printer, names
        self.style, self.axes = printer.style, printer.axes

    def place(self, name: str, where: Sequence[str]) -> str:
        """Return an entry of a named array."""
        s = self.style
        return s.symbol(name) if not where else s.labelled(name, where) if self.axes.labels else s.indexed(name, where)

    def axis(self, name: str) -> str:
        """Return an axis as the style writes it: a letter, or a label."""
        return self.style.axis(name) if self.axes.labels else name

    def __call__(self, x: Expr, scope: dict[Index, str], level: int = SUM) -> str:
        """Return the expression, in parentheses if it binds less than the level asks."""
        text, own = self.piece(x, scope)
        return text if own >= level else f"{self.style.open}{text}{self.style.close}"

    def piece(self, e: Expr, scope: dict[Index, str]) -> tuple[str, int]:
        """Return the expression and how tightly it binds."""
        s = self.style
        match e:
            case ex.Num():
                return self.printer.piece(mx.Number((), e.value))
            case ex.Dim():
                return self.printer.size(e.name), ATOM
            case ex.Pos():
                return self.axis(scope[e.index]) if self.axes.labels else s.letter(scope[e.index]), ATOM
            case ex.At():
                # definitions are written without axes of size 1
                shown = [i for i, d in zip(e.indices, e.array.dims, strict=True) if d != 1 or e.array.body is None]
                where = [self.axis(scope[i]) if isinstance(i, Index) else str(i) for i in shown]
                if e.array.body is not None and e.array not in self.names:
                    whole = self(e.array.body, self.axes.names(e.array.axes))
                    return s.entry(f"{s.open}{whole}{s.close}", where, self.axes.labels), ATOM
                return self.place(*_at_step(self.names.get(e.array) or e.array.symbol, where)), ATOM
            case ex.Fn() if not e.children:
                return s.symbol(e.name), ATOM
            case ex.Fn():
                return s.function(e.name, [self(c, scope) for c in e.children]), ATOM
            case ex.Pow() | ex.Mul():
                return self._product(e.children if isinstance(e, ex.Mul) else [e], scope)
            case ex.Add():
                return s.sum(sorted((self(c, scope) for c in e.children), key=lambda t: t.startswith(s.minus))), SUM
            case ex.Along():
                return self._along(e, scope)
            case ex.Reduce():
                return self._reduce(e, scope)
        raise TypeError(f"{type(e).__name__} has no printed form")

    def _reduce(self, e: ex.Reduce, scope: dict[Index, str]) -> tuple[str, int]:
        """Return a reduction over named axes; Σ_r [r = k + p] x_r is x_{k+p}, an entry outside being 0."""
        read, body = ({}, e.body) if self.axes.labels or e.name != "sum" else _read_at(e)
        inner = self.axes.names([i for i in e.indices if i not in read], scope)
        places = {i: _place(position, inner) for i, position in read.items()}
        if not all(places.values()):
            read, body, inner, places = {}, e.body, self.axes.names(e.indices, scope), {}
        summed = [i for i in e.indices if i not in read]
        text, own = self.piece(body, inner | places)
        if not summed:
            return text, own
        text = text if own >= BIG else f"{self.style.open}{text}{self.style.close}"
        return self.style.big(e.name, [self.axis(inner[i]) for i in summed], text), BIG

    def _along(self, e: ex.Along, scope: dict[Index, str]) -> tuple[str, int]:
        """Return a function of whole axes: softmaxⱼ zᵢⱼ, or entry ij of a function of an array."""
        outer = [self.axis(scope[i]) for i in e.outer]
        if [i.size for i in e.outer] == [i.size for i in e.inner] and len(outer) == len(e.children) == 1:
            inner = scope | {i: scope[o] for i, o in zip(e.inner, e.outer, strict=True)}
            return self.style.big(e.name, outer, self(e.body, inner, ATOM)), BIG
        bodies = [self._whole(b, e.inner, scope) for b in e.children]
        s = self.style
        if e.name == "inv":
            inside = bodies[0] if isinstance(e.body, ex.At) else s.open + bodies[0] + s.close
            whole = s.open + s.inverted(inside) + s.close
        else:
            whole = s.function(e.name, bodies)
        return s.entry(whole, outer, self.axes.labels), ATOM

    def _whole(self, body: Expr, inner: tuple[Index, ...], scope: dict[Index, str]) -> str:
        """Return what a function of whole axes acts on: an array by its name, or an entry with its axes."""
        if isinstance(body, ex.At) and set(body.indices) == set(inner):
            name = self.style.symbol(self.names.get(body.array) or body.array.symbol)
            return name if body.indices == inner or len(inner) != 2 else self.style.transposed(name)
        names = self.axes.names([i for i in inner if i in body.free], scope)
        return self(body, names)

    def _product(self, factors: Sequence[Expr], scope: dict[Index, str]) -> tuple[str, int]:
        """Return numbers and sizes in front as a quotient, single entries, and at most one open sum at the end."""
        front: list[mx.Matrix] = []
        above: list[Expr] = []
        below: list[Expr] = []
        for f in _turned(list(factors)):
            base = f.base if isinstance(f, ex.Pow) else f
            if isinstance(base, ex.Num | ex.Dim) and not (isinstance(base, ex.Num) and isinstance(base.value, float)):
                front.append(_scalar(f))
            elif isinstance(f, ex.Pow) and f.exponent < 0:
                below.append(ex.Pow(-f.exponent, (f.base,)) if f.exponent != -1 else f.base)
            else:
                above.append(f)
        return self._arranged(front, _chained(above, [*scope]), below, scope)

    def _arranged(
        self, front: list[mx.Matrix], above: list[Expr], below: list[Expr], scope: dict[Index, str]
    ) -> tuple[str, int]:
        s = self.style
        if len(above) == 1 and not (front or below):
            (only,) = above
            return (self._power(only, scope), RAISED) if isinstance(only, ex.Pow) else self.piece(only, scope)
        minus = s.minus if any(algebra.sign(p) < 0 for p in front) else ""
        quotient = self.printer.quotient(front)
        open_end = above[-1:] if not below else []  # a sum that ends the product needs no parentheses
        texts = [self._factor(f, scope, f in open_end) for f in above]
        if below:
            text = s.ratio(self._side(above, scope), self._side(below, scope), len(below) > 1)
            text, level = s.join([t for t in (quotient, text) if t]), s.ratio_level
        else:
            text = s.join([t for t in (quotient, *texts) if t]) or s.number(Fraction(1))
            level = BIG if open_end and _open(open_end[0]) else PRODUCT
        return minus + text, SUM if minus else level

    def _side(self, factors: list[Expr], scope: dict[Index, str]) -> str:
        """Return what stands above or below a bar, which needs no parentheses where it is a real bar."""
        if len(factors) == 1 and self.style.ratio_level > RATIO:
            return self(factors[0], scope)
        return self.style.join([self._factor(f, scope, False) for f in factors]) or self.style.number(Fraction(1))

    def _factor(self, f: Expr, scope: dict[Index, str], last: bool) -> str:
        return self._power(f, scope) if isinstance(f, ex.Pow) else self(f, scope, BIG if last else PRODUCT)

    def _power(self, f: ex.Pow, scope: dict[Index, str]) -> str:
        if f.exponent == Fraction(1, 2):
            return self.style.function("sqrt", [self(f.base, scope)])
        return self.style.power(self(f.base, scope, ATOM), f.exponent, True)


def _at_step(name: str, where: list[str]) -> tuple[str, list[str]]:
    """Return a name and its indices, where a loop's ``h@-`` at t is h at t−1."""
    base, loop, shift = name.partition("@")
    ahead = shift.count("+") - shift.count("-")
    moved = f"+{ahead}" if ahead > 0 else f"−{-ahead}" if ahead else ""
    return base, [where[0] + moved, *where[1:]] if loop else where


def _read_at(e: ex.Reduce) -> tuple[dict[Index, Expr], Expr]:
    """Return at which position an indicator puts each summed index that only entries have, and the other factors."""
    parts = list(e.body.children) if isinstance(e.body, ex.Mul) else [e.body]
    found: dict[Index, Expr] = {}
    for index in e.indices:
        own = [f for f in parts if index in f.free and isinstance(f, ex.Fn) and f.name == "eq"]
        rest = [f for f in parts if f not in own]
        places = [n for f in rest for _, n in ex.walk(f) if index in n.free and not n.children]
        position = solution(own[0], index) if len(own) == 1 else None
        if position is None or not position.free or not places or not all(isinstance(n, ex.At) for n in places):
            continue
        if not any(i in found for i in position.free) and not any(index in p.free for p in found.values()):
            found[index], parts = position, rest
    return found, ex.Mul(tuple(parts)) if len(parts) > 1 else parts[0] if parts else ex.Num(Fraction(1))


def _place(position: Expr, scope: dict[Index, str]) -> str:
    """Return a position as an index is written, k+p−1; nothing where it is no sum of indices and a number."""
    form = affine(position)
    if form is None or not isinstance(form[1], ex.Num) or not isinstance(form[1].value, Fraction):
        return ""
    terms = [(c, scope[i] if abs(c) == 1 else f"{abs(c)}{scope[i]}") for i, c in form[0].items() if c]
    terms = sorted(terms, key=lambda t: (t[0] < 0, t[1])) + [(1, f"{form[1].value}")] * (form[1].value > 0)
    terms += [(-1, f"{-form[1].value}")] * (form[1].value < 0)
    text = "".join(("−" if c < 0 else "+") + t for c, t in terms)
    return text.removeprefix("+")


def _open(e: Expr) -> bool:
    """Say whether an expression is a sum or another operation with its sign in front, open to the right."""
    return isinstance(e, ex.Reduce | ex.Along)


def _chained(factors: list[Expr], scope: list[Index]) -> list[Expr]:
    """Return factors as in a product of matrices: from the first axis on, each beside one it shares an axis with."""
    rest, chain, at = sorted(factors, key=_open), [], frozenset(scope[:1])
    while rest:
        near = next((f for f in rest if f.free & at and not _open(f)), rest[0])
        rest.remove(near)
        chain.append(near)
        at = near.free - at or near.free
    return chain


def _turned(factors: list[Expr]) -> list[Expr]:
    """Return factors with a minus sign spent on a difference among them."""
    for n, f in enumerate(factors):
        if isinstance(f, ex.Num) and f.value < 0:
            for m, g in enumerate(factors):
                new = negated(g)
                if new is not None:
                    positive = [] if f.value == -1 else [ex.Num(-f.value)]
                    return positive + [new if k == m else h for k, h in enumerate(factors) if k != n]
    return factors


def _scalar(f: Expr) -> mx.Matrix:
    """Return a number, a size or a power of one as a scalar of matrix language."""
    match f:
        case ex.Num():
            return mx.Number((), f.value)
        case ex.Dim():
            return mx.Dimension((), f.name)
        case ex.Pow():
            return mx.Power((), _scalar(f.base), f.exponent)
    raise TypeError(f"{type(f).__name__} is no scalar")
