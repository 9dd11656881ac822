"""Linear primitives without explicit cores: pushed by themselves, pulled by their transpose.

A row says which operands the primitive is linear in, each with the others fixed, and which axes it does
not act on: those stay tied, so that a batch of convolutions is block-diagonal in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catenary import _jax
from catenary._rules.row import Site

#: one tied axis: its place in each input (None where it has no such axis), and in the output
Tie = tuple[tuple[int | None, ...], int]


@dataclass(frozen=True, slots=True)
class Linear:
    """operands: positions of the inputs it is linear in; ties: (site) → tied axes."""

    operands: tuple[int, ...] | None
    ties: Callable[[Site], tuple[Tie, ...]] = lambda site: ()


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


def _convolution(site: Site) -> tuple[Tie, ...]:
    """The batch of the images is tied to the batch of the result."""
    if site.params["batch_group_count"] != 1:
        return ()
    numbers = site.params["dimension_numbers"]
    return (((numbers.lhs_spec[0], None), numbers.out_spec[0]),)


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
        ((k,), k)
        for k, (w, s, pad) in enumerate(zip(p["window_dimensions"], p["window_strides"], p["padding"], strict=True))
        if w == 1 and s == 1 and tuple(pad) == (0, 0) and site.ins[0].shape[k] == site.outs[0].shape[k]
    )


def _solve_batch(site: Site) -> tuple[Tie, ...]:
    return tuple(((k, k), k) for k in range(site.outs[0].ndim - 2))


LINEAR: dict[Any, Linear] = {
    _jax.primitive(name): row
    for name, row in {
        "complex":                  Linear((0, 1), _entrywise),
        "conj":                     Linear((0,), _entrywise),
        "conv_general_dilated":     Linear((0, 1), _convolution),
        "convert_element_type":     Linear((0,), _entrywise),
        "cumsum":                   Linear((0,), _other_axes("axis")),
        "dynamic_slice":            Linear((0,), _whole_axes),
        "dynamic_update_slice":     Linear((0, 1), _whole_updates),
        "fft":                      Linear((0,), _leading),
        "gather":                   Linear((0,)),
        "imag":                     Linear((0,), _entrywise),
        "pad":                      Linear((0, 1)),
        "real":                     Linear((0,), _entrywise),
        "reduce_precision":         Linear((0,), _entrywise),
        "reduce_window_sum":        Linear((0,), _windows),
        "reshape":                  Linear((0,)),
        "scatter_add":              Linear((0, 2)),
        "sharding_constraint":      Linear((0,), _entrywise),
        "triangular_solve":         Linear((1,), _solve_batch),
    }.items()
    if _jax.primitive(name) is not None
}  # fmt: skip
