"""Naming again what was written out: known bodies become names, and what is repeated gets one."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from ..calculus.recurrence import Timed
from ..expressions.build import mul, num, power, rebuild, reduce, split
from ..expressions.expr import Add, Along, Array, At, Expr, Fn, Index, Mul, Pow, Reduce, axis
from ..expressions.look import factors
from ..expressions.rename import rename
from ..matrices.recognise import Recogniser, transposes

HALF = Fraction(1, 2)
HEAVY, WORTH = 8, 14  # nodes: what is smaller, or saves less, reads better written out


def abstracted(expr: Expr, patterns: Mapping[Expr, Array]) -> Expr:
    """Return the expression with every occurrence of an array's body replaced by the array's entry."""
    for body, array in patterns.items():
        found = _entry(expr, body, array)
        if found is not None:
            return abstracted(found, patterns) if isinstance(found, Mul) else found
    if not expr.children:
        return expr
    new = tuple(abstracted(c, patterns) for c in expr.children)
    if new == expr.children:
        return expr
    return reduce(expr.name, expr.indices, new[0]) if isinstance(expr, Reduce) else rebuild(expr, new)


def _entry(expr: Expr, body: Expr, array: Array) -> Expr | None:
    """Return the array's entry if the expression is its body, or a product that contains it."""
    if isinstance(body, Mul) and isinstance(expr, Mul):
        return _in_product(expr, body, array)
    if isinstance(body, Pow) and isinstance(expr, Pow) and expr.exponent < body.exponent == HALF:
        root = _entry(Pow(HALF, (expr.base,)), body, array)
        return power(root, 2 * expr.exponent) if root is not None else None
    if type(body) is not type(expr) or body.weight != expr.weight or len(body.free) != len(expr.free):
        return None
    for mapping in renamings(body, expr.free):
        if rename(body, mapping) is expr:
            return _at(array, mapping)
    return None


def _in_product(expr: Mul, body: Mul, array: Array) -> Expr | None:
    """Return the product with the factors of the body replaced by the array's entry."""
    number, wanted = split(body)
    coefficient, _ = split(expr)
    have = factors(split(expr)[1])
    lead = max(factors(wanted), key=lambda f: (len(f.free), f.weight))
    if lead.free != body.free:
        return None
    for f in have:
        if type(f) is not type(lead) or f.weight != lead.weight or len(f.free) != len(lead.free):
            continue
        for mapping in renamings(lead, f.free):
            parts = factors(rename(wanted, mapping))
            if all(p in have for p in parts):
                rest = [h for h in have if h not in parts]
                return mul([num(Fraction(coefficient) / number), *rest, _at(array, mapping)])
    return None


def renamings(pattern: Expr, targets: Iterable[Index]) -> Iterator[dict[Index, Index]]:
    """Yield the one-to-one renamings of a pattern's free indices to others of the same sizes."""
    own = sorted(pattern.free, key=str)
    for order in itertools.permutations(sorted(targets, key=str)):
        mapping = dict(zip(own, order, strict=True))
        if all(i.size == j.size for i, j in mapping.items()):
            yield mapping


def _at(array: Array, mapping: Mapping[Index, Index]) -> At:
    return At(array, tuple(mapping.get(i, 0) for i in array.axes))


def repeated(exprs: Iterable[Expr], before: Iterable[Expr], names: Mapping[Array, str], timed: Timed) -> Array | None:
    """Return as an array the sub-expression of ``exprs`` that is worth a name most, or ``None``.

    What it saves in the lines ``before`` counts too, if those lines say it as a root.  Steps are its first axis.
    """
    nodes = [n for expr in exprs for n in _written(expr, 4000)]
    count = Counter(_canonical(named) for n in nodes if (named := _nameable(n)) is not None)
    powers = [n for expr in before for n in _written(expr, 4000) if isinstance(n, Pow) and n.exponent.denominator == 2]
    powers += [n for n in nodes if isinstance(n, Pow) and n.exponent <= -1 and n.exponent.denominator == 1]
    roots = [_canonical(Pow(HALF, (n.base,))) for n in powers if n.weight >= HEAVY and len(n.free) <= 2]
    count.update(root for root in roots if root in count)
    worth = {body: (n - 1) * body.weight for body, n in count.items() if (n - 1) * body.weight >= WORTH}
    return _upright(max(worth, key=lambda b: (worth[b], b.key)), names, timed) if worth else None


def _nameable(node: Expr) -> Expr | None:
    """Return what would get the name: a root for any odd power of it; numbers only as roots."""
    if isinstance(node, Pow) and node.exponent.denominator == 2:
        node = Pow(HALF, (node.base,))
        return node if node.weight >= HEAVY and len(node.free) <= 2 else None
    heavy = isinstance(node, Add | Fn | Along) and node.weight >= HEAVY
    return node if heavy and 1 <= len(node.free) <= 2 else None


def _upright(body: Expr, names: Mapping[Array, str], timed: Timed) -> Array:
    """Return an expression as an array, its axes in the order that needs the fewest transposes."""
    steps = timed.indices(body)

    def laid(order: tuple[Index, ...]) -> Array:
        places = {i: axis(n, i.size) for n, i in enumerate(order)}
        return Array("", tuple(i.size for i in order), rename(body, places), "real")

    def turns(array: Array) -> int:
        assert array.body is not None
        return transposes(Recogniser(dict(names)).write(array.body, array.axes))

    orders = itertools.permutations(sorted(body.free, key=lambda i: (i not in steps, str(i))))
    return min((laid(o) for o in orders if not steps & body.free or o[0] in steps), key=turns)


def _written(expr: Expr, limit: int) -> Iterator[Expr]:
    """Yield the nodes of an expression as often as they are written, at most ``limit``."""
    stack = [expr]
    while stack and limit > 0:
        node = stack.pop()
        limit -= 1
        yield node
        stack.extend(node.children)


def _canonical(node: Expr) -> Expr:
    """Return the node in the indices of an array's axes, in the order with the smallest key."""
    orders = itertools.permutations(sorted(node.free, key=str))
    choices = [rename(node, {i: axis(n, i.size) for n, i in enumerate(order)}) for order in orders]
    return min(choices, key=lambda c: c.key)
