"""A product that reads the same from both ends: what one half takes is there for the other, by turning it.

In Dᵀ D, F P Fᵀ or Jᵀ S J the halves are each other's transposes, edge by edge. In Dᵀ D the whole is its own transpose
besides: of the two blocks of a pair of arrays one is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from catenary._local import Edge, Local, Node
from catenary._maps.term import Term

V = TypeVar("V")
Pair = tuple[tuple[Term, V], tuple[Term, V]]


class Twins(Generic[V]):
    """Maps made once: with each its transpose, which the mirrored half of a product asks for."""

    __slots__ = ("edges", "made")

    def __init__(self) -> None:
        self.edges: dict[Any, V] = {}
        self.made: dict[Any, tuple[Term, V, Any]] = {}

    def local(self, edge: Edge, make: Callable[[Edge], V]) -> V:
        """The value of an edge and of its transpose: they read the same, by the same row."""
        term, row = edge.piece.term, edge.piece.row
        sizes = [None if labels is None else tuple(term.sizes[i] for i in labels) for labels in (term.core, term.mask)]
        key = id(row), tuple(a if isinstance(a, int) else id(a) for a in edge.reads), *sizes
        if key not in self.edges:
            self.edges[key] = make(edge)
        return self.edges[key]

    def once(self, kind: str, term: Term, parts: Pair[V], make: Callable[[], V]) -> tuple[Term, V]:
        """The map of structure ``term`` that ``make`` gives for two maps composed or added; or that it gave before."""
        (a, x), (b, y) = parts
        key = kind, a, id(x), b, id(y)
        if key not in self.made:
            value = make()
            # the parts are kept, so that no other value takes their identity
            self.made[key] = term, value, parts
            mirrored = (kind, b.T, id(y), a.T, id(x)) if kind == "compose" else (kind, a.T, id(x), b.T, id(y))
            self.made[mirrored] = term.T, value, parts
        return self.made[key][:2]


class Alike:
    """Which maps are the transposes of others, in a graph that is its own transpose.

    above, below   vertex of the lower half → its twin in the upper one, and back; inputs and outputs among them
    rank           when a vertex is removed: of two maps the one from the vertex removed earlier is made, the last are
                   the inputs, whose maps are wide and should meet no other factor
    made           during the removal of a pair: (head, tail) of a map made → those of its transpose
    """

    def __init__(self, local: Local, order: Sequence[int]):
        self.above: dict[int, int] = dict(zip(local.inputs, local.outputs, strict=True))
        for a, b in local.mirror.items():
            if a < b:
                node, twin = local.nodes[a], local.nodes[b]
                heads = twin.vertices if twin.implicit is None else twin.implicit.slots
                self.above.update(zip(node.vertices, heads, strict=True))
        self.below = {b: a for a, b in self.above.items()}
        self.rank = {v: n for n, k in enumerate(order) for v in local.nodes[k].vertices}
        self.rank |= {v: len(order) + n for n, v in enumerate(local.inputs)}
        self.own: set[int] = set()
        self.made: dict[tuple[int, int], tuple[int, int]] = {}

    def start(self, nodes: Sequence[Node]) -> None:
        """Begin the removal of nodes."""
        self.own = {v for n in nodes for v in (*n.vertices, *(n.implicit.slots if n.implicit else ()))}
        self.made = {}

    def spares(self, head: int, tail: int) -> bool:
        """Whether ∂head/∂tail is the transpose of a map that is made."""
        below = self.below.get(head)
        if below is None or below == tail or tail not in self.above or head in self.own:
            return False
        made = self.rank[tail] < self.rank[below]
        if made:
            self.made[head, tail] = self.above[tail], below
        return not made


def in_pairs(local: Local, order: Sequence[int]) -> list[tuple[int, ...]] | None:
    """An order's nodes with their twins; None where it takes them apart, or the graph is not its own transpose.

    It is where a node is its own twin: what stands in the middle is then the identity.
    """
    mirror = local.mirror
    if len(mirror) < len(local.nodes) or all(a != b for a, b in mirror.items()):
        return None
    groups: list[tuple[int, ...]] = []
    left: Iterator[int] = iter(order)
    for k in left:
        if mirror[k] != k and next(left, None) != mirror[k]:
            return None
        groups.append((k,) if mirror[k] == k else (k, mirror[k]))
    return groups
