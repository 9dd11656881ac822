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

#: A primitive that its author described to JAX in one class, with a push, a pullback or both.
OF_AN_AUTHOR = _jax.primitive("call_hi_primitive")


def pushed(equation: Equation, avals: Sequence[Any], active: Sequence[int], outputs: Sequence[int]) -> Graph | None:
    """The graph (inputs, tangents of the active ones) → (outputs, tangents of ``outputs``).

    avals: of the equation's inputs, which are all inputs of the graph, literals too.
    None where the author of the primitive gave its pullback alone.
    """

    def jvp(*args: Any) -> list[Any]:
        primals, tangents = args[: len(avals)], args[len(avals) :]
        out, out_tangents = jax.jvp(_alone(equation, primals, active), [primals[k] for k in active], list(tangents))
        return [*out, *(out_tangents[k] for k in outputs)]

    try:
        jaxpr = _jax.make_jaxpr(jvp, [*avals, *(avals[k] for k in active)])
    except NotImplementedError:
        if equation.primitive is not OF_AN_AUTHOR:
            raise
        return None
    return graph_of_jaxpr(jaxpr)


def mixed(inner: Graph, n_inputs: int, n_outputs: int) -> bool:
    """Whether a value of such a graph is computed together with tangents, as by a rule that calls its own primitive."""
    late = set(inner.inputs[n_inputs:])
    for equation in inner.equations:
        if not late.isdisjoint(a for a in equation.inputs if isinstance(a, int)):
            late.update(equation.outputs)
    return not late.isdisjoint(a for a in inner.outputs[:n_outputs] if isinstance(a, int))


def pullback(equation: Equation, args: Sequence[Any], active: Sequence[int]) -> tuple[list[Any], Callable[..., Any]]:
    """The outputs of one equation and its pullback to the active inputs, its author's where it has one."""
    return jax.vjp(_alone(equation, args, active), *(args[k] for k in active))


def pushforward(equation: Equation, args: Sequence[Any], active: Sequence[int]) -> tuple[list[Any], Callable[..., Any]]:
    """The outputs of one equation and its push from the active inputs."""
    return jax.linearize(_alone(equation, args, active), *(args[k] for k in active))


def transposed(
    equation: Equation, args: Sequence[Any], active: Sequence[int], avals: Sequence[Any], outputs: Sequence[int]
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The transpose, from some of its outputs, of an equation that is linear in its active inputs, the others fixed."""
    alone = _alone(equation, args, active)

    def of_outputs(*values: Any) -> list[Any]:
        out = alone(*values)
        return [out[k] for k in outputs]

    return partial(_apply, jax.linear_transpose(of_outputs, *(avals[k].strip_weak_type() for k in active)))


def _apply(transpose: Callable[..., Any], cotangents: Sequence[Any]) -> Sequence[Any]:
    return transpose(list(cotangents))


def _alone(equation: Equation, args: Sequence[Any], active: Sequence[int]) -> Callable[..., list[Any]]:
    """The equation as a function of its active inputs, the others fixed."""

    def alone(*values: Any) -> list[Any]:
        full = list(args)
        for k, value in zip(active, values, strict=True):
            full[k] = value
        return _jax.bind(equation.primitive, equation.params, full)

    return alone
