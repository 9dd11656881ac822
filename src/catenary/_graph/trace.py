"""From a function to its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.tree_util import tree_flatten, tree_unflatten

from catenary import _jax
from catenary._eager import eagerly
from catenary._graph.graph import Graph
from catenary._graph.kept import kept_program
from catenary._graph.read import graph_of_jaxpr
from catenary._graph.record import record


@dataclass(frozen=True, slots=True)
class Traced:
    """A graph and the pytree that its outputs are the leaves of.

    out_tree    structure of the function's result
    aux_tree    structure of the auxiliary result, None where there is none
    n_out       how many of the graph's outputs are the result; the rest are auxiliary arrays
    plain       the leaves of the result that are no arrays of JAX, by position: numbers, and arrays of NumPy
    aux_leaves  those of the auxiliary result, which may be anything
    recorded    whether it was recorded as it ran, and holds at one point
    kept        whether its jitted calls are equations of the graph
    """

    graph: Graph
    out_tree: Any
    n_out: int
    plain: tuple[tuple[int, Any], ...] = ()
    aux_tree: Any = None
    aux_leaves: tuple[tuple[int, Any], ...] = ()
    recorded: bool = False
    kept: bool = False

    def result(self, arrays: Sequence[Any]) -> Any:
        """The function's result, from its arrays: what was no array of JAX is returned as it was."""
        leaves = list(arrays)
        for k, leaf in self.plain:
            leaves[k] = leaf
        return tree_unflatten(self.out_tree, leaves)

    def aux(self, arrays: Sequence[Any]) -> Any:
        """The auxiliary result, from its arrays."""
        leaves, constants, rest = [], dict(self.aux_leaves), iter(arrays)
        for i in range(self.aux_tree.num_leaves):
            leaves.append(constants[i] if i in constants else next(rest))
        return tree_unflatten(self.aux_tree, leaves)


def trace(
    fun: Callable[..., Any],
    args: Sequence[Any],
    *,
    has_aux: bool = False,
    recorded: bool = False,
    keep: bool = False,
    eager: bool = False,
    debug_info: Any = None,
) -> Traced:
    """Trace ``fun(*args)``: a graph whose inputs are the leaves of ``args``.

    Leaves may be arrays, tracers, numbers or ``jax.ShapeDtypeStruct``s. It is traced abstractly, as by jit; where that
    fails as Python asked for a value, whatever the program made of JAX's error, and the leaves have values, it is run
    once and recorded; or at once, if ``recorded``. With ``keep`` the jitted calls of a program of little else stay.
    With ``eager``, outside jit, what reads no leaf is computed where it stands, and a constant of the graph.
    What JAX's errors tell of the function is ``debug_info``, by ``_jax.debug_info``.

    Raises:
        NotArrays: some value in the program is a reference, or of a type that a library adds to JAX.
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
            seen["aux_leaves"] = _plain(aux_all)
            aux_arrays = [leaf for leaf in aux_all if isinstance(leaf, jax.Array)]
        result, seen["out_tree"] = tree_flatten(out)
        seen["plain"] = _plain(result)
        seen["n_out"] = len(result)
        return [*result, *aux_arrays]

    if not recorded:
        try:
            jaxpr = _jax.make_jaxpr(eagerly(flat) if eager else flat, leaves, debug_info)
            _jax.check_arrays(jaxpr)
            kept = kept_program(jaxpr, seen["n_out"]) if keep else None
            return Traced(kept or graph_of_jaxpr(jaxpr), kept=kept is not None, **seen)
        except Exception as error:
            if not _jax.value_asked(error) or not all(map(_jax.has_value, leaves)):
                raise
    return Traced(record(flat, leaves), recorded=True, **seen)


def _plain(leaves: Sequence[Any]) -> tuple[tuple[int, Any], ...]:
    """Those that are no arrays of JAX, by position."""
    return tuple((k, leaf) for k, leaf in enumerate(leaves) if not isinstance(leaf, jax.Array))
