"""The chain rule through loops: every step of a recurrence is a constraint, its multiplier the cotangent.

The derivative of L + Σ_t ⟨h̄_t, F(h_{t−1}, …)⟩ + ⟨h̄_0, h_0⟩, with all symbols apart, by an input is the gradient; by
the symbols ``h@``, ``h@-`` and ``h_{T}`` it is what arrives at h_t from outside, from the next step and at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..expressions.build import ONE, ZERO, add, mul, total
from ..expressions.dims import entry_of
from ..expressions.expr import Array, At, Expr, Index, axis, temporary
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from .differentiate import cotangents
from .recurrence import BAR, Carry, Loop, substituted, symbols_below


def pulled(
    output: Expr, seed: Expr, inputs: Iterable[Array], names: Mapping[Array, str], rows: Sequence[Index],
    loops: Sequence[Loop], rules: Mapping[Array, Any],
) -> tuple[dict[Array, Expr], dict[Array, Array]]:  # fmt: skip
    """Return the cotangents of the inputs as ``cotangents`` does, through loops; their carries are given theirs."""
    inputs = list(inputs)
    if not loops:
        return cotangents(output, seed, inputs, names, rows, rules)
    if rows:
        raise UnreadableError("a Jacobian or a Hessian through a loop")
    carries = [c for loop in loops for c in loop.carries if c.kind == "real"]
    output = add([mul((seed, output)), *(_constraint(c) for c in carries)])
    wanted = [*inputs, *(a for c in carries for a in (c.now, c.before, c.final))]
    found, made = cotangents(output, ONE, wanted, names, (), rules)
    known = _known(carries, found)
    memo: dict[Expr, Expr] = {}
    found = {a: substituted(e, known, memo) for a, e in found.items()}
    made = {a: _body_of(substituted(entry_of(b), known, memo), b) for a, b in made.items()}
    for loop in loops:
        loop.carries = [
            replace(c, direct=found[c.now], earlier=found[c.before], last=found[c.final]) if c.now in found else c
            for c in loop.carries
        ]
    return {a: found[a] for a in inputs}, made


def _body_of(expr: Expr, array: Array) -> Array:
    """Return the array that an entry is of; what became a number is no array any more."""
    return expr.array if isinstance(expr, At) else array


def _constraint(carry: Carry) -> Expr:
    """Return Σ_t ⟨h̄_t, step⟩ + ⟨h̄_0, initial⟩."""
    steps = mul((entry_of(carry.adjoint), carry.step))
    first = mul((entry_of(carry.outset), carry.initial))
    return add((_summed(steps, (carry.loop.length, *carry.dims)), _summed(first, carry.dims)))


def _summed(body: Expr, dims: Sequence[object]) -> Expr:
    fresh = {axis(n, d): temporary(d) for n, d in enumerate(dims) if d != 1}  # type: ignore[arg-type]
    return total(tuple(fresh.values()), rename(body, fresh))


def _known(carries: Sequence[Carry], found: Mapping[Array, Expr]) -> dict[Array, Expr]:
    """Return the cotangents that need no recursion: those that are zero, and those that are the same at every step."""
    known: dict[Array, Expr] = {}
    live = _live(carries, found)
    for c in carries:
        if c not in live:
            known[c.adjoint] = known[c.outset] = ZERO
        elif found[c.now] is ZERO and found[c.before] is entry_of(c.adjoint) and _of_inputs(found[c.final]):
            known[c.outset] = found[c.final]
            known[c.adjoint] = rename(found[c.final], {axis(n, d): axis(n + 1, d) for n, d in enumerate(c.dims)})
    return known


def _of_inputs(expr: Expr) -> bool:
    """Say whether an expression needs no cotangent of a loop."""
    return not any(BAR in s.symbol for s in symbols_below(expr))


def _live(carries: Sequence[Carry], found: Mapping[Array, Expr]) -> set[Carry]:
    """Return the carries whose cotangent is not zero: it comes from outside, or from a live one."""
    live: set[Carry] = set()
    while True:
        zero = {s: ZERO for c in carries if c not in live for s in (c.adjoint, c.outset)}
        arriving = {c: (found[a] for a in (c.now, c.before, c.final)) for c in carries if c not in live}
        more = {c for c, exprs in arriving.items() if any(substituted(e, zero) is not ZERO for e in exprs)}
        if not more:
            return live
        live |= more
