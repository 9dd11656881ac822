"""Write a map out in a basis: dense arrays from terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from catenary import _jax
from catenary._emit.einsum import Value, full_core, in_dtype, positions, scattered, select, shaped, spread
from catenary._maps.coalesce import families
from catenary._maps.dense import blocked
from catenary._maps.factor import nested
from catenary._maps.pieces import cut, pieces
from catenary._maps.restrict import tied_axes
from catenary._maps.table import concrete, grid, places
from catenary._maps.term import Axis, Term, labels_of, renumbered


def dense(term: Term, value: Value, dtype: Any) -> Any:
    """The array [out…, inp…] of one term.

    Each label has a home, an axis where it stands, best a plain one. Where it stands besides, a label of its own is
    tied to it by a mask; then every axis is padded into place.
    """
    while term.tabled:
        term, value = _scattered(term, value, dtype)
    axes = [*term.out, *term.inp]
    homes: dict[int, int] = {}
    for k in sorted(range(len(axes)), key=lambda k: (not axes[k].plain, k)):
        for label, _ in axes[k].factors:
            homes.setdefault(label, k)
    x = full_core(term, value, list(range(len(term.sizes))), dtype)
    sizes = list(term.sizes)
    placed = []
    for k, axis in enumerate(axes):
        away = [(i, s) for i, s in axis.factors if homes[i] != k]
        if away and len(away) == len(axis.factors):
            x = _tied(x, positions(axis.size, axis.start, [(sizes[i], s) for i, s in away]), [i for i, _ in away])
            placed.append(Axis(axis.size, 0, ((len(sizes), 1),)))
            sizes.append(axis.size)
            continue
        factors = dict(axis.factors)
        for i, stride in away:
            del factors[i]
            x = _tied(x, positions(sizes[i], 0, [(sizes[i], 1)]), [i])
            factors[len(sizes)] = stride
            sizes.append(sizes[i])
        placed.append(Axis(axis.size, axis.start, tuple(factors.items())))
    x = in_dtype(jnp.broadcast_to(x, sizes), dtype)
    order = [i for axis in placed for i, _ in sorted(axis.factors, key=lambda f: -abs(f[1]))]
    x = lax.transpose(x, order) if order != sorted(order) else x
    return _place(x, placed, [sizes[i] for i in order])


def _scattered(term: Term, value: Value, dtype: Any) -> tuple[Term, Value]:
    """The term with plain axes in place of those that tables tie together: each entry is added where it stands."""
    axes = [*term.out, *term.inp]
    family = families(axes)[0]
    mine = labels_of([axes[k] for k in family])
    rest = [i for i in range(len(term.sizes)) if i not in mine]
    where = grid(mine, dict(enumerate(term.sizes)))
    x = full_core(term, value, [*mine, *rest], dtype)
    x = jnp.broadcast_to(x, [term.sizes[i] for i in (*mine, *rest)])
    x = in_dtype(x.reshape(-1, *x.shape[len(mine) :]), dtype)
    shape = [axes[k].size for k in family]
    x = scattered(x, np.stack([places([axes[k]], where, len(x)) for k in family], 1), shape)
    sizes = list(term.sizes)
    for k in family:
        axes[k] = Axis(axes[k].size, 0, ((len(sizes), 1),))
        sizes.append(axes[k].size)
    n = len(term.out)
    core = (*range(len(term.sizes), len(sizes)), *rest)
    return renumbered(Term(tuple(axes[:n]), tuple(axes[n:]), (), core), labels_of(axes), sizes), Value(x)


def _tied(x: Any, mask: Any, labels: Sequence[int]) -> Any:
    """``x`` with one more axis, nonzero where ``mask`` [new, labels…] holds."""
    fresh = x.ndim
    return select(spread(mask, [fresh, *labels], range(fresh + 1)), lax.expand_dims(x, [fresh]))


def _place(x: Any, axes: Sequence[Axis], sizes: Sequence[Any]) -> Any:
    """Merge each axis's digits and pad them to where they stand."""
    shape = []
    pads = []
    flips = []
    scatters = []
    for k, axis in enumerate(axes):
        digits = sorted(axis.factors, key=lambda f: -abs(f[1]))
        here = sizes[: len(digits)]
        sizes = sizes[len(digits) :]
        merged: Any = 1
        for n in here:
            merged = merged * n
        shape.append(merged)
        step = digits[-1][1] if digits else 1
        regular = all(digits[j][1] == digits[j + 1][1] * here[j + 1] for j in range(len(digits) - 1))
        if not regular:
            scatters.append((k, axis, digits, here))
            pads.append((0, 0, 0))
            continue
        if step < 0:
            flips.append(k)
        low = axis.start + (step * (merged - 1) if step < 0 else 0)
        reach = low + abs(step) * (merged - 1) + 1
        pads.append((low, axis.size - reach, abs(step) - 1))
    x = shaped(x, shape)
    if flips:
        x = lax.rev(x, flips)
    if any(_moves(p) for p in pads):
        x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    for k, axis, digits, here in scatters:
        x = _scatter(x, k, axis, digits, here)
    return x


def _moves(pad: tuple[Any, Any, int]) -> bool:
    return not all(isinstance(p, int) and p == 0 for p in pad)


def _scatter(x: Any, k: int, axis: Axis, digits: Sequence[tuple[int, int]], here: Sequence[Any]) -> Any:
    """Digits that leave gaps between them, or overlap: add each entry where it stands."""
    where = np.asarray(axis.start) if concrete(axis.start, *here) else jnp.asarray(axis.start)
    for (_, stride), n in zip(digits, here, strict=True):
        where = where[..., None] + stride * (np if concrete(n) else jnp).arange(n)
    moved = jnp.moveaxis(x, k, 0)
    out = jnp.zeros((axis.size, *moved.shape[1:]), x.dtype).at[where.reshape(-1)]
    rising = sorted(((label, abs(stride)) for label, stride in digits), key=lambda f: f[1])
    if nested(rising, dict(zip((label for label, _ in digits), here, strict=True))):
        return jnp.moveaxis(out.set(moved, unique_indices=True), 0, k)
    return jnp.moveaxis(out.add(moved), 0, k)


def total(terms: Sequence[tuple[Term, Value]], shape: Sequence[Any], dtype: Any) -> Any:
    """The dense array of a sum of terms; zeros where there is none.

    Terms that fill an axis piece by piece are joined, not padded and added.
    """
    if not terms:
        return jnp.zeros(shape, dtype)
    if len(terms) == 1:
        return dense(*terms[0], dtype)
    sizes = [axis.size for axis in terms[0][0].out], [axis.size for axis in terms[0][0].inp]
    if tied_axes([term for term, _ in terms], *sizes):  # what all tie is written out once, around the sum of the blocks
        return dense(*summed(terms, dtype), dtype)
    joined = _joined(terms, shape, dtype)
    if joined is not None:
        return joined
    parts = [dense(term, value, dtype) for term, value in terms]
    result = parts[0]
    for part in parts[1:]:
        result = _jax.add(result, part)
    return result


def summed(terms: Sequence[tuple[Term, Value]], dtype: Any) -> tuple[Term, Value]:
    """A sum of terms as one term, dense but for what all of them tie."""
    whole, blocks = blocked([term for term, _ in terms])
    shape = [axis.size for axis in (*blocks[0].out, *blocks[0].inp)]
    array = total([(block, value) for block, (_, value) in zip(blocks, terms, strict=True)], shape, dtype)
    return whole, Value(array.reshape(whole.sizes))


def _joined(terms: Sequence[tuple[Term, Value]], shape: Sequence[Any], dtype: Any) -> Any | None:
    """Terms that fill an axis piece by piece as a concatenation; None where they do not."""
    found = pieces([term for term, _ in terms])
    if found is None:
        return None
    k, groups = found
    parts = []
    for span, group in groups:
        mine = [(cut(terms[n][0], k, span), terms[n][1]) for n in group]
        parts.append(total(mine, [*shape[:k], span, *shape[k + 1 :]], dtype))
    return lax.concatenate(parts, k)
