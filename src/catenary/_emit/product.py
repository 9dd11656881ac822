"""Products of derivatives at work: the points of the factors as one point."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from catenary import _jax
from catenary._emit.einsum import Value
from catenary._emit.implicit import HANDLERS, Handler, Ports, read
from catenary._emit.program import Point
from catenary._graph import Graph
from catenary._local import Edge, Implicit, Local
from catenary._local.product import product
from catenary._maps.dense import dense_term
from catenary._rules import Piece, Row


def joined(points: Sequence[tuple[Point, bool]]) -> Point:
    """The product of derivatives, each (point, whether it is transposed), at a point of its own.

    Factors at the same point share their forward values.
    """
    joint = product([(point.local, transposed) for point, transposed in points])
    env: dict[int, Any] = {}
    for (point, _), shift in zip(points, joint.shifts, strict=True):
        env.update((k + shift, x) for k, x in point.env.items())
    handlers = {new: points[k][0].handlers[old] for new, (k, old) in joint.origins.items()}
    return Point(joint.local, env, handlers)


def fixed(maps: Sequence[Sequence[Any]], out: Sequence[Any], inp: Sequence[Any]) -> Point:
    """A linear map that is known, [out][inp] lists of (term, value), as a derivative: one edge a term."""
    graph = Graph([*inp, *out])
    inputs = tuple(range(len(inp)))
    outputs = tuple(range(len(inp), len(graph.avals)))
    env: dict[int, Any] = {}
    edges = []
    for head, row in zip(outputs, maps, strict=True):
        for tail, terms in zip(inputs, row, strict=True):
            for term, value in terms:
                arrays = [x for x in (value.core, value.mask) if x is not None]
                reads = tuple(graph.new(_jax.aval_of(x)) for x in arrays)
                env.update(zip(reads, arrays, strict=True))
                core, mask = None if value.core is None else _first, None if value.mask is None else _last
                edges.append(Edge(tail, head, Piece(term, Row("ab"[: len(reads)], core, mask)), reads))
    return Point(Local(graph, inputs, outputs, [], edges), env, {})


def matrix(array: Any, out: Any, inp: Any) -> Point:
    """A matrix, an array of shape out + inp, as a derivative."""
    term = dense_term(out.shape, inp.shape)
    return fixed([[[(term, Value(array.reshape(term.sizes)))]]], [out], [inp])


class Again:
    """A node run so that it can be pushed: the first pull runs it again, to remember what it reads."""

    def __init__(self, handler: Handler, node: Implicit, point: Point):
        self.push, self.node, self.point = handler.push, node, point

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        graph, env = self.point.local.graph, self.point.env
        args = [read(env, a) for a in self.node.equation.inputs]
        again = HANDLERS[self.node.kind](self.node, graph, args, False)
        again.forward()
        return again.pull(cotangents, ports)


def reversible(point: Point, pushed: Collection[Implicit | None]) -> Point:
    """The point, its nodes pushed and pulled alike, whatever they were run for."""
    again = {n: Again(h, n, point) for n, h in point.handlers.items() if n in pushed and n.kind in HANDLERS}
    point.handlers.update(again)
    return point


def _first(*arrays: Any) -> Any:
    return arrays[0]


def _last(*arrays: Any) -> Any:
    return arrays[-1]
