"""Arithmetic of the equations of a program: what one evaluation, push or pull takes."""

from __future__ import annotations

from math import prod
from typing import Any

from catenary import _jax
from catenary._graph import Graph, graph_of_jaxpr
from catenary._graph.scan import scan_parts

#: Primitives that move entries and compute none.
_FREE = frozenset(
    "broadcast_in_dim concatenate convert_element_type copy device_put dynamic_slice dynamic_update_slice expand_dims "
    "gather iota optimization_barrier pad reshape rev slice split squeeze stack stop_gradient transpose name "
    "dim_as_value bitcast_convert_type real imag complex conj".split()
)


def equation_flops(graph: Graph, equation: Any) -> Any:
    """Arithmetic operations of one evaluation; loop bodies count once a trip.

    >>> import jax.numpy as jnp
    >>> from catenary._graph import trace
    >>> graph = trace(lambda x: jnp.tanh(x @ x), [jnp.ones((10, 10))]).graph
    >>> [equation_flops(graph, e) for e in graph.equations]
    [2000, 100]
    """
    name, params = equation.primitive.name, equation.params
    out = graph.avals[equation.outputs[0]] if equation.outputs else None
    if name in _FREE or out is None:
        return 0
    if name == "dot_general":
        (contract, _), _ = params["dimension_numbers"]
        return 2 * prod(out.shape) * prod(graph.aval(equation.inputs[0]).shape[k] for k in contract)
    if name == "conv_general_dilated":
        kernel, numbers = graph.aval(equation.inputs[1]).shape, params["dimension_numbers"]
        return 2 * prod(out.shape) * prod(kernel) // kernel[numbers.rhs_spec[0]]
    if name == "scan":
        parts = scan_parts(params, len(equation.inputs))
        return parts.length * program_flops(graph_of_jaxpr(parts.body))
    if name == "while":
        return program_flops(graph_of_jaxpr(params["body_jaxpr"]))
    if name == "cond":
        return max(program_flops(graph_of_jaxpr(b)) for b in params["branches"])
    if name in ("remat2", "custom_jvp_call", "custom_vjp_call"):
        return program_flops(graph_of_jaxpr(_jax.call_body(params)))
    reads = [prod(graph.aval(a).shape) for a in equation.inputs]
    return max([prod(out.shape), *reads], key=lambda n: n if isinstance(n, int) else 0)


def program_flops(graph: Graph) -> Any:
    """Arithmetic operations of a whole program."""
    return sum(equation_flops(graph, e) for e in graph.equations)
