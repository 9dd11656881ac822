"""The one door to JAX's own transforms: calls with values that are no arrays of numbers.

A reference is a place, and what is written there outlives the call; a type that a library adds to JAX has tangents of
its own making. Neither has axes that our algebra could name. Where an argument, a value closed over or any value
inside the program is one, the whole call is JAX's: its numbers, types, effects and errors. So is ``linearize`` of what
has a pullback only: it can be transposed, if not called. Nothing else comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jax

from catenary._plan.plan import Plan
from catenary.errors import NoPush, NotArrays

_AT_A_POINT: dict[str, Any] = {"jvp": jax.jvp, "vjp": jax.vjp, "linearize": jax.linearize}
_OF_A_FUNCTION: dict[str, Any] = {
    "grad": jax.value_and_grad, "value_and_grad": jax.value_and_grad,
    "jacobian": jax.jacrev, "jacrev": jax.jacrev, "jacfwd": jax.jacfwd, "hessian": jax.jacfwd,
}  # fmt: skip


def or_jax(verb: str, fun: Callable[..., Any], order: Any, **options: Any) -> Callable[..., Callable[..., Any]]:
    """Decorates ``fun`` as ``verb`` transforms it: where a value of a call is no array, JAX answers it.

    A ``Plan`` is for arrays alone: with one as ``order`` the error stands.
    """
    handed = (NotArrays, NoPush) if verb == "linearize" else (NotArrays,)

    def decorate(ours: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(fun)
        def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                return ours(*args, **kwargs)
            except handed:
                if isinstance(order, Plan):
                    raise
            if verb in _AT_A_POINT:
                return partial(_AT_A_POINT[verb], fun, **options)(*args)
            return _OF_A_FUNCTION[verb](fun, **options)(*args, **kwargs)

        return answer

    return decorate
