"""The graph of local derivatives of a program.

A vertex is a value that depends on a chosen input and leads to a chosen output; an edge is an explicit map;
an implicit node is an equation that pushes or pulls all its inputs and outputs together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from catenary._graph import Atom, Equation, Graph, digest
from catenary._local.describe import describe
from catenary._rules import LINEAR, Piece, Site


@dataclass(frozen=True, slots=True)
class Edge:
    """∂head/∂tail, one summand: a structure, and the forward values that its arrays are made from."""

    tail: int
    head: int
    piece: Piece
    reads: tuple[Atom, ...] = ()


#: an axis that an implicit node does not act on: its place in each slot (None where absent), and in each output
Tie = tuple[tuple[int | None, ...], tuple[int | None, ...]]

#: primitive → (node) → its ties, for what is not in the table of linear primitives
TIES: dict[Any, Callable[[Implicit], tuple[Tie, ...]]] = {}


@dataclass(frozen=True, eq=False)
class Implicit:
    """An equation known only by its push and its pull.

    kind      "linear", "bilinear", or the name of a control or custom primitive
    site      the equation's shapes and parameters
    slots     a vertex for each active input, fed by an identity edge from the input itself
    active    the positions of those inputs in the equation
    outputs   (position, vertex) of the outputs that carry derivatives
    of        the node that this one is the transpose of: its push is that one's pull
    """

    kind: str
    equation: Equation
    site: Site
    slots: tuple[int, ...]
    active: tuple[int, ...]
    outputs: tuple[tuple[int, int], ...]
    of: Implicit | None = None

    @cached_property
    def ties(self) -> tuple[Tie, ...]:
        """Axes that it does not act on; found when first asked for, which a single vector never does."""
        if self.equation.primitive in TIES:
            return TIES[self.equation.primitive](self)
        row = LINEAR.get(self.equation.primitive)
        found = row.ties(self.site) if row is not None else ()
        return tuple((tuple(a[k] for k in self.active), (b,) * len(self.outputs)) for a, b in found)

    def splits(self, graph: Graph) -> bool:
        """Whether its ports have more axes than its arrays."""
        return any(graph.avals[v].ndim != self.site.outs[k].ndim for k, v in self.outputs)


@dataclass(frozen=True, slots=True)
class Node:
    """What one elimination step removes: a value, or all outputs (and slots) of an implicit equation."""

    vertices: tuple[int, ...]
    implicit: Implicit | None = None


@dataclass(slots=True)
class Local:
    """Local derivatives of ``graph`` from ``inputs`` to ``outputs``.

    graph     the forward pass; fallbacks have added equations and values to it
    inputs    source vertices; one that reaches no output has no edges
    outputs   sink vertices, one for each output of the program, each fed by an identity edge
    nodes     in topological order
    edges     all of them, tails before heads
    part      what of the maps is wanted: ``whole``, its ``entries``, or of a square map ``diagonal`` or ``trace``
    mirror    node → its transpose, by number, in a product that is its own transpose but for its middle
    vertices  value of the forward pass → the vertex that stands for it
    """

    graph: Graph
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    part: str = "whole"
    mirror: dict[int, int] = field(default_factory=dict)
    vertices: dict[int, int] = field(default_factory=dict)
    _digest: str | None = field(default=None, init=False, repr=False, compare=False)

    def fingerprint(self) -> str:
        """A digest of all that a plan is made from, when it is first asked for: the same in every process."""
        if self._digest is None:
            self._digest = digest(describe(self))
        return self._digest

    def program(self) -> str:
        """A digest of the program: its equations with a derivative, their parameters and how they hang together."""
        return digest(describe(self, maps=False))

    def shape(self, vertex: int) -> tuple[Any, ...]:
        """The shape of a vertex's value."""
        return self.graph.avals[vertex].shape

    def dtype(self, vertex: int) -> Any:
        """The dtype of a vertex's value."""
        return self.graph.avals[vertex].dtype
