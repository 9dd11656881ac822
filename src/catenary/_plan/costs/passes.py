"""What a push or a pull through an implicit node does; through a loop or a branch, counted on its body's own graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from catenary import _jax
from catenary._graph import Graph, graph_of_jaxpr
from catenary._graph.activity import carried, entered
from catenary._local import Implicit, Local, build
from catenary._plan.costs.cost import Work
from catenary._plan.costs.flops import equation_flops, program_flops


def passed(graph: Graph, node: Implicit, vectors: Any, side: str) -> Work:
    """The work of pushing (side "out") or pulling so many vectors through an implicit node."""
    ends = (*node.slots, *(v for _, v in node.outputs))
    size = sum(prod(graph.avals[v].shape) * graph.avals[v].dtype.itemsize for v in ends)
    if node.kind in BODIES and all(isinstance(n, int) for v in ends for n in graph.avals[v].shape):
        one, again = _through(node, side)
        flops, times, products = (vectors * n for n in one[:3])
        return Work(flops + again, times, products, vectors * (size + one.bytes), one.kernels)
    flops = vectors * equation_flops(graph, node.equation)
    return Work(flops, flops, flops, vectors * size, 1)


#: The kinds of nodes whose bodies run a number of times that is known.
BODIES = frozenset({"scan", "remat", "cond"})


def _bodies(node: Implicit) -> Iterator[tuple[Graph, Sequence[int], Any]]:
    """(body, active inputs, trips) for each of a node's bodies, one of which runs."""
    for jaxpr, active, carries in entered(node.equation, node.active):
        body = graph_of_jaxpr(jaxpr)
        yield body, carried(body, active, carries), node.equation.params["length"] if node.kind == "scan" else 1


@lru_cache(maxsize=512)
def _through(node: Implicit, side: str) -> tuple[Work, Any]:
    """The work of one vector through the body that does most, and what is evaluated again for all vectors together."""
    from catenary._plan.costs.sweep import swept  # a sweep is counted, and what counts it charges passes by this file

    works = []
    for body, active, trips in _bodies(node):
        work = swept(body_local(body, active), side).work
        again = program_flops(body) if side == "out" or node.kind == "remat" else 0
        sums = sum(prod(body.avals[body.inputs[k]].shape) for k in active) if node.kind == "scan" else 0
        work = (work + Work(flops=sums if side == "inp" else 0))._replace(kernels=max(1, work.kernels))
        works.append((work.times(trips), again * trips))
    return max(works, key=lambda pair: pair[0].flops)


def body_local(body: Graph, active: Iterable[int]) -> Local:
    """The local derivatives of a body by some of its inputs."""
    return build(body, [body.inputs[k] for k in active], body.outputs)


def bodies(node: Implicit) -> Iterator[tuple[Local, Any]]:
    """The local derivatives of a node's bodies, and their trips."""
    for body, active, trips in _bodies(node) if node.kind in BODIES else ():
        yield body_local(body, active), trips


#: kind of node → the way that it has not: no rule gives the push, no size is known for what a pull would remember
CLOSED = {"custom_vjp_call": "push", "recorded_vjp": "push", "while": "pull"}

#: The primitives that become such nodes.
ONE_WAY = frozenset({"custom_vjp_call", "call_hi_primitive", "while"})


@lru_cache(maxsize=512)
def closed(node: Implicit) -> frozenset[str]:
    """Of "push" and "pull" what a node has not: by its kind, or as something in its bodies has not."""
    ways = {CLOSED[node.kind]} if node.kind in CLOSED else set()
    if node.kind in BODIES and _jax.holds(node.equation.params, ONE_WAY):
        ways |= {way for body, _ in bodies(node) for n in body.nodes if n.implicit for way in closed(n.implicit)}
    return frozenset(ways)
