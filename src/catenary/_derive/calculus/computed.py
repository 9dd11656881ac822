"""The computed derivative that a formula is checked against: our own sweeps over the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..._emit import remat as _remat  # noqa: F401  (registers the handlers of control flow)
from ..._emit.program import local_of, run
from ..._graph import trace


def derivatives(fun: Callable[..., Any], argnums: Sequence[int], order: int = 1) -> Callable[..., list[Any]]:
    """Return a function of flat arguments that gives the derivatives of one array by each, or by each pair.

    Their axes are those of the result, then those of the arguments.  Cost: a pullback for each entry of the result.
    """

    def once(*args: Any) -> list[Any]:
        traced = trace(fun, args)
        graph = traced.graph
        (out,) = graph.outputs
        local = local_of(graph, [graph.inputs[n] for n in argnums], [out])
        point = run(local, args, lambda _: False)
        aval = graph.aval(out)
        if not aval.shape:
            return point.pull([1])
        rows = jnp.eye(aval.size, dtype=aval.dtype).reshape(aval.size, *aval.shape)
        found = jax.vmap(lambda row: point.pull([row]))(rows)
        return [x.reshape(*aval.shape, *x.shape[1:]) for x in found]

    def twice(*args: Any) -> list[Any]:
        def first(n: int) -> Callable[..., Any]:
            return lambda *xs: once(*xs)[n]

        return [d for n in range(len(argnums)) for d in derivatives(first(n), argnums, order - 1)(*args)]

    return once if order == 1 else twice
