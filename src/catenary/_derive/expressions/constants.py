"""Numbers that have a name: π, ln 2 and roots, found in the literals of a program.

JAX computes √(2/π) before it traces; 0.7978845608028654 is read back where it agrees to the last digits of float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from .build import fn, mul, power
from .expr import Expr, Num

HALF = Fraction(1, 2)
DIGITS = 14  # what a person types has fewer
PI = fn("pi")


def _named() -> Iterator[tuple[float, Expr]]:
    """Yield the constants of which a literal may be a small multiple."""
    for exponent in (Fraction(1), HALF, -HALF, Fraction(-1), Fraction(2)):
        yield math.pi ** float(exponent), power(PI, exponent)
    yield math.log(2), fn("log", Num(Fraction(2)))
    yield math.log(2 * math.pi), fn("log", mul((Num(Fraction(2)), PI)))
    yield math.log(math.pi), fn("log", PI)


NAMED = tuple(_named())


def constant(value: float) -> Expr | None:
    """Return a literal as a small multiple of a constant, or of a constant's root with √2, or ``None``."""
    if len(repr(abs(value)).replace(".", "").strip("0")) < DIGITS:
        return None
    root = Fraction(value * value).limit_denominator(12)
    if root.numerator <= 12 and _equal(math.sqrt(root), abs(value)):
        above, below = (Num(Fraction(n)) for n in (root.numerator, root.denominator))
        return mul((Num(Fraction(1 if value > 0 else -1)), power(above, HALF), power(below, -HALF)))
    for scale, outside in ((1.0, None), (math.sqrt(2), power(Num(Fraction(2)), HALF))):
        for number, expr in NAMED:
            ratio = Fraction(value / (number * scale)).limit_denominator(12)
            if 0 < abs(ratio.numerator) <= 12 and _equal(float(ratio) * number * scale, value):
                return mul([Num(ratio), expr, *([outside] if outside else [])])
    return None


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 4e-16 * abs(b)
