"""A batch through an implicit map: what is handed to it, and the structure of what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

from catenary._maps.arrange import Arrangement, arrange
from catenary._maps.term import Axis, Size, Term, canonical, labels_of, one, renumbered

#: a tied axis: its place in each port handed over (None where absent), and in each port that comes back
Tie = tuple[tuple[int | None, ...], tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class Through:
    """How maps on one side's ports become maps on the other side's.

    side         of the maps that the ports stand on
    arrangement  of a single term handed over; None where terms are added up, dense but for their common ties
    once         axes of the other side that are tied: they stand once, among the ports' axes
    batch        sizes of the leading axes, one push or pull for each entry
    each         axes handed over along which every entry is pulled by itself: nothing that comes back has them
    terms        the structure that comes back on each port
    """

    side: str
    arrangement: Arrangement | None
    once: tuple[int, ...]
    batch: tuple[Size, ...]
    each: tuple[int, ...]
    terms: tuple[Term, ...]

    @property
    def count(self) -> Any:
        """How many vectors pass."""
        return prod(self.batch)

    def block(self, term: Term) -> Term:
        """A term that is added up, without what is tied: from the port to the other side's remaining axes."""
        mine, other = _sides(term, self.side)
        rest = tuple(axis for k, axis in enumerate(other) if k not in self.once)
        return canonical(replace(term, out=rest, inp=mine))


@lru_cache(maxsize=16384)
def through(
    maps: tuple[tuple[Term, ...], ...], side: str, back: tuple[tuple[Size, ...], ...], ties: tuple[Tie, ...]
) -> Through:
    """Plan a push (side "out") or a pull (side "inp") of the maps standing at each port, in one pass.

    back   shapes of the ports that come back
    ties   axes that the implicit map leaves alone, between every port that is filled and every one that comes back;
           where the one that comes back has no such axis, entries can be pulled by themselves
    """
    filled = [(k, term) for k, terms in enumerate(maps) for term in terms]
    if len(filled) == 1:
        ((port, term),) = filled
        mine, other = _sides(term, side)
        # what is pulled by itself along an axis comes back along the other side's axes
        seen = frozenset(labels_of(other))
        places = {a[port]: b for a, b in ties if None not in b or seen.issuperset(labels_of([mine[a[port] or 0]]))}
        plan = arrange(term, side, frozenset(places))
        if plan is not None:
            tied = {k: b for k, b in places.items() if k in plan.ties}
            answers = [{b[r]: plan.axis(k) for k, b in tied.items()} for r in range(len(back))]
            each = tuple(k for k, b in tied.items() if None in b)
            lead = (*plan.batch, *(i for k in each for i in plan.side[k]))
            terms = [
                _returned(side, plan.other, shape, t, lead, plan.sizes) for shape, t in zip(back, answers, strict=True)
            ]
            return Through(side, plan, (), tuple(plan.sizes[i] for i in plan.batch), each, tuple(terms))
    found = _common(filled, side, ties)
    _, other = _sides(filled[0][1], side)
    axes, sizes, batch = [], {}, []
    for label, axis in enumerate(other):
        axes.append(Axis(1) if one(axis.size) else Axis(axis.size, 0, ((label, 1),)))
        sizes[label] = axis.size
        batch += [label] if axes[-1].factors and label not in found else []
    answers = [{tie[1][r]: axes[k] for k, tie in found.items()} for r in range(len(back))]
    alone = {k: tie for k, tie in found.items() if None in tie[1]}
    each = tuple(tie[0][filled[0][0]] or 0 for tie in alone.values())
    terms = [_returned(side, axes, shape, t, (*batch, *alone), sizes) for shape, t in zip(back, answers, strict=True)]
    return Through(side, None, tuple(found), tuple(sizes[i] for i in batch), each, tuple(terms))


def _sides(term: Term, side: str) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """The axes of the port, and those of the other side."""
    return (term.out, term.inp) if side == "out" else (term.inp, term.out)


def _common(filled: Sequence[tuple[int, Term]], side: str, ties: Sequence[Tie]) -> dict[int, Tie]:
    """Axes of the other side that every term ties to the same axis of the implicit map, each in one tie."""

    def tied(port: int, term: Term, k: int, tie: Tie) -> bool:
        mine, other = _sides(term, side)
        axis = mine[tie[0][port] or 0]
        return axis.plain and axis == other[k] and term.sizes[axis.factors[0][0]] == axis.size

    found: dict[int, Tie] = {}
    for tie in ties:
        for k in range(len(_sides(filled[0][1], side)[1])):
            if k not in found and all(tied(port, term, k, tie) for port, term in filled):
                found[k] = tie
                break
    return found


def _returned(
    side: str,
    other: Sequence[Axis],
    shape: Sequence[Size],
    tied: dict[int | None, Axis],
    batch: Sequence[int],
    sizes: Any,
) -> Term:
    """core[batch…, port…], the tied axes of the port carrying the labels of the other side."""
    sizes = dict(sizes)
    mine = []
    for k, n in enumerate(shape):
        if k in tied or one(n):
            mine.append(tied.get(k, Axis(1)))
            continue
        label = max(sizes, default=-1) + 1
        sizes[label] = n
        mine.append(Axis(n, 0, ((label, 1),)))
    core = (*batch, *(i for axis in mine for i, _ in axis.factors))
    out, inp = (tuple(mine), tuple(other)) if side == "out" else (tuple(other), tuple(mine))
    return canonical(renumbered(Term(out, inp, (), core), labels_of((*out, *inp)), sizes))
