"""Split a pullback's program into what can be known on the way forward and what waits for the cotangents.

What crosses is what is remembered. A value that only the backward half uses is computed there, when that
means remembering no more than before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from catenary._emit.implicit import read
from catenary._graph import Atom, Equation, Graph
from catenary._graph.graph import live


@dataclass(slots=True)
class Halves:
    """The two halves of a program (inputs, cotangents) → (outputs, cotangents of inputs).

    hoisted     equations of ``fixed`` inputs alone: outside a loop they run once
    forward     equations of the inputs that the outputs, or the remembered values, need
    backward    the rest
    residuals   values made by ``forward`` (or varying inputs in ``saved_inputs``) that ``backward`` reads
    reread      inputs that the backward half reads again where they stand
    """

    graph: Graph
    hoisted: list[Equation]
    forward: list[Equation]
    backward: list[Equation]
    residuals: tuple[int, ...]
    reread: tuple[int, ...]


def halves(
    graph: Graph, n_outputs: int, cotangents: Collection[int], fixed: Collection[int], available: Collection[int]
) -> Halves:
    """Partition ``graph``, whose first ``n_outputs`` outputs must be known on the way forward.

    fixed       inputs that are the same in every trip
    available   inputs that the backward half can read again at no cost; others must be remembered
    """
    late, early = _by_dependence(graph.equations, set(cotangents))
    invariant = set(fixed) | set(graph.consts)
    hoisted, early = _hoist(early, invariant)
    forward = live(early, graph.outputs[:n_outputs])
    first = set(map(id, forward))
    optional = [e for e in early if id(e) not in first]
    reads = {a for e in late for a in e.inputs if isinstance(a, int)}
    reads.update(a for a in graph.outputs[n_outputs:] if isinstance(a, int))
    free = invariant | set(available) | set(cotangents)
    made = {v for e in early for v in e.outputs} | set(graph.inputs)
    crossing = {a for a in reads if a in made and a not in free}
    backward, kept = [], []
    early_reads: set[int] = set()  # of what is kept: made on the way forward too
    for equation in reversed(optional):
        if not any(v in crossing or v in reads for v in equation.outputs):
            continue
        new = {a for a in equation.inputs if isinstance(a, int) and a not in free and a not in crossing}
        saved = sum(_bytes(graph, v) for v in equation.outputs if v in crossing)
        if early_reads.isdisjoint(equation.outputs) and sum(_bytes(graph, a) for a in new) <= saved:
            crossing -= set(equation.outputs)
            crossing |= new
            reads.update(a for a in equation.inputs if isinstance(a, int))
            backward.append(equation)
        else:
            kept.append(equation)
            early_reads.update(a for a in equation.inputs if isinstance(a, int))
            reads.update(early_reads)
    forward = _in_order(graph, [*forward, *kept])
    residuals = tuple(sorted(crossing))
    reread = tuple(a for a in graph.inputs if a in reads and (a in fixed or a in available))
    return Halves(graph, hoisted, forward, [*backward[::-1], *late], residuals, reread)


def recomputed(graph: Graph, n_outputs: int, cotangents: Collection[int], saved: Callable[[Equation], bool]) -> Halves:
    """Partition ``graph`` so that what is not ``saved`` on the way forward is computed again by the backward half.

    Effects happen again where they are not saved, or show what is computed again anyway.
    """
    late, early = _by_dependence(graph.equations, set(cotangents))
    kept = {v for e in early if saved(e) for v in e.outputs}
    backward: list[Equation] = []
    reads = {a for a in graph.outputs[n_outputs:] if isinstance(a, int)}
    reads.update(a for e in late for a in e.inputs if isinstance(a, int))
    for equation in reversed(early):
        inputs = {a for a in equation.inputs if isinstance(a, int)}
        shown = equation.shows and (not saved(equation) or inputs.isdisjoint(kept))
        if shown or any(v in reads and v not in kept for v in equation.outputs):
            backward.append(equation)
            reads |= inputs
    residuals = tuple(sorted(reads & kept))
    forward = live(early, [*residuals, *graph.outputs[:n_outputs]])
    return Halves(graph, [], forward, [*backward[::-1], *late], residuals, ())


def _by_dependence(equations: Sequence[Equation], depends: set[int]) -> tuple[list[Equation], list[Equation]]:
    late, early = [], []
    for equation in equations:
        if any(isinstance(a, int) and a in depends for a in equation.inputs):
            depends.update(equation.outputs)
            late.append(equation)
        else:
            early.append(equation)
    return late, early


def _hoist(equations: Sequence[Equation], invariant: set[int]) -> tuple[list[Equation], list[Equation]]:
    """Equations of invariant inputs alone, unless they only repeat what they read."""
    hoisted, rest = [], []
    for equation in equations:
        reads = [a for a in equation.inputs if isinstance(a, int)]
        if (
            reads
            and all(a in invariant for a in reads)
            and equation.primitive.name not in _REPEATS
            and not equation.shows
        ):
            invariant.update(equation.outputs)
            hoisted.append(equation)
        else:
            rest.append(equation)
    return hoisted, rest


#: Primitives whose output may be far larger than what it is made from.
_REPEATS = frozenset({"broadcast_in_dim", "iota"})


def _in_order(graph: Graph, equations: Sequence[Equation]) -> list[Equation]:
    chosen = set(map(id, equations))
    return [e for e in graph.equations if id(e) in chosen]


def _bytes(graph: Graph, value: int) -> Any:
    aval = graph.avals[value]
    try:
        return prod(aval.shape) * aval.dtype.itemsize
    except (AttributeError, TypeError):
        return 0


def execute(equations: Sequence[Equation], env: dict[int, Any], wanted: Sequence[Atom]) -> list[Any]:
    """Run equations on ``env``; the values of ``wanted``."""
    for equation in equations:
        equation.evaluate(env)
    return [read(env, a) for a in wanted]
