"""Renaming indices, and the canonical names of those that a sum or a function of axes binds.

Where two indices fall together or become fixed, the expression may simplify and is built anew.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from .expr import Add, Along, Array, At, Expr, Fn, Index, Mul, Num, Pos, Pow, Reduce, axis, head, temporary, walk

Mapping_ = Mapping[Index, "Index | int"]


def rename(expr: Expr, mapping: Mapping_) -> Expr:
    """Return the expression with free indices replaced; bound ones move out of the way.

    Where no two indices fall together the result is as simple as before and only sorted again.
    """
    mapping = {k: v for k, v in mapping.items() if k in expr.free and k is not v}
    if not mapping:
        return expr
    values = set(mapping.values())
    apart = len(values) == len(mapping) and not values & (expr.free - mapping.keys())
    if apart and all(isinstance(v, Index) for v in values):
        return _moved(expr, mapping, values, {})
    return _merged(expr, mapping, {})


def _moved(node: Expr, mapping: Mapping_, values: set[Index | int], memo: dict[Expr, Expr]) -> Expr:
    """Rename one to one: shapes stay, only the order of terms and factors is made canonical again."""
    if not any(i in mapping for i in node.free):
        return node
    if node in memo:
        return memo[node]
    new: Expr
    match node:
        case At():
            new = At(node.array, tuple(mapping.get(i, i) if isinstance(i, Index) else i for i in node.indices))
        case Pos():
            new = Pos(mapping[node.index])
        case Reduce() if any(i in values or i in mapping for i in node.indices):
            fresh = {i: temporary(i.size) for i in node.indices}
            body = _moved(_moved(node.body, fresh, set(fresh.values()), {}), mapping, values, {})
            new = bound(node.name, tuple(fresh.values()), body)
        case Reduce():
            new = Reduce(node.name, node.indices, (_moved(node.body, mapping, values, memo),))
        case Along() if any(i in values or i in mapping for i in node.inner):
            fresh = {i: temporary(i.size) for i in node.inner}
            stepped = [_moved(c, fresh, set(fresh.values()), {}) for c in node.children]
            bodies = tuple(_moved(c, mapping, values, {}) for c in stepped)
            new = whole(node.name, _each(node.outer, mapping), tuple(fresh.values()), bodies)
        case Along():
            kids = tuple(_moved(c, mapping, values, memo) for c in node.children)
            new = _turned(Along(node.name, _each(node.outer, mapping), node.inner, kids))
        case _:
            kids = tuple(_moved(c, mapping, values, memo) for c in node.children)
            new = node.with_children(arranged(node, kids))
    memo[node] = new
    return new


SYMMETRIC = frozenset({"max", "min", "eq", "ne", "and", "or"})


def arranged(node: Expr, children: Iterable[Expr]) -> tuple[Expr, ...]:
    """Return children in the canonical order of the node's type."""
    if isinstance(node, Add):
        return tuple(sorted(children, key=term_key))
    if isinstance(node, Pow) and even(node.exponent):
        return tuple(map(unsigned, children))
    if isinstance(node, Mul):
        children = _signs_out(tuple(children))
    if isinstance(node, Mul) or (isinstance(node, Fn) and node.name in SYMMETRIC):
        return tuple(sorted(children, key=lambda c: c.key))
    return tuple(children)


def _signs_out(factors: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return factors with b - a written as -(a - b), the sign in the number in front."""
    turned = tuple(unsigned(f) for f in factors)
    if sum(t is not f for t, f in zip(turned, factors, strict=True)) % 2 == 0:
        return turned
    negated = _negated(Mul(turned))
    return negated.children if isinstance(negated, Mul) else (negated,)


def even(exponent: Fraction) -> bool:
    """Say whether a power is the same for x and for −x."""
    return exponent.numerator % 2 == 0


def unsigned(base: Expr) -> Expr:
    """Return x or −x, whichever has its first term positive: (−xᵢ + xⱼ)² is (xᵢ − xⱼ)²."""
    if not isinstance(base, Add) or not _negative(base.children[0]):
        return base
    return Add(tuple(map(_negated, base.children)))


def _negative(term: Expr) -> bool:
    first = term.children[0] if isinstance(term, Mul) else term
    return isinstance(first, Num) and first.value < 0


def _negated(term: Expr) -> Expr:
    first, *rest = term.children if isinstance(term, Mul) else (term,)
    if not isinstance(first, Num):
        return Mul((Num(Fraction(-1)), first, *rest))
    if first.value == -1 and rest:
        return rest[0] if len(rest) == 1 else Mul(tuple(rest))
    return Mul((Num(-first.value), *rest)) if rest else Num(-first.value)


def term_key(term: Expr) -> tuple[Any, ...]:
    """Order terms by what stands behind their numeric coefficient."""
    if isinstance(term, Mul) and isinstance(term.children[0], Num):
        rest = term.children[1:]
        return ((rest[0] if len(rest) == 1 else Mul(rest)).key, term.key)
    return (term.key, term.key)


def _merged(node: Expr, mapping: Mapping_, memo: dict[Expr, Expr]) -> Expr:
    """Rename where indices fall together or become fixed: the node may simplify and is built anew."""
    from .build import rebuild, reduce  # the constructors need rename for bound indices

    if not any(i in mapping for i in node.free):
        return node
    if node in memo:
        return memo[node]
    new: Expr
    match node:
        case At():
            new = At(node.array, tuple(mapping.get(i, i) if isinstance(i, Index) else i for i in node.indices))
        case Pos():
            where = mapping[node.index]
            new = _position(where, node.index) if isinstance(where, int) else Pos(where)
        case Along():
            new = _entry_of_along(node, mapping)
        case Reduce():
            fresh = {i: temporary(i.size) for i in node.indices}
            body = _merged(rename(node.body, fresh), mapping, {})
            new = reduce(node.name, tuple(fresh.values()), body)
        case _:
            new = rebuild(node, tuple(_merged(c, mapping, memo) for c in node.children))
    memo[node] = new
    return new


def _position(where: int, index: Index) -> Expr:
    """Return a fixed position as a number; it counts from the end if it is negative."""
    from .build import add, num, size

    return num(where) if where >= 0 else add((size(index.size), num(where)))


def _each(indices: tuple[Index, ...], mapping: Mapping_) -> tuple[Any, ...]:
    return tuple(mapping.get(i, i) for i in indices)


def _entry_of_along(node: Along, mapping: Mapping_) -> Expr:
    """Rename a function of axes; where its own axes fall together or are fixed, as an entry of an array of its own."""
    from .build import along

    fresh = {i: temporary(i.size) for i in node.inner}
    inside = {i: j for i, j in mapping.items() if i not in node.outer}
    bodies = [rename(rename(c, fresh), inside) for c in node.children]
    moved = _each(node.outer, mapping)
    rest = frozenset().union(*(b.free for b in bodies)) - set(fresh.values())
    if all(isinstance(i, Index) and i not in rest for i in moved) and len(set(moved)) == len(moved):
        return along(node.name, moved, tuple(fresh.values()), *bodies)
    others = sorted(rest, key=lambda i: (len(i.name), i.name))
    dims = tuple(i.size for i in (*node.outer, *others))
    places = {i: temporary(i.size) for i in (*node.outer, *others)}
    outer = tuple(places[i] for i in node.outer)
    value = along(node.name, outer, tuple(fresh.values()), *(rename(b, places) for b in bodies))
    body = rename(value, {t: axis(n, t.size) for n, t in enumerate(places.values())})
    return At(Array("", dims, body, "real"), (*moved, *others))


def whole(name: str, outer: tuple[Index, ...], inner: tuple[Index, ...], bodies: tuple[Expr, ...]) -> Along:
    """Return a function of axes with canonical names for what it binds."""
    canonical = _canonical(bodies, inner)
    return _turned(Along(name, outer, tuple(canonical.values()), tuple(rename(b, canonical) for b in bodies)))


def _turned(node: Along) -> Along:
    from .symmetry import turned  # which renames

    return turned(node)


def _canonical(bodies: Iterable[Expr], order: Iterable[Index]) -> dict[Index, Index]:
    """Return canonical names, in the given order, for indices that are bound around the bodies."""
    bodies, order = tuple(bodies), tuple(order)
    taken = {i.name for b in bodies for i in b.free} - {i.name for i in order}
    first = max(b.height for b in bodies)
    while any(f"b{first + n}" in taken for n in range(len(order))):
        first += 1  # inside an outer sum that is being rebuilt; its turn comes and the names fall into place
    return {i: Index(f"b{first + n}", i.size) for n, i in enumerate(order)}


def bound(name: str, indices: tuple[Index, ...], body: Expr) -> Reduce:
    """Return the reduction with canonical names for what it binds, so that equal sums are identical.

    Indices are ordered by where they stand; of the orders of those that stand alike, the one with the smallest key.
    """
    places = {i: (str(i.size), occurrence(body, i)) for i in indices}
    alike = [list(g) for _, g in itertools.groupby(sorted(indices, key=places.__getitem__), key=places.__getitem__)]
    orders: Iterable[tuple[Index, ...]] = [tuple(itertools.chain(*alike))]
    if 1 < math.prod(math.factorial(len(g)) for g in alike) <= MOST_ORDERS / body.weight:
        orders = (tuple(itertools.chain(*o)) for o in itertools.product(*map(itertools.permutations, alike)))
    return min((_bound(name, order, body) for order in orders), key=lambda r: r.key)


MOST_ORDERS = 2400  # of indices that stand alike, times what is renamed: five around a cycle, three in a long sum


def _bound(name: str, order: tuple[Index, ...], body: Expr) -> Reduce:
    canonical = _canonical((body,), order)
    moving = {i: c for i, c in canonical.items() if i is not c}
    return Reduce(name, tuple(canonical[i] for i in order), (rename(body, moving),))


def occurrence(expr: Expr, index: Index) -> tuple[str, ...]:
    """Describe where an index stands in an expression without using any name of an index."""
    places: list[str] = []
    for _, node in walk(expr):
        if isinstance(node, At) and index in node.indices:
            places.append(f"{node.array.key}{[n for n, i in enumerate(node.indices) if i is index]}")
        elif isinstance(node, Pos) and index is node.index:
            places.append("Pos")
        elif isinstance(node, Along) and index in node.outer:
            places.append(f"{node.name}{node.outer.index(index)}")
    return tuple(sorted(places))


def opened(node: At) -> Expr:
    """Return the body of the array a value's entry belongs to, at that entry."""
    assert node.array.body is not None
    return rename(node.array.body, dict(zip(node.array.axes, node.indices, strict=True)))


def peel(expr: Expr, *types: type[Expr]) -> Expr:
    """Look through names: the expression behind an entry of a value, if it is of one of the types."""
    if types and not isinstance(head(expr), types):
        return expr
    while isinstance(expr, At) and expr.array.body is not None and (inside := opened(expr)) is not expr:
        expr = inside
    return expr
