"""Linear primitives without explicit cores: pushed by themselves, pulled by their transpose.

A row says which operands the primitive is linear in, each with the others fixed, and which axes it does
not act on: those stay tied, so that a batch of convolutions is block-diagonal in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from catenary._rules.row import Site, table

#: the operands of a primitive that takes any number of them
ANY = range(1 << 20)

#: one tied axis: its place in each input (None where it has no such axis), and in the output
Tie = tuple[tuple[int | None, ...], int]


@dataclass(frozen=True, slots=True)
class Linear:
    """How a primitive is linear.

    operands      positions of the inputs it is linear in; None: only where it stands in a tangent program
    ties          (site) → tied axes
    split         (site) → shapes of the inputs, and of the output, in which more axes are tied; None: as they are
    of_tangents   parameters that are others where tangents are pushed: what is added to the product adds 0
    """

    operands: Sequence[int] | None
    ties: Callable[[Site], tuple[Tie, ...]] = lambda site: ()
    split: Callable[[Site], tuple[Sequence[Any], ...] | None] = lambda site: None
    of_tangents: Mapping[str, Any] = field(default_factory=dict)


def _other_axes(key: str) -> Callable[[Site], tuple[Tie, ...]]:
    """Every axis but those that parameter ``key`` names, one operand."""

    def ties(site: Site) -> tuple[Tie, ...]:
        used = site.params[key]
        used = (used,) if isinstance(used, int) else tuple(used)
        return tuple(((k,), k) for k in range(site.ins[0].ndim) if k not in used)

    return ties


def _entrywise(site: Site) -> tuple[Tie, ...]:
    """No axis is acted on."""
    return tuple(((k,) * len(site.ins), k) for k in range(site.outs[0].ndim))


def _leading(site: Site) -> tuple[Tie, ...]:
    """All axes but the transformed last ones."""
    n = site.ins[0].ndim - len(site.params["fft_lengths"])
    return tuple(((k,), k) for k in range(n))


def _groups(site: Site) -> tuple[int, Any, Any, Any] | None:
    """How many groups a convolution has, and the axes that they divide: of images, kernel and result."""
    numbers = site.params["dimension_numbers"]
    for key, role in (("feature_group_count", 1), ("batch_group_count", 0)):
        if site.params[key] != 1:
            return site.params[key], numbers.lhs_spec[role], numbers.rhs_spec[0], numbers.out_spec[1]
    return None


def _grouped(site: Site) -> tuple[Sequence[Any], ...] | None:
    """The shapes in which the groups have an axis of their own, in front of what they divide."""
    groups = _groups(site)
    if groups is None:
        return None
    n, *axes = groups
    shapes = [aval.shape for aval in (*site.ins, *site.outs)]
    return tuple((*s[:k], n, s[k] // n, *s[k + 1 :]) for s, k in zip(shapes, axes, strict=True))


def _convolution(site: Site) -> tuple[Tie, ...]:
    """Images and result share the batch, kernel and result the features of the result, all three the groups."""
    numbers, groups = site.params["dimension_numbers"], _groups(site)
    batch, features = (numbers.lhs_spec[0], numbers.out_spec[0]), (numbers.rhs_spec[0], numbers.out_spec[1])
    if groups is None:
        return ((batch[0], None), batch[1]), ((None, features[0]), features[1])
    _, images, kernel, result = groups
    features = features[0] + 1, features[1] + 1
    batch = batch[0] + (images < batch[0]), batch[1] + (result < batch[1])
    ties = ((images, kernel), result), ((None, features[0]), features[1])
    return ties if site.params["batch_group_count"] != 1 else (*ties, ((batch[0], None), batch[1]))


def _whole_axes(site: Site) -> tuple[Tie, ...]:
    """A dynamic slice leaves alone the axes that it takes whole."""
    shape, out = site.ins[0].shape, site.outs[0].shape
    return tuple(((k, *(None,) * (len(site.ins) - 1)), k) for k in range(len(out)) if shape[k] == out[k])


def _whole_updates(site: Site) -> tuple[Tie, ...]:
    """An update leaves alone the axes that it covers whole."""
    shape, update = site.ins[0].shape, site.ins[1].shape
    return tuple(((k, k, *(None,) * (len(site.ins) - 2)), k) for k in range(len(shape)) if shape[k] == update[k])


def _windows(site: Site) -> tuple[Tie, ...]:
    """Axes along which a window is one wide, unpadded, and moves by one."""
    p = site.params
    return tuple(
        ((k,) * len(site.ins), k)
        for k, (w, s, pad) in enumerate(zip(p["window_dimensions"], p["window_strides"], p["padding"], strict=True))
        if w == 1 and s == 1 and tuple(pad) == (0, 0) and site.ins[0].shape[k] == site.outs[0].shape[k]
    )


def _triangular_solve(site: Site) -> tuple[Tie, ...]:
    """The batch, and the columns (rows, from the right) of the other side of the equation."""
    n = site.outs[0].ndim
    free = n - 1 if site.params["left_side"] else n - 2
    return (*(((k, k), k) for k in range(n - 2)), ((None, free), free))


def _tridiagonal_solve(site: Site) -> tuple[Tie, ...]:
    """The batch, and the columns of the right-hand side."""
    n = site.outs[0].ndim
    return (*(((k,) * 4, k) for k in range(n - 2)), ((None, None, None, n - 1), n - 1))


def _gather(site: Site) -> tuple[Tie, ...]:
    """Axes that each index takes whole, and those that the indices share with the operand."""
    numbers, operand = site.params["dimension_numbers"], site.ins[0]
    windows = _windowed(operand.ndim, numbers.collapsed_slice_dims, numbers.operand_batching_dims)
    whole = [k for k in range(operand.ndim) if site.params["slice_sizes"][k] == operand.shape[k]]
    batch = _batch(
        site.outs[0].ndim,
        numbers.offset_dims,
        numbers.operand_batching_dims,
        numbers.start_indices_batching_dims,
    )
    taken = [(k, j) for k, j in zip(windows, numbers.offset_dims, strict=True) if k in whole]
    return tuple(((k, None), j) for k, j in (*taken, *batch))


def _scatter(site: Site) -> tuple[Tie, ...]:
    """Every axis is one of the operand's; the updates have those that they cover whole or share with the indices."""
    numbers, (operand, _, updates) = site.params["dimension_numbers"], site.ins
    windows = _windowed(operand.ndim, numbers.inserted_window_dims, numbers.operand_batching_dims)
    batch = _batch(
        updates.ndim,
        numbers.update_window_dims,
        numbers.operand_batching_dims,
        numbers.scatter_indices_batching_dims,
    )
    covered = zip(windows, numbers.update_window_dims, strict=True)
    place = {k: j for k, j in covered if updates.shape[j] == operand.shape[k]} | dict(batch)
    return tuple(((k, None, place.get(k)), k) for k in range(operand.ndim))


def _same_axes(site: Site) -> tuple[Tie, ...]:
    """Axes with as many entries before them, and as many in them, on both sides."""
    order = site.params.get("dimensions") or range(site.ins[0].ndim)
    shape = [site.ins[0].shape[k] for k in order]
    places: dict[Any, int] = {}
    for j, k in enumerate(order):
        places.setdefault((prod(shape[:j]), shape[j]), k)
    shape = site.outs[0].shape
    pairs = ((places.get((prod(shape[:j]), n)), j) for j, n in enumerate(shape))
    return tuple(((k,), j) for k, j in pairs if k is not None)


def _windowed(n: int, gone: Sequence[int], batching: Sequence[int]) -> list[int]:
    """The axes of an operand that windows have, in their order."""
    return [k for k in range(n) if k not in gone and k not in batching]


def _batch(n: int, windows: Sequence[int], operand: Sequence[int], indices: Sequence[int]) -> list[tuple[int, int]]:
    """Batching axes: their places in the operand, and in an array whose other axes are ``windows`` of ``n``."""
    rest = [k for k in range(n) if k not in windows]
    return [(k, rest[j]) for k, j in zip(operand, indices, strict=True)]


LINEAR: dict[Any, Linear] = table(
    {
        "complex":                  Linear((0, 1), _entrywise),
        "conj":                     Linear((0,), _entrywise),
        "conv_general_dilated":     Linear((0, 1), _convolution, _grouped),
        "convert_element_type":     Linear((0,), _entrywise),
        "cumsum":                   Linear((0,), _other_axes("axis")),
        "device_put":               Linear(ANY, lambda site: _entrywise(site) if len(site.ins) == 1 else ()),
        "dynamic_slice":            Linear((0,), _whole_axes),
        "dynamic_update_slice":     Linear((0, 1), _whole_updates),
        "fft":                      Linear((0,), _leading),
        "gather":                   Linear((0,), _gather, of_tangents={"fill_value": 0}),
        "imag":                     Linear((0,), _entrywise),
        "pad":                      Linear((0, 1)),
        "real":                     Linear((0,), _entrywise),
        "reduce_precision":         Linear((0,), _entrywise),
        "reduce_window_sum":        Linear((0,), _windows),
        "reshape":                  Linear((0,), _same_axes),
        "scatter":                  Linear(None, _scatter),
        "scatter_add":              Linear((0, 2), _scatter),
        "scatter_mul":              Linear(None, _scatter),
        "scatter_sub":              Linear((0, 2), _scatter),
        "select_and_gather_add":    Linear(None, _windows),
        "select_and_scatter_add":   Linear(None, _windows),
        "sharding_constraint":      Linear((0,), _entrywise),
        "triangular_solve":         Linear((1,), _triangular_solve),
        "tridiagonal_solve":        Linear((3,), _tridiagonal_solve),
    }
)  # fmt: skip
