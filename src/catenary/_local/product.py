"""The graph of a product of derivatives: the graphs of its factors, one after the other.

A factor stands as it is or transposed: every edge turned round, the push and the pull of implicit nodes exchanged.
The whole is a graph of local derivatives like any other, so that one plan serves all factors and what asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catenary._graph import Equation, Graph
from catenary._local.local import Edge, Implicit, Local, Node
from catenary._rules import Piece

Factor = tuple[Local, bool]


@dataclass(slots=True)
class Joint:
    """The graph of a product.

    shifts    by how much the numbers of each factor's forward values have moved; factors at one point share theirs
    origins   implicit node → the factor it stems from, and the node there
    """

    local: Local
    shifts: tuple[int, ...]
    origins: dict[Implicit, tuple[int, Implicit]] = field(default_factory=dict)


def product(factors: Sequence[Factor]) -> Joint:
    """The graph of ``factors[0] ∘ … ∘ factors[-1]``, each (graph, whether it is transposed).

    The outputs of a factor are the inputs of the one to its left, and vertices to eliminate like the rest.
    """
    joint = Joint(Local(Graph()), ())
    local, values, firsts = joint.local, {}, []
    shifts = [0] * len(factors)
    for k in reversed(range(len(factors))):
        part, transposed = factors[k]
        at = len(local.graph.avals)
        local.graph.avals.extend(part.graph.avals)
        shifts[k] = values.setdefault(id(part), at)
        sources, sinks = (part.outputs, part.inputs) if transposed else (part.inputs, part.outputs)
        names: dict[int, int] = {}
        if k == len(factors) - 1:
            local.inputs = tuple(v + at for v in sources)
        else:
            names.update(zip(sources, local.outputs, strict=True))
            local.nodes.extend(Node((v,)) for v in local.outputs)
        move = Move(names, at, shifts[k], k, joint.origins)
        firsts.append(len(local.nodes))
        nodes, edges = move.part(part)
        if transposed:
            nodes, edges = [turned_node(n) for n in reversed(nodes)], [turned(e) for e in reversed(edges)]
        local.nodes.extend(nodes)
        local.edges.extend(edges)
        local.outputs = tuple(v + at for v in sinks)
    joint.shifts = tuple(shifts)
    local.mirror = _mirror(factors[::-1], firsts)
    return joint


@dataclass(slots=True)
class Move:
    """New numbers for a factor: of vertices by ``at``, but for those in ``names``; of forward values by ``shift``."""

    names: dict[int, int]
    at: int
    shift: int
    factor: int
    origins: dict[Implicit, tuple[int, Implicit]]

    def part(self, local: Local) -> tuple[list[Node], list[Edge]]:
        nodes = [Node(self._vertices(n.vertices), n.implicit and self._implicit(n.implicit)) for n in local.nodes]
        edges = [Edge(self._vertex(e.tail), self._vertex(e.head), e.piece, self._atoms(e.reads)) for e in local.edges]
        return nodes, edges

    def _vertex(self, v: int) -> int:
        return self.names.get(v, v + self.at)

    def _vertices(self, vertices: Sequence[int]) -> tuple[int, ...]:
        return tuple(self._vertex(v) for v in vertices)

    def _atoms(self, atoms: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(a + self.shift if isinstance(a, int) else a for a in atoms)

    def _implicit(self, node: Implicit) -> Implicit:
        of = node.of and self._implicit(node.of)
        old = node.equation
        equation = (
            of.equation
            if of is not None
            else Equation(
                old.primitive, old.params, self._atoms(old.inputs), self._atoms(old.outputs), old.source, old.setting
            )
        )
        outputs = tuple((k, self._vertex(v)) for k, v in node.outputs)
        moved = replace(node, equation=equation, slots=self._vertices(node.slots), outputs=outputs, of=of)
        if of is None:
            self.origins[moved] = self.factor, node
        return moved


def turned(edge: Edge) -> Edge:
    """The edge of the transposed graph."""
    return Edge(edge.head, edge.tail, Piece(edge.piece.term.T, edge.piece.row), edge.reads)


def turned_node(node: Node) -> Node:
    """The node of the transposed graph: what was handed over comes back."""
    one = node.implicit
    if one is None:
        return node
    if one.of is not None:
        return Node(tuple(v for _, v in one.of.outputs), one.of)
    slots = tuple(v for _, v in one.outputs)
    return Node(one.slots, replace(one, slots=slots, outputs=tuple(enumerate(one.slots)), of=one))


def _mirror(factors: Sequence[Factor], firsts: Sequence[int]) -> dict[int, int]:
    """Node → the node of its transpose, where a product is the same read from the other end: Dᵀ D, F P Fᵀ.

    factors   the first applied first, with the place of the first node of each
    """
    pairs: dict[int, int] = {}
    low, high = 0, len(factors) - 1
    while low < high and factors[low][0] is factors[high][0] and factors[low][1] != factors[high][1]:
        n = len(factors[low][0].nodes)
        pairs.update((firsts[low] + k, firsts[high] + n - 1 - k) for k in range(n))
        ends = firsts[low] + n, firsts[high]
        joints = firsts[low + 1] - ends[0]
        pairs.update((ends[0] + k, ends[1] - joints + k) for k in range(joints))
        low, high = low + 1, high - 1
    if low == high:
        pairs.update((firsts[low] + a, firsts[low] + b) for a, b in factors[low][0].mirror.items())
    return pairs | {b: a for a, b in pairs.items()}
