"""Addition of explicit maps: terms with the same ties add their cores, others stay side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from catenary._maps.term import Term, shared


@dataclass(frozen=True, slots=True)
class Sum:
    """How the arrays of two terms of one structure become the array of their sum ``term``."""

    term: Term
    flops: Any


def same_ties(a: Term, b: Term) -> bool:
    """Whether two terms differ in their cores alone."""
    return a.out == b.out and a.inp == b.inp and a.sizes == b.sizes


@lru_cache(maxsize=65536)
def add(a: Term, b: Term) -> Sum | None:
    """The sum of two terms as one term, or None where their ties differ.

    >>> x, y = Term.of("a b", "a b", core="a b", a=2, b=3), Term.of("a b", "a b", scale=2, a=2, b=3)
    >>> add(x, y).term
    Term('a b <- a b', core='a b')
    """
    if not same_ties(a, b):
        return None
    if a.one and b.one:
        return Sum(shared(replace(a, scale=a.scale + b.scale)), 0)
    wide = max((a, b), key=lambda t: len(reached(t)))
    order = wide.core if wide.core is not None and wide.mask is None else reached(wide)
    core = (*order, *(i for t in (a, b) for i in reached(t) if i not in order))
    core = tuple(dict.fromkeys(core))
    flops: Any = 1
    for label in core:
        flops *= a.sizes[label]
    return Sum(shared(replace(a, core=core, mask=None, scale=1)), flops)


def reached(term: Term) -> tuple[int, ...]:
    """The labels along which a term's numbers differ."""
    return tuple(dict.fromkeys((*(term.core or ()), *(term.mask or ()))))
