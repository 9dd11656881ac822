"""Formulas as MathML Core, which browsers draw by themselves.

An infix sign outside all brackets is where a long row may be broken; the page decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from html import escape

from ..matrices.matrix import is_decimal
from ..reading.names import GREEK, D
from .entries import PRODUCT
from .render import Style
from .text import BETWEEN, BIG, FUNCTIONS, number, scientific, typeset_name

APPLY, THIN = "<mo>\u2061</mo>", '<mspace width="0.17em"/>'


def infix(sign: str) -> str:
    """Return a sign between two terms."""
    return f'<mo form="infix">{escape(sign)}</mo>'


def tokens(text: str) -> str:
    """Return letters, numbers and signs as elements: ``i−1``, ``L``, ``ij``.

    >>> tokens("i+1")
    '<mi>i</mi><mo>+</mo><mn>1</mn>'
    """
    found = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]′*|\S", text)
    kinds = ["mn" if t[0].isdigit() else "mi" if t[0].isalpha() or t == "∞" else "mo" for t in found]
    return "".join(f"<{k}>{escape(t)}</{k}>" for k, t in zip(kinds, found, strict=True))


def row(inside: str) -> str:
    """Return elements as one."""
    return f"<mrow>{inside}</mrow>"


def name(text: str) -> str:
    """Return a name: a letter in italics, a word upright."""
    return f"<mi>{escape(text)}</mi>"


class MathML(Style):
    """MathML elements side by side, to stand in a row."""

    open = '<mrow><mo form="prefix">(</mo>'
    close = '<mo form="postfix">)</mo></mrow>'
    minus = '<mo form="prefix">−</mo>'
    plus = infix("+")
    subtract = infix("−")
    equals = infix("=")
    times = infix("⊙")
    over = infix("⊘")
    convolved = infix("∗")
    kronecker = infix("⊗")
    commutation = "K"
    ones = '<mn mathvariant="bold">𝟏</mn>'
    identity = "<mi>I</mi>"
    norm = ('<msup><mrow><mo form="prefix">‖</mo>', '<mo form="postfix">‖</mo></mrow><mn>2</mn></msup>')
    root_norm = ('<mrow><mo form="prefix">‖</mo>', '<mo form="postfix">‖</mo></mrow>')
    ratio_level = PRODUCT

    def symbol(self, name: str) -> str:
        """Return a name with its subscript."""
        return self._scripted(name, "")

    def _scripted(self, full: str, indices: str) -> str:
        if full.startswith(D):
            return row(f'<mi mathvariant="normal">d</mi>{self._scripted(full[1:], indices)}')
        base, subs = typeset_name(full)
        bare = base.removesuffix("\u0304")
        shown = name(GREEK.get(bare, bare))
        if bare != base:
            shown = f'<mover accent="true">{shown}<mo>‾</mo></mover>'
        below = [name(s) if len(s) > 1 and s.isalpha() else tokens(s) for s in subs] + [indices] * bool(indices)
        return f"<msub>{shown}{row('<mo>,</mo>'.join(below))}</msub>" if below else shown

    def number(self, value: Fraction | float) -> str:
        """Return a number."""
        if isinstance(value, Fraction) and value.denominator != 1 and not is_decimal(value):
            return self.fraction(f"<mn>{value.numerator}</mn>", f"<mn>{value.denominator}</mn>")
        mantissa, power = scientific(value) if isinstance(value, Fraction) else ("", 0)
        if power:
            ten = f"<msup><mn>10</mn>{row(tokens(str(power).replace('-', '−')))}</msup>"
            return ten if mantissa == "1" else f"<mn>{mantissa}</mn><mo>·</mo>{ten}"
        return tokens(number(value)) if number(value).isascii() else f"<mi>{number(value)}</mi>"

    def function(self, name: str, args: Sequence[str]) -> str:
        """Return a function applied."""
        if name in BETWEEN:
            return row(f'<mo form="prefix">[</mo>{args[0]}{infix(BETWEEN[name])}{args[1]}<mo form="postfix">]</mo>')
        if name == "abs":
            return row(f'<mo form="prefix">|</mo>{args[0]}<mo form="postfix">|</mo>')
        if name == "sqrt":
            return f"<msqrt>{args[0]}</msqrt>"
        if name == "not":
            return f"{self.open}<mn>1</mn>{self.subtract}{args[0]}{self.close}"
        head = escape(FUNCTIONS.get(name, name.replace("_", " ")))
        return row(f"<mi>{head}</mi>{APPLY}{self.open}{'<mo>,</mo>'.join(args)}{self.close}")

    def _raised(self, base: str, above: str) -> str:
        if base.startswith("<msub>") and base.endswith("</msub>") and base.count("<msub>") == 1:
            return f"<msubsup>{base[len('<msub>') : -len('</msub>')]}{above}</msubsup>"
        return f"<msup>{row(base)}{above}</msup>"

    def power(self, base: str, exponent: Fraction, scalar: bool) -> str:
        """Return a power."""
        raised = tokens(str(exponent).replace("-", "−"))
        return self._raised(base, row(("" if scalar else "<mo>∘</mo>") + raised))

    def fraction(self, above: str, below: str) -> str:
        """Return a small quotient in front."""
        return f'<mfrac displaystyle="false">{row(above)}{row(below)}</mfrac>'

    def ratio(self, above: str, below: str, several: bool) -> str:
        """Return a quotient of entries."""
        return f"<mfrac>{row(above)}{row(below)}</mfrac>"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        """Return an entry."""
        apart = any(len(i.rstrip("′")) > 1 for i in indices)
        return self._scripted(name, ("<mo>,</mo>" if apart else "").join(map(tokens, indices)))

    def axis(self, name: str) -> str:
        """Return the name of an axis."""
        return f'<mtext class="axis">{escape(name)}</mtext>'

    def labelled(self, name: str, labels: Sequence[str]) -> str:
        """Return an entry at axes that have names."""
        return row(f'{self.symbol(name)}<mo form="prefix">[</mo>{THIN.join(labels)}<mo form="postfix">]</mo>')

    def entry(self, whole: str, indices: Sequence[str], labels: bool) -> str:
        """Return an entry of what has no name."""
        if labels:
            return row(f'{whole}<mo form="prefix">[</mo>{THIN.join(indices)}<mo form="postfix">]</mo>')
        return f"<msub>{row(whole)}{row(''.join(map(tokens, indices)))}</msub>"

    def letter(self, name: str) -> str:
        """Return the letter of an axis where it stands as a number."""
        return tokens(name)

    def block(self, items: Sequence[str], axis: int) -> str:
        """Return pieces below or beside each other."""
        inside = infix("," if axis else ";").join(items)
        return row(f'<mo form="prefix">[</mo>{inside}<mo form="postfix">]</mo>')

    def big(self, name: str, indices: Sequence[str], body: str) -> str:
        """Return a reduction."""
        sign = BIG.get(name)
        shown = f"<mo>{'∑' if name == 'sum' else '∏'}</mo>" if sign else f"<mi>{escape(name)}</mi>"
        below = THIN.join(i if i.startswith("<") else tokens(i) for i in indices)
        return f"<{'munder' if sign else 'msub'}>{shown}{row(below)}</{'munder' if sign else 'msub'}>{THIN}{body}"

    def gradient(self, of: str, order: int = 1) -> str:
        """Return the left side of a gradient or a Hessian."""
        nabla = '<mo form="prefix">∇</mo>'
        return row((f"<msup>{nabla}<mn>{order}</mn></msup>" if order > 1 else nabla) + of)

    def partial(self, of: str, by: Sequence[str]) -> str:
        """Return the left side of a partial derivative."""
        d = '<mo form="prefix">∂</mo>'
        order = f"<msup>{d}<mn>{len(by)}</mn></msup>" if len(by) > 1 else d
        return f"<mfrac>{row(order + of)}{row(THIN.join(d + x for x in by))}</mfrac>"

    def range(self, index: str, values: str, also: Sequence[str]) -> str:
        """Return where a recursion holds."""
        clauses = [tokens(index) + self.equals + tokens(values), *also]
        return row(f"<mo>(</mo>{'<mo>,</mo>'.join(clauses)}<mo>)</mo>")

    dots = "<mo>⋯</mo>"

    def each(self, indices: Sequence[str]) -> str:
        """Return for which members of a family an equation holds."""
        return row(f"<mo>(</mo><mtext>for each</mtext>{THIN}{THIN}{'<mo>,</mo>'.join(map(tokens, indices))}<mo>)</mo>")

    def transposed(self, inner: str) -> str:
        """Return the transpose."""
        return self._raised(inner, '<mo form="postfix">⊤</mo>')

    def inverted(self, inner: str, transposed: bool = False) -> str:
        """Return the inverse, or the transposed inverse."""
        return self._raised(inner, row(f'<mo form="prefix">−</mo>{"<mo>⊤</mo>" if transposed else "<mn>1</mn>"}'))

    def join(self, factors: Sequence[str]) -> str:
        """Return factors side by side, words and brackets apart."""
        text, before = "", ""
        for f in factors:
            apart = text and not (_letter(before) and _letter(f))
            text, before = text + (THIN if apart else "") + f, f
        return text


def _letter(piece: str) -> bool:
    """Say whether a factor is one letter, with what stands above and below it."""
    return re.match(r"<(?:m\w+>|mrow>)*<mi>.</mi>", piece) is not None and "<mfrac" not in piece and "(" not in piece
