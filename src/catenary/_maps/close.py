"""The diagonal or the trace of a product of two maps, without the product: restricted first, multiplied after."""

from __future__ import annotations

from functools import lru_cache

from catenary._maps.compose import Recipe, recipe_of
from catenary._maps.factor import Operand, Work
from catenary._maps.term import Axis, Term


@lru_cache(maxsize=16384)
def close(second: Term, first: Term, part: str) -> Recipe | None:
    """The ``part`` (diagonal, as a column, or trace) of second ∘ first, a map of a space to itself; None where zero.

    tr(B A) = Σ_ij B_ij A_ji takes as many products as either map has entries.

    >>> square = Term.of("a", "b", core="a b", a=5, b=5)
    >>> close(square, square, "trace").flops, close(square, square, "diagonal").term
    (50, Term('a <- ·', core='a'))
    """
    shift = len(second.sizes)

    def moved(axes: tuple[Axis, ...]) -> list[Axis]:
        return [Axis(a.size, a.start, tuple((i + shift, s) for i, s in a.factors)) for a in axes]

    sides = {"left": [*second.inp, *second.out], "right": [*moved(first.out), *moved(first.inp)]}
    operands = [
        (name, Operand(role, [i + by for i in labels]))
        for name, term, by in (("second", second, 0), ("first", first, shift))
        for role, labels in (("core", term.core), ("mask", term.mask))
        if labels is not None
    ]
    sizes = dict(enumerate((*second.sizes, *first.sizes)))
    work = Work({**sides, "out": [], "inp": []}, [o for _, o in operands], sizes)
    for k in range(len(sides["left"])):
        if not work.align("left", "right", k, untie=True):
            return None
    if part == "diagonal":
        work.groups["out"] = work.groups["left"][len(second.inp) :]
    names = [name for name, _ in operands]
    return recipe_of(work, names, second.scale * first.scale, first.precision or second.precision)
