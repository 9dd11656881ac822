"""Formulas as LaTeX, for any renderer that knows amsmath."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..matrices.matrix import is_decimal
from ..reading.names import GREEK, D
from .entries import PRODUCT
from .render import Printer, Style
from .text import number, scientific, typeset_name

LETTER = {greek: f"\\{latin}" for latin, greek in GREEK.items() if latin not in ("eps", "lam", "lmbda")}
OPERATORS = {"exp": r"\exp", "log": r"\ln", "tanh": r"\tanh", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan",
             "max": r"\max", "min": r"\min", "sigmoid": r"\sigma", "sigmoid_prime": r"\sigma'",
             "tanh_prime": r"\tanh'", "stop": r"\operatorname{sg}"}  # fmt: skip
BETWEEN = {"gt": ">", "ge": r"\ge", "lt": "<", "le": r"\le", "eq": "=", "ne": r"\ne", "and": r"\wedge", "or": r"\vee"}


def escaped(name: str) -> str:
    """Return a name with its underscores escaped."""
    return name.replace("_", r"\_")


def primed(name: str) -> str:
    """Return a name with its primes as ASCII."""
    return name.replace("′", "'")


def latex_text(text: str) -> str:
    r"""Return prose for the inside of \text, its special characters escaped.

    >>> latex_text("f_1 is one number")
    'f\\_1 is one number'
    """
    return "".join(f"\\{c}" if c in "_&%#${}" else c for c in text)


class Latex(Style):
    """LaTeX source."""

    open = r"\left("
    close = r"\right)"
    minus = "-"
    subtract = " - "
    times = r" \odot "
    over = r" \oslash "
    convolved = r" \ast "
    kronecker = r" \otimes "
    ones = r"\mathbf{1}"
    norm = (r"\left\|", r"\right\|^2")
    root_norm = (r"\left\|", r"\right\|")

    def symbol(self, name: str) -> str:
        """Return a name with its subscript."""
        return self.indexed(name, [])

    def number(self, value: Fraction | float) -> str:
        """Return a number."""
        if isinstance(value, Fraction) and value.denominator != 1 and not is_decimal(value):
            return rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"
        mantissa, power = scientific(value) if isinstance(value, Fraction) else ("", 0)
        if power:
            return f"{mantissa + chr(92) + 'cdot ' if mantissa != '1' else ''}10^{{{power}}}"
        return number(value).replace("∞", r"\infty").replace("−", "-")

    def function(self, name: str, args: Sequence[str]) -> str:
        """Return a function applied."""
        if name in BETWEEN:
            return rf"\left[{args[0]} {BETWEEN[name]} {args[1]}\right]"
        if name == "abs":
            return rf"\left|{args[0]}\right|"
        if name == "sqrt":
            return rf"\sqrt{{{args[0]}}}"
        if name == "not":
            return rf"\left(1 - {args[0]}\right)"
        shown = OPERATORS.get(name) or rf"\operatorname{{{name.replace('_', ' ')}}}"
        return rf"{shown}\left({', '.join(args)}\right)"

    def power(self, base: str, exponent: Fraction, scalar: bool) -> str:
        """Return a power."""
        return f"{base}^{{{'' if scalar else chr(92) + 'circ '}{exponent}}}"

    def fraction(self, above: str, below: str) -> str:
        """Return a quotient in front."""
        return rf"\tfrac{{{above}}}{{{below}}}"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        """Return an entry: X_{ij}, W_{1,ij}."""
        if name.startswith(D):
            return rf"\mathrm{{d}} {self.indexed(name[1:], indices)}"
        base, subs = typeset_name(name)
        bar = base.endswith("\u0304")
        base = GREEK.get(base.removesuffix("\u0304"), base.removesuffix("\u0304"))
        shown = LETTER.get(base) or (base if len(base) == 1 and base != "_" else r"\mathrm{" + escaped(base) + "}")
        shown = rf"\bar{{{shown}}}" if bar else shown
        below = [rf"\mathrm{{{s}}}" if len(s) > 1 and s.isalpha() else s.replace("−", "-") for s in subs]
        where = primed(("" if all(len(i) == 1 for i in indices) else ",").join(indices)).replace("−", "-")
        below += [where] * bool(where)
        return shown + (f"_{{{','.join(below)}}}" if below else "")

    def axis(self, name: str) -> str:
        """Return the name of an axis."""
        return primed(r"\mathsf{" + escaped(name) + "}")

    def labelled(self, name: str, labels: Sequence[str]) -> str:
        """Return an entry: X[N n]."""
        return rf"{self.symbol(name)}[" + r"\,".join(labels) + "]"

    def gradient(self, of: str, order: int = 1) -> str:
        """Return the left side of a gradient or a Hessian."""
        return rf"\nabla{f'^{order}' if order > 1 else ''} {of}"

    def partial(self, of: str, by: Sequence[str]) -> str:
        """Return the left side of a partial derivative."""
        order = f"^{len(by)}" if len(by) > 1 else ""
        below = r" \, ".join(rf"\partial {x}" for x in by)
        return rf"\frac{{\partial{order} {of}}}{{{below}}}"

    def ratio(self, above: str, below: str, several: bool) -> str:
        """Return a quotient of entries."""
        return rf"\frac{{{above}}}{{{below}}}"

    ratio_level = PRODUCT

    def entry(self, whole: str, indices: Sequence[str], labels: bool) -> str:
        """Return an entry of what has no name."""
        return whole + ("[" + r"\,".join(indices) + "]" if labels else f"_{{{primed(''.join(indices))}}}")

    def letter(self, name: str) -> str:
        """Return the letter of an axis where it stands as a number."""
        return primed(name)

    def block(self, items: Sequence[str], axis: int) -> str:
        """Return pieces below or beside each other."""
        between = " & " if axis else r" \\ "
        return rf"\begin{{bmatrix}} {between.join(items)} \end{{bmatrix}}"

    def big(self, name: str, indices: Sequence[str], body: str) -> str:
        """Return a reduction."""
        shown = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}.get(
            name
        ) or rf"\operatorname{{{name}}}"
        return rf"{shown}_{{{primed(''.join(indices))}}} {body}"

    def range(self, index: str, values: str, also: Sequence[str]) -> str:
        """Return where a recursion holds."""
        return f"({', '.join([f'{index} = {values}', *also])})".replace("…", r"\dots").replace("−", "-")

    dots = r"\cdots"

    def each(self, indices: Sequence[str]) -> str:
        """Return for which members of a family an equation holds."""
        return rf"(\text{{for each }} {', '.join(indices)})"

    def transposed(self, inner: str) -> str:
        """Return the transpose."""
        return f"{{{inner}}}^{{\\top}}"

    def inverted(self, inner: str, transposed: bool = False) -> str:
        """Return the inverse, or the transposed inverse."""
        above = r"-\top" if transposed else "-1"
        return f"{{{inner}}}^{{{above}}}"

    def join(self, factors: Sequence[str]) -> str:
        """Return factors side by side, words apart."""
        text, before = "", ""
        for f in factors:
            apart = any(x.startswith(r"\mathrm") for x in (before, f))
            text, before = text + (r" \, " if text and apart else " " if text else "") + f, f
        return text


latex = Printer(Latex())
