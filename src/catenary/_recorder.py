"""JAX's equations heard as they run: a trace that computes each where it stands, and notes those that read an argument.

JAX's own tracers either compute or note. Where Python asks a value in the middle of a program, both are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax

from catenary import _jax


class Known(NamedTuple):
    """What a recording calls a value that it has noted."""

    atom: Any


class _Computed(_jax.Primitive):
    """What a recorded function with a rule of its own has become: its results are known."""

    multiple_results = True

    def bind(self, *args: Any, results: Sequence[Any], **params: Any) -> Sequence[Any]:
        return results


#: Params: ``results``, and the ``rule`` as it was called there. The second has a pullback only.
RECORDED, RECORDED_VJP = _Computed("recorded"), _Computed("recorded_vjp")


class _Recorded(_jax.Tracer):
    """An array on its way through a recording, and what the recording calls it."""

    __slots__ = ("known", "value")

    def __init__(self, trace: Any, value: Any, atom: Any):
        super().__init__(trace, jax.typeof(value))
        self.value, self.known = value, Known(atom)

    def full_lower(self) -> Any:
        return self

    def to_concrete_value(self) -> Any:
        return _jax.to_concrete_value(self.value)


class _Recorder(_jax.Trace):
    """Runs every equation where it stands, by the trace outside, and notes those that read a recorded value.

    equation   (primitive, params, operands, results) → atoms of the results; operands are Known or arrays.
               None for one that no tangent reaches: a rule may close over it, and is called when all is over
    call       (jaxpr, consts, operands) → likewise, for a custom rule traced whole
    own        (function, arguments, positions of the recorded ones, whether it has a push) → results, its rule there
    """

    def __init__(self, outside: Any, equation: Callable[..., Any], call: Callable[..., Any], own: Callable[..., Any]):
        super().__init__()
        self.outside, self.equation, self.call, self.own = outside, equation, call, own
        self.requires_low = False
        self.made = 0  # values noted so far

    def _mine(self, x: Any) -> bool:
        return isinstance(x, _Recorded) and x._trace is self

    def known(self, xs: Sequence[Any]) -> list[Any]:
        return [x.known if self._mine(x) else x for x in xs]

    def values(self, xs: Sequence[Any]) -> list[Any]:
        for x in xs:
            _jax.check_array(jax.typeof(x))
        return [x.value if self._mine(x) else x for x in xs]

    def noted(self, results: Sequence[Any], note: Callable[..., Sequence[Any]], *said: Any) -> list[Any]:
        with _jax.set_current_trace(self.outside):  # to make arrays of constants
            atoms = note(*said)
        self.made += len(results)
        return [x if atom is None else _Recorded(self, x, atom) for x, atom in zip(results, atoms, strict=True)]

    def stage_value(self, val: Any) -> Any:
        return val if self._mine(val) else self.outside.stage_value(val)

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        values = tuple(self.values(tracers))
        out = primitive.bind_with_trace(self.outside, values, tuple(map(jax.typeof, values)), params)
        if not any(map(self._mine, tracers)):
            return out
        results = list(out) if primitive.multiple_results else [out]
        made = self.noted(results, self.equation, primitive, params, self.known(tracers), results)
        return made if primitive.multiple_results else made[0]

    def process_custom_jvp_call(self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any) -> Any:
        return self._custom(primitive, tracers, dict(params, subfuns=(fun, jvp)), push=True)

    def process_custom_vjp_call(self, primitive: Any, fun: Any, fwd: Any, bwd: Any, xs: Any, /, **params: Any) -> Any:
        return self._custom(primitive, xs, dict(params, subfuns=(fun, fwd, bwd)), push=False)

    def _custom(self, primitive: Any, tracers: Sequence[Any], params: dict[str, Any], push: bool) -> list[Any]:
        """A function with a rule of its own: the rule is called here, where all that it closes over is alive.

        Where it closes over recorded values it is traced whole: these are operands too.
        """
        values, before = self.values(tracers), self.made
        places = [k for k, x in enumerate(tracers) if self._mine(x) and _jax.tangent_dtype(x.dtype) != _jax.float0]
        fun = partial(_bound, primitive, params)
        with _jax.set_current_trace(self if places else self.outside):
            results, rule = self.own(fun, values, places, push)
        remembered = jax.tree.leaves((results, rule and (rule.push, rule.pull)))
        if self.made == before and not any(map(self._mine, remembered)):
            if not any(map(self._mine, tracers)):
                return results
            kind = RECORDED if push else RECORDED_VJP
            return self.noted(
                results, self.equation, kind, dict(results=results, rule=rule), self.known(tracers), results
            )
        for store in (store for wrapped in params["subfuns"] for store in wrapped.stores if store):
            store.reset()  # JAX notes there what a function returned, once; they are to be called again
        return self._whole(lambda *xs: fun(xs), tracers)

    def process_call(self, primitive: Any, fun: Any, tracers: Any, params: Any, /) -> list[Any]:
        return self._whole(partial(primitive.bind, subfuns=(fun,), **params), tracers)

    def process_shard_map(self, primitive: Any, fun: Any, tracers: Any, /, **params: Any) -> Any:
        seen: dict[str, Any] = {}

        def mapped(*xs: Any) -> list[Any]:
            seen["results"] = primitive.bind(*xs, subfuns=(fun,), **params)
            return list(seen["results"])

        results = self._whole(mapped, tracers)
        return seen["results"].update(results)

    def _whole(self, fun: Callable[..., list[Any]], tracers: Sequence[Any]) -> list[Any]:
        """What is traced before it runs, as it may close over recorded values: these are operands too."""
        values = self.values(tracers)
        jaxpr = jax.make_jaxpr(fun)(*values)
        with _jax.set_current_trace(self.outside):
            results = _jax.eval_jaxpr(jaxpr.jaxpr, self.values(jaxpr.consts), *values)
        return self.noted(results, self.call, jaxpr.jaxpr, self.known(jaxpr.consts), self.known(tracers))


def _bound(bound: _jax.Primitive, params: dict[str, Any], args: Sequence[Any]) -> list[Any]:
    return list(bound.bind(*args, **params))


def record(fun: Callable[..., Sequence[Any]], values: Sequence[Any], *notes: Callable[..., Any]) -> list[Any]:
    """Run ``fun`` on arrays with their atoms, noting what reads them; its results, Known where they were noted."""
    with _jax.take_current_trace() as outside:
        trace = _Recorder(outside, *notes)
        with _jax.set_current_trace(trace, check_leaks=True):
            results = trace.known(fun(*(_Recorded(trace, _jax.as_array(x), atom) for atom, x in values)))
        trace.invalidate()
    return results
