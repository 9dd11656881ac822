"""Functions with a derivative of their author's own: ``custom_jvp`` and ``custom_vjp``.

The value is what the function computes, behind a symbol until all is differentiated; the derivative is the author's
rule, traced and read as an expression in the cotangent, never the derivative of the value.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from ... import _jax
from ..._graph.fallback import AUTHORED, pullback
from ..calculus.recurrence import substituted
from ..expressions.dims import Value, dims_of
from ..expressions.expr import Array, At, Expr, Index, Num, axis, temporary
from ..expressions.rename import rename
from ..unreadable import UnreadableError
from .read import Reader

_count = itertools.count()


@dataclass(frozen=True)
class Rule:
    """What stands behind a symbol: its name, its value, and for each input the author's cotangent of it.

    All are expressions in ``steps``, the steps of the loops around, and in ``axis(0), …``; ``seed`` is the symbol of
    the cotangent of the result.
    """

    name: str
    value: Expr
    steps: tuple[Index, ...]
    seed: Array
    inputs: tuple[Value, ...]
    cotangents: tuple[Expr, ...]

    def pulled(self, w: Expr, rows: Sequence[Index] = ()) -> Iterator[tuple[Expr, Expr, frozenset[Index]]]:
        """Yield inputs, their cotangents and the indices of both, from the cotangent of the result."""
        if not isinstance(w, At | Num) and not rows:
            whole = Array("", self.seed.dims, w, "real")
            w = At(whole, tuple(0 if i.size == 1 else i for i in whole.axes))
        for (expr, dims), own in zip(self.inputs, self.cotangents, strict=True):
            fresh = {axis(n, d): temporary(d) for n, d in enumerate(dims)}
            scope = {t for i, t in fresh.items() if i.size != 1} | set(self.steps)
            yield rename(expr, fresh), rename(substituted(own, {self.seed: w}), fresh), frozenset(scope)


def own_rule(eqn: Any) -> bool:
    """Say whether an equation is a call of a function whose derivative is a rule of its author, who is not JAX."""
    if eqn.primitive.name not in AUTHORED:
        return False
    where = _jax.closed(_jax.call_body(eqn.params))[0].debug_info.func_src_info or ""
    return f"{os.sep}jax{os.sep}_src{os.sep}" not in where and not where.startswith("jax")


def read_rule(reader: Reader, eqn: Any, values: list[Value]) -> list[Value]:
    """Return the value of such a call: the entry of a symbol with a rule."""
    body, consts = _jax.closed(_jax.call_body(eqn.params))
    name = str(body.debug_info.func_src_info or "function").split(" at ")[0]
    if len(eqn.outvars) != 1:
        raise UnreadableError(f"the rule of {name}, a function of several results,")
    (made,) = reader.read(body, consts, values)
    dims = dims_of(eqn.outvars[0].aval.shape)
    steps = reader.within
    number, lead = next(_count), tuple(i.size for i in steps)
    own = tuple(0 if d == 1 else axis(n, d) for n, d in enumerate(dims))
    symbol, seed = (Array(f"{name}#{kind}{number}", (*lead, *dims), None, "real") for kind in ("", "w"))
    active = [n for n, v in enumerate(eqn.invars) if v.aval.dtype.kind in "fV"]
    cotangents = _read_pullback(reader, eqn, values, active, Value(At(seed, (*steps, *own)), dims))
    moved = {i: axis(n, i.size) for n, i in enumerate(steps)}
    moved |= {axis(n, d): axis(n + len(steps), d) for n, d in enumerate(dims)}
    inputs = tuple(values[n] for n in active)
    reader.rules[symbol] = Rule(name, rename(made.expr, moved), steps, seed, inputs, tuple(cotangents))
    return [Value(At(symbol, (*steps, *own)), dims)]


def _read_pullback(reader: Reader, eqn: Any, values: list[Value], active: list[int], seed: Value) -> list[Expr]:
    """Return the author's cotangents of the active inputs."""
    structs = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in (*eqn.invars, *eqn.outvars)]

    def pull(*args: Any) -> Any:
        _, rule = pullback(partial(_jax.bind, eqn.primitive, eqn.params), args[:-1], active)
        return rule.pull([args[-1]])

    closed = jax.make_jaxpr(pull)(*structs)
    return [c.expr for c in reader.read(closed.jaxpr, closed.consts, [*values, seed])]


def settled(rules: Mapping[Array, Rule]) -> dict[Array, Expr]:
    """Return for each symbol the entry of an array with its value, without any of the symbols inside."""
    known: dict[Array, Expr] = {}
    for symbol, rule in rules.items():
        array = Array("", symbol.dims, substituted(rule.value, known), "real")
        known[symbol] = At(array, tuple(0 if i.size == 1 else i for i in array.axes))
    return known
