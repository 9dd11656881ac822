"""Reading gathers and scatters: an entry at a computed position is a sum with an indicator.

``z[n, y[n]]`` is Σ_k z[n, k] [k = y[n]]: the one-hot matrix of ``y`` appears by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expressions.build import ONE, ZERO, add, fn, mul, num, total
from ..expressions.dims import Value
from ..expressions.expr import At, Expr, Index, Pos, Size, axis, temporary, walk
from ..expressions.positions import combined
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from .read import Row
from .read_convolution import read_convolution
from .read_order import READ_ORDER, largest, sort
from .read_slice import READ_SLICE, in_range, pick, split, written
from .read_slice import window as among

Several = Callable[[Any, list[Value]], list[Expr]]


def positions(indices: Value, batch: list[Index], count: int) -> list[Expr]:
    """Return the ``count`` computed positions, as expressions in the indices of the batch axes."""
    mapping = {axis(n, d): b for n, (d, b) in enumerate(zip(indices.dims[:-1], batch, strict=True)) if d != 1}
    last = axis(len(indices.dims) - 1, indices.dims[-1])
    return [in_range(rename(indices.expr, {**mapping, last: c})) for c in range(count)]


def _gather(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    how = eqn.params["dimension_numbers"]
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
        if window is None or window.size == 1:
            result = pick(result, here, at.get(n, ZERO))
        else:
            result = among(result, here, window, at.get(n, ZERO))
    return result


def _scatter(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    how = eqn.params["dimension_numbers"]
    operand, indices, updates = v
    own = {axis(n, d): temporary(d) for n, d in enumerate(updates.dims)}
    batch = [t for n, t in enumerate(own.values()) if n not in how.update_window_dims]
    windows = iter([t for n, t in enumerate(own.values()) if n in how.update_window_dims])
    count = len(how.scatter_dims_to_operand_dims)
    at = dict(zip(how.scatter_dims_to_operand_dims, positions(indices, batch, count), strict=True))
    tied = dict(zip(how.operand_batching_dims, how.scatter_indices_batching_dims, strict=True))
    factors = []
    for n, d in enumerate(dims):
        here = axis(n, d)
        if n in tied:
            factors += [fn("eq", Pos(here), Pos(batch[tied[n]]))] if d != 1 else []
            continue
        inside = None if n in how.inserted_window_dims else next(windows)
        if d == 1:
            continue
        step = ZERO if inside is None or inside.size == 1 else Pos(inside)
        factors.append(fn("eq", Pos(here), combined([(1, at.get(n, ZERO)), (1, step)])))
    summed = tuple(t for t in own.values() if t.size != 1)
    return _combined(eqn, operand.expr, rename(updates.expr, own), mul(factors), summed)


def _combined(eqn: Any, operand: Expr, update: Expr, inside: Expr, summed: tuple[Index, ...]) -> Expr:
    """Return what a scatter leaves where ``inside`` says that an update falls."""
    name = eqn.primitive.name.replace("_", "-")
    if name == "scatter-add":
        return add((operand, total(summed, mul((update, inside)))))
    if name == "scatter-sub":
        return add((operand, mul((num(-1), total(summed, mul((update, inside)))))))
    moving = [s for s in summed if not eqn.params["unique_indices"] and _is_batch(s, inside)]
    if moving:
        raise UnreadableError(f"a {name} at computed positions of which two may be the same")
    if name == "scatter-mul":
        return mul((operand, add((ONE, total(summed, mul((inside, add((update, num(-1))))))))))
    untouched = mul((operand, add((ONE, mul((num(-1), total(summed, inside)))))))
    return add((untouched, total(summed, mul((update, inside)))))


def _is_batch(index: Index, inside: Expr) -> bool:
    """Say whether an index counts updates at positions that are read from an array."""
    return any(isinstance(node, At) and index in node.free for _, node in walk(inside))


def _scatter_set(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    """A window at fixed positions is a block; all other updates are sums with indicators."""
    how = eqn.params["dimension_numbers"]
    operand, indices, updates = v
    batch = [d for n, d in enumerate(updates.dims) if n not in how.update_window_dims]
    if batch or how.operand_batching_dims:
        return _scatter(eqn, v, dims)
    starts = [ZERO] * len(dims)
    for n, p in zip(how.scatter_dims_to_operand_dims, positions(indices, [], len(how.scatter_dims_to_operand_dims)),
                    strict=True):  # fmt: skip
        starts[n] = p
    kept = [n for n in range(len(dims)) if n not in how.inserted_window_dims]
    wide: list[Size] = [1] * len(dims)
    for n, d in zip(kept, updates.dims, strict=True):
        wide[n] = d
    moved = {axis(m, updates.dims[m]): axis(n, updates.dims[m]) for m, n in enumerate(kept)}
    return written(operand, Value(rename(updates.expr, moved), tuple(wide)), starts, dims)


READ_INDEX: dict[str, Row] = {
    **READ_SLICE,
    **READ_ORDER,
    "conv_general_dilated": read_convolution,
    "gather": _gather,
    **{f"scatter{mark}{kind}": _scatter for mark in "-_" for kind in ("add", "sub", "mul")},
    "scatter": _scatter_set,
}
READ_SEVERAL: dict[str, Several] = {
    "split": split,
    "sort": sort,
    "top_k": largest,
}
