"""Primitives that move entries and change none: their map has no core at all, only axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from catenary import _jax
from catenary._maps.join import MOST
from catenary._maps.table import concrete, normal
from catenary._maps.term import Axis, Size, Term, canonical, one, plain_axes
from catenary._rules.row import Piece, Row, Rule, Site, table

Answer = dict[int, tuple[Piece, ...]] | None


def _map(out: Sequence[Axis], inp: Sequence[Axis], sizes: Sequence[Size]) -> Answer:
    """A map without a core, as a rule's answer for output 0."""
    return {0: (Piece(_term(out, inp, sizes), Row()),)}


def _term(out: Sequence[Axis], inp: Sequence[Axis], sizes: Sequence[Size]) -> Term:
    """A term whose labels 0, 1, … may have gone unused on both sides: those count nothing and are dropped."""
    used = sorted({i for axis in (*out, *inp) for i, _ in axis.factors})
    number = {i: k for k, i in enumerate(used)}

    def rename(axes: Sequence[Axis]) -> tuple[Axis, ...]:
        return tuple(Axis(a.size, a.start, tuple((number[i], s) for i, s in a.factors)) for a in axes)

    return canonical(Term(rename(out), rename(inp), tuple(sizes[i] for i in used)))


def convert_element_type(site: Site, operand: int) -> Answer:
    """The identity between real dtypes, or from real to complex inside one kind."""
    kinds = {aval.dtype.kind == "c" for aval in (site.ins[operand], site.outs[0])}
    if len(kinds) != 1:
        return None
    return {0: (Piece(Term.identity(site.outs[0].shape), Row()),)}


def broadcast_in_dim(site: Site, _: int) -> Answer:
    """Repeat along new axes and along axes of size 1."""
    shape, places = site.outs[0].shape, site.params["broadcast_dimensions"]
    out, sizes = plain_axes(shape)
    inp = [Axis(1) if one(n) else out[k] for n, k in zip(site.ins[0].shape, places, strict=True)]
    return _map(out, inp, sizes)


def transpose(site: Site, _: int) -> Answer:
    """Axes in another order."""
    inp, sizes = plain_axes(site.ins[0].shape)
    return _map([inp[k] for k in site.params["permutation"]], inp, sizes)


def squeeze(site: Site, _: int) -> Answer:
    """Axes of size 1 dropped."""
    inp, sizes = plain_axes(site.ins[0].shape)
    return _map([axis for k, axis in enumerate(inp) if k not in site.params["dimensions"]], inp, sizes)


def expand_dims(site: Site, _: int) -> Answer:
    """Axes of size 1 added."""
    inp, sizes = plain_axes(site.ins[0].shape)
    rest = iter(inp)
    return _map(
        [Axis(1) if k in site.params["dimensions"] else next(rest) for k in range(site.outs[0].ndim)], inp, sizes
    )


def reshape(site: Site, _: int) -> Answer:
    """Merged and split axes: both shapes as mixed-radix digits of one position, or as tables of it."""
    shape = site.ins[0].shape
    order = site.params.get("dimensions") or range(len(shape))
    term = reshaped([shape[k] for k in order], site.outs[0].shape)
    if term is None:
        return None
    place = dict(zip(order, term.inp, strict=True))
    return {0: (Piece(canonical(replace(term, inp=tuple(place[k] for k in range(len(shape))))), Row()),)}


def reshaped(inp: Sequence[Size], out: Sequence[Size]) -> Term | None:
    """The map from one shape to another; neighbouring axes without common digits have one label, their position.

    >>> reshaped((5, 6, 4), (5, 2, 3, 4))
    Term('a b c d <- a 3b+c d')
    """
    if common_digits(inp, out) is not None:
        parts = [(tuple(inp), tuple(out))]
    elif not concrete(*inp, *out):
        return None
    else:
        parts = list(_stretches(inp, out))
    sizes: list[Size] = []
    sides: tuple[list[Axis], list[Axis]] = ([], [])
    for pair in parts:
        digits = common_digits(*pair)
        if digits is None and prod(pair[0]) > MOST:
            return None
        first = len(sizes)
        sizes += [prod(pair[0])] if digits is None else digits[0]
        for k, (side, shape) in enumerate(zip(sides, pair, strict=True)):
            if digits is None:
                side.extend(_unravelled(shape, first))
            else:
                side.extend(_merged(shape, [[first + i for i in part] for part in digits[1 + k]], sizes))
    return _term(sides[1], sides[0], sizes)


def _stretches(a: Sequence[int], b: Sequence[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The shortest stretches of neighbouring axes with as many entries on both sides."""
    start, stop = (0, 0), (0, 0)
    while stop != (len(a), len(b)):
        m, n = prod(a[start[0] : stop[0]]), prod(b[start[1] : stop[1]])
        if m == n and stop != start:
            yield tuple(a[start[0] : stop[0]]), tuple(b[start[1] : stop[1]])
            start = stop
        left = stop[0] < len(a) and (m <= n or stop[1] == len(b))
        stop = (stop[0] + left, stop[1] + (not left))
    yield tuple(a[start[0] :]), tuple(b[start[1] :])


def _unravelled(shape: Sequence[int], label: int) -> list[Axis]:
    """The axes of an array in terms of one label, its position in row-major order."""
    every = np.unravel_index(np.arange(prod(shape)), tuple(shape))
    axes = []
    for n, place in zip(shape, every, strict=True):
        start, stride = normal(place)
        axes.append(Axis(n, start, ((label, stride),)) if n > 1 else Axis(n))
    return axes


def _merged(shape: Sequence[Size], parts: Sequence[Sequence[int]], sizes: Sequence[Size]) -> list[Axis]:
    axes = []
    for n, labels in zip(shape, parts, strict=True):
        stride: Any = 1
        factors = []
        for label in reversed(labels):
            factors.append((label, stride))
            stride = stride * sizes[label]
        axes.append(Axis(n, 0, tuple(reversed(factors))))
    return axes


def common_digits(a: Sequence[Size], b: Sequence[Size]) -> tuple[list[Size], list[list[int]], list[list[int]]] | None:
    """Sizes of common digits of two shapes with one number of entries, and each axis's digits.

    >>> common_digits((6, 4), (2, 3, 4))
    ([2, 3, 4], [[0, 1], [2]], [[0], [1], [2]])
    >>> common_digits((4, 6), (6, 4)) is None
    True
    """
    parts: tuple[list[list[int]], list[list[int]]] = ([[] for _ in a], [[] for _ in b])
    left = [(k, n) for k, n in enumerate(a) if not one(n)]
    right = [(k, n) for k, n in enumerate(b) if not one(n)]
    sizes: list[Size] = []
    try:
        while left and right:
            (i, m), (j, n) = left.pop(), right.pop()
            if m == n:
                digit = m
            elif _divides(n, m):
                digit = n
                left.append((i, m // n))
            elif _divides(m, n):
                digit = m
                right.append((j, n // m))
            else:
                return None
            parts[0][i].insert(0, len(sizes))
            parts[1][j].insert(0, len(sizes))
            sizes.append(digit)
    except _jax.InconclusiveDimensionOperation:
        return None
    if left or right:
        return None
    last = len(sizes) - 1
    flip = tuple([[last - d for d in part] for part in side] for side in parts)
    return sizes[::-1], flip[0], flip[1]


def _divides(n: Size, m: Size) -> bool:
    if isinstance(n, int) and isinstance(m, int):
        return n > 0 and m > 0 and m % n == 0
    return bool(m % n == 0)


def slice_(site: Site, _: int) -> Answer:
    """start, start + stride, …: an affine position on the operand's side."""
    strides = site.params["strides"] or (1,) * site.ins[0].ndim
    out, sizes = plain_axes(site.outs[0].shape)
    inp = [
        Axis(n, _number(start), tuple((label, _number(step)) for label, _ in axis.factors))
        for n, start, step, axis in zip(site.ins[0].shape, site.params["start_indices"], strides, out, strict=True)
    ]
    return _map(out, _unsized(inp), sizes)


def _number(n: Any) -> Any:
    """An integer of NumPy's, as ``jnp.pad`` hands them on, as one of Python's; anything else as it is."""
    return int(n) if isinstance(n, np.integer) else n


def _unsized(axes: Sequence[Axis]) -> list[Axis]:
    return [Axis(1) if one(a.size) else a for a in axes]


def rev(site: Site, _: int) -> Answer:
    """Reversal: start at the end, stride −1."""
    inp, sizes = plain_axes(site.ins[0].shape)
    flipped = [
        Axis(a.size, a.size - 1, ((a.factors[0][0], -1),)) if k in site.params["dimensions"] and a.factors else a
        for k, a in enumerate(inp)
    ]
    return _map(flipped, inp, sizes)


def pad(site: Site, operand: int) -> Answer:
    """The operand at low + (interior + 1)·label, cut to what remains; the padding value everywhere else."""
    if operand == 1:
        return None
    shape = site.ins[0].shape
    out, inp, sizes = [], [], []
    for n, size, config in zip(shape, site.outs[0].shape, site.params["padding_config"], strict=True):
        low, _, interior = map(_number, config)
        step = interior + 1
        first = max(0, -(low // step)) if low < 0 else 0
        last = min(n - 1, (size - 1 - low) // step) if all(isinstance(v, int) for v in (n, size, low)) else n - 1
        count = last - first + 1
        if isinstance(count, int) and count <= 0:
            return {}
        if one(count):
            out.append(Axis(size, low + step * first))
            inp.append(Axis(n, first))
            continue
        label = len(sizes)
        sizes.append(count)
        out.append(Axis(size, low + step * first, ((label, step),)))
        inp.append(Axis(n, first, ((label, 1),)))
    return _map(_unsized(out), _unsized(inp), sizes)


def concatenate(site: Site, operand: int) -> Answer:
    """An operand stands at its offset along the joined axis."""
    k = site.params["dimension"]
    offset = sum(aval.shape[k] for aval in site.ins[:operand])
    inp, sizes = plain_axes(site.ins[operand].shape)
    out = list(inp)
    out[k] = Axis(site.outs[0].shape[k], offset, inp[k].factors)
    return _map(_unsized(out), inp, sizes)


def stack(site: Site, operand: int) -> Answer:
    """An operand stands at one index of the new axis."""
    inp, sizes = plain_axes(site.ins[operand].shape)
    k = site.params["axis"]
    new = Axis(site.outs[0].shape[k], operand)
    return _map(_unsized([*inp[:k], new, *inp[k:]]), inp, sizes)


def unstack(site: Site, _: int) -> Answer:
    """Each output stands at one index of the axis that goes."""
    k = site.params["axis"] % site.ins[0].ndim
    answer: dict[int, tuple[Piece, ...]] = {}
    for number, aval in enumerate(site.outs):
        out, sizes = plain_axes(aval.shape)
        index = Axis(site.ins[0].shape[k], number)
        answer[number] = (Piece(_term(out, _unsized([*out[:k], index, *out[k:]]), sizes), Row()),)
    return answer


def split(site: Site, _: int) -> Answer:
    """Each output is a slice along one axis."""
    k, offset = site.params["axis"], 0
    answer: dict[int, tuple[Piece, ...]] = {}
    for number, aval in enumerate(site.outs):
        out, sizes = plain_axes(aval.shape)
        inp = list(out)
        inp[k] = Axis(site.ins[0].shape[k], offset, out[k].factors)
        answer[number] = (Piece(_term(out, _unsized(inp), sizes), Row()),)
        offset += aval.shape[k]
    return answer


def tile(site: Site, _: int) -> Answer:
    """Whole copies side by side: the number of the copy is the slow digit of each axis."""
    inp, sizes = plain_axes(site.ins[0].shape)
    out = []
    for n, axis, copies in zip(site.outs[0].shape, inp, site.params["reps"], strict=True):
        if one(copies):
            out.append(axis)
            continue
        out.append(Axis(n, 0, ((len(sizes), axis.size), *axis.factors)))
        sizes = (*sizes, copies)
    return _map(out, inp, sizes)


def each(site: Site, operand: int) -> Answer:
    """As many outputs as inputs, each the identity of its own."""
    return {operand: (Piece(Term.identity(site.outs[operand].shape), Row()),)}


def device_put(site: Site, operand: int) -> Answer:
    """As ``each``, where no device is named."""
    return each(site, operand) if all(device is None for device in site.params["devices"]) else None


RELABEL: dict[Any, Rule] = table(
    {
        "broadcast_in_dim": broadcast_in_dim,
        "concatenate": concatenate,
        "convert_element_type": convert_element_type,
        "device_put": device_put,
        "expand_dims": expand_dims,
        "optimization_barrier": each,
        "pad": pad,
        "reshape": reshape,
        "rev": rev,
        "slice": slice_,
        "split": split,
        "squeeze": squeeze,
        "stack": stack,
        "tile": tile,
        "transpose": transpose,
        "unstack": unstack,
    }
)
