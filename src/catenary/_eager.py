"""A program traced outside jit: what reads an argument is staged, what reads none is computed where it stands.

So are JAX's own derivatives: what a function stores then, as a table of masks or a random state does, is an array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from catenary import _jax


class _Eager(_jax.Trace):
    """Hands each equation to the trace that stages, or to the one outside.

    With effects it is staged, whatever it reads: where Python then asks for a value the program is run once more, and
    shows them once.
    """

    def __init__(self, staging: Any, outside: Any):
        super().__init__()
        self.staging = self.parent_trace = staging
        self.outside = outside
        self.requires_low = False

    def _for(self, operands: Sequence[Any]) -> Any:
        reads = any(isinstance(x, _jax.Tracer) and x._trace is self.staging for x in operands)
        return self.staging if reads else self.outside

    def cur_qdd(self, x: Any) -> Any:
        return self.staging.cur_qdd(x)

    def stage_value(self, val: Any) -> Any:
        return self._for([val]).stage_value(val)

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        trace = self._for(tracers)
        if trace is self.outside and _acts(primitive, tracers, params):
            trace = self.staging
        return primitive.bind_with_trace(trace, tracers, tuple(map(jax.typeof, tracers)), params)

    # these may close over what is staged
    def process_call(self, primitive: Any, fun: Any, tracers: Any, params: Any, /) -> Any:
        return self.staging.process_call(primitive, fun, tracers, params)

    def process_shard_map(self, primitive: Any, fun: Any, tracers: Any, /, **params: Any) -> Any:
        return self.staging.process_shard_map(primitive, fun, tracers, **params)

    def process_custom_jvp_call(self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any) -> Any:
        return self._for(tracers).process_custom_jvp_call(primitive, fun, jvp, tracers, **params)

    def process_custom_vjp_call(self, primitive: Any, fun: Any, fwd: Any, bwd: Any, xs: Any, /, **params: Any) -> Any:
        return self._for(xs).process_custom_vjp_call(primitive, fun, fwd, bwd, xs, **params)


def _acts(primitive: Any, operands: Sequence[Any], params: dict[str, Any]) -> bool:
    """Whether an equation does more than compute: prints, calls the host, changes a reference."""
    if primitive.is_effectful is not None:
        return bool(primitive.is_effectful(params))
    return bool(primitive.abstract_eval(*map(jax.typeof, operands), **params)[1])


def _staged_whole() -> bool:
    """Whether all that runs here is staged, as under jit."""
    trace = _jax.trace_ctx.trace
    while trace is not None and not isinstance(trace, _jax.DynamicJaxprTrace):
        trace = trace.outside if isinstance(trace, _Eager) else getattr(trace, "parent_trace", None)
    return trace is not None


def eagerly(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be traced from here: outside jit, what reads no argument is computed at once."""
    if _staged_whole():
        return fun
    outside = _jax.trace_ctx.trace

    def traced(*args: Any) -> Any:
        with _jax.set_current_trace(_Eager(_jax.trace_ctx.trace, outside)):
            return fun(*args)

    return traced
