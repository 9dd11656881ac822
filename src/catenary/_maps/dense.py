"""The dense form of a map: an entry for each pair of positions."""

from __future__ import annotations

from collections.abc import Sequence

from catenary._maps.term import Size, Term, plain_axes


def dense_term(out: Sequence[Size], inp: Sequence[Size]) -> Term:
    """The structure of a map without any: a core with all axes of both sides.

    >>> dense_term((2, 1), (3,))
    Term('a 1 <- b', core='a b')
    """
    left, sizes = plain_axes(out)
    right, more = plain_axes(inp, len(sizes))
    all_sizes = (*sizes, *more)
    return Term(left, right, all_sizes, tuple(range(len(all_sizes))))
