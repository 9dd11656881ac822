"""Positions: what is read at i + 1 or 2 i is a sum with an indicator, Σ_k [k = i + 1] x[k].

A slice, a pad, a block of a concatenation and a convolution are so all made of products and sums: they need no node
and no derivative of their own.  This file keeps such indicators in one form and answers what can be proved of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import gcd

from . import build
from .expr import Add, Along, At, Dim, Expr, Fn, Index, Mul, Num, Pos, Pow, Reduce, Size, walk

Terms = dict[Index, int]


def affine(expr: Expr) -> tuple[Terms, Expr] | None:
    """Return the whole coefficients of the positions in an expression, and the rest, if that is all there is."""
    found: Terms = {}
    rest = []
    for term in expr.children if isinstance(expr, Add) else (expr,):
        c, body = build.split(term)
        if isinstance(body, Pos) and c.denominator == 1:
            found[body.index] = found.get(body.index, 0) + int(c)
        elif not term.free and all(isinstance(n, Num | Dim | Mul | Pow | Add) for _, n in walk(term)):
            rest.append(term)
        else:
            return None
    return found, build.add(rest)


def combined(terms: Iterable[tuple[int | Fraction, Expr]]) -> Expr:
    """Return a sum of multiples, multiplied out."""
    flat = []
    for c, x in terms:
        for t in x.children if isinstance(x, Add) else (x,):
            number, rest = build.split(t)
            inner = rest.children if isinstance(rest, Add) else (rest,)
            flat += [build.mul((Num(c * number), k)) for k in inner]
    return build.add(flat)


def difference(a: Expr, b: Expr) -> Expr:
    """Return a - b, multiplied out."""
    return combined([(1, a), (-1, b)])


def least(number: Expr) -> int | None:
    """Return a lower bound of a polynomial in sizes, each of which is at least 1, or ``None``."""
    bound = 0
    for term in number.children if isinstance(number, Add) else (number,):
        c, rest = build.split(term)
        if c.denominator != 1 or (c < 0 and rest is not build.ONE):
            return None
        bound += int(c)
    return bound


def extremes(terms: Terms, rest: Expr) -> tuple[Expr, Expr]:
    """Return the smallest and the largest value of Σ c i + rest."""
    ends = [(c, difference(build.size(i.size), build.ONE)) for i, c in terms.items()]
    low = combined([(1, rest), *((c, end) for c, end in ends if c < 0)])
    return low, combined([(1, rest), *((c, end) for c, end in ends if c > 0)])


def _within(low: Expr, high: Expr, size: Size) -> bool:
    above = least(difference(difference(build.size(size), build.ONE), high))
    below = least(low)
    return above is not None and above >= 0 and below is not None and below >= 0


def canonical(a: Expr, b: Expr) -> tuple[Expr, Expr] | None:
    """Return the two sides of a = b with every position on the side where it is added; ``None`` if it is no such."""
    form = affine(difference(a, b))
    if form is None:
        return None
    terms, rest = form
    if not terms:
        apart = any((least(combined([(c, rest)])) or 0) > 0 for c in (1, -1))
        return (build.ZERO, build.ONE) if apart else None
    terms = {i: c for i, c in terms.items() if c}
    scale = gcd(*terms.values(), *([int(rest.value)] if isinstance(rest, Num) and rest is not build.ZERO else []))
    if isinstance(rest, Num) and scale > 1:
        terms, rest = {i: c // scale for i, c in terms.items()}, Num(Fraction(rest.value) / scale)
    sign = 1 if _leading(rest) > 0 else -1
    sides = []
    for side in (1, -1):
        own = [(side * c, Pos(i)) for i, c in terms.items() if side * c > 0]
        sides.append(combined([*own, *([(side, rest)] if sign == side else [])]))
    low, high = extremes(terms, rest)
    for gap in (low, combined([(-1, high)])):
        if (least(gap) or 0) > 0:
            return build.ZERO, build.ONE  # they never meet
    return sides[0], sides[1]


def _leading(rest: Expr) -> Fraction:
    """Return the coefficient that decides on which side a constant stands: that of a size before a number."""
    terms = rest.children if isinstance(rest, Add) else (rest,)
    return build.split(max(terms, key=lambda t: (build.split(t)[1] is not build.ONE, t.key)))[0]


def solved(factor: Expr, index: Index) -> Expr | None:
    """Return E where the factor is [index = E], and E is always a position of that axis."""
    position = solution(factor, index)
    form = affine(position) if position is not None else None
    return position if form is not None and _within(*extremes(*form), index.size) else None


def solution(factor: Expr, index: Index) -> Expr | None:
    """Return E where the factor is [index = E]; E may leave the axis."""
    if not (isinstance(factor, Fn) and factor.name == "eq"):
        return None
    form = affine(difference(*factor.children))
    if form is None or abs(form[0].get(index, 0)) != 1:
        return None
    terms, rest = form
    sign = -terms[index]
    others = [(sign * c, Pos(i)) for i, c in terms.items() if i is not index]
    return combined([*others, (sign, rest)])


def fixed(factor: Expr, index: Index) -> int | None:
    """Return p where the factor is [index = p], as a number that counts from the end if it is negative."""
    if index.size == 1 or not only_positions(factor):
        return None
    form = affine(difference(*factor.children))
    if form is None or form[0].keys() != {index} or abs(form[0][index]) != 1:
        return None
    where = combined([(-form[0][index], form[1])])
    return counted(where, index.size)


def counted(where: Expr, axis: Size) -> int | None:
    """Return a position as a number, counted from the end if it is the size less a number."""
    if isinstance(where, Num) and isinstance(where.value, Fraction):
        return int(where.value)
    behind = difference(where, build.size(axis))
    return int(behind.value) if isinstance(behind, Num) and behind.value < 0 else None


def substituted(expr: Expr, index: Index, where: Expr) -> Expr:
    """Return an expression made of positions with another position in the place of an index."""
    if isinstance(expr, Pos):
        return where if expr.index is index else expr
    if index not in expr.free or not expr.children:
        return expr
    return build.rebuild(expr, tuple(substituted(c, index, where) for c in expr.children))


def only_positions(expr: Expr) -> bool:
    """Say whether an expression is made of positions alone, such as an indicator."""
    return not any(isinstance(node, At | Reduce | Along) for _, node in walk(expr))


def text(number: Expr) -> Size:
    """Return a number as the size of an axis: an integer, or a polynomial in names."""
    if isinstance(number, Num):
        return int(number.value)
    written = ""
    terms = list(number.children if isinstance(number, Add) else (number,))
    for t in sorted(terms, key=lambda t: isinstance(t, Num)):
        c, rest = build.split(t)
        factors = (
            [] if rest is build.ONE else [_power(f) for f in (rest.children if isinstance(rest, Mul) else (rest,))]
        )
        body = "*".join(([] if abs(c) == 1 and factors else [str(abs(c))]) + factors)
        written += (" - " if c < 0 else " + " if written else "") + body
    return written.strip() if not written.startswith(" - ") else "- " + written[3:]


def _power(factor: Expr) -> str:
    if isinstance(factor, Pow):
        return f"{_power(factor.base)}^{factor.exponent}"
    return factor.name if isinstance(factor, Dim) else f"({text(factor)})"


FEWEST = 3  # named sizes are taken to be at least this, or the user's own


def plain(size: str) -> Size:
    """Return a size without mod(-k, n), which is n - k for a small k.

    >>> plain("- mod(-1, n) + n"), plain("mod(- 1, n)")
    (1, 'n - 1')
    """
    if "mod(" not in size:
        return size
    simple = re.sub(rf"mod\(- ?([0-{FEWEST}]), (\w+)\)", r"(\2 - \1)", size)
    return text(difference(build.size(simple), build.ZERO)) if "mod(" not in simple else size


def plus(*sizes: Size) -> Size:
    """Return a sum of sizes.

    >>> plus("n - 1", 1), plus(2, 3)
    ('n', 5)
    """
    return text(combined((1, build.size(s)) for s in sizes))


def known_order(a: Size, b: Size) -> bool:
    """Say whether a ≤ b for all sizes.

    >>> known_order("n - 1", "n"), known_order("n", "m")
    (True, False)
    """
    gap = least(difference(build.size(b), build.size(a)))
    return gap is not None and gap >= 0


def minus(a: Size, b: Size) -> Size:
    """Return a difference of sizes.

    >>> minus("n", "n - 2")
    2
    """
    return text(difference(build.size(a), build.size(b)))
