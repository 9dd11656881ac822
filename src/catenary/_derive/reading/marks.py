"""The intermediates worth a name: those the user named, and the arguments of nonlinear functions.

A jaxpr is replayed with them as further results; calls are read through on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import _jax
from . import names as naming
from .library import known, of_matrices

NONLINEAR = frozenset("tanh logistic custom_jvp_call max sin cos erf".split())


OPENED = _jax.TRANSPARENT_CALLS | {"checkpoint", "remat2"}


def marked(closed: Any, structs: Sequence[Any], taken: set[str]) -> tuple[Any, list[Mark]]:
    """Return a closed jaxpr with the intermediates worth a name as further results, and those intermediates."""
    marks = list(marks_of(closed.jaxpr, taken))
    places = {m.place for m in marks}

    def with_marks(*flat: Any) -> list[Any]:
        seen: dict[int, Any] = {}
        out = replay(closed.jaxpr, closed.consts, flat, places, seen, [0])
        return [*out, *(seen[m.place] for m in marks)]

    return jax.make_jaxpr(with_marks)(*structs), marks


@dataclass
class Mark:
    """An intermediate worth a name: the number of its equation, its name, its type."""

    place: int
    name: str
    aval: Any
    conventional: bool = False


def marks_of(jaxpr: Any, taken: set[str]) -> Iterator[Mark]:
    """Yield the intermediates that the user named, and the arguments of nonlinear functions, as z."""
    flat = list(equations(jaxpr))
    given = naming.assigned(list(positions(jaxpr)))
    made = {id(v): n for n, eqn in enumerate(flat) for v in eqn.outvars}
    final = made.get(id(_maker(jaxpr)))
    found: dict[int, tuple[str, bool]] = {n: (name, False) for n, name in enumerate(given) if name}
    z = next(c for c in ("z", "u", "pre") if c not in taken and c not in given)
    for v in arguments_of_functions(jaxpr):
        n = made.get(id(v))
        if n is not None and n not in found and flat[n].primitive.name in ("add", "dot_general"):
            found[n] = (z, True)
    found = {n: f for n, f in sorted(found.items()) if n != final and _real(flat[n])}
    total: dict[str, int] = {}
    for name, _ in found.values():
        total[name] = total.get(name, 0) + 1
    count: dict[str, int] = {}
    for n, (name, conventional) in found.items():
        count[name] = count.get(name, 0) + 1
        alone = total[name] == 1 and name not in taken
        yield Mark(n, name if alone else f"{name}_{count[name]}", flat[n].outvars[0].aval, conventional)


def _maker(jaxpr: Any) -> Any:
    """Return the variable, inside calls, that is a jaxpr's first output."""
    (out, *_) = jaxpr.outvars
    for eqn in jaxpr.eqns:
        if out in eqn.outvars and eqn.primitive.name in OPENED:
            return _maker(_jax.closed(_jax.call_body(eqn.params))[0])
    return out


def arguments_of_functions(jaxpr: Any) -> Iterator[Any]:
    """Yield the variables that nonlinear functions, or library functions JAX keeps as calls, are applied to."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in OPENED:
            body = _jax.closed(_jax.call_body(eqn.params))[0]
            yield from arguments_of_functions(body)
            if len({p and p[:2] for p in positions(body)}) <= 1 and not of_matrices(eqn):
                yield from eqn.invars
        elif eqn.primitive.name in NONLINEAR:
            yield from eqn.invars


def _real(eqn: Any) -> bool:
    return len(eqn.outvars) == 1 and bool(jnp.issubdtype(eqn.outvars[0].aval.dtype, np.floating))


def equations(jaxpr: Any) -> Iterator[Any]:
    """Yield a jaxpr's equations in order, calls replaced by their bodies unless they are known by name."""
    for eqn in jaxpr.eqns:
        if opened(eqn):
            yield from equations(_jax.closed(_jax.call_body(eqn.params))[0])
        else:
            yield eqn


def opened(eqn: Any) -> bool:
    """Say whether an equation is a call that is read through."""
    return eqn.primitive.name in OPENED and known(eqn) is None


def positions(jaxpr: Any) -> Iterator[tuple[Any, ...] | None]:
    """Yield where in the user's source each of ``equations`` was made.

    A body on one line belongs to a function that JAX has cached; it stands where it is called.
    """
    for call, eqn in enumerate(jaxpr.eqns):
        here = naming.place(_jax.user_positions(eqn))
        if opened(eqn):
            inner = list(positions(_jax.closed(_jax.call_body(eqn.params))[0]))
            cached = len({p and p[:2] for p in inner}) <= 1
            there = here and (*here, call)
            yield from (there if cached or not naming.names_something(p) else p for p in inner)
        else:
            yield here


def replay(
    jaxpr: Any,
    consts: Sequence[Any],
    args: Sequence[Any],
    places: set[int],
    seen: dict[int, Any],
    clock: list[int],
) -> list[Any]:
    """Evaluate a jaxpr as ``equations`` orders it, recording the values made at the given places."""
    env = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))

    def value(v: Any) -> Any:
        return v.val if hasattr(v, "val") else env[v]

    for eqn in jaxpr.eqns:
        values = [value(v) for v in eqn.invars]
        if opened(eqn):
            body, inner = _jax.closed(_jax.call_body(eqn.params))
            out = replay(body, inner, values, places, seen, clock)
        else:
            out = _jax.bind(eqn.primitive, eqn.params, values)
            if clock[0] in places:
                seen[clock[0]] = out[0]
            clock[0] += 1
        env.update(zip(eqn.outvars, out, strict=True))
    return [value(v) for v in jaxpr.outvars]
