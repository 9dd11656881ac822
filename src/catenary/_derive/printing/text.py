"""Formulas as text in Unicode."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..matrices.matrix import is_decimal
from ..reading.names import GREEK, D, numbered
from .render import Printer, Style

DIGITS = "₀₁₂₃₄₅₆₇₈₉"
LOWERED = DIGITS + "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ′"
BAR = "\u0304"
SUBSCRIPT = str.maketrans("0123456789aehijklmnoprstuvx", LOWERED[:-1])
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
FUNCTIONS = {
    "sigmoid": "σ", "sigmoid_prime": "σ′", "tanh_prime": "tanh′", "sqrt": "√", "log": "ln", "stop": "sg",
}  # fmt: skip
BETWEEN = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠", "and": "∧", "or": "∨"}
BIG = {"sum": "Σ", "prod": "Π"}


def greek(base: str) -> str:
    """Return a name with the Greek letter it spells, also under a bar: alphā is ᾱ."""
    bare = base.removesuffix(BAR)
    return GREEK.get(bare, bare) + base[len(bare) :]


class Text(Style):
    """Unicode text."""

    def symbol(self, name: str) -> str:
        """Return a name with its subscript: W₁, W_{i+1}."""
        if name.startswith(D):
            return f"d{self.symbol(name[1:])}"
        base, sub = split_name(name)
        base = greek(base)
        if sub.isdigit():
            return base + sub.translate(SUBSCRIPT)
        return f"{base}_{sub}" if len(sub) == 1 else f"{base}_{{{sub}}}" if sub else base

    def number(self, value: Fraction | float) -> str:
        """Return a number."""
        return number(value)

    def function(self, name: str, args: Sequence[str]) -> str:
        """Return a function applied: σ(z), [z > 0], |x|."""
        if name in BETWEEN:
            return f"[{args[0]} {BETWEEN[name]} {args[1]}]"
        if name == "abs":
            return f"|{args[0]}|"
        if name == "not":
            return f"(1 − {args[0]})"
        if name == "sqrt" and args[0].isalnum():
            return f"√{args[0]}"
        inside = args[0] if len(args) == 1 and args[0][0] == "(" and _enclosed(args[0]) else f"({', '.join(args)})"
        return FUNCTIONS.get(name, name) + inside

    def power(self, base: str, exponent: Fraction, scalar: bool) -> str:
        """Return a power: x², or X^∘2 entry by entry."""
        whole = exponent.denominator == 1
        raised = str(exponent).translate(SUPERSCRIPT) if whole else f"^({exponent})"
        return base + (raised if scalar else f"^∘{exponent}" if whole else f"^∘({exponent})")

    def fraction(self, above: str, below: str) -> str:
        """Return a quotient in front: (1/N)."""
        fenced = below[0] == below[-1] and below[0] in "‖|" and below.count(below[0]) == 2
        bare = below.lstrip("√").isalnum() or _enclosed(below) or fenced
        below = below if bare else f"({below})"
        return f"({above}/{below})"

    def indexed(self, name: str, indices: Sequence[str]) -> str:
        """Return an entry: Xᵢⱼ, W₁ᵢⱼ, δ_{i,j}."""
        if name.startswith(D):
            return f"d{self.indexed(name[1:], indices)}"
        base, sub = split_name(name)
        own = sub.translate(SUBSCRIPT) if sub.isdigit() else sub
        inside = "".join(indices).translate(SUBSCRIPT)
        if any(c in LOWERED for c in own) == bool(own) and all(c in LOWERED for c in inside):
            return greek(base) + own + ("‚" if own and inside[0] in DIGITS else "") + inside
        shown = "".join(indices) if all(len(i) == 1 for i in indices) else ",".join(indices)
        shown = f"{sub},{shown}" if sub else shown
        return f"{greek(base)}_{shown if len(shown) == 1 else f'{{{shown}}}'}"

    def labelled(self, name: str, labels: Sequence[str]) -> str:
        """Return an entry: X[N n]."""
        return f"{self.symbol(name)}[{' '.join(labels)}]"

    def entry(self, whole: str, indices: Sequence[str], labels: bool) -> str:
        """Return an entry of what has no name: inv(A)ᵢⱼ."""
        inside = "".join(indices).translate(SUBSCRIPT)
        lowered = not labels and all(c in LOWERED for c in inside)
        return whole + (inside if lowered else f"[{(' ' if labels else ',').join(indices)}]")

    def block(self, items: Sequence[str], axis: int) -> str:
        """Return pieces below or beside each other: [0; r], [A, B]."""
        return f"[{(', ' if axis else '; ').join(items)}]"

    def big(self, name: str, indices: Sequence[str], body: str) -> str:
        """Return a reduction: Σⱼ …."""
        inside = "".join(indices).translate(SUBSCRIPT)
        lowered = all(c in LOWERED for c in inside)
        shown = inside if lowered else f"_{indices[0]}" if len(indices) == 1 else f"_{{{' '.join(indices)}}}"
        return f"{BIG.get(name, name)}{shown} {body}"

    def gradient(self, of: str, order: int = 1) -> str:
        """Return ∇f, ∇²f."""
        return f"∇{str(order).translate(SUPERSCRIPT) if order > 1 else ''}{of}"

    def partial(self, of: str, by: Sequence[str]) -> str:
        """Return ∂f/∂x."""
        order = str(len(by)).translate(SUPERSCRIPT) if len(by) > 1 else ""
        return f"∂{order}{of}/{''.join('∂' + x for x in by)}"

    def ratio(self, above: str, below: str, several: bool) -> str:
        """Return a / b."""
        return f"{above} / ({below})" if several else f"{above} / {below}"

    def range(self, index: str, values: str, also: Sequence[str]) -> str:
        """Return where a recursion holds: (i = 1, …, L, a₀ = x)."""
        return f"({', '.join([f'{index} = {values}', *also])})"

    def each(self, indices: Sequence[str]) -> str:
        """Return for which members of a family an equation holds."""
        return f"(for each {', '.join(indices)})"

    def transposed(self, inner: str) -> str:
        """Return Xᵀ."""
        return inner + "ᵀ"

    def inverted(self, inner: str, transposed: bool = False) -> str:
        """Return X⁻¹ or X⁻ᵀ."""
        return inner + ("⁻ᵀ" if transposed else "⁻¹")

    def join(self, factors: Sequence[str]) -> str:
        """Return factors side by side; single letters touch: Xw, Xᵀ(…) but W₁ x."""
        text, before = "", ""
        for f in factors:
            letters = all(len(x) == 1 and x.isalpha() for x in (before.rstrip("ᵀ⁻¹"), f.rstrip("ᵀ⁻¹")))
            text += ("" if not text or letters else " ") + f
            before = f
        return text


def _enclosed(text: str) -> bool:
    """Say whether one pair of brackets holds the whole text."""
    depth = 0
    for n, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return text[0] in "(√" and n == len(text) - 1 and c == ")"
    return False


def split_name(name: str) -> tuple[str, str]:
    """Return base and subscript of a name, where the subscript may be symbolic: ``W_{i+1}``."""
    if "_{" in name:
        base, sub = name[:-1].split("_{", 1)
        return base, sub
    if len(name) > 2 and name[-2] == "_":
        return name[:-2], name[-1]
    return numbered(name)


def typeset_name(name: str) -> tuple[str, list[str]]:
    """Return base and subscripts of a name as it is typeset: also W_q for ``Wq``, W_out for ``W_out``.

    >>> typeset_name("Wq"), typeset_name("b_out"), typeset_name("Wq_12"), typeset_name("loss")
    (('W', ['q']), ('b', ['out']), ('W', ['q', '12']), ('loss', []))
    """
    base, sub = split_name(name)
    head, _, tail = base.partition("_")
    if len(base) == 2 and base[0].isupper() and base[1].islower():
        base, tail = base[0], base[1]
    elif len(head) == 1 and tail.isalnum():
        base = head
    else:
        tail = ""
    return base, [s for s in (tail, sub) if s]


def number(value: Fraction | float) -> str:
    """Return a number as people write it: 2, 1/2, 0.044715."""
    if not isinstance(value, Fraction):
        return {"inf": "∞", "-inf": "−∞"}.get(str(value), str(value))
    if value.denominator == 1:
        return str(value.numerator)
    mantissa, power = scientific(value)
    if power:
        return f"{mantissa + '·' if mantissa != '1' else ''}10{str(power).translate(SUPERSCRIPT)}"
    return mantissa if is_decimal(value) else str(value)


def scientific(value: Fraction) -> tuple[str, int]:
    """Return a decimal number as mantissa and power of ten; no power where it reads well without.

    >>> scientific(Fraction("0.00001")), scientific(Fraction("0.044715"))
    (('1', -5), ('0.044715', 0))
    """
    mantissa, _, power = f"{float(value):.12g}".partition("e")
    return mantissa, int(power or 0) if is_decimal(value) else 0


text = Printer(Text())
