"""Programs that are jitted calls for the most part: the calls kept, and what is made of them compiled once.

Outside jit a derivative runs operation by operation. JAX runs a jitted function compiled there, and its derivative; so
do we, with the little that stands around it. What is compiled is found again by the body of the call, which JAX keeps
for as long as the function lives.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary, ref

import jax

from catenary import _jax
from catenary._graph.graph import Atom, Equation, Graph, live
from catenary._graph.read import apply
from catenary._graph.setting import settings

#: how many equations in jitted calls there must be to one outside: else most of the work runs as it stands, as in JAX
MOST = 4
#: how many programs around one call are compiled: more are none that comes again
ENOUGH = 16
#: (the program, its inputs, more) → arrays, and what goes with them that is none
Act = Callable[[Graph, Sequence[Any], Any], tuple[Any, Any]]


@dataclass(slots=True)
class Compiled:
    """A derivative as one program; for each of its traces, what goes with the arrays. None of it is JAX's to keep."""

    run: Callable[..., dict[str, Any]]
    bodies: list[ref[Any]]
    beside: dict[str, Any] = field(default_factory=dict)


#: the largest body of the jitted calls → by all else that it depends on, what was compiled
COMPILED: WeakKeyDictionary[Any, dict[Hashable, Compiled]] = WeakKeyDictionary()
#: what is being compiled: what is kept does not hold on to it
_ASKED: ContextVar[tuple[Act, Graph, dict[str, Any]]] = ContextVar("_ASKED")
#: whether calls are kept though they are traced, as they are for a derivative that keeps them
_KEPT: ContextVar[bool] = ContextVar("_KEPT", default=False)


@contextmanager
def keeping(wanted: bool) -> Iterator[bool]:
    """Whether calls may be kept here: outside jit, and in what is traced under this."""
    kept = wanted and (_KEPT.get() or not _jax.inside_jit())
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def kept_program(closed_jaxpr: Any, n_out: int) -> Graph | None:
    """The graph of a program with its jitted calls kept as equations; None where other equations are more than few.

    Numbers written in it are constants of the graph, as are values closed over: they may be others the next time. The
    parameters of the rest are compared, so they must be what can be. Inputs and the first ``n_out`` outputs must have
    tangents: compiled code returns no float0.
    """
    jaxpr, consts = _jax.closed(closed_jaxpr)
    inside = sum(map(_jax.size, (_jax.call_body(eqn.params) for eqn in jaxpr.eqns if _is_call(eqn))))
    others = [eqn for eqn in jaxpr.eqns if not _is_call(eqn)]
    if not inside or inside < MOST * len(others) or any(isinstance(v, _jax.Literal) for v in jaxpr.outvars):
        return None
    if any(_jax.tangent_dtype(v.aval.dtype) == _jax.float0 for v in (*jaxpr.invars, *jaxpr.outvars[:n_out])):
        return None
    if any(settings(others)) or any(eqn.primitive.name == "device_put" for eqn in others):
        return None
    if not all(_by_value(value) for eqn in others for value in eqn.params.values()):
        return None
    graph = Graph()
    names = {var: graph.const(value) for var, value in zip(jaxpr.constvars, consts, strict=True)}
    graph.inputs = tuple(graph.new(var.aval) for var in jaxpr.invars)
    names.update(zip(jaxpr.invars, graph.inputs, strict=True))
    for eqn in jaxpr.eqns:
        inputs = tuple(graph.const(v.val) if isinstance(v, _jax.Literal) else names[v] for v in eqn.invars)
        names.update((v, graph.new(v.aval)) for v in eqn.outvars)
        made = tuple(names[v] for v in eqn.outvars)
        graph.equations.append(Equation(eqn.primitive, eqn.params, inputs, made, eqn))
    graph.outputs = tuple(names[v] for v in jaxpr.outvars)
    return graph


def _is_call(eqn: Any) -> bool:
    return eqn.primitive.name in ("jit", "pjit")


def _by_value(x: Any) -> bool:
    """Whether a parameter is equal to another that is written alike: no function, no program."""
    if isinstance(x, tuple):
        return all(map(_by_value, x))
    return x is None or isinstance(x, Enum) or type(x).__eq__ is not object.__eq__  # type: ignore[comparison-overlap]


def compiled(kept: Graph, told: Hashable, act: Act, args: Sequence[Any], more: Any = ()) -> tuple[Any, Any]:
    """``act`` on the program with its calls opened, as one compiled program.

    told    all that ``act`` depends on but its arguments: with the same, another ``act`` is taken to be the same
    """
    calls = [e for e in kept.equations if _is_call(e)]
    found = COMPILED.setdefault(max((e.params["jaxpr"] for e in calls), key=_jax.size), {})
    place = told, kept.inputs, kept.outputs, tuple(map(_written, kept.equations))
    try:
        entry, alone = found.get(place), len(kept.equations) > 1 and _apart([*args, *kept.consts.values()])
    except TypeError:  # something has no hash
        entry, alone = None, True
    if entry is None:
        for old in [p for p, e in found.items() if any(body() is None for body in e.bodies)]:
            del found[old]
    if alone or (entry is None and len(found) >= ENOUGH):
        return act(_opened(kept, kept.consts), args, more)
    if entry is None:
        entry = Compiled(jax.jit(_fresh(calls[0].params["name"])), [ref(e.params["jaxpr"]) for e in calls])
    token = _ASKED.set((act, kept, entry.beside))
    try:
        ((trace, arrays),) = entry.run(kept.consts, list(args), more).items()
    finally:
        _ASKED.reset(token)
    found[place] = entry
    return arrays, entry.beside[trace]


def _apart(arrays: Sequence[Any]) -> bool:
    """Whether some lie on other devices than others, as no compiled program has them."""
    placed = [x.sharding.device_set for x in arrays if isinstance(x, jax.Array) and _jax.has_value(x) and x.committed]
    return any(devices != placed[0] for devices in placed)


def _written(e: Equation) -> Hashable:
    """An equation but for what it was read from; the body of a call is known by what it is, and not held on to."""
    if _is_call(e):
        params: Any = tuple((name, ref(value) if name == "jaxpr" else value) for name, value in e.params.items())
    else:
        params = tuple(e.params.items()), repr(e.params)  # 1, 1.0 and True are equal, and 0.0 and -0.0
    return e.primitive, params, e.inputs, e.outputs


def _fresh(name: str) -> Callable[..., dict[str, Any]]:
    """A function of its own, as jit goes by which it is."""

    def run(consts: dict[int, Any], args: Sequence[Any], more: Any) -> dict[str, Any]:
        act, kept, beside = _ASKED.get()
        trace = str(len(beside))
        arrays, beside[trace] = act(_opened(kept, consts), args, more)
        return {trace: arrays}

    run.__name__ = name
    return run


def _opened(kept: Graph, consts: dict[int, Any]) -> Graph:
    """The program with its calls opened."""
    graph = Graph(list(kept.avals), [], kept.inputs, (), dict(consts))
    names: dict[Atom, Atom] = {}
    for e in kept.equations:
        inputs = [names.get(a, a) for a in e.inputs]
        made = apply(graph, e.primitive, e.params, inputs, [kept.avals[v] for v in e.outputs], e.source)
        names.update(zip(e.outputs, made, strict=True))
    graph.outputs = tuple(names.get(a, a) for a in kept.outputs)
    graph.equations = live(graph.equations, graph.outputs)
    return graph
