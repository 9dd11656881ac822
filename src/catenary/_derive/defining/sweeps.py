"""The order in which definitions and loops are computed, and what stands inside which loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..calculus.recurrence import Carry, Loop, symbols_below
from ..expressions.expr import Array, At, Expr, walk
from ..reading.program import Program

Definition = tuple[str, Array, Expr]  # a name, the array it stands for, and its body
FORWARD, BACKWARD = ("initial", "step"), ("last", "direct", "earlier")
Part = tuple[Loop, int, str, Expr]  # a loop, which of its carries, the field of the carry, and what stands there


@dataclass(eq=False)
class Sweep:
    """One loop as it will be written: its carries, and what each step computes, in order.

    ``body`` holds definitions and, under the symbols of the carries, the carried values themselves.
    """

    loop: Loop
    carries: list[Carry]
    backward: bool
    body: list[Definition]
    elsewhere: list[Expr] = field(default_factory=list)  # what the rest of the derivation is made of

    @property
    def symbols(self) -> set[Array]:
        """The symbols that the sweep computes."""
        own = [c for c in self.carries if c.kind == "real"] if self.backward else self.carries
        if self.backward:
            return {s for c in own for s in (c.adjoint, c.outset)}
        return {s for c in own for s in (c.now, c.before, c.final)}

    @property
    def exprs(self) -> list[Expr]:
        """All that the sweep is made of."""
        ends = [c.last if self.backward else c.initial for c in self.carries]
        more = [e for c in self.carries for e in ((c.direct, c.earlier) if self.backward else ())]
        return [*ends, *more, *(body for _, _, body in self.body)]


def loop_parts(program: Program) -> list[Part]:
    """Return what the loops of a program are made of; of the derivative only what the gradients need."""
    parts = [
        (loop, n, name, getattr(c, name))
        for loop in program.loops for n, c in enumerate(loop.carries) for name in FORWARD
    ]  # fmt: skip
    needed = {s for g in program.gradients for s in symbols_below(g.value.expr)}
    pending = [(loop, n, c) for loop in program.loops for n, c in enumerate(loop.carries) if c.kind == "real"]
    while met := [p for p in pending if needed & {p[2].adjoint, p[2].outset}]:
        for loop, n, c in met:
            pending.remove((loop, n, c))
            parts += [(loop, n, name, getattr(c, name)) for name in BACKWARD]
            needed |= {s for name in BACKWARD for s in symbols_below(getattr(c, name))}
    return parts


def swept(parts: Sequence[Part], exprs: Sequence[Expr]) -> tuple[list[Sweep], list[Sweep]]:
    """Return the loops forward and backward, made of the written expressions."""
    fields: dict[Loop, dict[int, dict[str, Any]]] = {}
    for (loop, n, name, _), expr in zip(parts, exprs, strict=True):
        fields.setdefault(loop, {}).setdefault(n, {})[name] = expr
    forward, backward = [], []
    for loop, carries in fields.items():
        written = [replace(loop.carries[n], **found) for n, found in carries.items()]
        forward.append(Sweep(loop, written, False, [(c.name, c.now, c.step) for c in written]))
        differentiated = [c for c, found in zip(written, carries.values(), strict=True) if "last" in found]
        if differentiated:
            bodies = [(c.adjoint.symbol[:-1], c.adjoint, _arriving(c)) for c in differentiated]
            backward.append(Sweep(loop, differentiated, True, bodies))
    return forward, backward


def _arriving(carry: Carry) -> Expr:
    """Return the cotangent of a carried value at a step: what comes from outside and from the next step."""
    from ..expressions.build import add
    from ..expressions.dims import entry_of

    return add((carry.direct, entry_of(carry.after)))


def arranged(definitions: Iterable[Definition], sweeps: Sequence[Sweep]) -> list[Definition | Sweep]:
    """Return definitions and loops in an order in which they can be computed, each loop with what stands inside."""
    bodies = {array: (name, array, body) for name, array, body in definitions}
    inside: dict[Array, Sweep] = {}
    for sweep in sweeps:
        own = _inner(sweep, bodies)
        inside |= dict.fromkeys(own, sweep)
        sweep.body = _in_order([*(bodies[a] for a in own), *sweep.body])
    units: dict[Array, Definition | Sweep] = {a: inside.get(a) or d for a, d in bodies.items()}
    units |= {s: sweep for sweep in sweeps for s in sweep.symbols}

    def below(unit: Definition | Sweep) -> Iterable[Definition | Sweep]:
        exprs = unit.exprs if isinstance(unit, Sweep) else [unit[2]]
        return [units[a] for e in exprs for a in _arrays(e) if a in units]

    return _visited(units.values(), below)


def _visited(units: Iterable[Any], below: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """Return the units, each after those below it."""
    done: dict[int, Any] = {}
    open_: set[int] = set()

    def visit(unit: Any) -> None:
        if id(unit) in open_:
            return
        open_.add(id(unit))
        for other in below(unit):
            visit(other)
        done[id(unit)] = unit

    for unit in units:
        visit(unit)
    return list(done.values())


def _arrays(expr: Expr) -> list[Array]:
    return [n.array for _, n in walk(expr) if isinstance(n, At)]


def _inner(sweep: Sweep, bodies: dict[Array, Definition]) -> list[Array]:
    """Return the definitions that the steps of a loop need and that need the loop."""
    needs: dict[Array, bool] = {}

    def touches(array: Array) -> bool:
        if array not in needs:
            needs[array] = False
            needs[array] = any(a in sweep.symbols or (a in bodies and touches(a)) for a in _arrays(bodies[array][2]))
        return needs[array]

    found: dict[Array, None] = {}
    pending = [a for e in sweep.exprs for a in _arrays(e)]
    while pending:
        array = pending.pop()
        if array in bodies and array not in found and touches(array):
            found[array] = None
            pending += _arrays(bodies[array][2])
    return [a for a in bodies if a in found]


def _in_order(body: list[Definition]) -> list[Definition]:
    """Return what a step computes, each after what it uses of the same step."""
    own = {array: d for d in body for array in [d[1]]}
    return _visited(body, lambda d: [own[a] for a in _arrays(d[2]) if a in own])
