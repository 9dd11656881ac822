"""What a map is, in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from catenary._maps.term import Term, labels_of


def nonzeros(terms: Sequence[Term]) -> Any:
    """How many entries can differ from zero, overlaps counted once at most per term.

    >>> nonzeros([Term.of("b m", "b n", core="b m n", b=256, m=16, n=16)])
    65536
    """
    return sum(prod(t.sizes) for t in terms)


def describe(terms: Sequence[Term]) -> str:
    """The structure of a sum of terms.

    >>> describe([Term.of("b m", "b n", core="b m n", b=256, m=16, n=16)])
    'block-diagonal: 256 blocks of 16 × 16'
    >>> describe([Term.of("b m", "b m", b=2, m=3)])
    'identity'
    """
    return " + ".join(_one(t) for t in terms) if terms else "zero"


def _one(term: Term) -> str:
    out, inp, ties = set(labels_of(term.out)), set(labels_of(term.inp)), set(term.ties)
    rows, columns = (_size(term, side - ties) for side in (out, inp))
    number = "" if term.scale == 1 else f"{term.scale} · "
    if not out and not inp:
        return f"{number}one entry"
    if not out:
        return f"{number}row vector"
    if not inp:
        return f"{number}column vector"
    if not ties:
        return f"{number}dense {rows} × {columns}" if term.core is not None else f"{number}ones {rows} × {columns}"
    if ties == out == inp:
        if term.core is None and term.mask is None:
            whole = all(a.plain for a in (*term.out, *term.inp)) and term.out == term.inp
            return f"{number}identity" if whole else f"{number}selection of {_size(term, ties)} entries"
        return f"{number}diagonal, {_size(term, ties)} entries"
    return f"{number}block-diagonal: {_size(term, ties)} blocks of {rows} × {columns}"


def _size(term: Term, labels: set[int]) -> Any:
    return prod(term.sizes[i] for i in sorted(labels))
