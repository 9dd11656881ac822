"""Gathers and scatters at constant places: no core, positions from tables.

An index that the program computes from constants alone is structure. Where it is a value, or promises what it does not
keep, there is no rule here, and the equation is pushed and pulled as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
from jax.lax import GatherScatterMode

from catenary._maps.table import Stride, concrete, grid, normal, places
from catenary._maps.term import Axis, Size, Term, labels_of, one, plain_axes
from catenary._rules.relabel import Answer, _map, _term
from catenary._rules.row import Piece, Row, Rule, Site, table


class Windows(NamedTuple):
    """Where windows stand in an array: both sides' axes in the same labels."""

    array: tuple[Axis, ...]
    windows: tuple[Axis, ...]
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which axis is which, of a gather or a scatter.

    sizes       of a window, along each axis of the array
    inside      the axes of the windows array that run inside a window
    dropped     the array's axes that have none of those
    indexed     the array's axis that each component of the index is for
    array, index    batch axes: of the array, and of the index
    """

    sizes: tuple[Size, ...]
    inside: tuple[int, ...]
    dropped: tuple[int, ...]
    indexed: tuple[int, ...]
    array: tuple[int, ...]
    index: tuple[int, ...]


def gather(site: Site, operand: int) -> Answer:
    """Windows of the operand, at constant places."""
    numbers = site.params["dimension_numbers"]
    layout = Layout(
        tuple(site.params["slice_sizes"]),
        tuple(numbers.offset_dims),
        tuple(numbers.collapsed_slice_dims),
        tuple(numbers.start_index_map),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.start_indices_batching_dims),
    )
    found = _windows(site, site.ins[0].shape, site.outs[0].shape, layout)
    if found is None or operand:
        return None if found is None else {}
    return _map(found.windows, found.array, found.sizes)


def scatter_add(site: Site, operand: int) -> Answer:
    """The operand, and windows added to it at constant places."""
    if operand == 0:
        return {0: (Piece(Term.identity(site.outs[0].shape), Row()),)}
    found = _scattered(site)
    return None if found is None else _map(found.array, found.windows, found.sizes)


def scatter_sub(site: Site, operand: int) -> Answer:
    """As ``scatter_add``, the windows subtracted."""
    answer = scatter_add(site, operand)
    if operand == 0 or answer is None:
        return answer
    return {k: tuple(Piece(replace(p.term, scale=-1), p.row) for p in path) for k, path in answer.items()}


def scatter(site: Site, operand: int) -> Any:
    """Windows written over the operand at constant places, none of them twice."""
    found = _scattered(site) if site.params["update_jaxpr"] is None else None  # else a function is applied there
    if found is None:
        return None
    written = _written(found)
    if written is None:
        return None
    if operand == 2:
        return _map(found.array, found.windows, found.sizes)
    return {0: [(Piece(term, Row()),) for term in _rest(site.ins[0].shape, *written)]}


def dynamic_slice(site: Site, operand: int) -> Answer:
    """One window at a constant place, moved inside where it would reach out."""
    found = _window(site, site.ins[0].shape, site.outs[0].shape, 1)
    return None if found is None else _map(found.windows, found.array, found.sizes)


def dynamic_update_slice(site: Site, operand: int) -> Any:
    """One window written over the operand at a constant place."""
    found = _window(site, site.ins[0].shape, site.ins[1].shape, 2)
    written = None if found is None else _written(found)
    if found is None or written is None:
        return None
    if operand == 1:
        return _map(found.array, found.windows, found.sizes)
    return {0: [(Piece(term, Row()),) for term in _rest(site.ins[0].shape, *written)]}


def _window(site: Site, array: Sequence[Size], window: Sequence[Size], first: int) -> Windows | None:
    starts = [site.constant(k) for k in range(first, first + len(array))]
    if any(s is None for s in starts) or not concrete(*array, *window):
        return None
    inside, sizes = plain_axes(window)
    at = [min(max(int(s), 0), n - m) for s, n, m in zip(starts, array, window, strict=True)]
    axes = tuple(Axis(n, s, a.factors) if not one(n) else Axis(1) for n, s, a in zip(array, at, inside, strict=True))
    return Windows(axes, inside, sizes)


def _scattered(site: Site) -> Windows | None:
    """The windows of a scatter."""
    numbers, array, updates = site.params["dimension_numbers"], site.ins[0].shape, site.ins[2].shape
    inside = iter(numbers.update_window_dims)
    narrow = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    layout = Layout(
        tuple(1 if k in narrow else updates[next(inside)] for k in range(len(array))),
        tuple(numbers.update_window_dims),
        tuple(numbers.inserted_window_dims),
        tuple(numbers.scatter_dims_to_operand_dims),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.scatter_indices_batching_dims),
    )
    return _windows(site, array, updates, layout)


def _windows(site: Site, array: Sequence[Size], windows: Sequence[Size], layout: Layout) -> Windows | None:
    """The places of all windows, in labels: one for each axis of the index that acts alone, one for the others."""
    index = site.constant(1)
    if index is None or not concrete(*(array[d] for d in (*layout.indexed, *layout.array))):
        return None
    batch = index.shape[:-1]
    starts = _starts(site.params["mode"], index.astype(np.int64), array, layout)
    if starts is None:
        return None
    corners, valid = starts
    for d, j in zip(layout.array, layout.index, strict=True):  # the array's batch follows the index's
        corners[d] = np.broadcast_to(
            np.arange(batch[j]).reshape([-1 if k == j else 1 for k in range(len(batch))]), batch
        )
    if not valid.all() and valid.size == 1:
        return None  # the only window is dropped: rare, and left to JAX
    return _placed(array, windows, layout, corners, valid)


def _placed(
    array: Sequence[Size], windows: Sequence[Size], layout: Layout, corners: dict[int, np.ndarray], valid: np.ndarray
) -> Windows:
    """Both sides' axes, for windows with the given corners along the indexed axes."""
    batch = valid.shape
    lines = {d: _separated(c) for d, c in corners.items()}
    joint = _joint(corners, lines, valid)
    outside = [k for k in range(len(windows)) if k not in layout.inside]
    sizes: list[Size] = []
    small = [Axis(n) for n in windows]
    factors: dict[int, list[Any]] = {d: [] for d in range(len(array))}
    if joint:
        every = np.arange(prod(batch[j] for j in joint)) if valid.all() else np.flatnonzero(valid)
        place = dict(zip(joint, np.unravel_index(every, [batch[j] for j in joint]), strict=True))
        label = _new(sizes, len(every))
        for j in joint:
            small[outside[j]] = _axis(batch[j], [(label, place[j])])
        for d, corner in corners.items():
            factors[d].append((label, corner[tuple(place[j] if j in joint else 0 for j in range(len(batch)))]))
    else:
        for d, corner in corners.items():
            factors[d].append((None, corner.flat[:1]))
    for j, n in enumerate(batch):
        if j not in joint and n != 1:
            label = _new(sizes, n)
            small[outside[j]] = Axis(n, 0, ((label, 1),))
            for d, line in lines.items():
                if line is not None:
                    factors[d].append((label, line[j]))
    wide = [d for d in range(len(array)) if d not in (*layout.dropped, *layout.array)]
    for d, k in zip(wide, layout.inside, strict=True):
        if not one(windows[k]):
            label = _new(sizes, windows[k])
            small[k] = Axis(windows[k], 0, ((label, 1),))
            factors[d].append((label, None))
    return Windows(tuple(_axis(n, factors[d]) for d, n in enumerate(array)), tuple(small), tuple(sizes))


def _new(sizes: list[Size], n: Size) -> int:
    sizes.append(n)
    return len(sizes) - 1


def _axis(size: Size, parts: Sequence[tuple[Any, Any]]) -> Axis:
    """An axis from what each label contributes; None is the label itself."""
    start = 0
    factors: list[tuple[int, Stride]] = []
    for label, values in parts:
        first, stride = (0, 1) if values is None else normal(values)
        start += first
        if not (isinstance(stride, int) and stride == 0):
            factors.append((label, stride))
    return Axis(size, start, tuple(factors))


def _starts(
    mode: Any, index: np.ndarray, array: Sequence[Size], layout: Layout
) -> tuple[dict[int, np.ndarray], np.ndarray] | None:
    """The first place of each window along each indexed axis, and which windows count; None where that is undefined."""
    corners = {d: index[..., k] for k, d in enumerate(layout.indexed)}
    valid = np.ones(index.shape[:-1], bool)
    for d, c in corners.items():
        last = array[d] - layout.sizes[d]
        if mode == GatherScatterMode.CLIP:
            corners[d] = np.clip(c, 0, last)
        valid &= (corners[d] >= 0) & (corners[d] <= last)
    if not valid.all() and mode != GatherScatterMode.FILL_OR_DROP:
        return None
    return corners, valid


def _separated(corner: np.ndarray) -> list[np.ndarray] | None:
    """What each axis of the index adds to the first corner; None where they do not simply add."""
    if corner.size == 0:
        return [np.zeros(n, np.int64) for n in corner.shape]
    first = corner.flat[0]
    lines = []
    total = np.full((1,) * corner.ndim, first)
    for j in range(corner.ndim):
        line = corner[tuple(slice(None) if k == j else 0 for k in range(corner.ndim))] - first
        lines.append(line)
        total = total + line.reshape([-1 if k == j else 1 for k in range(corner.ndim)])
    return lines if np.array_equal(total, corner) else None


def _joint(corners: Any, lines: Any, valid: np.ndarray) -> list[int]:
    """The axes of the index that must share one label: some window is dropped, or they do not simply add."""
    wide = [j for j, n in enumerate(valid.shape) if n != 1]
    if not valid.all():
        return wide
    return [j for j in wide if any(lines[d] is None and (np.take(c, [0], j) != c).any() for d, c in corners.items())]


def _written(found: Windows) -> tuple[list[int], np.ndarray] | None:
    """The axes along which windows do not fill the array, and which places are written; None if one is twice."""
    at = labels_of(found.array)
    if not set(labels_of(found.windows)) <= set(at):
        return None
    once = [i for axis in found.array for i, _ in axis.factors]
    part = [
        d
        for d, axis in enumerate(found.array)
        if not (axis.plain and found.sizes[axis.factors[0][0]] == axis.size and once.count(axis.factors[0][0]) == 1)
        and not (one(axis.size) and not axis.factors)
    ]
    axes = [found.array[d] for d in part]
    labels = labels_of(axes)
    if not concrete(*(a.size for a in axes), *(found.sizes[i] for i in labels)):
        return None
    values = grid(labels, dict(enumerate(found.sizes)))
    where = places(axes, values, prod(found.sizes[i] for i in labels))
    times = np.bincount(where, minlength=prod(a.size for a in axes))
    return None if times.size and times.max() > 1 else (part, times.reshape([a.size for a in axes]) > 0)


def _rest(shape: Sequence[Size], part: Sequence[int], written: np.ndarray) -> list[Term]:
    """The identity where nothing is written: slices around a box, a table otherwise."""
    if not part:
        return []
    sides = [np.any(written, axis=tuple(j for j in range(written.ndim) if j != k)) for k in range(written.ndim)]
    if written.sum() != prod(int(s.sum()) for s in sides):
        return [_kept(shape, dict(zip(part, np.nonzero(~written), strict=True)))]
    terms = []
    for k, side in enumerate(sides):
        before = {d: np.flatnonzero(s) for d, s in zip(part[:k], sides[:k], strict=True)}
        for run in _runs(np.flatnonzero(~side)):
            terms.append(_kept(shape, {}, {**before, part[k]: run}))
    return terms


def _runs(places_: np.ndarray) -> list[np.ndarray]:
    """Rising places as neighbours that stand together, if those are two pieces at most; else as they are."""
    if places_.size == 0:
        return []
    pieces = np.split(places_, np.flatnonzero(np.diff(places_) != 1) + 1)
    return pieces if len(pieces) <= 2 else [places_]


def _kept(shape: Sequence[Size], joint: dict[int, np.ndarray], alone: dict[int, np.ndarray] | None = None) -> Term:
    """The identity at places of some axes: one label for all of ``joint``, one for each of ``alone``."""
    sizes: list[Size] = []
    axes = []
    label = _new(sizes, len(next(iter(joint.values())))) if joint else -1
    for d, n in enumerate(shape):
        if d in joint:
            axes.append(_axis(n, [(label, joint[d])]))
        elif alone and d in alone:
            axes.append(_axis(n, [(_new(sizes, len(alone[d])), alone[d])]))
        else:
            axes.append(Axis(1) if one(n) else Axis(n, 0, ((_new(sizes, n), 1),)))
    return _term(axes, axes, sizes)


INDEX: dict[Any, Rule] = table(
    {
        "dynamic_slice": dynamic_slice,
        "dynamic_update_slice": dynamic_update_slice,
        "gather": gather,
        "scatter": scatter,
        "scatter_add": scatter_add,
        "scatter_sub": scatter_sub,
    }
)
