"""Which values of a program depend, differentiably, on some of its inputs."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import numpy as np

from catenary._graph import Graph
from catenary._rules import ZERO


def reached(graph: Graph, inputs: Iterable[int]) -> set[int]:
    """The values that carry a tangent when ``inputs`` do."""
    values = {v for v in inputs if jax.dtypes.issubdtype(graph.avals[v].dtype, np.inexact)}
    for equation in graph.equations:
        if equation.primitive not in ZERO and any(isinstance(a, int) and a in values for a in equation.inputs):
            values.update(v for v in equation.outputs if jax.dtypes.issubdtype(graph.avals[v].dtype, np.inexact))
    return values


def carried(body: Graph, others: Iterable[int], carries: range, start: Iterable[int]) -> list[int]:
    """The carries of a loop that any trip makes carry a tangent, where those in ``start`` and the ``others`` do.

    All are positions among the body's inputs; its first outputs are the carries' next values.
    """
    fixed, found = [body.inputs[k] for k in others], set(start)
    while True:
        values = reached(body, [*fixed, *(body.inputs[k] for k in found)])
        grown = found | {k for k, out in zip(carries, body.outputs, strict=False) if out in values}
        if grown == found:
            return sorted(found)
        found = grown
