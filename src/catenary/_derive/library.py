"""Calls that JAX leaves in a program by name, taken for what they say only where their body is JAX's own.

``jnp.linalg.inv`` becomes a call named ``inv`` whose body is a factorisation and two solves.  A row of ``LIBRARY``
says what such a call means and which function of JAX's to trace for comparison: a user's own ``inv`` is read like any
other code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax

from .build import fn
from .expr import Expr, Size


class Known(NamedTuple):
    """What a call means: from its arguments (expressions in axis(0), axis(1), …, and dimensions) to its results."""

    reference: Callable[..., Any]
    results: Callable[[Sequence[Any], Sequence[tuple[Size, ...]]], list[Expr]]


LIBRARY: dict[str, Known] = {
    "relu": Known(jax.nn.relu, lambda v, dims: [fn("relu", v[0].expr)]),
}


def known(eqn: Any) -> Known | None:
    """Return the row for an equation that calls a function of JAX's by name and with JAX's body."""
    name = _name(eqn)
    if name not in LIBRARY:
        return None
    avals = tuple(jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars)
    return LIBRARY[name] if _text(eqn) == _reference(name, avals) else None


def _name(eqn: Any) -> str:
    """Return the name of a call: its own, or that of the one call inside."""
    body = _body(eqn)
    if body is None:
        return ""
    if name := eqn.params.get("name"):
        return str(name)
    return _name(body.eqns[0]) if len(body.eqns) == 1 else ""


def _body(eqn: Any) -> Any:
    for param in ("jaxpr", "call_jaxpr"):
        body = eqn.params.get(param)
        if body is not None:
            return getattr(body, "jaxpr", body)
    return None


def _text(eqn: Any) -> str:
    return f"{eqn.primitive.name} {_body(eqn)}"


@lru_cache(maxsize=512)
def _reference(name: str, avals: tuple[Any, ...]) -> str:
    try:
        eqns = jax.make_jaxpr(LIBRARY[name].reference)(*avals).jaxpr.eqns
    except Exception:  # not for these shapes, so not this function
        return ""
    return _text(eqns[0]) if len(eqns) == 1 else ""
