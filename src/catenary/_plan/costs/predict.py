"""What XLA will count for the whole program: values that are read, local derivatives, and the plan's products."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import jax

from catenary import _jax
from catenary._graph import Graph, graph_of_jaxpr
from catenary._local import Edge, Implicit, Local
from catenary._plan.costs.flops import equation_flops, program_flops
from catenary._plan.costs.passes import bodies


def predicted_flops(local: Local, plan: Any) -> Any:
    """Flops of the compiled Jacobian by a plan, or a candidate, of ``local``; transcendentals count one each.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> from catenary._call import plan_local
    >>> fun, x = lambda x: jnp.tanh(x), jnp.ones(8)
    >>> predicted_flops(plan_local(fun, (x,), 0), ct.plan(fun, x)) >= 8 + 2 * 8 + 8 * 8
    True
    """
    work = plan.flops if hasattr(plan, "flops") else plan.work.flops
    return values_flops(local) + local_flops(local) + work


def values_flops(local: Local) -> Any:
    """The equations of the forward pass that the derivative reads."""
    read: set[int] = set()
    for edge in local.edges:
        read.update(a for a in edge.reads if isinstance(a, int))
    wholes = {node.implicit.equation for node in local.nodes if node.implicit is not None}
    loops = {n.implicit.equation for n in local.nodes if n.implicit and n.implicit.kind not in ("linear", "bilinear")}
    flops: Any = 0
    for equation in reversed(local.graph.equations):
        if equation in wholes:
            read.update(a for a in equation.inputs if isinstance(a, int))
        if equation in loops or not read.isdisjoint(equation.outputs):
            read.update(a for a in equation.inputs if isinstance(a, int))
            flops = flops + equation_flops(local.graph, equation)
    return flops


def local_flops(local: Local) -> Any:
    """The local derivatives themselves, each made once; of a body, once a trip."""
    seen: dict[Any, Any] = {}
    flops: Any = 0
    for edge in local.edges:
        key = (id(edge.piece.row), *(a if isinstance(a, int) else id(a) for a in edge.reads))
        if key not in seen:
            seen[key] = _row_flops(local.graph, edge)
            flops = flops + seen[key]
    for node in local.nodes:
        if isinstance(node.implicit, Implicit):
            flops = flops + max((trips * local_flops(body) for body, trips in bodies(node.implicit)), default=0)
    return flops


def _row_flops(graph: Graph, edge: Edge) -> Any:
    row = edge.piece.row
    avals = [graph.aval(a) for a in edge.reads]
    made: Iterable[Any] = [f for f in (row.core, row.mask) if f is not None]
    if not avals or not all(isinstance(n, int) for a in avals for n in a.shape):
        return prod(edge.piece.term.sizes) if avals else 0
    structs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
    return sum(program_flops(graph_of_jaxpr(_jax.make_jaxpr(f, structs))) for f in made)
