"""The computed gradient that a formula is read from and checked against: our own reverse sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._emit import loops as _loops  # noqa: F401  (registers the handlers of control flow)
from .._emit.program import local_of, run
from .._graph import trace


def gradient(fun: Callable[..., Any], argnums: Sequence[int]) -> Callable[..., tuple[list[Any], list[Any]]]:
    """Return a function of flat arguments that gives (gradients, auxiliary values).

    ``fun`` maps arrays to a scalar and a list of auxiliary arrays.
    """

    def both(*args: Any) -> tuple[list[Any], list[Any]]:
        traced = trace(fun, args, has_aux=True)
        graph = traced.graph
        local = local_of(graph, [graph.inputs[n] for n in argnums], graph.outputs[:1])
        point = run(local, args, lambda _: False)
        outputs = [point.output(a) for a in graph.outputs]
        return point.pull([1]), traced.aux(outputs[1:])

    return both
