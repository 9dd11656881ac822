"""Orders for a product that is its own transpose but for its middle, as Dᵀ D, F P Fᵀ or Jᵀ S J: both halves alike.

A vertex goes together with its transpose, so that what is multiplied in one half is there for the other by turning it.
Values that are another value unchanged go first: what meets there is added before it is multiplied. The middle, what is
not mirrored, goes next or last.
"""

from __future__ import annotations

from collections.abc import Callable

from catenary._local import Edge, Local
from catenary._maps.term import Term


def mirrored(forward: bool, middle_first: bool) -> Callable[[Local], tuple[int, ...] | None]:
    """The order that takes the halves from their ends inwards (``forward``) or outwards; None without a mirror."""

    def order(local: Local) -> tuple[int, ...] | None:
        if not local.mirror:
            return None
        free = unchanged(local)
        lower = [k for k in range(len(local.nodes)) if k < local.mirror.get(k, -1)]
        pairs = [(k, local.mirror[k]) for k in (lower if forward else reversed(lower))]
        first = [n for pair in pairs for n in pair if free.issuperset(pair)]
        halves = [n for pair in pairs for n in pair if not free.issuperset(pair)]
        placed = {*first, *halves}
        middle = [k for k in range(len(local.nodes)) if k not in placed]
        return (*first, *middle, *halves) if middle_first else (*first, *halves, *middle)

    return order


def unchanged(local: Local) -> set[int]:
    """The nodes that read one value or are read by one, unchanged: their removal multiplies nothing."""
    into: dict[int, list[Edge]] = {}
    out: dict[int, list[Edge]] = {}
    for edge in local.edges:
        into.setdefault(edge.head, []).append(edge)
        out.setdefault(edge.tail, []).append(edge)

    def same(term: Term) -> bool:
        return term.one and term.out == term.inp and isinstance(term.scale, int) and term.scale == 1

    def free(vertex: int) -> bool:
        return any(len(side) == 1 and same(side[0].piece.term) for side in (into.get(vertex, ()), out.get(vertex, ())))

    return {k for k, node in enumerate(local.nodes) if node.implicit is None and free(node.vertices[0])}


MIRRORED: dict[str, Callable[[Local], tuple[int, ...] | None]] = {
    "inwards": mirrored(forward=True, middle_first=False),
    "middle, inwards": mirrored(forward=True, middle_first=True),
    "outwards": mirrored(forward=False, middle_first=True),
    "outwards, middle": mirrored(forward=False, middle_first=False),
}
