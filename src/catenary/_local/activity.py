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
