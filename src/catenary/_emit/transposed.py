"""A push where rules have none: the transpose of the pull, which is the pull of the pull.

w ↦ Jᵀ w is linear, so its own pullback, at any w, is v ↦ J v. A ``custom_vjp`` is so pushed by its author's pullback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catenary import _jax
from catenary._emit.program import Point, local_of, run
from catenary._graph import trace
from catenary._graph.fallback import linear


def transposed(point: Point, tangents: Sequence[Any]) -> list[Any]:
    """One tangent an input (None: zero) to one an output.

    Raises:
        TypeError: the pull is not linear in its cotangents, as far as can be told: it clips them, say.

    Cost: one pull, traced, and its transpose.
    """
    ends = [point.local.graph.avals[v] for v in point.local.outputs]
    places = [k for k, aval in enumerate(ends) if _jax.tangent_dtype(aval.dtype) != _jax.float0]
    given = [k for k, t in enumerate(tangents) if t is not None]

    def pull(*cotangents: Any) -> list[Any]:
        full: list[Any] = [None] * len(ends)
        for k, w in zip(places, cotangents, strict=True):
            full[k] = w
        found = point.pull(full)
        return [found[k] for k in given]

    graph = trace(pull, [_jax.struct(ends[k]) for k in places]).graph
    if not linear(graph):
        raise TypeError(
            "a pullback in the program is not linear in its cotangent, so it has no transpose to push tangents by: "
            "use order='reverse' with vjp, grad or jacrev."
        )
    local = local_of(graph, graph.inputs, graph.outputs)
    zeros = run(local, [_jax.zeros(ends[k]) for k in places], lambda _: False)
    pushed = dict(zip(places, zeros.pull([tangents[k] for k in given]), strict=True))
    return [pushed[k] if k in pushed else _jax.blank(aval) for k, aval in enumerate(ends)]
