"""The equations of a derivation in one style and one form: left side, right side, and where they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..expressions.expr import Index
from ..matrices import matrix as mx
from ..matrices.family import Family
from .entries import Axes, Entries
from .render import Printer, Style

if TYPE_CHECKING:
    from ..defining.recursion import Line
    from ..derivation import Derivation

FORMS = ("matrix", "labels", "index")


def forms_of(form: str | Sequence[str]) -> tuple[str, ...]:
    """Return the forms asked for.

    Raises:
        ValueError: a form that there is not.
    """
    asked = (form,) if isinstance(form, str) else tuple(form)
    for each in asked:
        if each not in FORMS:
            raise ValueError(f"form={each!r}: choose among {', '.join(map(repr, FORMS))}, or several of them")
    return asked


@dataclass(frozen=True)
class Row:
    """One equation as it is shown: ``left = right``, and the range of a recursion."""

    left: str
    right: str
    span: str = ""


class Rows:
    """Writes the lines of a derivation."""

    def __init__(self, derivation: Derivation, style: Style, form: str = "matrix") -> None:
        """Remember the derivation; choose letters for axes that mean nothing else in it."""
        self.of, self.style, self.form = derivation, style, form
        self.printer = Printer(style, Axes(form == "labels", derivation.letters_taken))

    def symbol(self, name: str) -> str:
        """Return a name as the style writes it."""
        return self.style.symbol(name)

    def __call__(self, line: Line) -> Row:
        """Return a line as a row."""
        entries = self.entries(line)
        right = self.printer(entries if entries is not None else line.value)
        each = _each(line, entries)
        spans = [self.style.each([i.name for i in each.indices])] if each else []
        spanned = line.span and not (entries is not None and _over(line.value))
        spans.append(self.span(line) if spanned else self.steps(line))
        return Row(self.left(line, entries), right, " ".join(filter(None, spans)))

    def entries(self, line: Line) -> mx.Labelled | None:
        """Return the line's value with its indices, where it is shown so."""
        shown = isinstance(line.value, mx.Labelled) or (self.form != "matrix" and line.entries is not None)
        return (line.entries or line.value) if shown else None  # type: ignore[return-value]

    def left(self, line: Line, entries: mx.Labelled | None) -> str:
        """Return what a line defines."""
        each = _each(line, entries)
        if each:
            return self._member(line, each)
        axes = entries.axes if entries is not None else ()
        names = self.printer.axes.names(axes)
        step = line.value.letter if entries is None and isinstance(line.value, mx.Each) else ""
        if not line.differential:
            return self._entry(mx.stepped(line.name, step) if step else line.name, axes, names)
        if len(self.of.gradients) == 1 and not (axes or step or self.of.value.value.dims):
            return self.style.gradient(self.symbol(line.differential), len(line.by))
        by = []
        for name, rank in reversed(line.by):
            split = len(axes) - rank if axes else 0
            by.append(self._entry(mx.stepped(name, step) if step else name, axes[split:], names))
            axes = axes[:split]
        return self.style.partial(self._entry(line.differential, axes, names), by[::-1])

    def _member(self, line: Line, each: Family) -> str:
        """Return the member of a family that a line defines."""
        if not line.differential:
            return self.printer(each.named(line.name))
        by, end = [], len(each.order)
        for name, rank in reversed(line.by):
            by.append(self.printer(each.named(name, end - rank, end)))
            end -= rank
        return self.style.partial(self.printer(each.named(line.differential, 0, end)), by[::-1])

    def _entry(self, name: str, axes: Sequence[Index], names: dict[Index, str]) -> str:
        writer = Entries(self.printer, {})
        return writer.place(name, [writer.axis(names[i]) for i in axes])

    def steps(self, line: Line) -> str:
        """Return the steps for which a line holds: t = 1, …, T, h₀ = 0."""
        if not isinstance(line.value, mx.Each) or (line.entries is not None and self.form != "matrix"):
            return ""
        last = self.printer.size(str(line.value.dims[line.value.axis]))
        also = [(self.symbol(n), self.printer(v)) for n, v in line.ends]
        return self.style.range(
            line.value.letter, line.over or f"1, …, {last}", [self.style.equals.join(p) for p in also if p[0] != p[1]]
        )

    def span(self, line: Line) -> str:
        """Return the range of a recursion and what stands for its first or last neighbour: i = 1, …, L, a₀ = x."""
        assert line.span is not None
        first, last = line.span
        ends = [str(first) if first < last else self.of.layer(first), self.of.layer(last)]
        between = ", " if "".join(ends).isdigit() and last - first == 1 else ", …, "
        ends = ends[::-1] if line.downward else ends
        also = [self.style.equals.join(map(self.symbol, (a, b))) for a, b in line.aliases]
        return self.style.range("i", f"{ends[0]}{between}{ends[1]}", also)


def _over(x: mx.Matrix) -> bool:
    """Say whether an expression is a sum over layers."""
    return isinstance(x.x if isinstance(x, mx.Scaled) else x, mx.Over)


def _each(line: Line, entries: mx.Labelled | None) -> Family | None:
    """Return the line's value where it is shown for each member of a family."""
    return line.value if entries is None and isinstance(line.value, Family) else None


def beside(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one line in several forms, each said once, its range behind the last."""
    said = {(r.left, r.right): r for r in rows}
    shown = list(said.values())
    return [replace(r, span="") for r in shown[:-1]] + shown[-1:]
