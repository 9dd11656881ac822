"""Reading what depends on order: sort, argsort, the largest and where it stands, windows of a pool, cumulations."""

from __future__ import annotations

from typing import Any

from ..expressions.build import ZERO, along_axis, num, reduce, total
from ..expressions.dims import Value, dims_of
from ..expressions.expr import Expr, Index, Pos, Size, axis, temporary
from ..expressions.positions import combined
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from .read import Row
from .read_slice import pick, window


def sort(eqn: Any, v: list[Value]) -> list[Expr]:
    """Return the operands in the order of the first: sorted, and the others at the positions of the sorted ones."""
    if eqn.params["num_keys"] != 1:
        raise UnreadableError("a sort by more than one key")
    n, (key, *others) = eqn.params["dimension"], v
    i = axis(n, key.dims[n])
    if i not in key.expr.free:
        return [x.expr for x in v]
    order = along_axis("argsort", i, key.expr)
    moved = [order if x.expr is Pos(i) else pick(x.expr, i, order) for x in others]
    return [along_axis("sort", i, key.expr), *moved]


def largest(eqn: Any, v: list[Value]) -> list[Expr]:
    """Return the k largest, the largest first, and where they stand."""
    n, dims = eqn.params["axis"], dims_of(eqn.outvars[0].aval.shape)
    i = axis(n, v[0].dims[n])
    if i not in v[0].expr.free:
        raise UnreadableError("the largest along an axis that nothing depends on")
    found = [along_axis("reverse", i, along_axis(name, i, v[0].expr)) for name in ("sort", "argsort")]
    return [window(x, i, axis(n, dims[n]), ZERO) for x in found]


def _extreme(name: str) -> Row:
    def read(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
        (n,) = eqn.params["axes"]
        gone = axis(n, v[0].dims[n])
        hidden = temporary(gone.size)
        stay = [m for m in range(len(v[0].dims)) if m != n]
        moved = {axis(m, v[0].dims[m]): axis(k, v[0].dims[m]) for k, m in enumerate(stay)}
        return reduce(name, (hidden,), rename(v[0].expr, {gone: hidden, **moved})) if gone in v[0].expr.free else ZERO

    return read


def _cumulated(name: str) -> Row:
    def read(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
        n = eqn.params["axis"]
        i, body = axis(n, dims[n]), v[0].expr
        if dims[n] == 1:
            return body
        if i not in body.free:
            raise UnreadableError(f"{name} along an axis that nothing depends on")
        if not eqn.params["reverse"]:
            return along_axis(name, i, body)
        return along_axis("reverse", i, along_axis(name, i, along_axis("reverse", i, body)))

    return read


def _pool(name: str) -> Row:
    """Read the sum or the largest of each window of a pool."""

    def read(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
        p, body, inside = eqn.params, v[0].expr, list[Index]()
        if any(d != 1 for d in p["base_dilation"]):
            raise UnreadableError("a pool of a dilated array")
        for n, d in enumerate(v[0].dims):
            length, (low, high) = p["window_dimensions"][n], p["padding"][n]
            if length == p["window_strides"][n] == 1 and low == high == 0:
                continue
            if name != "sum" and (low, high) != (0, 0):
                raise UnreadableError(f"a pool by {name} with padding")
            k, o = temporary(length), axis(n, dims[n])
            places = [(p["window_strides"][n], o), (p["window_dilation"][n], k)]
            where = combined([*((c, Pos(i)) for c, i in places if i.size != 1), (-1, num(int(low)))])
            body = pick(rename(body, {axis(n, d): (hidden := temporary(d))}), hidden, where)
            inside += [k] if length != 1 else []
        return total(tuple(inside), body) if name == "sum" else reduce(name, inside, body)

    return read


READ_ORDER: dict[str, Row] = {
    "argmax": _extreme("argmax"),
    "argmin": _extreme("argmin"),
    "reduce_or": _extreme("max"),
    "reduce_and": _extreme("min"),
    **{name: _cumulated(name) for name in ("cumsum", "cumprod", "cumlogsumexp")},
    "reduce_window_sum": _pool("sum"),
    "reduce_window_max": _pool("max"),
    "reduce_window_min": _pool("min"),
}
