"""What gets a name: definitions the reader needs, and nothing that is shorter written out.

The user's own intermediates keep their names.  Adjoints and nameless arrays are written out where
they are used once, or where that makes the whole no longer; the rest become definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..calculus.recurrence import Timed
from ..expressions.build import along, rebuild, reduce
from ..expressions.dims import dims_of
from ..expressions.expr import Along, Array, At, Expr, Fn, Reduce, entry, head, temporary, walk
from ..expressions.rename import opened, rename
from ..reading import names as naming
from ..reading.program import Program
from .share import abstracted, repeated
from .sweeps import FORWARD, Definition, Sweep, arranged, loop_parts, swept


@dataclass
class Definitions:
    """Names of arrays with their bodies, and loops, in the order in which they can be computed."""

    forward: list[Definition | Sweep]
    backward: list[Definition | Sweep]
    value: Expr
    gradients: list[tuple[str, Expr]]
    names: dict[Array, str]


def expanded(expr: Expr, keep: Iterable[Array] | dict[Array, str]) -> Expr:
    """Return the expression with every array written out that is not kept; it simplifies on the way."""
    if isinstance(expr, At):
        if expr.array.body is None or expr.array in keep:
            return expr
        if (inside := opened(expr)) is expr:  # an entry of a function of whole axes
            body = expanded(expr.array.body, keep)
            return At(Array("", expr.array.dims, body, expr.array.kind), expr.indices)
        return expanded(inside, keep)
    kids = expr.children
    if not kids:
        return expr
    key = (expr, frozenset(keep))
    if key not in _expanded:
        if len(_expanded) > 50_000:
            _expanded.clear()
        _expanded[key] = _with_parts_expanded(expr, keep)
    return _expanded[key]


_expanded: dict[tuple[Expr, frozenset[Array]], Expr] = {}


def _with_parts_expanded(expr: Expr, keep: Iterable[Array] | dict[Array, str]) -> Expr:
    if isinstance(expr, Reduce | Along):
        # what is written out inside brings sums of its own: the bound indices step aside
        fresh = {i: temporary(i.size) for i in (expr.indices if isinstance(expr, Reduce) else expr.inner)}
        bodies = [expanded(rename(c, fresh), keep) for c in expr.children]
        inner = tuple(fresh.values())
        if isinstance(expr, Along):
            new = along(expr.name, expr.outer, inner, *bodies)
        else:
            new = reduce(expr.name, inner, *bodies)
    else:
        new = rebuild(expr, tuple(expanded(c, keep) for c in expr.children))
    return expr if new is expr else expanded(new, keep)


def arrays_in(expr: Expr) -> list[Array]:
    """Return the arrays whose entries stand in the expression, once for each entry."""
    return [node.array for _, node in walk(expr) if isinstance(node, At) and node.array.body is not None]


def define(program: Program) -> Definitions:
    """Choose the definitions of a program and its gradients."""
    user = _forward_names(program)
    loops = loop_parts(program)
    roots = [*(g.value.expr for g in program.gradients), *(e for *_, e in loops)]
    kept = dict(user)
    for array in _below([*roots, program.value.expr, *(a.body for a in user if a.body)]):
        kept.setdefault(array, "")
    _shorten(kept, user, program, [*roots, program.value.expr])
    _name(kept, user, program)
    written = _Writing(program, user, kept)
    forward_parts = [e for _, _, field, e in loops if field in FORWARD]
    program_only = _below([program.value.expr, *map(entry, user), *forward_parts])
    bodies = {a: written(a.body, a, adjoints=a not in program_only) for a in kept if a.body is not None}
    gradients = [(g.name, written(g.value.expr)) for g in program.gradients]
    gradients += [("", written(e, adjoints=field not in FORWARD)) for _, _, field, e in loops]
    parts = Definitions([], [], written(program.value.expr, adjoints=False), gradients, kept)
    _share(parts, bodies, [a for a in kept if a not in user], _meant(program), Timed(program.timed))
    count = len(program.gradients)
    parts.gradients, ends = parts.gradients[:count], [e for _, e in parts.gradients[count:]]
    forward, backward = swept(loops, ends)
    roots = [parts.value, *(bodies[a] for a in user if a in bodies), *(e for s in forward for e in s.exprs)]
    early = _reached(roots, bodies) | set(user)
    named = [(kept[a], a, bodies[a]) for a in _ordered(bodies)]
    parts.forward = arranged([d for d in named if d[1] in early], forward)
    parts.backward = arranged([d for d in named if d[1] not in early], backward)
    for sweep in backward:
        within = {a for _, a, _ in sweep.body}
        sweep.elsewhere = [*(e for _, e in parts.gradients), *(b for a, b in bodies.items() if a not in within)]
        sweep.elsewhere += [e for other in backward if other is not sweep for e in other.exprs]
    return parts


class _Writing:
    """Writes expressions with the chosen names.

    Functions of an array are first written out, so that they simplify with their derivatives, and then named again;
    so are the products that adjoints are.
    """

    def __init__(self, program: Program, user: dict[Array, str], kept: dict[Array, str]) -> None:
        functions = {a for a in user if isinstance(head(entry(a)), Fn | Along) and a in kept}
        self.solid = {a: n for a, n in kept.items() if a not in functions}
        again = [*functions, *(a for a in kept if a in program.adjoint and a not in user)]
        self.bodies = {a: self._out(a.body, a) for a in again if a.body is not None}
        self.functions = functions

    def _out(self, expr: Expr, own: Array | None) -> Expr:
        return expanded(expr, {a: n for a, n in self.solid.items() if a is not own})

    def __call__(self, expr: Expr, own: Array | None = None, adjoints: bool = True) -> Expr:
        """Return an expression, or the body of an array of its own, as it will be shown."""
        mine = self.bodies.get(own) if own is not None else None
        usable = {a: b for a, b in self.bodies.items() if adjoints or a in self.functions}
        patterns = {body: a for a, body in usable.items() if a is not own and body is not mine}
        heaviest = sorted(patterns, key=lambda body: -body.weight)
        return abstracted(self._out(expr, own), {body: patterns[body] for body in heaviest})


def _share(parts: Definitions, bodies: dict[Array, Expr], backward: list[Array], taken: set[str], timed: Timed) -> None:
    """Name what the derivative says more than once; sets bodies, value and gradients."""
    letters = _letters(taken | set(parts.names.values()))
    for _ in range(8):
        exprs = [*(bodies[a] for a in backward if a in bodies), *(g for _, g in parts.gradients)]
        before = [bodies[a] for a in bodies if a not in backward]
        array = repeated(exprs, before, parts.names, timed)
        if array is None or array.body is None:
            return
        pattern = {array.body: array}
        for a in list(bodies):
            bodies[a] = abstracted(bodies[a], pattern)
        parts.value = abstracted(parts.value, pattern)
        parts.gradients = [(n, abstracted(g, pattern)) for n, g in parts.gradients]
        bodies[array] = array.body
        parts.names[array] = next(letters)
        backward.append(array)


def _meant(program: Program) -> set[str]:
    """Return the names that mean something: of inputs, of sizes, of what loops carry."""
    names = {i.name for i in program.inputs} | {c.name for loop in program.loops for c in loop.carries}
    sizes = {str(d) for i in program.inputs for d in dims_of(i.struct.shape)}
    return names | {name for d in sizes for name in re.findall(r"[A-Za-z_]\w*", d)}


def _letters(taken: set[str]) -> Iterator[str]:
    """Yield names that nothing has yet."""
    choices = ("s", "t", "u", "v", "q", "r", "c", "d", "g", "h", *(f"t_{n}" for n in range(1, 1000)))
    return iter([c for c in choices if c not in taken])


def _forward_names(program: Program) -> dict[Array, str]:
    """Return the intermediates that keep their names: those the user named, and z where layers repeat."""
    bases: dict[str, int] = {}
    for name, _ in program.forward:
        base = naming.numbered(name)[0]
        bases[base] = bases.get(base, 0) + 1
    named = {}
    for name, array in program.forward:
        if name not in program.conventional or bases[naming.numbered(name)[0]] > 1:
            named[array] = name
    return named


def _below(roots: list[Expr]) -> list[Array]:
    """Return the arrays below the roots, outermost first."""
    found: dict[Array, None] = {}
    pending = list(roots)
    while pending:
        for array in arrays_in(pending.pop(0)):
            if array not in found:
                found[array] = None
                assert array.body is not None
                pending.append(array.body)
    return list(found)


def _bodies(kept: dict[Array, str], roots: list[Expr]) -> dict[Array | int, Expr]:
    """Return all that is written: the roots and the bodies of what is kept and reached."""
    written: dict[Array | int, Expr] = {n: expanded(r, kept) for n, r in enumerate(roots)}
    pending = [a for r in written.values() for a in arrays_in(r)]
    while pending:
        array = pending.pop()
        if array not in written:
            assert array.body is not None
            written[array] = expanded(array.body, {k: "" for k in kept if k is not array})
            pending += arrays_in(written[array])
    return written


def _uses(written: dict[Array | int, Expr]) -> dict[Array, int]:
    count: dict[Array, int] = {}
    for body in written.values():
        for array in arrays_in(body):
            count[array] = count.get(array, 0) + 1
    return count


LIGHT, SAVING = 9, 30  # nodes: -y ⊙ Xw is light, and is written out unless that costs more than the saving


def _shorten(kept: dict[Array, str], user: dict[Array, str], program: Program, roots: list[Expr]) -> None:
    """Drop from ``kept`` what is used once, and what makes the whole no longer when written out."""
    while True:
        written = _bodies(kept, roots)
        uses = _uses(written)
        families = _families(kept, uses, program)
        single = [a for a in kept if a not in user and a not in families and uses.get(a, 0) <= 1]
        if not single:
            break
        for array in single:
            del kept[array]
    forward = dict(program.forward)
    for array in [a for a in kept if a not in user and a not in families]:
        written = _bodies(kept, roots)
        if array not in written:
            kept.pop(array)
            continue
        without = {a: n for a, n in kept.items() if a is not array}
        before, after = _length(written), _length(_bodies(without, roots))
        layer = families and _layer(forward.get(program.adjoint.get(array, "")), kept)
        light = written[array].weight <= LIGHT and after - before <= SAVING
        if not layer and (after <= before or light):
            kept.pop(array)
    for array in [a for a in kept if a not in user and a not in _bodies(kept, roots)]:
        kept.pop(array)


def _length(written: dict[Array | int, Expr]) -> int:
    return sum(body.weight + 2 for body in written.values())


def _families(kept: dict[Array, str], uses: dict[Array, int], program: Program) -> set[Array]:
    """Return the adjoints of numbered intermediates one of which is used twice, and those of steps that are."""
    bases: dict[str, list[Array]] = {}
    for array, name in program.adjoint.items():
        if array in kept and uses.get(array, 0) > 0:
            bases.setdefault(naming.numbered(name)[0], []).append(array)
    loops = {a for a in program.adjoint if a in kept and a in program.timed and uses.get(a, 0) > 1}
    return loops | {a for group in bases.values() if len(group) > 1 and any(uses[a] > 1 for a in group) for a in group}


def _name(kept: dict[Array, str], user: dict[Array, str], program: Program) -> None:
    """Name what has no name: adjoints δ, numbered as the parameters of their layer; the rest by a letter."""
    taken = set(user.values()) | _meant(program)
    forward = dict(program.forward)
    adjoints = [a for a in kept if a not in user and a in program.adjoint]
    numbers = {a: _layer(forward.get(program.adjoint[a]), kept) for a in adjoints}
    distinct = len(set(numbers.values())) == len(numbers) and all(numbers.values())
    letters = _letters(taken)
    for array in kept:
        if array in user:
            continue
        if array in program.adjoint:
            name = program.adjoint[array]
            kept[array] = f"δ_{numbers[array]}" if distinct else "δ" if len(adjoints) == 1 else f"{_bar(name)}"
        else:
            kept[array] = next(letters)


def _bar(name: str) -> str:
    """Return the name of an adjoint: z̄₁ for z₁, δ_out for a word."""
    base, number = naming.numbered(name)
    return (f"{base}\u0304" if len(base) == 1 else f"δ_{base}") + (f"_{number}" if number else "")


def _layer(array: Array | None, kept: dict[Array, str]) -> str:
    """Return the subscript of the parameters that a value uses directly: 3 for W₃ a₂ + b₃."""
    if array is None or array.body is None:
        return ""
    body = expanded(array.body, {k: "" for k in kept if k is not array})
    symbols = [n.array.symbol for _, n in walk(body) if isinstance(n, At) and n.array.body is None]
    found = {naming.numbered(s)[1] for s in symbols} - {""}
    return found.pop() if len(found) == 1 else ""


def _ordered(bodies: dict[Array, Expr]) -> list[Array]:
    """Return the arrays, each after those its body uses."""
    done: dict[Array, None] = {}

    def visit(array: Array) -> None:
        if array not in done and array in bodies:
            for below in arrays_in(bodies[array]):
                visit(below)
            done[array] = None

    for array in bodies:
        visit(array)
    return list(done)


def _reached(roots: list[Expr], bodies: dict[Array, Expr]) -> set[Array]:
    """Return the arrays that the roots need."""
    found: set[Array] = set()
    pending = list(roots)
    while pending:
        for array in arrays_in(pending.pop()):
            if array not in found and array in bodies:
                found.add(array)
                pending.append(bodies[array])
    return found
