"""Python source for a convolution with several axes: one call of ``lax.conv_general_dilated``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..expressions import expr as ex
from ..expressions.expr import Expr, Index
from ..expressions.look import factors
from ..matrices.convolution import Window, window


class Layout(NamedTuple):
    """The axes of the two operands and of the result: batch or features first, then channels, then space."""

    left: tuple[Index | None, ...]
    right: tuple[Index | None, ...]
    result: tuple[Index | None, ...]
    numbers: tuple[tuple[int, tuple[int, int], int, int, bool], ...]  # stride, padding, dilations, turned


def convolution(e: ex.Reduce, lay: Callable[[Expr, tuple[Index, ...]], str]) -> tuple[str, tuple[Index, ...]] | None:
    """Return source for a sum that is a convolution, and the axes of what it gives; ``None`` for other sums."""
    parts = factors(e.body)
    windows = [w for w in map(window, parts) if w is not None]
    rest = [f for f in parts if window(f) is None]
    if e.name != "sum" or len(rest) != 2 or not windows:
        return None
    for left, right in (rest, rest[::-1]):
        layout = _layout(left, right, windows, frozenset(e.indices), e.free)
        if layout is not None:
            return _call(layout, _operand(left, layout.left, lay), _operand(right, layout.right, lay))
    return None


def _layout(
    left: Expr, right: Expr, windows: list[Window], summed: frozenset[Index], free: frozenset[Index]
) -> Layout | None:
    """Return which axes of the operands play which part, if the sum over ``summed`` is a convolution."""
    space, numbers = [], []
    for w in windows:
        outs = [i for i in (w.whole, *w.ends) if i not in summed]
        own = [i for i in (w.whole, *w.ends) if i in summed]
        if len(outs) != 1 or len(own) != 2 or not all(isinstance(i.size, int) for i in w.factors):
            return None
        a, b = own if own[0] in left.free else own[::-1]
        turned = outs[0] is w.whole
        if a not in left.free or b not in right.free or not (turned or a is w.whole):
            return None
        space.append((a, b, outs[0]))
        numbers.append(_numbers(w, a, b, outs[0]))
    if len({i for triple in space for i in triple}) != 3 * len(space):
        return None
    seen = {i for triple in space for i in triple}
    batch = [i for i in left.free & free - right.free - seen]
    feature = [i for i in right.free & free - left.free - seen]
    channel = [i for i in left.free & right.free & summed - seen]
    if max(map(len, (batch, feature, channel))) > 1 or (left.free & right.free & free) or summed - seen - set(channel):
        return None
    n, o, c = (next(iter(group), None) for group in (batch, feature, channel))
    firsts, seconds, results = (tuple(triple[k] for triple in space) for k in range(3))
    return Layout((n, c, *firsts), (o, c, *seconds), (n, o, *results), tuple(numbers))


def _numbers(w: Window, a: Index, b: Index, out: Index) -> tuple[int, tuple[int, int], int, int, bool]:
    """Return stride, padding, the dilations of both operands and whether the second is turned, along one axis."""
    n, m, length = int(a.size), int(b.size), int(out.size)
    if out is w.whole:
        reach, low = w.factors[b] * (m - 1), w.factors[b] * (m - 1) + w.shift
        return 1, (low, length - 1 - (low - reach) - w.factors[a] * (n - 1)), w.factors[a], w.factors[b], True
    low = -w.shift
    high = w.factors[out] * (length - 1) + w.factors[b] * (m - 1) - low - (n - 1)
    return w.factors[out], (low, high), 1, w.factors[b], False


def _operand(e: Expr, axes: tuple[Index | None, ...], lay: Callable[[Expr, tuple[Index, ...]], str]) -> str:
    text = lay(e, tuple(i for i in axes if i is not None))
    return text if None not in axes else f"{text}[{', '.join('None' if i is None else ':' for i in axes)}]"


def _call(layout: Layout, left: str, right: str) -> tuple[str, tuple[Index, ...]]:
    strides, padding, first, second, turned = zip(*layout.numbers, strict=True)
    flipped = tuple(n + 2 for n, t in enumerate(turned) if t)
    right = f"jnp.flip({right}, {flipped})" if flipped else right
    text = f"lax.conv_general_dilated({left}, {right}, {strides}, {padding}, {first}, {second})"
    where = ", ".join("0" if i is None else ":" for i in layout.result)
    return text + (f"[{where}]" if None in layout.result else ""), tuple(i for i in layout.result if i is not None)
