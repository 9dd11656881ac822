"""Which axes a program leaves alone: what a loop, a branch or a custom rule keeps tied, read off its body.

A digit of an axis (the whole of it, or one factor of a merged one) is followed from an input along every
local derivative. Where each map on the way is diagonal along it, all paths meet at one place, and a loop
brings it back to where it was, the whole is diagonal along it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from catenary import _jax
from catenary._graph import Graph, graph_of_jaxpr
from catenary._graph.activity import carried
from catenary._graph.fallback import pullback
from catenary._graph.scan import scan_parts
from catenary._local.build import build
from catenary._local.local import TIES, Implicit, Local, Tie
from catenary._maps.arrange import digits
from catenary._maps.term import Size, Term, one
from catenary._rules import LINEAR, RULES

#: where a digit stands in a value: (axis, stride); MIXED where entries that differ in it have met
Place = tuple[int, Any]
MIXED: Place = (-1, 0)

#: input and output positions → where a digit of a given size arrives
Follow = Callable[[dict[int, Place], Size], dict[int, Place]]


def meet(a: Place | None, b: Place | None) -> Place | None:
    """Where the digit is after a sum of two paths; None where no path brings it."""
    if a is None or b is None:
        return a or b
    return a if a == b else MIXED


@lru_cache(maxsize=65536)
def moved(term: Term, place: Place, size: Size) -> Place:
    """Where a map takes a digit of its input."""
    k, stride = place
    try:
        here = digits(term.inp[k], term.sizes)
        for label, step in term.inp[k].factors if here else ():
            inside = step == stride and term.sizes[label] == size
            if inside or (stride % step == 0 and (step * term.sizes[label]) % (stride * size) == 0):
                there = [(o, s) for o, axis in enumerate(term.out) for i, s in axis.factors if i == label]
                alone = sum(i == label for axis in term.inp for i, _ in axis.factors) == 1
                if len(there) == 1 and alone and digits(term.out[there[0][0]], term.sizes):
                    return there[0][0], there[0][1] if inside else there[0][1] * (stride // step)
    except _jax.InconclusiveDimensionOperation:
        pass
    return MIXED


def follow(local: Local, seeds: Mapping[int, Place], size: Size) -> list[Place | None]:
    """Where a digit at some inputs of a program arrives in each of its outputs."""
    at: dict[int, Place | None] = dict(seeds)
    into: dict[int, list[Any]] = {}
    for edge in local.edges:
        into.setdefault(edge.head, []).append(edge)

    def arrive(vertex: int) -> None:
        for edge in into.get(vertex, ()):
            place = at.get(edge.tail)
            if place is not None:
                at[vertex] = meet(at.get(vertex), place if place == MIXED else moved(edge.piece.term, place, size))

    for node in local.nodes:
        if node.implicit is None:
            arrive(node.vertices[0])
            continue
        for slot in node.implicit.slots:
            arrive(slot)
        reached = [(j, at[s]) for j, s in enumerate(node.implicit.slots) if at.get(s) is not None]
        for o, (_, vertex) in enumerate(node.implicit.outputs):
            for j, place in reached:
                at[vertex] = meet(at.get(vertex), _past(node.implicit, j, o, place))
    for sink in local.outputs:
        arrive(sink)
    return [at.get(v) for v in local.outputs]


def _past(node: Implicit, slot: int, output: int, place: Any) -> Place:
    """Where an implicit node takes a digit of one of its slots."""
    if place != MIXED:
        for a, b in node.ties:
            k = b[output]
            if a[slot] == place[0] and k is not None:
                return k, place[1]
    return MIXED


def body(graph: Graph, active: Sequence[int], live: Sequence[int]) -> Follow:
    """Follow a digit through a program from inputs ``active`` to outputs ``live``, both positions."""
    local = build(graph, [graph.inputs[k] for k in active], [graph.outputs[k] for k in live])

    def through(seeds: dict[int, Place], size: Size) -> dict[int, Place]:
        found = follow(local, {graph.inputs[k]: place for k, place in seeds.items()}, size)
        return {k: place for k, place in zip(live, found, strict=True) if place is not None}

    return through


def loop(graph: Graph, active: Sequence[int], live: Sequence[int], carries: Sequence[int]) -> Follow:
    """Follow a digit through any number of trips; output k of the body is the next value of input ``carries[k]``."""
    once = body(graph, active, live)

    def through(seeds: dict[int, Place], size: Size) -> dict[int, Place]:
        while True:
            found = once(seeds, size)
            nexts = ((k, meet(seeds.get(k), found.get(c))) for c, k in enumerate(carries))
            grown = {**seeds, **{k: place for k, place in nexts if place is not None}}
            if grown == seeds:
                return {**found, **{c: seeds[k] for c, k in enumerate(carries) if k in seeds}}
            seeds = grown

    return through


def ties(
    follow: Follow, inputs: Sequence[tuple[int, Sequence[Size]]], outputs: Sequence[tuple[int, Sequence[Size]]]
) -> tuple[Tie, ...]:
    """The ties of a node whose slots and outputs stand at the given positions, with the given shapes.

    Each axis of each slot is followed by itself; those that arrive at the same places are one tie.
    """
    found: list[tuple[Size, list[int | None], list[Place | None]]] = []
    for j, (position, shape) in enumerate(inputs):
        for k, n in enumerate(shape):
            if one(n):
                continue
            ends = follow({position: (k, 1)}, n)
            places = [_whole(ends.get(o), shape, n) for o, shape in outputs]
            for size, slots, theirs in found:
                pairs = zip(places, theirs, strict=True)
                if size == n and slots[j] is None and all(a == b for a, b in pairs if a is not None and b is not None):
                    slots[j] = k
                    theirs[:] = [b if a is None else a for a, b in zip(places, theirs, strict=True)]
                    break
            else:
                if any(p not in (None, MIXED) for p in places):
                    found.append((n, [k if i == j else None for i in range(len(inputs))], places))
    return tuple(
        (tuple(slots), tuple(None if p is None or p == MIXED else p[0] for p in places)) for _, slots, places in found
    )


def _whole(place: Place | None, shape: Sequence[Size], size: Size) -> Place | None:
    """The place if it is a whole axis."""
    return MIXED if place is not None and (place[1] != 1 or shape[place[0]] != size) else place


def _shapes(node: Implicit) -> Iterator[list[tuple[int, Sequence[Size]]]]:
    """(position, shape) of a node's slots, and of its outputs."""
    yield [(k, node.site.ins[k].shape) for k in node.active]
    yield [(k, node.site.outs[k].shape) for k, _ in node.outputs]


def of_scan(node: Implicit) -> tuple[Tie, ...]:
    """A scan's: what it scans over has an axis more outside than in the body, tied too where no trip reads another."""
    parts = scan_parts(node.equation.params, len(node.site.ins))
    graph = graph_of_jaxpr(parts.body)
    lo, hi = parts.consts, parts.consts + parts.carry
    active = carried(graph, node.active, range(lo, hi))
    carries = {k - lo for k in active if lo <= k < hi}
    live = sorted(carries | {k for k, _ in node.outputs if k >= parts.carry})
    inside = loop(graph, active, live, range(lo, hi))
    inputs, outputs = _shapes(node)
    swept = [(k, shape[1:] if k >= hi else shape) for k, shape in inputs]
    made = [(k, shape[1:] if k >= parts.carry else shape) for k, shape in outputs]
    shift = ([k >= hi for k, _ in inputs], [k >= parts.carry for k, _ in outputs])

    def outside(side: int, places: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(None if k is None else k + by for k, by in zip(places, shift[side], strict=True))

    trips = ([0 if by else None for by in shift[0]], [0 if by else None for by in shift[1]])
    found = tuple((outside(0, a), outside(1, b)) for a, b in ties(inside, swept, made))
    return found if carries else ((tuple(trips[0]), tuple(trips[1])), *found)


def of_while(node: Implicit) -> tuple[Tie, ...]:
    """A while loop's: how many trips it takes is the same for all entries."""
    params = node.equation.params
    graph, before = graph_of_jaxpr(params["body_jaxpr"]), params["cond_nconsts"]
    first = params["body_nconsts"]
    carries = range(first, len(graph.inputs))
    active = carried(graph, [k - before for k in node.active if k >= before], carries)
    inside = loop(graph, active, [k - first for k in active if k in carries], carries)
    inputs, outputs = _shapes(node)
    return ties(inside, [(k - before, shape if k >= before else ()) for k, shape in inputs], outputs)


def of_cond(node: Implicit) -> tuple[Tie, ...]:
    """A branch's: what every branch leaves alone."""
    inputs, outputs = _shapes(node)
    active, live = [k - 1 for k in node.active], [k for k, _ in node.outputs]
    branches = [body(graph_of_jaxpr(b), active, live) for b in node.equation.params["branches"]]

    def through(seeds: dict[int, Place], size: Size) -> dict[int, Place]:
        found = [branch(seeds, size) for branch in branches]
        ends: dict[int, Place] = {}
        for places in found:
            ends.update({k: meet(ends.get(k), place) or MIXED for k, place in places.items()})
        return ends

    return ties(through, [(k - 1, shape) for k, shape in inputs], outputs)


def of_remat(node: Implicit) -> tuple[Tie, ...]:
    """A checkpointed body's: the body's."""
    inputs, outputs = _shapes(node)
    graph = graph_of_jaxpr(node.equation.params["jaxpr"])
    return ties(body(graph, node.active, [k for k, _ in node.outputs]), inputs, outputs)


def of_solve(node: Implicit) -> tuple[Tie, ...]:
    """Those of a linear solve, whose right-hand sides alone are active: the solver's."""
    lengths, graph = node.equation.params["const_lengths"], graph_of_jaxpr(node.equation.params["jaxprs"].solve)
    before = sum(lengths) - lengths.solve
    if any(k < sum(lengths) for k in node.active):
        return ()
    inputs, outputs = _shapes(node)
    inside = body(graph, [k - before for k in node.active], [k for k, _ in node.outputs])
    return ties(inside, [(k - before, shape) for k, shape in inputs], outputs)


def of_custom_vjp(node: Implicit) -> tuple[Tie, ...]:
    """Those of its author's pullback, which need not be the transpose of anything.

    None where the pullback may decide by the cotangents' values: along a tied axis it is given several as one.
    """
    inputs, outputs = _shapes(node)
    n = len(node.site.ins)

    def pulled(*args: Any) -> Any:
        return pullback(node.equation.call, args[:n], node.active, [k for k, _ in node.outputs])[1].pull(args[n:])

    avals = (*node.site.ins, *(node.site.outs[k] for k, _ in node.outputs))
    graph = graph_of_jaxpr(_jax.make_jaxpr(pulled, avals))
    if _decides(graph, set(graph.inputs[n:])):
        return ()
    inside = body(graph, range(n, len(graph.inputs)), range(len(graph.outputs)))
    cts = [(n + i, shape) for i, (_, shape) in enumerate(outputs)]
    back = [(i, shape) for i, (_, shape) in enumerate(inputs)]
    return tuple((b, a) for a, b in ties(inside, cts, back))


def _decides(graph: Graph, values: set[int]) -> bool:
    """Whether a step function of some values may stand in a program."""
    for equation in graph.equations:
        if any(isinstance(a, int) and a in values for a in equation.inputs):
            if equation.primitive not in RULES and equation.primitive not in LINEAR:
                return True
            values.update(equation.outputs)
    return False


TIES.update(
    {
        _jax.primitive("scan"): of_scan,
        _jax.primitive("while"): of_while,
        _jax.primitive("cond"): of_cond,
        _jax.primitive("remat"): of_remat,
        _jax.primitive("linear_solve"): of_solve,
        _jax.primitive("custom_vjp_call"): of_custom_vjp,
    }
)
