"""A batch through an implicit map: what is handed to it, and the structure of what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from catenary._maps.arrange import Arrangement, arrange
from catenary._maps.dense import dense_term
from catenary._maps.term import Axis, Size, Term, canonical, labels_of, one, renumbered

#: a tied axis: its place in each port handed over (None where absent), and in each port that comes back
Tie = tuple[tuple[int | None, ...], tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class Through:
    """How maps on one side's ports become maps on the other side's.

    arrangement   of the single term handed over, or None: then every port is handed over dense
    batch         sizes of the leading axes, one push or pull for each entry
    terms         the structure that comes back on each port
    """

    arrangement: Arrangement | None
    batch: tuple[Size, ...]
    terms: tuple[Term, ...]

    @property
    def count(self) -> Any:
        """How many vectors pass."""
        return prod(self.batch)


def through(
    maps: Sequence[Sequence[Term]],
    side: str,
    handed: Sequence[Sequence[Size]],
    back: Sequence[Sequence[Size]],
    ties: Sequence[Tie],
) -> Through:
    """Plan a push (side "out") or a pull (side "inp") of the maps standing at each port.

    handed, back   shapes of the ports on the two sides
    """
    filled = [k for k, terms in enumerate(maps) if terms]
    if len(filled) == 1 and len(maps[filled[0]]) == 1:
        port = filled[0]
        places = {a[port]: b for a, b in ties if a[port] is not None}
        plan = arrange(maps[port][0], side, frozenset(places))
        if plan is not None:
            sizes = tuple(plan.sizes[i] for i in plan.batch)
            tied = {k: plan.side[k][0] for k in plan.ties}
            answers = ({b[r]: tied[a] for a, b in places.items() if a in tied} for r in range(len(back)))
            return Through(
                plan,
                sizes,
                tuple(_returned(plan, side, shape, t) for shape, t in zip(back, answers, strict=True)),
            )
    other = next((t.inp if side == "out" else t.out) for terms in maps for t in terms)
    shape = tuple(axis.size for axis in other)
    dense = [dense_term(b, shape) if side == "out" else dense_term(shape, b) for b in back]
    return Through(None, tuple(n for n in shape if not one(n)), tuple(dense))


def _returned(plan: Arrangement, side: str, shape: Sequence[Size], ties: dict[int | None, int]) -> Term:
    """core[batch…, port…], the tied axes carrying the labels of the other side."""
    sizes = dict(plan.sizes)
    axes = []
    for k, n in enumerate(shape):
        if one(n):
            axes.append(Axis(1))
            continue
        label = ties.get(k)
        if label is None:
            label = max(sizes, default=-1) + 1
            sizes[label] = n
        axes.append(Axis(n, 0, ((label, 1),)))
    core = (*plan.batch, *(a.factors[0][0] for a in axes if a.factors))
    mine, other = tuple(axes), plan.other
    out, inp = (mine, other) if side == "out" else (other, mine)
    return canonical(renumbered(Term(out, inp, (), core), labels_of((*out, *inp)), sizes))
