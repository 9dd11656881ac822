"""Which values of a program depend, differentiably, on some of its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from catenary import _jax
from catenary._graph.graph import Equation, Graph
from catenary._graph.read import graph_of_jaxpr
from catenary._graph.scan import scan_parts
from catenary._graph.zero import ZERO


def differentiable(aval: Any) -> bool:
    """Whether a value of this type may carry a tangent."""
    return bool(jax.dtypes.issubdtype(getattr(aval, "dtype", np.bool_), np.inexact))


def reached(graph: Graph, inputs: Iterable[int]) -> set[int]:
    """The values that carry a tangent when ``inputs`` do."""
    values = {v for v in inputs if differentiable(graph.avals[v])}
    spread(graph, graph.equations, values)
    return values


def spread(graph: Graph, equations: Iterable[Equation], values: set[int]) -> None:
    """Add to the values that carry a tangent those that some equations make of them."""
    for equation in equations:
        active = [k for k, a in enumerate(equation.inputs) if isinstance(a, int) and a in values]
        if active and equation.primitive not in ZERO:
            made = (equation.outputs[k] for k in arrived(equation, active))
            values.update(v for v in made if differentiable(graph.avals[v]))


def arrived(equation: Equation, active: Sequence[int]) -> Sequence[int]:
    """Which outputs of an equation may carry a tangent when its inputs at ``active`` do: of control flow, not all."""
    if equation.primitive not in INSIDE:
        return range(len(equation.outputs))
    return sorted({out for entry in entered(equation, active) for out in _through(*entry)})


def entered(equation: Equation, active: Sequence[int]) -> Iterator[tuple[Any, Sequence[int], range]]:
    """The bodies of control flow, each with those of its inputs that are ``active``, and those that are carries."""
    jaxprs, shift, carries = INSIDE[equation.primitive](equation.params, len(equation.inputs))
    return ((jaxpr, tuple(k - shift for k in active if k >= shift), carries) for jaxpr in jaxprs)


@_jax.remembered
def _through(jaxpr: Any, active: Sequence[int], carries: range) -> frozenset[int]:
    """Which outputs of a body are reached from its inputs at ``active``, after any number of trips."""
    body = graph_of_jaxpr(jaxpr)
    grown = carried(body, active, carries)
    values = reached(body, [body.inputs[k] for k in grown])
    made = frozenset(k for k, out in enumerate(body.outputs) if isinstance(out, int) and out in values)
    return made | {k - carries.start for k in grown if k in carries}  # with no trip, a carry is what it was


def _scan(params: dict[str, Any], n: int) -> tuple[Sequence[Any], int, range]:
    parts = scan_parts(params, n)
    return [parts.body], 0, range(parts.consts, parts.consts + parts.carry)


def _while(params: dict[str, Any], n: int) -> tuple[Sequence[Any], int, range]:
    before = params["cond_nconsts"]
    return [params["body_jaxpr"]], before, range(params["body_nconsts"], n - before)


NONE = range(0)
#: (params, number of inputs) → the bodies, how many inputs stand before theirs, which of theirs are carries
INSIDE = {
    _jax.primitive("scan"): _scan,
    _jax.primitive("while"): _while,
    _jax.primitive("cond"): lambda params, n: (params["branches"], 1, NONE),
    _jax.primitive("remat"): lambda params, n: ([params["jaxpr"]], 0, NONE),
}


def carried(body: Graph, active: Iterable[int], carries: range) -> list[int]:
    """The inputs of a loop's body that carry a tangent on some trip, when those at ``active`` do on the first.

    The body's first outputs are the next values of its inputs at ``carries``.
    """
    found = set(active)
    while True:
        values = reached(body, [body.inputs[k] for k in found])
        grown = found | {k for k, v in zip(carries, body.outputs, strict=False) if isinstance(v, int) and v in values}
        if grown == found:
            return sorted(found)
        found = grown
