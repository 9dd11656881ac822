"""Terms that fill an array piece by piece: then they are joined when they are written out, not padded and added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from catenary._maps.term import Axis, Size, Term


def pieces(terms: Sequence[Term]) -> tuple[int, list[tuple[Size, list[int]]]] | None:
    """An axis that terms cut into consecutive pieces, and of each piece its length and its terms.

    Axes count from the first of the output to the last of the input. None where there is no such axis.

    >>> upper, lower = Term.of("a", "b", core="a b", a=2, b=4), Term.of("a", "b", core="a b", a=3, b=4)
    >>> rows = [replace(t, out=(Axis(5, start, t.out[0].factors),)) for t, start in ((upper, 0), (lower, 2))]
    >>> pieces(rows)
    (0, [(2, [0]), (3, [1])])
    """
    if len(terms) < 2:
        return None
    rows = [(*term.out, *term.inp) for term in terms]
    for k in range(len(rows[0])):
        places: list[tuple[int, Any]] = [
            (row[k].start, _span(term, row[k])) for term, row in zip(terms, rows, strict=True)
        ]
        if any(span is None for _, span in places):
            continue
        found = sorted(dict.fromkeys(places), key=lambda place: place[0])
        ends = [start + span for start, span in found]
        if len(found) > 1 and [start for start, _ in found] == [0, *ends[:-1]] and ends[-1] == rows[0][k].size:
            return k, [(place[1], [n for n, mine in enumerate(places) if mine == place]) for place in found]
    return None


def cut(term: Term, k: int, span: Size) -> Term:
    """The term with axis ``k`` shrunk to the ``span`` positions that it fills."""
    sides = [list(term.out), list(term.inp)]
    side, j = (0, k) if k < len(term.out) else (1, k - len(term.out))
    sides[side][j] = Axis(span, 0, sides[side][j].factors)
    return replace(term, out=tuple(sides[0]), inp=tuple(sides[1]))


def _span(term: Term, axis: Axis) -> Any | None:
    """How many consecutive positions an axis fills from its start; None where they are not consecutive."""
    if axis.tabled:
        return None
    span: Any = 1
    for label, stride in sorted(axis.factors, key=lambda f: abs(f[1])):
        if not isinstance(axis.start, int) or stride != span:
            return None
        span = span * term.sizes[label]
    return span
