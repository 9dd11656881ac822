"""Reshapes: axes that merge into one, or one that splits into several, row after row.

A reshape is a function of whole axes, one for each smallest group of axes that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .build import along, mul, size
from .expr import Expr, Index, temporary
from .rename import rename

Axes = tuple[Index, ...]


def reshaped(outer: Sequence[Index], inner: Sequence[Index], body: Expr) -> Expr | None:
    """Return the body, whose axes are ``inner``, with its entries read row after row as ``outer``.

    ``None`` where the sizes do not say which axes merge or split.
    """
    fresh = {i: temporary(i.size) for i in inner}
    found = list(groups(outer, [fresh[i] for i in inner]))
    if sum(len(new) for new, _ in found) < len(outer) or sum(len(old) for _, old in found) < len(inner):
        return None
    body = rename(body, fresh)
    for new, old in found:
        body = rename(body, {old[0]: new[0]}) if len(new) == len(old) == 1 else along("reshape", new, old, body)
    return body


def groups(outer: Sequence[Index], inner: Sequence[Index]) -> Iterator[tuple[Axes, Axes]]:
    """Yield the smallest runs of axes on both sides with the same number of entries, as far as they are found."""
    m = n = 0
    while m < len(outer) and n < len(inner):
        lengths = [(a, b) for a in range(1, len(outer) - m + 1) for b in range(1, len(inner) - n + 1)]
        lengths.sort(key=sum)
        fits = (p for p in lengths if count(outer[m : m + p[0]]) is count(inner[n : n + p[1]]))
        a, b = next(fits, (0, 0))
        if not a:
            return
        yield tuple(outer[m : m + a]), tuple(inner[n : n + b])
        m, n = m + a, n + b


def count(axes: Sequence[Index]) -> Expr:
    """Return the number of entries along axes."""
    return mul(size(i.size) for i in axes)
