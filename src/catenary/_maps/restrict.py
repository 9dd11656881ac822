"""Parts of a map from a space to itself: its diagonal, its trace, its blocks along tied axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from catenary._maps.compose import Recipe, recipe_of
from catenary._maps.factor import Operand, Work
from catenary._maps.term import Axis, Size, Term, canonical


def _met(term: Term) -> tuple[Work, list[str]] | None:
    """Both sides of a term brought to agree, axis by axis; None where they never do."""
    operands = [Operand(r, list(x)) for r, x in (("core", term.core), ("mask", term.mask)) if x is not None]
    work = Work(
        {"left": list(term.out), "right": list(term.inp), "out": [], "inp": []}, operands, dict(enumerate(term.sizes))
    )
    for k in range(len(term.out)):
        if not work.align("left", "right", k, untie=True):
            return None
    return work, ["first"] * len(operands)


@lru_cache(maxsize=4096)
def trace(term: Term) -> Recipe | None:
    """Σ_i J[i, i] of one term.

    >>> trace(Term.of("a", "a", a=5)).term.scale
    5
    """
    met = _met(term)
    return None if met is None else recipe_of(*met, term.scale, term.precision)


@lru_cache(maxsize=4096)
def diagonal(term: Term) -> Recipe | None:
    """J[i, i] of one term, as a column.

    >>> diagonal(Term.of("a", "b", core="a b", a=5, b=5)).term
    Term('a <- ·', core='a')
    """
    met = _met(term)
    if met is None:
        return None
    work, names = met
    work.groups["out"] = work.groups["left"]
    return recipe_of(work, names, term.scale, term.precision)


def tied_axes(terms: Sequence[Term], out: Sequence[Size], inp: Sequence[Size]) -> list[tuple[int, int]]:
    """The pairs of axes along which every term is diagonal, each axis in one pair.

    >>> tied_axes([Term.of("b m", "b n", core="b m n", b=4, m=2, n=3)], (4, 2), (4, 3))
    [(0, 0)]
    """
    if not terms:
        return []

    def tied(term: Term, k: int, j: int) -> bool:
        a, b = term.out[k], term.inp[j]
        return a.plain and a == b and term.sizes[a.factors[0][0]] == a.size

    pairs: list[tuple[int, int]] = []
    for k in range(len(out)):
        for j in range(len(inp)):
            if j not in {q for _, q in pairs} and all(tied(t, k, j) for t in terms):
                pairs.append((k, j))
                break
    return pairs


def untwinned(term: Term, ties: Sequence[tuple[int, int]]) -> Term:
    """The term without the input axes of the given ties: each tied axis stands once, on the output's side."""
    gone = {j for _, j in ties}
    inp: tuple[Axis, ...] = tuple(axis for j, axis in enumerate(term.inp) if j not in gone)
    return canonical(replace(term, inp=inp))
