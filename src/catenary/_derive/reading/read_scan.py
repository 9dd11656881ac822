"""Reading loops: the body of a scan once, as an expression in the number of the step.

What is carried becomes a recurrence; a counter, a value that never changes and a sum over the steps have closed forms.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ... import _jax
from ..._graph.scan import scan_parts
from ..calculus.recurrence import Carry, Loop, symbols_below
from ..expressions.build import add, mul, num, size, total
from ..expressions.dims import Value, dims_of, entry_of
from ..expressions.expr import Add, Array, At, Expr, Index, Num, Pos, axis, temporary
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from . import marks as marking
from .read import Reader, literal


def read_scan(reader: Reader, eqn: Any, values: list[Value]) -> list[Value]:
    """Return the values of a scan's results: what is carried after the last step, then what is stacked."""
    parts = scan_parts(eqn.params, len(values))
    (length,) = dims_of((parts.length,))
    split = parts.consts + parts.carry
    initials, stacked = values[parts.consts : split], values[split:]
    if length == 0:
        raise UnreadableError("a loop of no steps")
    if reader.within and parts.carry:
        raise UnreadableError("a loop within a loop")
    if length == 1:
        return _once(reader, parts, values)
    structs = [v.aval for v in _jax.closed(parts.body)[0].invars]
    closed, marks = marking.marked(parts.body, structs, reader.taken)
    body = _Body(reader, closed, parts, Loop(length, parts.reverse), temporary(length))
    names = list(_names(parts, closed.jaxpr, marks, reader.taken))
    inputs = [*values[: parts.consts], *body.carried(names, initials)]
    spoken = _spoken_names(parts, len(stacked))
    stacked = [_named(reader, x, v, name) for x, v, name in zip(stacked, eqn.invars[split:], spoken, strict=True)]
    return body.read(inputs + [_at_step(x, body.step) for x in stacked], marks)


def _named(reader: Reader, value: Value, var: Any, name: str) -> Value:
    """Return what a loop runs along, as an array that has a name where it is not one already."""
    if isinstance(value.expr, At | Num):
        return value
    array = Array("", value.dims, value.expr, "int" if var.aval.dtype.kind in "iub" else "real")
    taken = reader.taken
    name = next(c for c in (name, "x", "v", *(f"x_{n}" for n in range(1, 999))) if c and c not in taken)
    taken.add(name)
    reader.inside.setdefault(array, name)
    return Value(entry_of(array), value.dims)


def _spoken_names(parts: Any, count: int) -> list[str]:
    """Return what the body calls the entries of the stacked arrays."""
    info = _jax.closed(parts.body)[0].debug_info
    given = list(info.arg_names or ())[parts.consts + parts.carry :]
    unpacked = _unpacked(info.func_src_info or "")
    return [_spoken(given[n], unpacked) if n < len(given) and given[n] else "" for n in range(count)]


def _once(reader: Reader, parts: Any, values: list[Value]) -> list[Value]:
    """Return the values of a loop's results where it makes one step."""
    jaxpr, consts = _jax.closed(parts.body)
    split = parts.consts + parts.carry
    stacked = [_at_step(x, temporary(1)) for x in values[split:]]
    found = reader.read(jaxpr, consts, [*values[:split], *stacked])
    moved = [Value(_moved(y), (1, *y.dims)) for y in found[parts.carry :]]
    return [*found[: parts.carry], *moved]


def _moved(value: Value) -> Expr:
    """Return an expression with room for an axis in front."""
    return rename(value.expr, {axis(n, d): axis(n + 1, d) for n, d in enumerate(value.dims)})


def _at_step(value: Value, step: Index) -> Value:
    """Return the entry of a stacked value at a step: its first axis goes, the others move up."""
    moved = {axis(n, d): axis(n - 1, d) for n, d in enumerate(value.dims) if n}
    return Value(rename(value.expr, {axis(0, value.dims[0]): step, **moved}), value.dims[1:])


class _Body:
    """The body of one scan while it is read."""

    def __init__(self, reader: Reader, closed: Any, parts: Any, loop: Loop, step: Index) -> None:
        self.reader, self.closed, self.parts, self.loop, self.step = reader, closed, parts, loop, step
        self.jaxpr = closed.jaxpr
        self.carries: dict[int, Carry] = {}
        self.closed_forms: dict[int, Value] = {}  # of what is carried, after the last step

    @property
    def inside(self) -> list[Any]:
        """The variables of the body that are carried in."""
        return list(self.jaxpr.invars[self.parts.consts : self.parts.consts + self.parts.carry])

    def carried(self, names: Sequence[str], initials: Sequence[Value]) -> Iterator[Value]:
        """Yield what the carried variables are before a step."""
        for k, (name, initial) in enumerate(zip(names, initials, strict=True)):
            before = self._constant(k, initial) or self._counter(k, initial)
            if before is None:
                aval = self.inside[k].aval
                kind = "int" if aval.dtype.kind in "iub" else "real"
                carry = Carry(name, initial.dims, kind, self.loop, initial.expr)
                self.carries[k] = carry
                self.reader.taken.add(name)
                before = self._entry(carry.before, initial.dims)
            yield before

    def _entry(self, array: Any, dims: Sequence[Any]) -> Value:
        own = (0 if d == 1 else axis(n, d) for n, d in enumerate(dims))
        return Value(At(array, (self.step, *own)), tuple(dims))

    def _constant(self, k: int, initial: Value) -> Value | None:
        """Return the first value where it never changes."""
        if self.jaxpr.outvars[k] is not self.inside[k]:
            return None
        self.closed_forms[k] = initial
        return initial

    def _counter(self, k: int, initial: Value) -> Value | None:
        """Return the value before a step of what grows by a number: initial + number · steps made."""
        out = self.jaxpr.outvars[k]
        eqn = next((e for e in self.jaxpr.eqns if out in e.outvars), None)
        if eqn is None or eqn.primitive.name != "add" or self.inside[k] not in eqn.invars:
            return None
        (other,) = [v for v in eqn.invars if v is not self.inside[k]] or [None]
        if not hasattr(other, "val"):
            return None
        by = literal(other.val).expr
        made: Expr = Pos(self.step)
        if self.loop.reverse:
            made = add((size(self.loop.length), num(-1), mul((num(-1), made))))
        whole = add((initial.expr, mul((by, size(self.loop.length)))))
        self.closed_forms[k] = Value(whole, initial.dims)
        return Value(add((initial.expr, mul((by, made)))), initial.dims)

    def read(self, inputs: list[Value], marks: Sequence[Any]) -> list[Value]:
        """Read the body; return the results of the scan."""
        reader, count = self.reader, self.parts.carry
        outs = self.jaxpr.outvars
        results, kept = outs[: len(outs) - len(marks)], outs[len(outs) - len(marks) :]
        instead = {outs[k]: self._entry(c.now, c.dims) for k, c in self.carries.items() if _made(self.jaxpr, outs[k])}
        outer, reader.within = reader.within, (*reader.within, self.step)
        found = reader.read(self.jaxpr, self.closed.consts, inputs, [v for v in kept if v not in instead], instead)
        reader.within = outer
        self._named(marks, found[len(results) :], kept)
        after = [instead.get(v, x) for v, x in zip(outs[:count], found[:count], strict=True)]
        self._close({k: after[k].expr for k in self.carries}, found[count : len(results)])
        ends = [self._final(k, x.dims) for k, x in enumerate(after)]
        return ends + [self._stacked(y) for y in found[count : len(results)]]

    def _named(self, marks: Sequence[Any], values: Sequence[Value], kept: Sequence[Any]) -> None:
        """Remember the user's names of what the body makes."""
        for mark, value in zip(marks, values, strict=True):
            if isinstance(value.expr, At) and value.expr.array.body is not None:
                self.reader.inside[value.expr.array] = self.reader.inside.get(value.expr.array) or mark.name
                self.reader.taken.add(mark.name)

    def _close(self, after: dict[int, Expr], stacked: Sequence[Value]) -> None:
        """Give the carried values their steps; a sum that nothing reads on the way gets its closed form."""
        for k, carry in self.carries.items():
            others = [e for n, e in after.items() if n != k] + [y.expr for y in stacked]
            grown = _growth(after[k], carry)
            used = {s for e in [*others, *([grown] if grown is not None else [])] for s in symbols_below(e)}
            if grown is not None and not used & {carry.before, carry.now}:
                self.closed_forms[k] = Value(add((carry.initial, total((self.step,), grown))), carry.dims)
        for k in [k for k in self.carries if k in self.closed_forms]:
            del self.carries[k]
        for k, carry in self.carries.items():
            self.carries[k] = replace(carry, step=self._stacked(Value(after[k], carry.dims)).expr)
        self.loop.carries = list(self.carries.values())
        if self.carries:
            self.reader.loops.append(self.loop)

    def _final(self, k: int, dims: Sequence[Any]) -> Value:
        return self.closed_forms[k] if k in self.closed_forms else Value(entry_of(self.carries[k].final), tuple(dims))

    def _stacked(self, value: Value) -> Value:
        """Return a value of every step as one array with the steps in front."""
        return Value(rename(_moved(value), {self.step: axis(0, self.step.size)}), (self.step.size, *value.dims))


def _made(jaxpr: Any, var: Any) -> bool:
    return not hasattr(var, "val") and any(var in e.outvars for e in jaxpr.eqns)


def _growth(after: Expr, carry: Carry) -> Expr | None:
    """Return what a step adds to a carried value, if it only adds."""
    terms = after.children if isinstance(after, Add) else (after,)
    own = [t for t in terms if isinstance(t, At) and t.array is carry.before]
    return add(t for t in terms if t is not own[0]) if len(own) == 1 else None


def _names(parts: Any, jaxpr: Any, marks: Sequence[Any], taken: set[str]) -> Iterator[str]:
    """Yield a name for each carried value: the body's parameter, the variable that is carried out, or a letter."""
    info = _jax.closed(parts.body)[0].debug_info
    given = (info.arg_names or ())[parts.consts : parts.consts + parts.carry]
    outs = dict(zip(map(id, jaxpr.outvars[len(jaxpr.outvars) - len(marks) :]), (m.name for m in marks), strict=True))
    unpacked = _unpacked(info.func_src_info or "")
    used = set(taken)
    for k in range(parts.carry):
        spelled = given[k] if k < len(given) and given[k] else ""
        choices = [_spoken(spelled, unpacked), outs.get(id(jaxpr.outvars[k]), ""), *"hsuvwcg"]
        name = next(c for c in (*choices, *(f"h_{n}" for n in range(1, 999))) if c and c not in used)
        used.add(name)
        yield name


def _spoken(spelled: str, unpacked: dict[str, list[str]]) -> str:
    """Return what a part of the body's argument is called: ``s['h']`` is h, ``carry[1]`` what it is unpacked to."""
    if spelled.isidentifier():
        return spelled
    if match := re.fullmatch(r"(\w+)\[(\d+)\]", spelled):
        names = unpacked.get(match[1], [])
        return names[int(match[2])] if int(match[2]) < len(names) else ""
    if match := re.search(r"(?:\['|\.)(\w+)(?:'\])?$", spelled):
        return match[1]
    return ""


def _unpacked(where: str) -> dict[str, list[str]]:
    """Return the names to which the function ``step at file.py:12`` unpacks its arguments."""
    match = re.fullmatch(r".* at (.*):(\d+)", where)
    if not match:
        return {}
    try:
        tree = ast.parse("".join(linecache.getlines(match[1])))
    except SyntaxError:
        return {}
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda) and _starts(node, int(match[2])):
            for inner in ast.walk(node):
                match inner:
                    case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Name(id=name)):
                        found.setdefault(name, [p.id if isinstance(p, ast.Name) else "" for p in parts])
    return found


def _starts(node: ast.FunctionDef | ast.Lambda, line: int) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return min([node.lineno, *(d.lineno for d in decorators)]) <= line <= node.lineno
