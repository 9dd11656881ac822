"""Run a recipe of the algebra on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from catenary import _jax
from catenary._maps.compose import Recipe, Source
from catenary._maps.factor import Op
from catenary._maps.table import Table
from catenary._maps.term import Term


class Value:
    """The arrays of a term: its core and its mask, each None where the term has none."""

    __slots__ = ("_selected", "core", "mask")

    def __init__(self, core: Any = None, mask: Any = None):
        self.core, self.mask, self._selected = core, mask, None

    @property
    def selected(self) -> Any:
        """The core under the mask, both of one shape and labels; made once, however often it is asked for."""
        if self._selected is None:
            self._selected = select(self.mask, self.core)
        return self._selected


def compose_values(recipe: Recipe, second: Value, first: Value, dtype: Any) -> Value:
    """The arrays of second ∘ first."""
    given = {"second": second, "first": first}
    arrays = [_prepared(s, given) for s in recipe.sources]
    cores = [(a, s.labels) for a, s in zip(arrays, recipe.sources, strict=True) if s.role == "core"]
    selected = set()
    for k, c, labels in recipe.select:
        selected.add(k)
        mask, source = arrays[k], recipe.sources[k]
        if _own(recipe, k, c) and cores[c][0] is given[source.of or ""].core:  # not yet what another mask selected
            cores[c] = (given[source.of or ""].selected, labels)
        elif c < 0:
            cores.append((jnp.asarray(mask, dtype), source.labels))
        else:
            cores[c] = (select(spread(mask, source.labels, labels), spread(cores[c][0], cores[c][1], labels)), labels)
    mask = None
    for k, s in enumerate(recipe.sources):
        if s.role == "mask" and k not in selected:
            m = spread(arrays[k], s.labels, recipe.mask or ())
            mask = m if mask is None else mask & m
    if mask is not None:
        mask = jnp.broadcast_to(mask, tuple(recipe.sizes[i] for i in recipe.mask or ()))
    core = _product(recipe, cores) if cores else None
    for same in (second, first):  # with what it has selected
        if same.core is core and same.mask is mask is not None and not recipe.merges:
            return same
    return Value(_merged_entries(recipe, core, dtype) if recipe.merges else core, mask)


def _merged_entries(recipe: Recipe, x: Any, dtype: Any) -> Any:
    """The product, summed segment by segment where several of its entries stand at one position."""
    labels = list(recipe.product or ())
    if x is None:
        x = scaled(jnp.ones((), dtype), recipe.scale)
    for merge in recipe.merges:
        segment = merge.segment.values
        if merge.label in labels:
            k = labels.index(merge.label)
            x, labels[k] = segment_sum(x, k, segment, merge.count), merge.fresh
        else:
            many = jnp.asarray(np.bincount(segment, minlength=merge.count), x.dtype)
            x, labels = many.reshape(-1, *(1,) * x.ndim) * lax.expand_dims(x, (0,)), [merge.fresh, *labels]
    return x


def segment_sum(x: Any, axis: int, segment: np.ndarray, count: int) -> Any:
    """Σ of the entries along ``axis`` that belong to each segment; where each has one, they only change places."""
    if count == segment.size:
        return take(x, axis, np.argsort(segment))
    return jnp.moveaxis(scattered(jnp.moveaxis(x, axis, 0), segment[:, None], [count]), 0, axis)


def scattered(x: Any, where: np.ndarray, shape: Sequence[int]) -> Any:
    """The slices of ``x`` along its first axis, each added at its static position ``where[n]`` on axes of ``shape``."""
    steps, axes = np.diff(np.ravel_multi_index(tuple(where.T), shape)), tuple(range(len(shape)))
    return lax.scatter_add(
        lax.full((*shape, *x.shape[1:]), 0, x.dtype),
        jnp.asarray(where, jnp.int32),
        x,
        lax.ScatterDimensionNumbers(tuple(range(1, x.ndim)), axes, axes),
        indices_are_sorted=bool((steps >= 0).all()),
        unique_indices=bool((steps > 0).all()),
        mode="promise_in_bounds",
    )


def take(x: Any, axis: int, indices: np.ndarray) -> Any:
    """The entries of ``x`` at static positions along an axis."""
    where = (slice(None),) * axis + (indices,)
    rising = np.diff(indices)
    return x.at[where].get(
        mode="promise_in_bounds",
        indices_are_sorted=bool((rising >= 0).all()),
        unique_indices=bool((rising > 0).all() or (rising < 0).all()),
    )


def _own(recipe: Recipe, mask: int, core: int) -> bool:
    """Whether a mask selects from the core of its own map, entry by entry."""
    source = recipe.sources[mask]
    cores = [s for s in recipe.sources if s.role == "core"]
    return (
        0 <= core < len(cores)
        and cores[core].of == source.of
        and cores[core].labels == source.labels
        and not (source.ops or cores[core].ops)
    )


def _prepared(source: Source, given: dict[str, Value]) -> Any:
    array = positions(*source.delta) if source.delta else getattr(given[source.of or ""], source.role)
    for op in source.ops:
        array = _apply(array, op)
    return array


def shaped(x: Any, shape: Sequence[Any]) -> Any:
    """An array in a shape: as it is where it has it, on whatever mesh it lies."""
    return x if x.shape == tuple(shape) else x.reshape(shape)


def positions(size: Any, start: Any, strides: Sequence[tuple[Any, Any]]) -> Any:
    """The mask [p, labels…] of p = start + Σ stride · label."""
    labels = tuple(n for n, _ in strides)
    where: Any = start
    for k, (_, stride) in enumerate(strides):
        if isinstance(stride, Table):
            where = where + lax.broadcast_in_dim(jnp.asarray(stride.values, jnp.int32), labels, (k,))
        else:
            where = where + stride * lax.broadcasted_iota(jnp.int32, labels, k)
    return lax.broadcasted_iota(jnp.int32, (size, *labels), 0) == (lax.expand_dims(where, (0,)) if labels else where)


def _apply(x: Any, op: Op) -> Any:
    kind, k, *rest = op
    if kind == "split":
        return x.reshape(*x.shape[:k], *rest, *x.shape[k + 1 :])
    if kind == "take":
        return take(x, k, rest[0].values)
    if kind == "merge":
        x = jnp.moveaxis(x, k, range(k[0], k[0] + len(k)))
        return x.reshape(*x.shape[: k[0]], -1, *x.shape[k[0] + len(k) :])
    if kind == "index":
        return lax.index_in_dim(x, rest[0], k, keepdims=False)
    if kind == "diagonal":
        return jnp.moveaxis(jnp.diagonal(x, axis1=k, axis2=rest[0]), -1, k)
    start, step, count = rest
    if step < 0:
        start, step = x.shape[k] - 1 - start, -step
        x = lax.rev(x, (k,))
    return lax.slice_in_dim(x, start, start + step * (count - 1) + 1, step, k)


def spread(x: Any, labels: Sequence[int], onto: Sequence[int]) -> Any:
    """``x`` transposed to the order of ``onto``, with axes of size 1 where it has no label."""
    order = sorted(range(len(labels)), key=lambda k: onto.index(labels[k]))
    if order != list(range(len(order))):
        x = lax.transpose(x, order)
    missing = [k for k, label in enumerate(onto) if label not in labels]
    return lax.expand_dims(x, missing) if missing else x


def select(mask: Any, x: Any) -> Any:
    """``x`` where the mask holds, 0 elsewhere: what is not selected never counts, not even as 0 · ∞."""
    shape = jnp.broadcast_shapes(mask.shape, x.shape)
    return lax.select(jnp.broadcast_to(mask, shape), jnp.broadcast_to(x, shape), lax.full(shape, 0, x.dtype))


def in_dtype(x: Any, dtype: Any) -> Any:
    """``x`` as ``dtype``; a complex number at a real place is its real part."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(dtype, jnp.complexfloating):
        x = lax.real(x)
    with _jax.room_for(dtype), _jax.where_it_lies(x):
        return x.astype(dtype)


def alike(a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays in the dtype that holds numbers of both."""
    dtype = _jax.promoted(a.dtype, b.dtype)
    with _jax.room_for(dtype):
        return a.astype(dtype), b.astype(dtype)


def scaled(x: Any, scale: Any) -> Any:
    """scale · x, in the dtype of x; ±1 costs nothing or a sign."""
    if isinstance(scale, int | float) and scale == 1:
        return x
    if isinstance(scale, int | float) and scale == -1:
        return lax.neg(x)
    known = isinstance(scale, int | float | complex | np.generic | np.ndarray)  # else a size with a name
    with _jax.room_for(x.dtype), np.errstate(over="ignore"):
        return lax.mul(x, np.asarray(scale, x.dtype) if known else jnp.asarray(scale).astype(x.dtype))


def _product(recipe: Recipe, cores: Sequence[tuple[Any, Sequence[int]]]) -> Any:
    out = recipe.product or ()
    reduced = []
    for k, (x, labels) in enumerate(cores):
        others = {i for j, (_, other) in enumerate(cores) if j != k for i in other}
        alone = [a for a, i in enumerate(labels) if i not in out and i not in others]
        if alone:
            x, labels = x.sum(tuple(alone)), [i for i in labels if i in out or i in others]
        reduced.append((x, list(labels)))
    if len(reduced) == 1:
        return scaled(reduced[0][0], recipe.scale)
    (a, la), (b, lb) = reduced
    a, b = alike(a, b)
    contracted = [i for i in la if i in lb and i not in out]
    if not contracted:
        return scaled(spread(a, la, out) * spread(b, lb, out), recipe.scale)
    if a.size <= b.size if isinstance(a.size, int) and isinstance(b.size, int) else True:
        a = scaled(a, recipe.scale)
    else:
        b = scaled(b, recipe.scale)
    shared = [i for i in la if i in lb and i in out]
    if set(la) == set(lb):
        return (a * spread(b, lb, la)).sum([k for k, i in enumerate(la) if i not in out])
    if la[-1] in contracted:
        (a, la), (b, lb), contracted = _merged(a, la, b, lb, contracted)
    return lax.dot_general(
        a,
        b,
        (
            ([la.index(i) for i in contracted], [lb.index(i) for i in contracted]),
            ([la.index(i) for i in shared], [lb.index(i) for i in shared]),
        ),
        precision=recipe.precision,
    )


def _merged(a: Any, la: list[int], b: Any, lb: list[int], contracted: list[int]) -> Any:
    """Contracted axes that stand together in both operands as one axis: XLA copies an operand to move several."""
    for i, j in zip(contracted[-2::-1], contracted[:0:-1], strict=True):
        ka, kb = la.index(i), lb.index(i)
        if la[ka + 1 : ka + 2] == [j] and lb[kb + 1 : kb + 2] == [j]:
            a = a.reshape(*a.shape[:ka], a.shape[ka] * a.shape[ka + 1], *a.shape[ka + 2 :])
            b = b.reshape(*b.shape[:kb], b.shape[kb] * b.shape[kb + 1], *b.shape[kb + 2 :])
            la, lb, contracted = ([n for n in labels if n != j] for labels in (la, lb, contracted))
    return (a, la), (b, lb), contracted


def add_values(term: Term, parts: Sequence[tuple[Term, Value]], dtype: Any) -> Value:
    """The arrays of a sum of terms that share their ties."""
    if term.one:
        return Value()
    total: Any = None
    for part, value in parts:
        x = full_core(part, value, term.core or (), dtype)
        if total is not None:
            total, x = alike(total, x)
        total = x if total is None else _jax.add(total, x)
    shape = tuple(term.sizes[i] for i in term.core or ())
    return Value(jnp.broadcast_to(total, shape))


def sifted(term: Term, value: Value, scale: Any) -> Value:
    """The arrays of a term to be scaled, a mask of the core's own labels applied: with a scale 0 could become -0."""
    own = value.core is not None and term.core == term.mask and scale == 1
    return Value(value.selected) if own else value


def full_core(term: Term, value: Value, labels: Sequence[int], dtype: Any) -> Any:
    """scale · core · mask as one array, broadcastable along ``labels``."""
    if value.core is None and value.mask is None:
        with np.errstate(over="ignore"):
            return lax.full((1,) * len(labels), term.scale, dtype)
    if value.core is None:
        mask = spread(value.mask, term.mask or (), labels)
        return scaled(mask.astype(dtype), term.scale)
    value = sifted(term, value, term.scale)
    x = scaled(spread(value.core, term.core or (), labels), term.scale)
    return x if value.mask is None else select(spread(value.mask, term.mask or (), labels), x)
