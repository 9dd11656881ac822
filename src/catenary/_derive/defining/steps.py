"""A loop as equations: h_t = … (t = 1, …, T, h_0 = …), and backward, with what the following step hands on.

``h̄_t`` that only one other line uses is written there: δ_t = (Wᵀ δ_{t+1} + …) ⊙ tanh′(z_t).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..calculus.recurrence import beyond, substituted
from ..expressions.build import ZERO, add, num, rebuild, size
from ..expressions.expr import Array, At, Expr, Pos, Size, axis, walk
from ..expressions.rename import rename
from ..matrices import matrix as mx
from ..matrices.matrix import Matrix
from ..matrices.recognise import NotMatrix, Recogniser
from ..unreadable import UnreadableError
from .recursion import Line
from .sweeps import Sweep


@dataclass(frozen=True, eq=False)
class Block:
    """What the source of a loop needs: its carried values with where they start, and what a step computes.

    ``carried`` holds for each its symbol before the step, its first value and what is handed on; ``ends`` the symbols
    of what is carried after the last step.
    """

    backward: bool
    reverse: bool
    length: object
    letter: str
    carried: list[tuple[str, Matrix, Matrix]]
    body: list[tuple[str, Matrix]]
    ends: list[str]
    before: list[tuple[str, str]]  # forward, for each carried value: its symbols before and after a step

    @property
    def names(self) -> set[str]:
        """The names that the loop defines."""
        own = {n for n, _ in self.body} | {n for n, _, _ in self.carried} | set(self.ends)
        return own | {n for n, _ in self.before}

    @property
    def parts(self) -> list[Matrix]:
        """All expressions of the loop."""
        return [m for _, a, b in self.carried for m in (a, b)] + [m for _, m in self.body]


def lines_of(sweep: Sweep, recogniser: Recogniser) -> list[Line]:
    """Return the equations of a loop; they share the block that its source is made from."""
    writer = _Writer(sweep, recogniser)
    block = writer.block()
    lines = writer.backward(block) if sweep.backward else writer.forward(block)
    return list(lines)


class _Writer:
    """Writes one loop."""

    def __init__(self, sweep: Sweep, recogniser: Recogniser) -> None:
        self.sweep, self.recogniser = sweep, recogniser
        self.loop = sweep.loop
        self.carries = {(c.adjoint if sweep.backward else c.now): c for c in sweep.carries}

    def each(self, body: Expr, array: Array) -> mx.Each:
        """Return what a step computes as an array over all steps."""
        axes = tuple(i for n, i in enumerate(array.axes) if n == 0 or i.size != 1)
        try:
            return self.recogniser.each(body, axes[0], axes)
        except NotMatrix:
            raise UnreadableError("the step of a loop that has no form as matrices") from None

    def whole(self, body: Expr, dims: Sequence[object]) -> Matrix:
        """Return a value outside of the loop."""
        axes = tuple(axis(n, d) for n, d in enumerate(dims) if d != 1)  # type: ignore[arg-type]
        return self.recogniser.write(body, axes)

    def block(self) -> Block:
        """Return what the source needs."""
        back = self.sweep.backward
        carried, before = [], []
        for array, c in self.carries.items():
            if back:
                first, handed = self.whole(c.last, c.dims), self.each(c.earlier, array).x
                carried.append((c.after.symbol, first, handed))
            else:
                own = mx.Symbol(tuple(d for d in c.dims if d != 1), c.now.symbol, (self.letter,))
                carried.append((c.before.symbol, self.whole(c.initial, c.dims), own))
                before.append((c.before.symbol, c.now.symbol))
        body = [(array.symbol or name, self.each(expr, array).x) for name, array, expr in self.sweep.body]
        ends = [c.outset.symbol if back else c.final.symbol for c in self.carries.values()]
        return Block(back, self.loop.reverse != back, self.loop.length, self.letter, carried, body, ends, before)

    @property
    def letter(self) -> str:
        """The letter of the step."""
        return self.recogniser.letters[0]

    def line(self, name: str, array: Array, body: Expr, block: Block, **more: object) -> Line:
        """Return one equation that holds at every step."""
        value = self.each(body, array)
        entries = self.recogniser.entries(body, array.axes)
        return Line(name, value, entries=entries, block=block, **more)  # type: ignore[arg-type]

    # forward

    def forward(self, block: Block) -> Iterator[Line]:
        """Yield z_t = … and h_t = … with h_0."""
        for name, array, body in self.sweep.body:
            ends: tuple[tuple[str, Matrix], ...] = ()
            if array in self.carries:
                c = self.carries[array]
                ends = ((f"{c.name}_{{{self.loop.origin}}}", self.whole(c.initial, c.dims)),)
            yield self.line(name, array, body, block, over=self.range(False), ends=ends)

    def range(self, but_last: bool) -> str:
        """Return the numbers of the steps in the order in which they are made."""
        length, backward = self.loop.length, self.sweep.backward
        last = str(length)
        if but_last and not self.loop.reverse:
            last = str(length - 1) if isinstance(length, int) else f"{length}−1"
        first = "2" if but_last and self.loop.reverse else "1"
        down = self.loop.reverse != backward
        ends = (last, first) if down else (first, last)
        between = ", " if all(e.isdigit() for e in ends) and abs(int(first) - int(last)) == 1 else ", …, "
        return ends[0] if ends[0] == ends[1] else between.join(ends)

    # backward

    def backward(self, block: Block) -> Iterator[Line]:
        """Yield δ_t = … with what δ_{t+1} hands on, and their values at the last step where they differ."""
        sweep = self.sweep
        handed = {c.after: self.shifted(c.earlier, "-" if self.loop.reverse else "+") for c in sweep.carries}
        inlined = {a for a, c in self.carries.items() if self.uses(a) == 1 and self.user(a) is not None}
        arriving = {a: body for _, a, body in sweep.body if a in inlined}
        for name, array, body in sweep.body:
            if array in inlined:
                continue
            full = substituted(substituted(body, arriving), handed)
            met = {c for c in sweep.carries if c.after in _symbols(substituted(body, arriving))}
            special = any(c.last is not ZERO for c in met)
            if special:
                ends = {c.after: rename(c.last, {axis(n, d): axis(n + 1, d) for n, d in enumerate(c.dims)})
                        for c in met}  # fmt: skip
                last, whole = self.loop.end, substituted(substituted(body, arriving), ends)
                yield self.at(mx.stepped(name, last), array, whole, last, block)
            zero = mx.Number((), Fraction(0))
            beyond = () if special else tuple((n, zero) for n in self.beyond(full))
            yield self.line(name, array, full, block, over=self.range(special), ends=beyond)

        for c in sweep.carries:
            if any(c.outset in _symbols(e) for e in sweep.elsewhere):
                yield self.at(c.outset.symbol, c.adjoint, c.earlier, self.start, block)

    @property
    def start(self) -> str:
        """The number of the step that is made first."""
        return str(self.loop.length) if self.loop.reverse else "1"

    def user(self, array: Array) -> Array | None:
        """Return the definition of a step that uses a symbol."""
        return next((a for _, a, body in self.sweep.body if a is not array and array in _symbols(body)), None)

    def uses(self, array: Array) -> int:
        """Count the places where a symbol of the loop stands."""
        found = sum(_count(e, array) for e in self.sweep.exprs)
        return found + sum(_count(e, array) for e in self.sweep.elsewhere)

    def shifted(self, expr: Expr, sign: str) -> Expr:
        """Return an expression at the next step, in symbols for the arrays there."""

        def name(own: str) -> str:
            own = own if "@" in own else own + "@"
            return own[:-1] if own[-1] in "+-" and own[-1] != sign else own + sign

        where = add((Pos(axis(0, self.loop.length)), num(1 if sign == "+" else -1)))
        return self.elsewhere(expr, where, lambda own, length, dims: Array(name(own), (length, *dims), None, "real"))

    def at(self, name: str, array: Array, body: Expr, step: str, block: Block) -> Line:
        """Return an equation at one step: the first or the last."""
        where = num(0) if step == "1" else add((size(self.loop.length), num(-1)))
        body = self.elsewhere(body, where, lambda own, length, dims: Array(mx.stepped(own, step), dims, None, "real"))
        axes = tuple(i for n, i in enumerate(array.axes) if n and i.size != 1)
        return Line(name, self.recogniser.write(body, axes), block=block)

    def elsewhere(self, expr: Expr, at: Expr, there: Callable[[str, Size, tuple[Size, ...]], Array]) -> Expr:
        """Return an expression at another step, given what an array is there: from its name, its steps and its axes."""
        step, names = axis(0, self.loop.length), self.recogniser.names

        def go(node: Expr) -> Expr | None:
            if isinstance(node, Pos) and node.index is step:
                return at
            if not isinstance(node, At) or step not in node.indices:
                return None
            where = node.indices.index(step)
            dims = (*node.array.dims[:where], *node.array.dims[where + 1 :])
            array = there(node.array.symbol or names[node.array], self.loop.length, dims)
            rest = (*node.indices[:where], *node.indices[where + 1 :])
            return At(array, (step, *rest) if "@" in array.symbol else rest)

        return replaced(expr, go)

    def beyond(self, body: Expr) -> list[str]:
        """Return the adjoints of the step after the last, which are zero."""
        end = "0" if self.loop.reverse else beyond(self.loop.length)
        mark = "-" if self.loop.reverse else "+"
        own = {a.symbol.rstrip("@") or n for n, a, _ in self.sweep.body}
        found = [s.symbol.rstrip(mark + "@") for s in _symbols(body) if s.symbol.endswith("@" + mark)]
        return sorted({mx.stepped(n, end) for n in found if n in own})


def replaced(expr: Expr, go: Callable[[Expr], Expr | None]) -> Expr:
    """Return an expression with nodes replaced where ``go`` returns one."""
    new = go(expr)
    if new is not None:
        return new
    kids = tuple(replaced(c, go) for c in expr.children)
    return expr if kids == expr.children else rebuild(expr, kids)


def _symbols(expr: Expr) -> set[Array]:
    return {n.array for _, n in walk(expr) if isinstance(n, At)}


def _count(expr: Expr, array: Array) -> int:
    return sum(isinstance(n, At) and n.array is array for _, n in walk(expr))
