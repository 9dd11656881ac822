"""Reading gathers and scatters: an entry at a computed position is a sum with an indicator.

``z[n, y[n]]`` is Σ_k z[n, k] [k = y[n]]: the one-hot matrix of ``y`` appears by itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .build import ZERO, add, fn, mul, num, size, total
from .expr import Expr, Fn, Index, Num, Pos, Size, axis, temporary
from .read import Row, UnreadableError, Value, dims_of
from .rename import rename


def in_range(position: Expr) -> Expr:
    """Return a position without JAX's wrapping of negative ones: where(p < 0, p + size, p) is p."""
    if isinstance(position, Fn) and position.name == "where":
        test, _, plain = position.children
        if isinstance(test, Fn) and test.name == "gt" and test.children == (ZERO, plain):
            return plain
    return position


def positions(indices: Value, batch: list[Index], count: int) -> list[Expr]:
    """Return the ``count`` computed positions, as expressions in the indices of the batch axes."""
    mapping = {axis(n, d): b for n, (d, b) in enumerate(zip(indices.dims[:-1], batch, strict=True)) if d != 1}
    last = axis(len(indices.dims) - 1, indices.dims[-1])
    return [in_range(rename(indices.expr, {**mapping, last: c})) for c in range(count)]


def _gather(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    how, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    operand, indices = v
    out = [axis(n, d) for n, d in enumerate(dims)]
    batch = [i for n, i in enumerate(out) if n not in how.offset_dims]
    windows = iter([out[n] for n in how.offset_dims])
    at = dict(zip(how.start_index_map, positions(indices, batch, len(how.start_index_map)), strict=True))
    tied = dict(zip(how.operand_batching_dims, how.start_indices_batching_dims, strict=True))
    result, free = operand.expr, {axis(n, d): temporary(d) for n, d in enumerate(operand.dims)}
    result = rename(result, free)
    for n, d in enumerate(operand.dims):
        here = free[axis(n, d)]
        if n in tied:
            result = rename(result, {here: batch[tied[n]]})
            continue
        window = None if n in how.collapsed_slice_dims else next(windows)
        if n not in at:
            if window is None or str(sizes[n]) != str(d):
                raise UnreadableError("a gather of part of an axis")
            result = rename(result, {here: window})
        elif sizes[n] == 1:
            result = pick(result, here, at[n])
        elif not (str(sizes[n]) == str(d) and at[n] is ZERO):
            raise UnreadableError("a gather of slices longer than one entry")
        else:
            result = rename(result, {here: window} if window else {})
    return result


def fixed(position: Expr, axis_size: Size) -> int | None:
    """Return a computed position as a number, counted from the end if it is the size less a number."""
    for start in (position, add((position, mul((num(-1), size(axis_size)))))):
        if isinstance(start, Num) and isinstance(start.value, Fraction) and (start is position or start.value < 0):
            return int(start.value)
    return None


def _dynamic_slice(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    operand, *starts = v
    mapping: dict[Index, int] = {}
    for n, (d, s) in enumerate(zip(operand.dims, starts, strict=True)):
        if dims[n] == d:
            continue
        start = fixed(in_range(s.expr), d)
        if dims[n] != 1 or start is None:
            raise UnreadableError("a slice at a computed position, or of several entries")
        mapping[axis(n, d)] = start
    return rename(operand.expr, mapping)


def _pad(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    value, filling = v
    factors = [value.expr]
    for n, (low, high, inside) in enumerate(map(dims_of, eqn.params["padding_config"])):
        if low == high == inside == 0:
            continue
        if value.dims[n] != 1 or inside != 0 or filling.expr is not ZERO:
            raise UnreadableError("a padding around more than one entry, or with other than 0")
        factors.append(fn("eq", Pos(axis(n, dims[n])), size(low)))
    return mul(factors)


def _update(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    operand, update, *starts = v
    factors = [update.expr]
    for n, (d, s) in enumerate(zip(dims, starts, strict=True)):
        if update.dims[n] != d:
            start = fixed(in_range(s.expr), d)
            if update.dims[n] != 1 or start is None:
                raise UnreadableError("an update of a slice at a computed position, or of several entries")
            where = num(start) if start >= 0 else add((size(d), num(start)))
            factors.append(fn("eq", Pos(axis(n, d)), where))
    if operand.expr is not ZERO:
        raise UnreadableError("an update of an array that is not zero")
    return mul(factors)


def pick(body: Expr, index: Index, position: Expr) -> Expr:
    """Return the expression at one position of an axis."""
    if index not in body.free:
        return body
    if isinstance(position, Num) and isinstance(position.value, Fraction):
        return rename(body, {index: int(position.value)})
    if isinstance(position, Pos) and position.index.size == index.size:
        return rename(body, {index: position.index})
    return total((index,), mul((body, fn("eq", Pos(index), position))))


def _scatter_add(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    how = eqn.params["dimension_numbers"]
    operand, indices, updates = v
    own = {axis(n, d): temporary(d) for n, d in enumerate(updates.dims)}
    batch = [t for n, t in enumerate(own.values()) if n not in how.update_window_dims]
    windows = iter([t for n, t in enumerate(own.values()) if n in how.update_window_dims])
    count = len(how.scatter_dims_to_operand_dims)
    at = dict(zip(how.scatter_dims_to_operand_dims, positions(indices, batch, count), strict=True))
    tied = dict(zip(how.operand_batching_dims, how.scatter_indices_batching_dims, strict=True))
    factors = [rename(updates.expr, own)]
    for n, d in enumerate(dims):
        here = axis(n, d)
        if n in tied and d != 1:
            factors.append(fn("eq", Pos(here), Pos(batch[tied[n]])))
        if n in tied:
            continue
        window = None if n in how.inserted_window_dims else next(windows)
        if d == 1:
            continue
        if window is not None and window.size == d and at.get(n, ZERO) is ZERO:
            factors.append(fn("eq", Pos(here), Pos(window)))
        elif window is not None and window.size != 1:
            raise UnreadableError("a scatter of slices longer than one entry")
        else:
            factors.append(fn("eq", Pos(here), at[n]))
    summed = tuple(t for t in own.values() if t.size != 1)
    return add((operand.expr, total(summed, mul(factors))))


READ_INDEX: dict[str, Row] = {
    "gather": _gather,
    "scatter-add": _scatter_add,
    "scatter_add": _scatter_add,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _update,
    "pad": _pad,
}
