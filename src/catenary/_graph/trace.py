"""From a function to its graph: trace, and read calls as if their bodies stood in the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.tree_util import tree_flatten, tree_unflatten

from catenary import _jax
from catenary._graph.graph import Atom, Equation, Graph, Lit


@dataclass(frozen=True, slots=True)
class Traced:
    """A graph and the pytree that its outputs are the leaves of.

    out_tree    structure of the function's result
    aux_tree    structure of the auxiliary result, None where there is none
    n_out       how many of the graph's outputs are the result; the rest are auxiliary arrays
    aux_leaves  the leaves of the auxiliary result that are no arrays, by position
    """

    graph: Graph
    out_tree: Any
    n_out: int
    aux_tree: Any = None
    aux_leaves: tuple[tuple[int, Any], ...] = ()

    def aux(self, arrays: Sequence[Any]) -> Any:
        """The auxiliary result, from its arrays."""
        leaves, constants, rest = [], dict(self.aux_leaves), iter(arrays)
        for i in range(self.aux_tree.num_leaves):
            leaves.append(constants[i] if i in constants else next(rest))
        return tree_unflatten(self.aux_tree, leaves)


def trace(fun: Callable[..., Any], args: Sequence[Any], *, has_aux: bool = False) -> Traced:
    """Trace ``fun(*args)``: a graph whose inputs are the leaves of ``args``.

    Leaves may be arrays, tracers, numbers or ``jax.ShapeDtypeStruct``s.
    """
    leaves, in_tree = tree_flatten(tuple(args))
    seen: dict[str, Any] = {}

    def flat(*xs: Any) -> list[Any]:
        out = fun(*tree_unflatten(in_tree, xs))
        aux_arrays: list[Any] = []
        if has_aux:
            if not isinstance(out, tuple | list) or len(out) != 2:
                raise TypeError(
                    "with has_aux=True the function must return a pair (result, aux); "
                    f"expected output to be a two-element tuple, got {type(out).__name__}"
                )
            out, aux = out
            aux_all, seen["aux_tree"] = tree_flatten(aux)
            seen["aux_leaves"] = tuple((i, leaf) for i, leaf in enumerate(aux_all) if not _is_array(leaf))
            aux_arrays = [leaf for leaf in aux_all if _is_array(leaf)]
        result, seen["out_tree"] = tree_flatten(out)
        seen["n_out"] = len(result)
        return [*result, *aux_arrays]

    jaxpr = _jax.make_jaxpr(flat, leaves)
    return Traced(graph_of_jaxpr(jaxpr), **seen)


def _is_array(x: Any) -> bool:
    return (
        isinstance(x, jax.Array | bool | int | float | complex)
        or hasattr(x, "__array__")
        or hasattr(x, "__jax_array__")
    )


def graph_of_jaxpr(closed_jaxpr: Any) -> Graph:
    """Read a closed jaxpr, calls inlined."""
    jaxpr, consts = _jax.closed(closed_jaxpr)
    graph = Graph()
    names: dict[Any, Atom] = {}
    for var, value in zip(jaxpr.constvars, consts, strict=True):
        names[var] = graph.const(value)
    graph.inputs = tuple(graph.new(var.aval) for var in jaxpr.invars)
    names.update(zip(jaxpr.invars, graph.inputs, strict=True))
    _read(graph, jaxpr, names)
    graph.outputs = tuple(_atom(names, v) for v in jaxpr.outvars)
    return graph


def _atom(names: dict[Any, Atom], v: Any) -> Atom:
    return Lit(v.val, v.aval) if isinstance(v, _jax.Literal) else names[v]


def _read(graph: Graph, jaxpr: Any, names: dict[Any, Atom]) -> None:
    for eqn in jaxpr.eqns:
        inputs = tuple(_atom(names, v) for v in eqn.invars)
        if eqn.primitive.name in _jax.TRANSPARENT_CALLS:
            body, consts = _jax.closed(_jax.call_body(eqn.params))
            inner: dict[Any, Atom] = dict(zip(body.invars, inputs, strict=True))
            for var, value in zip(body.constvars, consts, strict=True):
                inner[var] = graph.const(value)
            _read(graph, body, inner)
            names.update((v, _atom(inner, w)) for v, w in zip(eqn.outvars, body.outvars, strict=True))
        else:
            outputs = tuple(graph.new(v.aval) for v in eqn.outvars)
            graph.equations.append(Equation(eqn.primitive, eqn.params, inputs, outputs, eqn))
            names.update(zip(eqn.outvars, outputs, strict=True))
