"""A program and its derivative: named intermediates, their cotangents, and the derivative at the inputs.

The user's jaxpr is replayed with its intermediates as further results, read into expressions, and differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import tree_util

from .. import _jax
from . import names as naming
from .build import ONE
from .differentiate import cotangents, identity
from .expr import Array, At, Expr, Index, Size, axis
from .library import known
from .read import Reader, Value, dims_of, named, symbol
from .rename import rename

NONLINEAR = frozenset("tanh logistic custom_jvp_call max sin cos erf".split())


@dataclass
class Input:
    """A leaf of an argument: its name, shape, dtype, and whether it is differentiated."""

    name: str
    struct: Any
    chosen: bool
    argument: int


@dataclass
class Program:
    """What was read: the value, the named intermediates, and the derivative at the chosen inputs.

    ``adjoint`` says of which intermediate an array is the cotangent.  A derivative of an array result has the axes of
    the result before those of the input.
    """

    inputs: list[Input]
    value: Value
    forward: list[tuple[str, Array]]
    conventional: set[str]
    gradients: list[tuple[Input, Value]] = field(default_factory=list)
    adjoint: dict[Array, str] = field(default_factory=dict)


def trace(closed: Any, inputs: list[Input]) -> Program:
    """Return the program of a flat jaxpr with one result, and its derivative."""
    program = _read(closed, inputs)
    _differentiate(program)
    return program


def _read(closed: Any, inputs: list[Input]) -> Program:
    marks = list(_marks(closed.jaxpr, {i.name for i in inputs}))
    places = {m.place for m in marks}

    def with_marks(*flat: Any) -> list[Any]:
        seen: dict[int, Any] = {}
        (out,) = replay(closed.jaxpr, closed.consts, flat, places, seen, [0])
        return [out, *(seen[m.place] for m in marks)]

    made = jax.make_jaxpr(with_marks)(*(i.struct for i in inputs))
    operands = [symbol(i.name, i.struct) for i in inputs]
    value, *kept = Reader().read(made.jaxpr, made.consts, operands, made.jaxpr.outvars[1:])
    forward: list[tuple[str, Array]] = []
    for m, v in zip(marks, kept, strict=True):
        array = _array(v)
        if array is not None and all(a is not array for _, a in forward):
            forward.append((m.name, array))
    return Program(inputs, value, forward, {m.name for m in marks if m.conventional})


def _differentiate(program: Program) -> None:
    """Add the derivative of the value to a program."""
    value = program.value
    out = tuple(axis(n, d) for n, d in enumerate(value.dims))
    rows = tuple(Index(f"r{n}", d) for n, d in enumerate(value.dims))
    wanted = [i for i in program.inputs if i.chosen]
    symbols = [named(i.name, i.struct) for i in wanted]
    names = {array: name for name, array in program.forward}
    found, made = cotangents(value.expr, identity(out, rows) if rows else ONE, symbols, names, rows)
    program.adjoint = {made[a]: name for name, a in program.forward if a in made}
    program.gradients = [(i, _laid_out(found[s], rows, s)) for i, s in zip(wanted, symbols, strict=True)]


def _laid_out(cotangent: Expr, rows: Sequence[Index], array: Array) -> Value:
    """Return a derivative with the axes of the result before those of the input."""
    dims = (*(r.size for r in rows), *array.dims)
    moved = {i: axis(n, i.size) for n, i in enumerate((*rows, *array.axes))}
    return Value(rename(cotangent, moved), dims)


def _array(value: Value) -> Array | None:
    """Return the array whose entry a value is, if it is one the program makes."""
    return value.expr.array if isinstance(value.expr, At) and value.expr.array.body is not None else None


@dataclass
class Mark:
    """An intermediate worth a name: the number of its equation, its name, its type."""

    place: int
    name: str
    aval: Any
    conventional: bool = False


def _marks(jaxpr: Any, taken: set[str]) -> Iterator[Mark]:
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
        if out in eqn.outvars and eqn.primitive.name in _jax.TRANSPARENT_CALLS:
            return _maker(_jax.closed(_jax.call_body(eqn.params))[0])
    return out


def arguments_of_functions(jaxpr: Any) -> Iterator[Any]:
    """Yield the variables that nonlinear functions, or library functions JAX keeps as calls, are applied to."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in _jax.TRANSPARENT_CALLS:
            body = _jax.closed(_jax.call_body(eqn.params))[0]
            yield from arguments_of_functions(body)
            if len({p and p[:2] for p in positions(body)}) <= 1:
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
    return eqn.primitive.name in _jax.TRANSPARENT_CALLS and known(eqn) is None


def positions(jaxpr: Any) -> Iterator[tuple[Any, ...] | None]:
    """Yield where in the user's source each of ``equations`` was made.

    A body on one line belongs to a function that JAX has cached; it stands where it is called.
    """
    for call, eqn in enumerate(jaxpr.eqns):
        here = _jax.user_position(eqn)
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


def sizes_of(inputs: Sequence[Input]) -> list[Size]:
    """Return the distinct sizes of the inputs' axes, in order."""
    return list(dict.fromkeys(d for i in inputs for d in dims_of(i.struct.shape)))


def flat_inputs(fun: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...]) -> list[Input]:
    """Return the leaves of the arguments with their names."""
    inputs = []
    for n, (parameter, arg) in enumerate(zip(naming.parameters(fun, len(args)), args, strict=True)):
        for name, leaf in naming.leaves(parameter, arg):
            shape = getattr(leaf, "shape", np.shape(leaf) if not hasattr(leaf, "shape") else ())
            dtype = getattr(leaf, "dtype", None) or jnp.result_type(leaf)
            inputs.append(Input(name, jax.ShapeDtypeStruct(shape, dtype), n in argnums, n))
    return inputs


def flattened(fun: Callable[..., Any], args: Sequence[Any]) -> Callable[..., Any]:
    """Return the function of the arguments' leaves."""
    structure = tree_util.tree_structure(tuple(args))
    return lambda *flat: fun(*tree_util.tree_unflatten(structure, flat))
