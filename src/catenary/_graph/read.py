"""From a jaxpr to a graph: calls are read as if their bodies stood in the caller."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from jax import lax
from jax.sharding import AxisType, NamedSharding

from catenary import _jax
from catenary._graph.graph import Atom, Equation, Graph, Lit, live
from catenary._graph.setting import Setting, settings


def graph_of_jaxpr(closed_jaxpr: Any) -> Graph:
    """Read a closed jaxpr, calls inlined."""
    jaxpr, consts = _jax.closed(closed_jaxpr)
    graph = Graph()
    known = [graph.const(value) for value in consts]
    graph.inputs = tuple(graph.new(var.aval) for var in jaxpr.invars)
    graph.outputs = tuple(inline(graph, jaxpr, known, graph.inputs))
    graph.equations = live(graph.equations, graph.outputs)
    return graph


def _atom(names: dict[Any, Atom], v: Any) -> Atom:
    return Lit(v.val, v.aval) if isinstance(v, _jax.Literal) else names[v]


def read(graph: Graph, jaxpr: Any, names: dict[Any, Atom]) -> None:
    """Add a jaxpr's equations to ``graph``; ``names`` knows its inputs, and learns the rest."""
    for eqn, setting in zip(jaxpr.eqns, settings(jaxpr.eqns), strict=True):
        inputs = tuple(_atom(names, v) for v in eqn.invars)
        outputs = apply(graph, eqn.primitive, eqn.params, inputs, [v.aval for v in eqn.outvars], eqn, setting)
        names.update(zip(eqn.outvars, outputs, strict=True))


def apply(
    graph: Graph,
    primitive: Any,
    params: dict[str, Any],
    inputs: Sequence[Atom],
    avals: Sequence[Any],
    source: Any = None,
    setting: Setting | None = None,
) -> list[Atom]:
    """Add one equation, a transparent call by its body; its outputs."""
    primitive, params = _jax.older(primitive, params)
    if primitive.name in _jax.TRANSPARENT_CALLS:
        body, consts = _jax.closed(_jax.call_body(params))
        inputs = _placed(graph, inputs, params.get("in_shardings", ()))
        outputs = inline(graph, body, [graph.const(value) for value in consts], inputs)
        return _placed(graph, outputs, params.get("out_shardings", ()))
    if primitive.name == "cond" and (here := _jax.branch_here(params)) is not None:
        body, consts = _jax.closed(params["branches"][here])
        return inline(graph, body, [graph.const(value) for value in consts], inputs[1:])
    made = tuple(graph.new(aval) for aval in avals)
    graph.equations.append(Equation(primitive, params, tuple(inputs), made, source, setting))
    return list(made)


def _placed(graph: Graph, values: Sequence[Atom], shardings: Sequence[Any]) -> list[Atom]:
    """The values of a call that was told where they lie: the constraint outlives the call."""
    told = [isinstance(s, NamedSharding) and set(s.mesh.axis_types) == {AxisType.Auto} for s in shardings]
    if not any(told):
        return list(values)
    placed = list(values)
    for k, sharding in enumerate(shardings):
        if told[k]:
            constraint = partial(lax.with_sharding_constraint, shardings=sharding)
            jaxpr, _ = _jax.closed(_jax.make_jaxpr(constraint, [graph.aval(values[k])]))
            (placed[k],) = inline(graph, jaxpr, (), [values[k]])
    return placed


def inline(graph: Graph, body: Any, consts: Sequence[Atom], inputs: Sequence[Atom]) -> list[Atom]:
    """Add a jaxpr's equations at these inputs; its outputs."""
    names: dict[Any, Atom] = dict(zip((*body.constvars, *body.invars), (*consts, *inputs), strict=True))
    read(graph, body, names)
    return [_atom(names, v) for v in body.outvars]
