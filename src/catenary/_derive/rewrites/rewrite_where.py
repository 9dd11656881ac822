"""Rewrites of choices: what is known where a condition holds, and where it does not."""

from __future__ import annotations

from ..expressions.build import ONE, ZERO, fn, mul, num, rebuild
from ..expressions.expr import Add, Expr, Fn, Mul, Num, Pow
from ..expressions.look import others

INDICATORS = frozenset({"gt", "ge", "lt", "le", "eq", "ne", "not", "and", "or"})


def known_inside(node: Fn) -> Expr | None:
    """where(c, f(c), g(c)) = where(c, f(1), g(0)); and |u| is u where u > 0."""
    if node.name != "where" or isinstance(node.children[0], Num):
        return None
    c, a, b = node.children
    new = given(a, c, True), given(b, c, False)
    return fn("where", c, *new) if new != (a, b) else None


def known_beside(node: Mul) -> Expr | None:
    """[u > 0] f([u > 0], |u|) = [u > 0] f(1, u)."""
    for n, c in enumerate(node.children):
        if isinstance(c, Fn) and c.name in INDICATORS:
            rest = others(node.children, n)
            new = [given(r, c, True) for r in rest]
            if new != rest:
                return mul([c, *new])
    return None


def given(expr: Expr, condition: Expr, holds: bool) -> Expr:
    """Return an expression as it is where a condition holds, or does not."""
    if expr is condition:
        return ONE if holds else ZERO
    if expr is fn("not", condition):
        return ZERO if holds else ONE
    if isinstance(expr, Fn) and expr.name == "abs":
        sign = _sign(condition, expr.children[0], holds)
        if sign:
            return given(mul((num(sign), expr.children[0])), condition, holds)
    if not isinstance(expr, Fn | Pow | Mul | Add):
        return expr
    kids = tuple(given(c, condition, holds) for c in expr.children)
    return expr if kids == expr.children else rebuild(expr, kids)


def _sign(condition: Expr, u: Expr, holds: bool) -> int:
    """Return the sign that u is known to have."""
    if not isinstance(condition, Fn) or condition.name not in ("gt", "ge"):
        return 0
    left, right = condition.children
    if (right is ZERO and left is u) or (left is ZERO and right is mul((num(-1), u))):
        return 1 if holds else -1
    if (left is ZERO and right is u) or (right is ZERO and left is mul((num(-1), u))):
        return -1 if holds else 1
    return 0


def zero_times(node: Mul) -> Expr | None:
    """[x ≠ 0] x f = x f, with 0 ln 0 = 0."""
    for n, c in enumerate(node.children):
        if isinstance(c, Fn) and c.name == "ne" and ZERO in c.children:
            x = c.children[1] if c.children[0] is ZERO else c.children[0]
            if x in node.children:
                return mul(others(node.children, n))
    return None
