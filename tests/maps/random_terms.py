"""Random maps, and what they mean: every entry written out from the definition, one label assignment at a time."""

import itertools
from math import prod
from random import Random

import numpy as np

from catenary._emit.einsum import Value
from catenary._maps.table import Table, normal, reach
from catenary._maps.term import Axis, Term, canonical, validate

SIZES = (1, 2, 3, 4, 6)


def written_out(term: Term, value: Value) -> np.ndarray:
    """J[out…, inp…] = Σ_labels scale · core · mask at the positions of the labels: slow and obviously right."""
    dense = np.zeros([a.size for a in (*term.out, *term.inp)])
    for labels in itertools.product(*(range(n) for n in term.sizes)):
        entry = term.scale
        if term.core is not None:
            entry = entry * float(value.core[tuple(labels[i] for i in term.core)])
        if term.mask is not None and not bool(value.mask[tuple(labels[i] for i in term.mask)]):
            continue
        place = tuple(a.start + sum(int(reach(s, labels[i])) for i, s in a.factors) for a in (*term.out, *term.inp))
        dense[place] += entry
    return dense


def _side(rng: Random, size: int, sizes: list[int]) -> Axis:
    """An axis of the given size with labels of its own: whole, a part of it, merged digits, reversed, or a point."""
    form = rng.choice(["plain", "plain", "part", "digits", "reversed", "point", "table", "table", "windows"])
    if size == 1 or form == "point":
        return Axis(size, rng.randrange(size))
    if form == "table":
        return _looked_up(rng, size, len(sizes), sizes)
    if form == "windows" and size > 2:  # that overlap: position = label + label
        sizes += [2, size - 1]
        return Axis(size, 0, ((len(sizes) - 2, 1), (len(sizes) - 1, 1)))
    divisors = [d for d in range(2, size) if size % d == 0]
    if form == "digits" and divisors:
        inner = rng.choice(divisors)
        sizes += [size // inner, inner]
        return Axis(size, 0, ((len(sizes) - 2, inner), (len(sizes) - 1, 1)))
    if form == "part":
        step = rng.choice([1, 2])
        start = rng.randrange(max(1, size - step))
        count = rng.randint(1, (size - 1 - start) // step + 1)
        if count == 1:
            return Axis(size, start)
        sizes.append(count)
        return Axis(size, start, ((len(sizes) - 1, step),))
    sizes.append(size)
    return (
        Axis(size, size - 1, ((len(sizes) - 1, -1),)) if form == "reversed" else Axis(size, 0, ((len(sizes) - 1, 1),))
    )


def _looked_up(rng: Random, size: int, label: int, sizes: list[int]) -> Axis:
    """An axis whose label, a new one or one that stands elsewhere too, is looked up in a table; places may repeat."""
    fresh = label == len(sizes)
    count = rng.randint(2, 5) if fresh else sizes[label]
    start, stride = normal(np.array([rng.randrange(size) for _ in range(count)]))
    if isinstance(stride, int) and stride == 0:
        return Axis(size, start) if fresh else Axis(count, 0, ((label, 1),))
    sizes += [count] if fresh else []
    return Axis(size, start, ((label, stride),))


def random_term(rng: Random, shape: tuple[int, ...]) -> Term:
    """A map whose input has the given shape: some labels are tied to the output, some are summed, some are new."""
    sizes: list[int] = []
    inp = [_side(rng, n, sizes) for n in shape]
    tied = [i for i in range(len(sizes)) if rng.random() < 0.7]
    rng.shuffle(tied)
    out = [_around(rng, i, sizes) for i in tied]
    if rng.random() < 0.4:
        out.insert(rng.randint(0, len(out)), _side(rng, rng.choice(SIZES), sizes))
    if len(out) > 1 and rng.random() < 0.3:
        out = _merged(out)
    while prod(a.size for a in out) > 40:
        out.pop()
    used = {i for axis in (*inp, *out) for i, _ in axis.factors}
    labels = [i for i in range(len(sizes)) if i in used]
    part = lambda chance: tuple(rng.sample(labels, rng.randint(0, len(labels)))) if rng.random() < chance else None
    core, mask = part(0.7), part(0.3)
    number = {i: k for k, i in enumerate(labels)}
    rename = lambda axes: tuple(Axis(a.size, a.start, tuple((number[i], s) for i, s in a.factors)) for a in axes)
    relabel = lambda ls: None if ls is None else tuple(number[i] for i in ls)
    scale = 1 if core is not None else rng.choice([1, -1, 0.5])
    term = canonical(
        Term(rename(out), rename(inp), tuple(sizes[i] for i in labels), relabel(core), relabel(mask), scale)
    )
    validate(term)
    return term


def _around(rng: Random, label: int, sizes: list[int]) -> Axis:
    """An output axis for a tied label: as it is, padded, dilated, reversed or looked up."""
    size = sizes[label]
    form = rng.choice(["plain", "plain", "plain", "padded", "dilated", "reversed", "table"])
    if form == "table":
        return _looked_up(rng, rng.randint(2, 6), label, sizes)
    if form == "padded":
        return Axis(size + 2, 1, ((label, 1),))
    if form == "dilated":
        return Axis(2 * size - 1, 0, ((label, 2),))
    return Axis(size, size - 1, ((label, -1),)) if form == "reversed" else Axis(size, 0, ((label, 1),))


def _merged(axes: list[Axis]) -> list[Axis]:
    """The first two axes as one: position = first · size of the second + second."""
    a, b, *rest = axes
    factors = (
        *((i, Table(b.size * s.values) if isinstance(s, Table) else b.size * s) for i, s in a.factors),
        *b.factors,
    )
    return [Axis(a.size * b.size, a.start * b.size + b.start, factors), *rest]


def random_value(rng: Random, term: Term) -> Value:
    """Arrays for the core and the mask of a term."""
    draw = np.random.default_rng(rng.randint(0, 2**31))
    core = None if term.core is None else draw.normal(size=[term.sizes[i] for i in term.core])
    mask = None if term.mask is None else draw.random(size=[term.sizes[i] for i in term.mask]) < 0.6
    return Value(core, mask)


def random_shape(rng: Random) -> tuple[int, ...]:
    """The shape of a small array."""
    return tuple(rng.choice(SIZES) for _ in range(rng.randint(0, 3)))
