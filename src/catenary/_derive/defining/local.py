"""The local derivative of each definition: a linear map from the differentials of what it is made of.

z = Xw + b gives dz = X dw + db.  It is the definition's Jacobian, by the same table of derivatives as the whole,
contracted with the differentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..calculus.differentiate import cotangents, identity, users_first
from ..expressions.build import ONE, ZERO, add, mul, rebuild, total
from ..expressions.expr import Along, Array, At, Expr, Fn, Index, temporary
from ..expressions.rename import rename
from ..reading.names import D
from .share import abstracted


def differentials(
    definitions: Iterable[tuple[str, Array, Expr]], value: Expr, rows: Sequence[Index], varying: Iterable[str],
    names: Mapping[Array, str],
) -> tuple[list[tuple[str, Array, Expr]], Expr]:  # fmt: skip
    """Return the differential of each definition that varies, and of the value, which is over ``rows``.

    ``varying`` are the names of the inputs that vary; the differential of ``z`` is called ``D + "z"``.
    """
    moving = set(varying)
    functions: dict[Expr, Array] = {}  # the derivative of softmax is said by its value
    found = []
    for name, array, body in definitions:
        axes = tuple(i for i in array.axes if i.size != 1)
        body = _opaque(body, names, {})
        if isinstance(body, Fn | Along) and len(axes) == len(array.dims):
            functions[body] = Array(name, array.dims, None, "real")
        local = differential(body, axes, moving)
        if local is not ZERO:
            found.append((D + name, array, abstracted(local, functions)))
            moving.add(name)
    last = differential(_opaque(value, names, {}), rows, moving)
    return found, abstracted(last, functions)


def differential(expr: Expr, axes: Sequence[Index], moving: set[str]) -> Expr:
    """Return the differential of an expression over axes, linear in those of the arrays that move."""
    distinct = [array for array in reversed(users_first(expr)) if array.symbol in moving]
    here = [i for i in axes if i in expr.free]
    rows = {i: Index(f"r{n}", i.size) for n, i in enumerate(here)}
    seed = identity(here, list(rows.values())) if rows else ONE
    jacobian, _ = cotangents(expr, seed, distinct, {}, list(rows.values()))
    terms = [_contracted(jacobian[a], a) for a in distinct]
    return rename(add(terms), {r: i for i, r in rows.items()})


def _contracted(jacobian: Expr, array: Array) -> Expr:
    """Return Σ J dA over the axes of A."""
    wide = {i: temporary(i.size) for i in array.axes if i.size != 1}
    d = Array(D + array.symbol, array.dims, None, "real")
    entry = At(d, tuple(wide.get(i, 0) for i in array.axes))
    return total(tuple(wide.values()), mul((rename(jacobian, wide), entry)))


def _opaque(expr: Expr, names: Mapping[Array, str], memo: dict[Expr, Expr]) -> Expr:
    """Return an expression with arrays that have a name in the place of their definitions."""
    if expr not in memo:
        if isinstance(expr, At) and expr.array in names:
            # as definitions are written: without axes of size 1
            wide = [(d, i) for d, i in zip(expr.array.dims, expr.indices, strict=True) if d != 1]
            kind = "symmetric" if expr.array.symmetric else expr.array.kind
            array = Array(names[expr.array], tuple(d for d, _ in wide), None, kind)
            memo[expr] = At(array, tuple(i for _, i in wide))
        elif isinstance(expr, At) and (body := expr.array.body) is not None:
            array = Array("", expr.array.dims, _opaque(body, names, memo), expr.array.kind)
            memo[expr] = At(array, expr.indices)
        else:
            kids = tuple(_opaque(c, names, memo) for c in expr.children)
            memo[expr] = expr if kids == expr.children else rebuild(expr, kids)
    return memo[expr]
