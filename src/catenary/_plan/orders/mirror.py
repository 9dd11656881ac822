"""Orders for a product that is its own transpose but for its middle, as Dᵀ D, F P Fᵀ or Jᵀ S J: both halves alike.

A vertex goes together with its transpose, so that what is multiplied in one half is there for the other by turning it.
Values that are another value unchanged go first: what meets there is added before it is multiplied. The middle, what is
not mirrored, goes next or last, and with it what only moves its entries: the slices and repeats of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from math import prod

from catenary._local import Edge, Local
from catenary._maps.term import Term, labels_of
from catenary._plan.orders.candidate import Order


def mirrored(forward: bool, middle_first: bool) -> Callable[[Local], Order | None]:
    """The order that takes the halves from their ends inwards (``forward``) or outwards; None without a mirror."""

    def order(local: Local) -> Order | None:
        if not local.mirror:
            return None
        halves = _Halves(local)
        free, inner, outer = halves.unchanged(), halves.near_middle(), halves.near_ends()
        if forward or not middle_first:
            outer = set()
        if not middle_first:
            inner = set()
        groups: list[Iterable[int]] = [
            sorted(free, reverse=not forward),
            sorted(inner - free, reverse=True),
            sorted(set(halves.lower) - free - inner - outer, reverse=not forward),
            sorted(outer - free - inner, reverse=True),
        ]
        pairs = [[n for k in group for n in (k, local.mirror[k])] for group in groups]
        middle = halves.middle
        pairs.insert(1 if middle_first else len(pairs), middle)
        return tuple(n for group in pairs for n in group)

    return order


@dataclass(slots=True)
class _Halves:
    """The lower half of the nodes, each with its transpose in the upper one, and what stands between them."""

    local: Local
    lower: list[int] = field(default_factory=list)
    middle: list[int] = field(default_factory=list)
    into: dict[int, list[Edge]] = field(default_factory=dict)
    out: dict[int, list[Edge]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mirror = self.local.mirror
        for k in range(len(self.local.nodes)):
            other = mirror.get(k, k)
            if other >= k:
                (self.lower if other > k else self.middle).append(k)
        for edge in self.local.edges:
            self.into.setdefault(edge.head, []).append(edge)
            self.out.setdefault(edge.tail, []).append(edge)

    def unchanged(self) -> set[int]:
        """Nodes that are read by one value, unchanged, or read one that stays: of a row of equals one stays."""
        explicit, gone, found = self._explicit(), set[int](), set[int]()
        for k in self.lower:
            vertex = self.local.nodes[k].vertices[0]
            below, above = self.into.get(vertex, ()), self.out.get(vertex, ())
            given = len(above) == 1 and _same(above[0].piece.term)
            taken = len(below) == 1 and _same(below[0].piece.term) and below[0].tail not in gone
            if k in explicit and (given or taken):
                found.add(k)
                gone.add(vertex)
        return found

    def near_middle(self) -> set[int]:
        """Nodes from which nothing is multiplied on the way to the middle."""
        return self._near(
            {v for k in self.middle for v in self.local.nodes[k].vertices}, self.out, reversed(self.lower)
        )

    def near_ends(self) -> set[int]:
        """Nodes to which nothing is multiplied on the way from the inputs."""
        return self._near(set(self.local.inputs), self.into, self.lower)

    def _near(self, reached: set[int], edges: dict[int, list[Edge]], nodes: Iterable[int]) -> set[int]:
        found = set()
        explicit = self._explicit()
        for k in nodes:
            vertex = self.local.nodes[k].vertices[0]
            ways = [({e.tail, e.head} - {vertex}, e.piece.term.one) for e in edges.get(vertex, ())]
            if k in explicit and ways and all(one and ends <= reached for ends, one in ways):
                found.add(k)
                reached.add(vertex)
        return found

    def _explicit(self) -> Collection[int]:
        return {k for k in self.lower if self.local.nodes[k].implicit is None}


def _same(term: Term) -> bool:
    """Whether a map only gives its entries other places."""
    if not term.one or not isinstance(term.scale, int) or term.scale != 1:
        return False
    sizes = [prod(axis.size for axis in side) for side in (term.out, term.inp)]
    return set(labels_of(term.out)) == set(labels_of(term.inp)) and sizes == [prod(term.sizes)] * 2


MIRRORED: dict[str, Callable[[Local], Order | None]] = {
    "inwards": mirrored(forward=True, middle_first=False),
    "middle, inwards": mirrored(forward=True, middle_first=True),
    "outwards": mirrored(forward=False, middle_first=True),
    "outwards, middle": mirrored(forward=False, middle_first=False),
}
