"""The chain rule on expressions: cotangents pulled back from the output, array by array.

The cotangent of an array is an expression in the array's own axes and, for a Jacobian, in the axes of the output:
J[o, i] starts as the identity δ(o, i) at the output and ends as the derivative at an input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..expressions.build import ONE, ZERO, add, fn, mul, num, power, size, total
from ..expressions.expr import Add, Along, Array, At, Expr, Fn, Index, Mul, Num, Pos, Pow, Reduce, temporary
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from .derivatives import PARTIALS, PULLBACKS, REDUCTIONS


def cotangents(
    output: Expr, seed: Expr, inputs: Iterable[Array], wrap: Mapping[Array, str], rows: Sequence[Index] = (),
    rules: Mapping[Array, Any] = MappingProxyType({}),
) -> tuple[dict[Array, Expr], dict[Array, Array]]:  # fmt: skip
    """Return the cotangents of the inputs, and the arrays that the cotangents of the arrays in ``wrap`` became.

    ``output`` and its cotangent ``seed`` are expressions in the same indices and, the seed, in ``rows``.
    A cotangent of an array is an expression in the array's axes and in ``rows``; ``rules`` say what pulls a cotangent
    back through a symbol.
    """
    made: dict[Array, Array] = {}
    found: dict[Array, list[Expr]] = {}
    order = users_first(output, rules)
    _pull(output, seed, frozenset(output.free), found)
    for array in order:
        cotangent = add(found.pop(array, ()))
        if cotangent is ZERO or (array.body is None and array not in rules):
            found[array] = [cotangent]
            continue
        if array in wrap and not isinstance(cotangent, At | Num):
            made[array] = Array("", array.dims, cotangent, "real")
            cotangent = At(made[array], tuple(0 if i.size == 1 else i for i in made[array].axes))
        if array in rules:
            for expr, w, scope in rules[array].pulled(cotangent, rows):
                _pull(expr, w, scope, found)
            continue
        assert array.body is not None
        fresh = {i: temporary(i.size) for i in array.axes}
        body, here = rename(array.body, fresh), rename(cotangent, fresh)
        _pull(body, here, frozenset(t for i, t in fresh.items() if i.size != 1), found)
    return {a: add(found.get(a, ())) for a in inputs}, made


def users_first(output: Expr, rules: Mapping[Array, Any] = MappingProxyType({})) -> list[Array]:
    """Return the arrays below an expression, each before those its body or its rule uses."""
    done: dict[Array, None] = {}

    def visit(expr: Expr, seen: set[Expr]) -> None:
        if expr in seen:
            return
        seen.add(expr)
        for child in expr.children:
            visit(child, seen)
        if isinstance(expr, At) and expr.array not in done:
            if expr.array.body is not None:
                visit(expr.array.body, set())
            for below in rules[expr.array].inputs if expr.array in rules else ():
                visit(below.expr, set())
            done[expr.array] = None

    visit(output, set())
    return list(done)[::-1]


def _pull(expr: Expr, w: Expr, scope: frozenset[Index], found: dict[Array, list[Expr]]) -> None:
    """Pull the cotangent of an expression, seen as a function of the indices in scope, back to the arrays in it."""
    pending = {expr: [_restricted(w, scope, expr)]}
    for node in _parents_first(expr):
        w = add(pending.pop(node, ()))
        if w is ZERO:
            continue
        if isinstance(node, At):
            _at_entry(node, w, found)
        elif isinstance(node, Reduce | Along):
            _inside(node, w, found)
        else:
            for child, partial in zip(node.children, _partials(node), strict=True):
                if partial is not ZERO:
                    pending.setdefault(child, []).append(_restricted(mul((w, partial)), node.free, child))


def _restricted(w: Expr, scope: frozenset[Index], expr: Expr) -> Expr:
    """Sum a cotangent over the indices that an expression does not depend on."""
    gone = tuple(sorted(scope - expr.free, key=lambda i: i.name))
    return total(gone, w) if gone else w


def _parents_first(expr: Expr) -> list[Expr]:
    """Return the nodes of an expression that bind nothing around them, parents before children."""
    done: dict[Expr, None] = {}

    def visit(node: Expr) -> None:
        if node not in done:
            for child in () if isinstance(node, Reduce | Along) else node.children:
                visit(child)
            done[node] = None

    visit(expr)
    return list(done)[::-1]


def _partials(node: Expr) -> list[Expr]:
    """Return the derivative of a node with respect to each of its children."""
    kids = node.children
    match node:
        case Add():
            return [ONE] * len(kids)
        case Mul():
            return [mul([*kids[:n], *kids[n + 1 :]]) for n in range(len(kids))]
        case Pow():
            return [mul((Num(node.exponent), power(node.base, node.exponent - 1)))]
        case Fn():
            if kids and node.name not in PARTIALS:
                raise UnreadableError(f"no derivative for the function {node.name!r} yet")
            return [PARTIALS[node.name][n](*kids) for n in range(len(kids))]
    return []


def _inside(node: Reduce | Along, w: Expr, found: dict[Array, list[Expr]]) -> None:
    """Pull a cotangent into the body of a reduction or of a function of axes."""
    bound = node.indices if isinstance(node, Reduce) else node.inner
    table = REDUCTIONS if isinstance(node, Reduce) else PULLBACKS
    if node.name not in table or len(node.children) > 1:
        raise UnreadableError(f"no derivative for {node.name!r} yet")
    fresh = {i: temporary(i.size) for i in bound}
    inner = tuple(fresh.values())
    body = rename(node.children[0], fresh)
    pulled = table[node.name](node, inner, body, w)
    _pull(body, pulled, body.free | frozenset(inner), found)


def _at_entry(node: At, w: Expr, found: dict[Array, list[Expr]]) -> None:
    """Add a cotangent of an entry to that of its array: where indices are fixed or fall together, by a δ."""
    array = node.array
    if array.kind == "int":
        return
    mapping: dict[Index, Index] = {}
    deltas = []
    for own, index in zip(array.axes, node.indices, strict=True):
        if own.size == 1:
            continue
        if isinstance(index, int):
            deltas.append(fn("eq", Pos(own), num(index) if index >= 0 else _from_end(own, index)))
        elif index in mapping:
            deltas.append(fn("eq", Pos(own), Pos(mapping[index])))
        else:
            mapping[index] = own
    found.setdefault(array, []).append(mul([rename(w, mapping), *deltas]))


def _from_end(index: Index, position: int) -> Expr:
    return add((size(index.size), num(position)))


def identity(axes: Sequence[Index], rows: Sequence[Index]) -> Expr:
    """Return δ(row, axis) for each pair: the derivative of an array by itself."""
    return mul(fn("eq", Pos(a), Pos(r)) for a, r in zip(axes, rows, strict=True) if a.size != 1)
