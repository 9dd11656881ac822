"""Reading slices, pads, blocks and updates at fixed places: sums with an indicator of the position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..expressions.build import ONE, ZERO, add, fn, mul, num, size, total
from ..expressions.dims import Value, dims_of
from ..expressions.expr import Expr, Fn, Index, Num, Pos, Size, axis, temporary
from ..expressions.positions import affine, combined, counted, minus, plus, text
from ..expressions.rename import rename
from .read import Row


def in_range(position: Expr) -> Expr:
    """Return a position without JAX's wrapping of negative ones: where(p < 0, p + size, p) is p."""
    if isinstance(position, Fn) and position.name == "where":
        test, _, plain = position.children
        if isinstance(test, Fn) and test.name == "gt" and test.children == (ZERO, plain):
            return plain
    return position


def pick(body: Expr, index: Index, position: Expr) -> Expr:
    """Return the expression at one position of an axis: Σ_k [k = position] body[k]."""
    if index not in body.free:
        return body
    where = counted(position, index.size) if isinstance(position, Num) or not position.free else None
    if where is not None:
        return rename(body, {index: where})
    here = temporary(index.size)
    return total((here,), mul((rename(body, {index: here}), fn("eq", Pos(here), position))))


def window(body: Expr, old: Index, new: Index, start: Expr, stride: int = 1) -> Expr:
    """Return body at start + stride · new along the axis ``old``, which goes."""
    if new.size == old.size and stride == 1:
        return rename(body, {old: new})
    step = combined([(stride, Pos(new))]) if new.size != 1 else ZERO
    return pick(body, old, combined([(1, start), (1, step)]))


def spread(body: Expr, old: Index, new: Index, start: Expr, stride: int = 1) -> Expr:
    """Return body placed at start + stride · old along a longer axis ``new``, with zeros around."""
    if old.size == 1:
        return mul((body, fn("eq", Pos(new), start)))
    here = temporary(old.size)
    place = combined([(1, start), (stride, Pos(here))])
    return total((here,), mul((rename(body, {old: here}), fn("eq", Pos(new), place))))


def _slice(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    starts = dims_of(eqn.params["start_indices"])
    strides = eqn.params["strides"] or [1] * len(dims)
    result = v[0].expr
    for n, d in enumerate(v[0].dims):
        result = window(result, axis(n, d), axis(n, dims[n]), size(starts[n]), int(strides[n]))
    return result


def _dynamic_slice(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    operand, *starts = v
    result = operand.expr
    for n, (d, s) in enumerate(zip(operand.dims, starts, strict=True)):
        result = window(result, axis(n, d), axis(n, dims[n]), in_range(s.expr))
    return result


def _pad(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    value, filling = v
    inside = value.expr if filling.expr is ZERO else add((value.expr, mul((num(-1), filling.expr))))
    for n, (low, high, gap) in enumerate(map(dims_of, eqn.params["padding_config"])):
        if low != 0 or high != 0 or gap != 0:
            inside = spread(inside, axis(n, value.dims[n]), axis(n, dims[n]), size(low), int(gap) + 1)
    return add((inside, filling.expr))


def blocks(parts: Iterable[Value], n: int, dims: tuple[Size, ...]) -> Expr:
    """Return the parts one behind the other along axis ``n``."""
    terms, offset = [], 0
    for part in parts:
        if part.dims[n] == dims[n]:
            return part.expr
        if part.expr is not ZERO:
            terms.append(spread(part.expr, axis(n, part.dims[n]), axis(n, dims[n]), size(offset)))
        offset = plus(offset, part.dims[n])  # type: ignore[assignment]
    return add(terms)


def _concatenate(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    return blocks([p for p in v if p.dims[eqn.params["dimension"]] != 0], eqn.params["dimension"], dims)


def _stack(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    n = eqn.params["axis"]
    parts = []
    for value in v:
        moved = {axis(m, d): axis(m + (m >= n), d) for m, d in enumerate(value.dims)}
        parts.append(Value(rename(value.expr, moved), (*value.dims[:n], 1, *value.dims[n:])))
    return blocks(parts, n, dims)


def split(eqn: Any, v: list[Value]) -> list[Expr]:
    """Return the pieces of an axis."""
    n, offset, pieces = eqn.params["axis"], 0, []
    for dims in (dims_of(out.aval.shape) for out in eqn.outvars):
        pieces.append(window(v[0].expr, axis(n, v[0].dims[n]), axis(n, dims[n]), size(offset)))
        offset = plus(offset, dims[n])  # type: ignore[assignment]
    return pieces


def _update(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    operand, update, *starts = v
    return written(operand, update, [in_range(s.expr) for s in starts], dims)


def written(operand: Value, update: Value, starts: Sequence[Expr], dims: tuple[Size, ...]) -> Expr:
    """Return the operand with the update in its place from ``starts`` on."""
    partial = [n for n, d in enumerate(dims) if update.dims[n] != d]
    starts = [_absolute(s, d) for s, d in zip(starts, dims, strict=True)]
    if len(partial) == 1 and affine(starts[partial[0]]) and not starts[partial[0]].free:
        (n,) = partial
        return _between(operand, update, n, text(starts[n]), dims)
    place, inside = update.expr, ONE
    for n in partial:
        old, new = axis(n, update.dims[n]), axis(n, dims[n])
        place, inside = spread(place, old, new, starts[n]), spread(inside, old, new, starts[n])
    return add((mul((operand.expr, add((ONE, mul((num(-1), inside)))))), place))


def _between(operand: Value, update: Value, n: int, start: Size, dims: tuple[Size, ...]) -> Expr:
    """Return the update between what the operand has before and after it along axis ``n``."""
    parts = []
    for first, length in ((0, start), (plus(start, update.dims[n]), minus(dims[n], plus(start, update.dims[n])))):
        if length != 0:
            body = window(operand.expr, axis(n, dims[n]), axis(n, length), size(first))
            parts.append(Value(body, (*dims[:n], length, *dims[n + 1 :])))
        if first == 0:
            parts.append(update)
    return blocks(parts, n, dims)


def _absolute(start: Expr, axis_size: Size) -> Expr:
    """Return a position counted from the front: -1 is n - 1."""
    negative = isinstance(start, Num) and start.value < 0
    return combined([(1, start), (1, size(axis_size))]) if negative else start


READ_SLICE: dict[str, Row] = {
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _update,
    "pad": _pad,
    "concatenate": _concatenate,
    "stack": _stack,
}
