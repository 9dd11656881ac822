"""The derivative of a gradient from the graph of the function itself: H = Σ Jᵀ S J.

A local derivative whose core depends on x has a second derivative: S takes the tangent of what the core reads to the
cotangent of what the edge reads, weighted by the adjoint of what it makes (edge pushing: Gower and Mello, A new
framework for the computation of Hessians, Optim. Methods Softw. 27, 2012). Below stands the graph of the function, in
the middle the S, above the graph transposed. So the planner sees that the halves are each other's transposes: a trace
is Σ S : (J Jᵀ), the forward Laplacian (Li et al., A computational framework for neural network-based variational Monte
Carlo with forward Laplacian, Nature Machine Intelligence 6, 2024), with J pushed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax

from catenary._emit.algebra import Compute, fitted, force
from catenary._emit.basis import total
from catenary._emit.einsum import select, spread
from catenary._emit.program import Point, local_of, row_vector, run
from catenary._graph import Equation, Graph, Lit, trace
from catenary._graph.activity import reached
from catenary._local import Edge, Implicit, Local, Node
from catenary._local.product import Move, turned, turned_node
from catenary._maps.term import Term, labels_of, plain_axes, renumbered
from catenary._plan.elimination.eliminate import Elimination
from catenary._rules import Piece, Row


@dataclass(slots=True)
class Second:
    """The derivative of the gradient of the function that ``base`` is the graph of.

    local      the graph of H
    cores      programs that the cores of edges are made by: (graph, the values that it reads, by how much its values'
               numbers have moved)
    adjoints   vertex of ``base`` → the number of its adjoint among the forward values
    origins    implicit node → the graph that it stems from, by place (``base`` first), and the node there
    """

    base: Local
    local: Local
    cores: list[tuple[Local, list[int], int]]
    adjoints: dict[int, int]
    origins: dict[Implicit, tuple[int, Implicit]]

    def at(self, leaves: Sequence[Any]) -> Point:
        """The derivative at a point: one forward and one reverse pass of the function."""
        points = [run(self.base, leaves, lambda _: False)]
        env = dict(points[0].env)
        env.update((self.adjoints[v], x) for v, x in _adjoints(points[0], self.adjoints).items())
        for core, reads, shift in self.cores:
            points.append(run(core, [env[a] for a in reads], lambda _: False))
            env.update((v + shift, x) for v, x in points[-1].env.items())
        return Point(self.local, env, {new: points[k].handlers[old] for new, (k, old) in self.origins.items()})


def second(local: Local) -> Second | None:
    """The derivative of the gradient of a scalar function with the graph ``local``.

    None where a local derivative is hidden in an implicit node that is not linear: then the gradient's own program is
    differentiated.
    """
    if not _visible(local):
        return None
    joint = _Joint(local)
    for edge in local.edges:
        if edge.piece.row.core is not None and not joint.curvature(edge):
            return None
    return joint.finish()


def _visible(local: Local) -> bool:
    """Whether every implicit node is linear in what depends on the inputs."""
    values = reached(local.graph, local.inputs)
    for one in (node.implicit for node in local.nodes if node.implicit is not None):
        fixed = [a for k, a in enumerate(one.equation.inputs) if k not in one.active]
        alone = one.kind == "linear" or (one.kind == "bilinear" and len(one.active) == 1)
        if not alone or any(isinstance(a, int) and a in values for a in fixed):
            return False
    return True


@dataclass
class _Joint:
    """The graph of H while it is made: lower half, middle, upper half."""

    base: Local
    edges: list[Edge] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        local = self.base
        self.values = reached(local.graph, local.inputs)
        self.makers = {v: e for e in local.graph.equations for v in e.outputs}
        self.graph = Graph([*local.graph.avals, *local.graph.avals])
        self.at = len(local.graph.avals)
        self.cores: list[tuple[Local, list[int], int]] = []
        self.adjoints: dict[int, int] = {}
        self.origins = {n.implicit: (0, n.implicit) for n in local.nodes if n.implicit is not None}

    def curvature(self, edge: Edge) -> bool:
        """Add the second derivative of an edge; False where the edge has no form that this is known for."""
        if not any(isinstance(a, int) and a in self.values for a in edge.reads):
            return True
        term = edge.piece.term
        if term.tabled or not all(axis.plain or not axis.factors for axis in term.out):
            return False
        program = _core(self, edge)
        core = local_of(program.graph, program.active, program.graph.outputs)
        if not core.edges:
            return True
        shift = len(self.graph.avals)
        self.graph.avals.extend(core.graph.avals)
        self.cores.append((core, program.leaves, shift))
        vertices = self.base.vertices
        names = {v: vertices[a] for v, a in zip(program.graph.inputs, program.leaves, strict=True) if a in vertices}
        nodes, edges = Move(names, shift, shift, len(self.cores), self.origins).part(core)
        mask = edge.reads if term.mask is not None else ()
        piece = Piece(_weighted(term), Row("y", _weights(edge.piece)))
        made = core.outputs[0] + shift
        self.edges += [*edges, Edge(made, edge.tail + self.at, piece, (self._adjoint(edge.head), *mask))]
        self.nodes += [*nodes, Node((made,))]
        return True

    def _adjoint(self, vertex: int) -> int:
        if vertex not in self.adjoints:
            self.adjoints[vertex] = self.graph.new(self.graph.avals[vertex])
        return self.adjoints[vertex]

    def finish(self) -> Second:
        """The whole, without what lies on no path."""
        local = self.base
        nodes, edges = Move({}, self.at, 0, 0, self.origins).part(local)
        all_nodes = [*local.nodes, *self.nodes, *(turned_node(n) for n in reversed(nodes))]
        all_edges = [*local.edges, *self.edges, *(turned(e) for e in reversed(edges))]
        outputs = tuple(v + self.at for v in local.inputs)
        live = _between(local.inputs, outputs, all_nodes, all_edges)
        kept = [k for k, node in enumerate(all_nodes) if not live.isdisjoint(node.vertices)]
        place = {k: n for n, k in enumerate(kept)}
        half, last = len(local.nodes), len(all_nodes) - 1
        twins = [(place[k], place[last - k]) for k in range(half) if k in place and last - k in place]
        mirror = {a: b for pair in twins for a, b in (pair, pair[::-1])}
        edges = [e for e in all_edges if e.tail in live and e.head in live]
        joint = Local(self.graph, local.inputs, outputs, [all_nodes[k] for k in kept], edges, mirror=mirror)
        return Second(local, joint, self.cores, self.adjoints, self.origins)


@dataclass
class _Program:
    """The core of an edge as a program of forward values that have vertices (``active`` among them) or none."""

    graph: Graph
    leaves: list[int]
    active: list[int]


def _core(joint: _Joint, edge: Edge) -> _Program:
    """The core from values with vertices: what a rule of JAX's computed on the way is computed again."""
    vertices, leaves, equations = joint.base.vertices, dict[int, None](), dict[int, Equation]()

    def visit(atom: Any) -> None:
        if not isinstance(atom, int) or atom in leaves:
            return
        if atom in vertices or atom not in joint.values:
            leaves[atom] = None
        elif id(joint.makers[atom]) not in equations:
            for a in joint.makers[atom].inputs:
                visit(a)
            equations[id(joint.makers[atom])] = joint.makers[atom]

    for atom in edge.reads:
        visit(atom)
    term, row = edge.piece.term, edge.piece.row

    def core(*given: Any) -> Any:
        env = dict(zip(leaves, given, strict=True))
        for equation in equations.values():
            equation.evaluate(env)
        args = [a.val if isinstance(a, Lit) else env[a] for a in edge.reads]
        return fitted(row.core(*args), term, term.core or (), args)  # type: ignore[misc]

    avals = [joint.graph.avals[a] for a in leaves]
    graph = trace(core, [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals]).graph
    active = [v for v, a in zip(graph.inputs, leaves, strict=True) if a in joint.values]
    return _Program(graph, list(leaves), active)


def _weighted(term: Term) -> Term:
    """The map from the core of an edge to the cotangent of its tail; its own core is the adjoint of the head."""
    sizes = dict(enumerate(term.sizes))
    core = term.core or ()
    inp = tuple(plain_axes((sizes[i],), i)[0][0] for i in core)
    weights = tuple(i for i in _spread_over(term) if i in (*labels_of(term.inp), *core))
    out = Term(term.inp, inp, (), weights, None, term.scale, term.precision)
    return renumbered(out, labels_of((*out.out, *out.inp)), sizes)


def _spread_over(term: Term) -> tuple[int, ...]:
    """The labels of the adjoint under the mask."""
    return tuple(dict.fromkeys((*labels_of(term.out), *(term.mask or ()))))


def _weights(piece: Piece) -> Callable[..., Any]:
    """The adjoint of the head under the mask, summed over what neither the tail nor the core knows."""
    term, row = piece.term, piece.row
    labels = _spread_over(term)
    known = {*labels_of(term.inp), *(term.core or ())}

    def weights(adjoint: Any, *args: Any) -> Any:
        out = labels_of(term.out)
        x = spread(adjoint.reshape([term.sizes[i] for i in out]), out, labels)
        if term.mask is not None:
            x = select(spread(fitted(row.mask(*args), term, term.mask, args), term.mask, labels), x)  # type: ignore[misc]
        return x.sum([k for k, i in enumerate(labels) if i not in known])

    return weights


def _adjoints(point: Point, wanted: Iterable[int]) -> dict[int, Any]:
    """The derivative of the one output by the vertices ``wanted``: one reverse sweep."""
    local, found = point.local, dict[int, Any]()
    vertices = set(wanted)
    root = local.graph.new(local.graph.avals[local.outputs[0]])
    algebra = Compute(local.graph, point.env, point.handlers, lambda _: False)
    state = Elimination(replace(local, outputs=(root,)), algebra, root)
    state.insert(root, local.outputs[0], *row_vector(local, local.outputs[0], 1))
    for node in (Node(local.outputs), *reversed(local.nodes)):
        for v in vertices.intersection(node.vertices):
            aval = local.graph.avals[v]
            terms = [(t, force(value)) for t, value in state.into[root].get(v, [])]
            found[v] = total(terms, aval.shape, aval.dtype)
        state.eliminate(node)
    return found


def _between(inputs: Sequence[int], outputs: Sequence[int], nodes: Sequence[Node], edges: Sequence[Edge]) -> set[int]:
    """The vertices on paths from inputs to outputs."""
    passed: dict[int, Implicit] = {}
    for node in nodes:
        if node.implicit is not None:
            passed.update((v, node.implicit) for v in (*node.implicit.slots, *node.vertices))
    owned = {id(node.implicit): node.vertices for node in nodes if node.implicit is not None}
    below, above = set(inputs), set(outputs)
    for edge in edges:
        if edge.tail in below:
            below.add(edge.head)
            if (one := passed.get(edge.head)) is not None:
                below.update(owned[id(one)])
    for edge in reversed(edges):
        if edge.head in above:
            above.add(edge.tail)
            if (one := passed.get(edge.tail)) is not None:
                above.update(one.slots)
    return below & above
