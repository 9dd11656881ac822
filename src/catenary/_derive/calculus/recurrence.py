"""Recurrences in time: what a loop carries, as arrays of symbols over the steps.

A carried value ``h`` is the symbol ``h@`` with an axis of steps in front: entry t is the value after step t.
Its value before the step is ``h@-``, a symbol of its own, so that a step is an ordinary expression; the value after
the last step is ``h_{T}``, the cotangents are ``h̄@`` and, before the first step, ``h̄_{0}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..expressions.build import ZERO, rebuild, reduce
from ..expressions.expr import Array, At, Expr, Index, Reduce, Size, temporary, walk
from ..expressions.rename import rename

BAR = "\u0304"


@dataclass(frozen=True)
class Carry:
    """One carried value: its name, the sizes of its axes, its first value and its value after a step.

    ``initial`` is an expression in ``axis(0), …``; ``step`` in ``axis(0)`` for the steps and ``axis(1), …``.
    After differentiation: ``direct`` and ``earlier`` are the cotangents that arrive from outside of the loop and that
    a step hands to the one before, laid out as ``step``; ``last``, laid out as ``initial``, is the last value's.
    """

    name: str
    dims: tuple[Size, ...]
    kind: str
    loop: Loop
    initial: Expr = ZERO
    step: Expr = ZERO
    direct: Expr = ZERO
    earlier: Expr = ZERO
    last: Expr = ZERO

    def mapped(self, change: Callable[[Expr], Expr]) -> Carry:
        """Return the carried value with every expression changed."""
        return replace(
            self, initial=change(self.initial), step=change(self.step),
            direct=change(self.direct), earlier=change(self.earlier), last=change(self.last),
        )  # fmt: skip

    def _steps(self, name: str) -> Array:
        return Array(name, (self.loop.length, *self.dims), None, self.kind)

    @cached_property
    def now(self) -> Array:
        """The values after each step."""
        return self._steps(f"{self.name}@")

    @cached_property
    def before(self) -> Array:
        """The values before each step."""
        return self._steps(f"{self.name}@{'+' if self.loop.reverse else '-'}")

    @cached_property
    def final(self) -> Array:
        """The value after the last step."""
        return Array(f"{self.name}_{{{self.loop.end}}}", self.dims, None, self.kind)

    @cached_property
    def adjoint(self) -> Array:
        """The cotangents of the values after each step."""
        return self._steps(f"{self.name}{BAR}@")

    @cached_property
    def after(self) -> Array:
        """What the following step adds to the cotangent of a value: a symbol of the source alone."""
        return self._steps(f"{self.name}{BAR}@!")

    @cached_property
    def outset(self) -> Array:
        """The cotangent of the first value."""
        return Array(f"{self.name}{BAR}_{{{self.loop.origin}}}", self.dims, None, self.kind)


@dataclass(eq=False)
class Loop:
    """A loop of ``length`` steps and what it carries; a reversed one runs from the last step to the first."""

    length: Size
    reverse: bool
    carries: list[Carry] = field(default_factory=list)

    @property
    def end(self) -> str:
        """The number of the step that is made last."""
        return "1" if self.reverse else str(self.length)

    @property
    def origin(self) -> str:
        """The number of the value before the step that is made first."""
        return beyond(self.length) if self.reverse else "0"

    def __hash__(self) -> int:
        """A loop is itself alone."""
        return id(self)


def beyond(length: Size) -> str:
    """Return the number after the last: T+1."""
    return str(length + 1) if isinstance(length, int) else f"{length}+1"


class Timed:
    """Which axes are steps in time: the first one of a loop's symbols, and what is indexed as they are."""

    def __init__(self, arrays: Iterable[Array] = ()) -> None:
        """Remember the arrays that were made within loops."""
        self.known: dict[Array, int | None] = dict.fromkeys(arrays, 0)

    def position(self, array: Array) -> int | None:
        """Return which axis of an array is the one of steps."""
        if "@" in array.symbol:
            return 0
        if array.body is None:
            return None
        if array not in self.known:
            self.known[array] = None
            found = self.indices(array.body)
            self.known[array] = next((n for n, i in enumerate(array.axes) if i in found), None)
        return self.known[array]

    def indices(self, expr: Expr) -> set[Index]:
        """Return the indices in an expression that number steps, free and bound."""
        found: set[Index] = set()
        for _, node in walk(expr):
            if isinstance(node, At):
                where = self.position(node.array)
                index = node.indices[where] if where is not None else None
                if isinstance(index, Index):
                    found.add(index)
        return found


def substituted(expr: Expr, values: dict[Array, Expr], memo: dict[Expr, Expr] | None = None) -> Expr:
    """Return an expression with symbols replaced by values, also inside the arrays that it uses.

    A value is an expression in the array's own axes.
    """
    memo = {} if memo is None else memo
    if expr not in memo:
        memo[expr] = _substituted(expr, values, memo)
    return memo[expr]


def _substituted(expr: Expr, values: dict[Array, Expr], memo: dict[Expr, Expr]) -> Expr:
    if isinstance(expr, At):
        if expr.array in values:
            return rename(values[expr.array], dict(zip(expr.array.axes, expr.indices, strict=True)))
        if expr.array.body is None:
            return expr
        body = substituted(expr.array.body, values, memo)
        if body is expr.array.body:
            return expr
        return At(Array(expr.array.symbol, expr.array.dims, body, expr.array.kind), expr.indices)
    kids = expr.children
    if not kids:
        return expr
    if not any(substituted(c, values, memo) is not c for c in kids):
        return expr
    if isinstance(expr, Reduce) and expr.name == "sum":
        fresh = {i: temporary(i.size) for i in expr.indices}
        return reduce("sum", fresh.values(), substituted(rename(expr.body, fresh), values))
    return rebuild(expr, tuple(substituted(c, values, memo) for c in kids))


def ended(expr: Expr, loops: Iterable[Loop]) -> Expr:
    """Return an expression in which the entry of the last step is the final value."""
    finals = {}
    for carry in (c for loop in loops for c in loop.carries):
        length, ends = carry.loop.length, (0,) if carry.loop.reverse else (-1,)
        finals[carry.now] = carry.final, (*ends, length - 1) if isinstance(length, int) and ends == (-1,) else ends

    def go(node: Expr) -> Expr:
        if isinstance(node, At) and node.array in finals:
            final, ends = finals[node.array]
            return At(final, node.indices[1:]) if node.indices[0] in ends else node
        new = tuple(go(c) for c in node.children)
        return node if new == node.children else rebuild(node, new)

    return go(expr) if finals else expr


def symbols_below(expr: Expr) -> set[Array]:
    """Return the symbols that an expression needs, also through the arrays that it uses."""
    found: set[Array] = set()
    pending, seen = [expr], set()
    while pending:
        for _, node in walk(pending.pop()):
            if isinstance(node, At) and node.array not in seen:
                seen.add(node.array)
                if node.array.body is None:
                    found.add(node.array)
                else:
                    pending.append(node.array.body)
    return found
