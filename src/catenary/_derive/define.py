"""What gets a name: definitions the reader needs, and nothing that is shorter written out.

The user's own intermediates keep their names.  Adjoints and nameless arrays are written out where
they are used once, or where that makes the whole no longer; the rest become definitions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from . import names as naming
from .build import rebuild, reduce
from .expr import Along, Array, At, Expr, Fn, Index, Reduce, head, opened, rename, temporary, walk
from .program import Program


@dataclass
class Definitions:
    """Names of arrays with their bodies, in the order in which they can be computed."""

    forward: list[tuple[str, Array, Expr]]
    backward: list[tuple[str, Array, Expr]]
    value: Expr
    gradients: list[tuple[str, Expr]]
    names: dict[Array, str]


def expanded(expr: Expr, keep: Iterable[Array] | dict[Array, str]) -> Expr:
    """Return the expression with every array written out that is not kept; it simplifies on the way."""
    if isinstance(expr, At):
        if expr.array.body is None or expr.array in keep:
            return expr
        return expanded(opened(expr), keep)
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
    if isinstance(expr, Reduce):
        # what is written out inside brings sums of its own: the bound indices step aside
        fresh = {i: temporary(i.size) for i in expr.indices}
        body = expanded(rename(expr.body, fresh), keep)
        new = reduce(expr.name, fresh.values(), body)
    else:
        new = rebuild(expr, tuple(expanded(c, keep) for c in expr.children))
    return expr if new is expr else expanded(new, keep)


def arrays_in(expr: Expr) -> list[Array]:
    """Return the arrays whose entries stand in the expression, once for each entry."""
    return [node.array for _, node in walk(expr) if isinstance(node, At) and node.array.body is not None]


def define(program: Program) -> Definitions:
    """Choose the definitions of a program and its gradients."""
    user = _forward_names(program)
    roots = [g.expr for _, g in program.gradients]
    kept = dict(user)
    for array in _candidates([*roots, program.value, *(a.body for a in user if a.body)], kept):
        kept[array] = ""
    _shorten(kept, user, program, [*roots, program.value])
    _name(kept, user, program)
    functions = {a: n for a, n in user.items() if isinstance(head(a.body), Fn | Along) and a in kept}  # type: ignore[arg-type]
    solid = {a: n for a, n in kept.items() if a not in functions}
    # functions of an array are written out, so that they simplify with their derivatives, and named again
    written = {a: expanded(a.body, {b: n for b, n in solid.items() if b is not a}) for a in kept if a.body}

    def final(expr: Expr, own: Array | None = None) -> Expr:
        patterns = {written[a]: a for a in functions if a is not own}
        return abstracted(expanded(expr, {a: n for a, n in solid.items() if a is not own}), patterns)

    bodies = {a: final(a.body, a) for a in kept if a.body is not None}
    order = _ordered(bodies)
    forward_only = _reachable([program.value, *(a.body for a in user if a.body)], kept)
    forward = [(kept[a], a, bodies[a]) for a in order if a in user or a in forward_only]
    backward = [(kept[a], a, bodies[a]) for a in order if a not in user and a not in forward_only]
    gradients = [(i.name, final(g.expr)) for i, g in program.gradients]
    return Definitions(forward, backward, final(program.value), gradients, kept)


def abstracted(expr: Expr, patterns: dict[Expr, Array]) -> Expr:
    """Return the expression with every occurrence of an array's body replaced by the array's entry."""
    for body, array in patterns.items():
        if type(body) is type(expr) and body.weight == expr.weight and len(body.free) == len(expr.free):
            mapping: dict[Index, Index] = {}
            if unified(body, expr, mapping):
                return At(array, tuple(mapping.get(i, 0) for i in array.axes))
    if not expr.children:
        return expr
    new = tuple(abstracted(c, patterns) for c in expr.children)
    if new == expr.children:
        return expr
    return reduce(expr.name, expr.indices, new[0]) if isinstance(expr, Reduce) else rebuild(expr, new)


def unified(pattern: Expr, expr: Expr, mapping: dict[Index, Index]) -> bool:
    """Say whether an expression is the pattern with other free indices; ``mapping`` becomes the renaming."""
    for order in itertools.permutations(sorted(expr.free, key=str)):
        trial = dict(zip(sorted(pattern.free, key=str), order, strict=True))
        if all(i.size == j.size for i, j in trial.items()) and rename(pattern, trial) is expr:
            mapping.clear()
            mapping.update(trial)
            return True
    return False


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


def _candidates(roots: list[Expr], named: dict[Array, str]) -> list[Array]:
    """Return the arrays below the roots that have no name, outermost first."""
    found: dict[Array, None] = {}
    pending = list(roots)
    while pending:
        for array in arrays_in(pending.pop(0)):
            if array not in found:
                found[array] = None
                assert array.body is not None
                pending.append(array.body)
    return [a for a in found if a not in named]


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


LIGHT = 9  # nodes: -y ⊙ Xw is light


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
        if not layer and (after <= before or written[array].weight <= LIGHT):
            kept.pop(array)
    for array in [a for a in kept if a not in user and a not in _bodies(kept, roots)]:
        kept.pop(array)


def _length(written: dict[Array | int, Expr]) -> int:
    return sum(body.weight + 2 for body in written.values())


def _families(kept: dict[Array, str], uses: dict[Array, int], program: Program) -> set[Array]:
    """Return the adjoints of numbered intermediates at least one of which is used twice."""
    bases: dict[str, list[Array]] = {}
    for array, name in program.adjoint.items():
        if array in kept and uses.get(array, 0) > 0:
            bases.setdefault(naming.numbered(name)[0], []).append(array)
    return {a for group in bases.values() if len(group) > 1 and any(uses[a] > 1 for a in group) for a in group}


def _name(kept: dict[Array, str], user: dict[Array, str], program: Program) -> None:
    """Name what has no name: adjoints δ, numbered as the parameters of their layer; the rest by a letter."""
    taken = set(user.values()) | {i.name for i in program.inputs}
    forward = dict(program.forward)
    adjoints = [a for a in kept if a not in user and a in program.adjoint]
    numbers = {a: _layer(forward.get(program.adjoint[a]), kept) for a in adjoints}
    distinct = len(set(numbers.values())) == len(numbers) and all(numbers.values())
    letters = iter(
        [
            c
            for c in ("s", "t", "u", "v", "q", "r", "c", "d", "g", "h", *(f"t_{n}" for n in range(1, 999)))
            if c not in taken
        ]
    )
    for array in kept:
        if array in user:
            continue
        if array in program.adjoint:
            name = program.adjoint[array]
            kept[array] = f"δ_{numbers[array]}" if distinct else "δ" if len(adjoints) == 1 else f"{_bar(name)}"
        else:
            kept[array] = next(letters)


def _bar(name: str) -> str:
    base, number = naming.numbered(name)
    return f"{base}\u0304" + (f"_{number}" if number else "")


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


def _reachable(roots: list[Expr], kept: dict[Array, str]) -> set[Array]:
    return {a for a in _bodies(kept, roots) if isinstance(a, Array)}
