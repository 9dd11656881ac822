"""A program and its derivative: named intermediates, their cotangents, and the derivative at the inputs.

The user's jaxpr is replayed with its intermediates as further results, read into expressions, and differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import tree_util

from ..calculus.adjoint import pulled
from ..calculus.differentiate import identity
from ..calculus.recurrence import Loop, substituted
from ..expressions.dims import Value, dims_of, entry_of
from ..expressions.expr import Array, At, Expr, Index, Size, axis
from ..expressions.rename import rename
from ..expressions.symmetry import symmetric_part
from ..unreadable import UnreadableError
from . import names as naming
from .marks import marked
from .read import Reader, named, symbol
from .rules import Rule, settled


@dataclass
class Input:
    """A leaf of an argument: its name, shape, dtype, and whether it is differentiated."""

    name: str
    struct: Any
    chosen: bool
    argument: int
    fact: str = ""


@dataclass
class Derivative:
    """A derivative with respect to one input, or to several in turn: the axes of the result stand before theirs."""

    by: tuple[Input, ...]
    value: Value

    @property
    def name(self) -> str:
        """The names of the inputs."""
        return "·".join(i.name for i in self.by)


@dataclass
class Program:
    """What was read: the value, the named intermediates, and the derivative at the chosen inputs.

    ``adjoint`` says of which intermediate an array is the cotangent; ``timed`` are the arrays made within loops.
    """

    inputs: list[Input]
    value: Value
    forward: list[tuple[str, Array]]
    conventional: set[str]
    gradients: list[Derivative] = field(default_factory=list)
    adjoint: dict[Array, str] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    timed: set[Array] = field(default_factory=set)
    rules: dict[Array, Rule] = field(default_factory=dict)

    def settle(self) -> None:
        """Put values in the place of the symbols whose derivative is a rule of its author."""
        known, memo = settled(self.rules), dict[Expr, Expr]()

        def of(array: Array) -> Array:
            found = substituted(entry_of(array), known, memo)
            return found.array if isinstance(found, At) else array

        def value(v: Value) -> Value:
            return Value(substituted(v.expr, known, memo), v.dims)

        self.value = value(self.value)
        self.gradients = [Derivative(g.by, value(g.value)) for g in self.gradients]
        self.forward = [(name, of(a)) for name, a in self.forward]
        self.adjoint = {of(a): name for a, name in self.adjoint.items()}
        self.timed = {of(a) for a in self.timed} | {of(a) for a, rule in self.rules.items() if rule.steps}
        for loop in self.loops:
            loop.carries = [c.mapped(lambda e: substituted(e, known, memo)) for c in loop.carries]


def trace(closed: Any, inputs: list[Input], order: int = 1) -> Program:
    """Return the program of a flat jaxpr with one result, and its derivative of the given order."""
    program = _read(closed, inputs)
    names = {array: name for name, array in program.forward}
    if order > 1 and program.loops:
        raise UnreadableError("a second derivative through a loop")
    program.gradients, made = _derivatives(program.value, inputs, names, program.rules, program.loops)
    program.adjoint = {made[a]: name for name, a in program.forward if a in made}
    program.timed |= {made[a] for a in made if a in program.timed}
    for _ in range(order - 1):
        program.gradients = [
            Derivative(first.by + second.by, second.value)
            for first in program.gradients
            for second in _derivatives(first.value, inputs, {}, program.rules)[0]
        ]
    if program.rules:
        program.settle()
    return program


def _read(closed: Any, inputs: list[Input]) -> Program:
    made, marks = marked(closed, [i.struct for i in inputs], {i.name for i in inputs})
    operands = [symbol(i.name, i.struct, i.fact) for i in inputs]
    reader = Reader({*(i.name for i in inputs), *(m.name for m in marks)})
    value, *kept = reader.read(made.jaxpr, made.consts, operands, made.jaxpr.outvars[1:])
    forward: list[tuple[str, Array]] = []
    for m, v in zip(marks, kept, strict=True):
        array = _array(v, reader.rules)
        if array is not None and all(a is not array for _, a in forward):
            forward.append((m.name, array))
    forward += [(name, array) for array, name in reader.inside.items() if name]
    program = Program(inputs, value, forward, {m.name for m in marks if m.conventional})
    program.loops, program.timed, program.rules = reader.loops, set(reader.inside), reader.rules
    return program


def _derivatives(
    value: Value, inputs: Sequence[Input], names: Mapping[Array, str], rules: Mapping[Array, Rule],
    loops: Sequence[Loop] = (),
) -> tuple[list[Derivative], dict[Array, Array]]:  # fmt: skip
    """Return the derivatives of a value, and the arrays that the cotangents of the named intermediates became."""
    out = tuple(axis(n, d) for n, d in enumerate(value.dims))
    rows = tuple(Index(f"r{n}", d) for n, d in enumerate(value.dims))
    wanted = {i.name: named(i.name, i.struct, i.fact) for i in inputs if i.chosen}
    seed = identity(out, rows)
    found, made = pulled(value.expr, seed, wanted.values(), {} if rows else names, rows, loops, rules)
    by = [i for i in inputs if i.chosen]
    found = {a: symmetric_part(c, *a.axes) if a.symmetric else c for a, c in found.items()}
    return [Derivative((i,), _laid_out(found[a], rows, a)) for i, a in zip(by, wanted.values(), strict=True)], made


def _laid_out(cotangent: Expr, rows: Sequence[Index], array: Array) -> Value:
    """Return a derivative with the axes of the result before those of the input."""
    dims = (*(r.size for r in rows), *array.dims)
    moved = {i: axis(n, i.size) for n, i in enumerate((*rows, *array.axes))}
    return Value(rename(cotangent, moved), dims)


def _array(value: Value, rules: Mapping[Array, Rule]) -> Array | None:
    """Return the array whose entry a value is, if it is one the program makes."""
    array = value.expr.array if isinstance(value.expr, At) else None
    return array if array is not None and (array.body is not None or array in rules) else None


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
