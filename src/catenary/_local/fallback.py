"""The one exception: the derivative that JAX, or its author, registered for a single equation.

It is traced to a jaxpr of that equation's tangents. What depends on no tangent joins the forward pass; what
does is linear, and our own elimination takes it apart like any other part of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax

from catenary import _jax
from catenary._graph import Equation, Graph, graph_of_jaxpr


def pushed(equation: Equation, avals: Sequence[Any], active: Sequence[int], outputs: Sequence[int]) -> Graph:
    """The graph (inputs, tangents of the active ones) → (outputs, tangents of ``outputs``).

    avals: of the equation's inputs, which are all inputs of the graph, literals too.
    """

    def jvp(*args: Any) -> list[Any]:
        primals, tangents = list(args[: len(avals)]), args[len(avals) :]

        def alone(*values: Any) -> list[Any]:
            full = list(primals)
            for k, value in zip(active, values, strict=True):
                full[k] = value
            return _jax.bind(equation.primitive, equation.params, full)

        out, out_tangents = jax.jvp(alone, [primals[k] for k in active], list(tangents))
        return [*out, *(out_tangents[k] for k in outputs)]

    structs = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals]
    return graph_of_jaxpr(_jax.make_jaxpr(jvp, [*structs, *(structs[k] for k in active)]))


def pullback(equation: Equation, args: Sequence[Any], active: Sequence[int]) -> tuple[list[Any], Callable[..., Any]]:
    """The outputs of a ``custom_vjp`` call and its author's pullback to the active inputs."""

    def alone(*values: Any) -> list[Any]:
        full = list(args)
        for k, value in zip(active, values, strict=True):
            full[k] = value
        return _jax.bind(equation.primitive, equation.params, full)

    return jax.vjp(alone, *(args[k] for k in active))


def transposed(
    equation: Equation, args: Sequence[Any], active: Sequence[int], avals: Sequence[Any]
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The transpose of an equation that is linear in its active inputs, the others fixed."""

    def alone(*values: Any) -> list[Any]:
        full = list(args)
        for k, value in zip(active, values, strict=True):
            full[k] = value
        return _jax.bind(equation.primitive, equation.params, full)

    structs = [jax.ShapeDtypeStruct(avals[k].shape, avals[k].dtype) for k in active]
    return partial(_apply, jax.linear_transpose(alone, *structs))


def _apply(transpose: Callable[..., Any], cotangents: Sequence[Any]) -> Sequence[Any]:
    return transpose(list(cotangents))
