"""A program recorded as it runs, where its Python code asks for the values of its arguments.

``if x > 0`` has one answer at one point: the function is run there once, each equation that reads an argument is
noted as it is computed, and the rest are constants. The graph holds at that point alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from catenary import _jax, _recorder
from catenary._graph.activity import differentiable, spread
from catenary._graph.fallback import linearized, pullback
from catenary._graph.graph import Atom, Graph, Lit, live
from catenary._graph.read import apply, inline


def record(fun: Callable[..., Sequence[Any]], values: Sequence[Any]) -> Graph:
    """The graph of ``fun(*values)``, from one run.

    What the function prints it prints once: equations without results are run and not noted.
    """
    graph = Graph()
    graph.inputs = tuple(graph.new(_jax.aval_of(x)) for x in values)
    reached = {v for v in graph.inputs if differentiable(graph.avals[v])}

    def noted(atoms: list[Atom], before: int) -> list[Atom | None]:
        """Of the results of the equations from ``before`` on, those that carry a tangent."""
        spread(graph, graph.equations[before:], reached)
        return [a if isinstance(a, int) and a in reached else None for a in atoms]

    def equation(
        primitive: Any, params: dict[str, Any], operands: Sequence[Any], results: Sequence[Any]
    ) -> list[Atom | None]:
        if not results:
            return []
        before, avals = len(graph.equations), [_jax.aval_of(x) for x in results]
        return noted(apply(graph, primitive, params, _atoms(graph, operands), avals), before)

    def call(jaxpr: Any, consts: Sequence[Any], operands: Sequence[Any]) -> list[Atom | None]:
        before = len(graph.equations)
        return noted(inline(graph, jaxpr, _atoms(graph, consts), _atoms(graph, operands)), before)

    def own(fun: Any, args: Sequence[Any], places: Sequence[int], push: bool) -> Any:
        if not places:
            return fun(args), None
        return linearized(fun, args, places) if push else pullback(fun, args, places)

    given = list(zip(graph.inputs, values, strict=True))
    graph.outputs = tuple(_atoms(graph, _recorder.record(fun, given, equation, call, own)))
    graph.equations = live(graph.equations, graph.outputs)
    return graph


def _atoms(graph: Graph, operands: Sequence[Any]) -> list[Atom]:
    """Operands are arrays, or recorded ones by their atoms."""
    return [x.atom if isinstance(x, _recorder.Known) else _constant(graph, x) for x in operands]


def _constant(graph: Graph, x: Any) -> Atom:
    return Lit(x, _jax.aval_of(x)) if isinstance(x, int | float | complex) else graph.const(x)
