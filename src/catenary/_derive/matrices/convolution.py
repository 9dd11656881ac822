"""Convolutions, found again as a ∗ b in sums with an indicator of three positions.

y[o] = Σ_{s,k} [s = o + k] x[s] w[k] is differentiated like any other sum: by x it is a convolution again, by w a
correlation, which is a convolution with the reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..expressions.expr import Expr, Fn, Index, Num
from ..expressions.positions import Terms, affine, difference
from . import algebra
from . import matrix as mx


class Window(NamedTuple):
    """An indicator of three positions: one is the sum of the other two, up to factors and a shift.

    ``whole`` · its factor = Σ factor · position of ``ends`` + shift.
    """

    whole: Index
    ends: tuple[Index, Index]
    factors: Terms
    shift: int


def window(expr: Expr) -> Window | None:
    """Return what an indicator says of three positions, if it is one of those that a convolution is made of."""
    form = affine(difference(*expr.children)) if isinstance(expr, Fn) and expr.name == "eq" else None
    if form is None or len(form[0]) != 3 or not isinstance(form[1], Num):
        return None
    terms = form[0]
    ordered = sorted(terms, key=lambda i: (i.name, str(i.size)))
    for whole in ordered:
        ends = tuple(i for i in ordered if i is not whole)
        sign = 1 if terms[whole] > 0 else -1
        if abs(terms[whole]) == 1 and all(sign * terms[i] < 0 for i in ends):
            factors = {i: abs(c) for i, c in terms.items()}
            return Window(whole, ends, factors, int(-sign * form[1].value))  # type: ignore[arg-type]
    return None


class Convolved(NamedTuple):
    """A sum that is a ∗ b of two vectors over ``out``: the factors on both sides, whose indices go, and the others."""

    window: Window
    out: Index
    own: tuple[Index, ...]
    sides: tuple[list[Expr], ...]
    others: list[Expr]


def one_convolution(parts: Sequence[Expr], summed: Sequence[Index]) -> Convolved | None:
    """Return a product as a convolution of two vectors, if it has an indicator that makes it one."""
    for n, f in enumerate(parts):
        found = window(f)
        if found is None or set(found.factors.values()) != {1}:
            continue
        rest = [p for m, p in enumerate(parts) if m != n]
        outs = [i for i in (*found.ends, found.whole) if i not in summed] or [found.ends[0]]
        own = tuple(i for i in (found.whole, *found.ends) if i is not outs[0])
        sides = tuple([p for p in rest if i in p.free] for i in own)
        alone = all(p.free == {i} for i, side in zip(own, sides, strict=True) for p in side)
        if len(outs) == 1 and all(sides) and alone:
            return Convolved(found, outs[0], own, sides, [p for p in rest if not p.free & set(own)])
    return None


def convolved(made: Convolved, a: mx.Matrix, b: mx.Matrix) -> mx.Matrix | None:
    """Return a ∗ b, the second reversed where windows are correlated; ``None`` for a cut that has no name."""
    scalars = [s for x in (a, b) if isinstance(x, mx.Scaled) for s in x.scalars]
    a, b = (x.x if isinstance(x, mx.Scaled) else x for x in (a, b))
    sizes = (a.dims[0], b.dims[0], made.out.size)
    if not all(isinstance(d, int) for d in sizes):
        return None
    turned = made.out is not made.window.whole
    if not turned and int(sizes[1]) > int(sizes[0]):
        a, b = b, a
    n, m, length = int(a.dims[0]), int(b.dims[0]), int(made.out.size)
    low = -made.window.shift if turned else made.window.shift + m - 1
    modes = {(0, n - m + 1): "valid", (m - 1, n + m - 1): "full"}
    if m % 2 and m <= n:
        modes[(m - 1) // 2, n] = "same"
    mode = modes.get((low, length)) if m <= n else None
    high = length + m - 1 - n - low
    if mode is None and low >= 0 and high >= 0:
        a, mode = mx.Block((n + low + high,), (a,), 0, (low,)), "valid"
    if mode is None:
        return None
    return algebra.scaled(scalars, mx.Convolution((length,), (a, reverse(b) if turned else b), mode))


def reverse(x: mx.Matrix) -> mx.Matrix:
    """Return a vector from its end; that of a convolution is the convolution of both from their ends."""
    if isinstance(x, mx.Scaled):
        return algebra.scaled(x.scalars, reverse(x.x))
    if isinstance(x, mx.Convolution) and x.mode != "same":
        return mx.Convolution(x.dims, tuple(map(reverse, x.items)), x.mode)
    return x.x if isinstance(x, mx.Along) and x.name == "reverse" else mx.Along(x.dims, x, "reverse", 0)
