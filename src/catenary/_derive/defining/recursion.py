"""Repeated layers: definitions that are equal but for their number become one recursion.

``δ₁ = (W₂ᵀ δ₂) ⊙ σ′(z₁)`` and ``δ₂ = (W₃ᵀ δ₃) ⊙ σ′(z₂)`` are ``δ_i = (W_{i+1}ᵀ δ_{i+1}) ⊙ σ′(z_i)``.
Where only the first or last differs by a symbol that stands for a neighbour (x for a₀), it is said so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..expressions import expr as ex
from ..matrices import matrix as mx
from ..matrices.matrix import Matrix
from ..reading.names import numbered


@dataclass(frozen=True)
class Line:
    """One equation of a derivation: what is defined, and the range of i where it is a recursion.

    ``entries`` is the same value with its indices.
    """

    name: str
    value: Matrix
    span: tuple[int, int] | None = None
    downward: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    differential: str = ""  # the function's name, where the line states its derivative by ``name``
    by: tuple[tuple[str, int], ...] = ()  # then: what it is differentiated by, in turn, and how many axes that has
    entries: mx.Labelled | None = None
    block: Any = None  # the loop that the line belongs to
    over: str = ""  # the steps for which it holds
    ends: tuple[tuple[str, Matrix], ...] = ()  # and the values where it starts

    def renamed(self, name: Callable[[str], str]) -> Line:
        """Return the line with every symbol renamed."""
        value, entries = mx.renamed(self.value, name), mx.renamed(self.entries, name)
        by = tuple((name(n), rank) for n, rank in self.by)
        return replace(self, name=name(self.name), value=value, entries=entries, by=by)


def fold(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with runs of layers folded, in the order in which they can be computed."""

    def key(line: Line) -> tuple[str, str, bool]:
        base, number = ("", "") if line.block else numbered(line.name)
        return base if number else line.name, line.differential, bool(number)

    families: dict[tuple[str, str, bool], list[Line]] = {}
    for line in lines:
        families.setdefault(key(line), []).append(line)
    recursions = {k: _fold(k[0], family) for k, family in families.items() if len(family) > 1 and k[2]}
    folded: list[Line] = []
    for line in lines:
        family = families[key(line)]
        recursion = recursions.get(key(line), family)
        if recursion is family:
            folded.append(line)  # nothing repeats: every line stays where it can be computed
        elif line is family[0]:
            folded += recursion
    return [line if line.span else gathered(line) for line in folded]


def gathered(line: Line) -> Line:
    """Return a line whose value is a sum over layers with Σᵢ: x₀ᵀ δ₁ + x₁ᵀ δ₂ + x₂ᵀ δ₃ is Σᵢ x_{i−1}ᵀ δ_i."""
    core = line.value.x if isinstance(line.value, mx.Scaled) else line.value
    if not isinstance(core, mx.Sum) or len(core.items) < 3:
        return line
    layers = [_last_layer(t) for t in core.items]
    templates = [_template(t, n) for t, n in zip(core.items, layers, strict=True)]
    best = max(templates, key=templates.count)
    run = {n: t for n, t, own in zip(layers, core.items, templates, strict=True) if own == best}
    aliases = []
    for n, t, own in zip(layers, core.items, templates, strict=True):
        alias = _alias(best, own, n) if n not in run and n in (min(run) - 1, max(run) + 1) else None
        if alias:
            aliases.append(alias)
            run[n] = t
    if len(run) < len(core.items) or sorted(run) != list(range(min(run), max(run) + 1)):
        return line
    model = layers[templates.index(best)]
    term = mx.renamed(run[model], lambda name: relative(name, model))
    value: Matrix = mx.Over(core.dims, term, "i", len(run))
    value = replace(line.value, x=value) if isinstance(line.value, mx.Scaled) else value
    return replace(line, value=value, span=(min(run), max(run)), aliases=tuple(aliases))


def _last_layer(x: Any) -> int:
    """Return the highest number among the names in an expression."""
    if isinstance(x, mx.Symbol):
        return int(numbered(x.name)[1] or 0)
    parts = x.parts if isinstance(x, Matrix) else ()
    return max((_last_layer(p) for p in parts), default=0)


def _fold(base: str, family: list[Line]) -> list[Line]:
    """Return one line for a run of consecutive numbers with one template, and the rest as they are."""
    numbers = [int(numbered(line.name)[1]) for line in family]
    templates = [_template(line.value, n) for line, n in zip(family, numbers, strict=True)]
    best = max(templates, key=lambda t: (templates.count(t), "−" in str(t) or "+" in str(t)))
    run = [n for n, t in zip(numbers, templates, strict=True) if t == best]
    if sorted(run) != list(range(min(run), max(run) + 1)):
        return family
    model = run[0]
    aliases: list[tuple[str, str]] = []
    for n, t in zip(numbers, templates, strict=True):
        alias = _alias(best, t, n) if n in (min(run) - 1, max(run) + 1) else None
        if alias:
            aliases.append(alias)
            run.append(n)
    if len(run) < 2:
        return family
    rest = [line for line, n in zip(family, numbers, strict=True) if n not in run]
    downward = numbers[0] > numbers[-1]
    line = family[numbers.index(model)]
    recursion = replace(
        line.renamed(lambda name: relative(name, model)),
        name=f"{base}_{{i}}",
        span=(min(run), max(run)),
        downward=downward,
        aliases=tuple(aliases),
    )
    before = [r for r in rest if (int(numbered(r.name)[1]) > max(run)) == downward]
    return [*before, recursion, *(r for r in rest if r not in before)]


def relative(name: str, layer: int) -> str:
    """Return a numbered name relative to a layer: ``W_3`` in layer 2 is ``W_{i+1}``."""
    base, number = numbered(name)
    if not number:
        return name
    shift = int(number) - layer
    return f"{base}_{{i{f'+{shift}' if shift > 0 else f'−{-shift}' if shift else ''}}}"


def _template(x: Any, layer: int) -> Any:
    """Return an expression without sizes and with names relative to a layer, for comparison."""
    if isinstance(x, mx.Symbol):
        return mx.Symbol((), relative(x.name, layer), x.fixed)
    if isinstance(x, mx.Labelled):
        return x
    if isinstance(x, Matrix):
        changed = {f.name: _template(getattr(x, f.name), layer) for f in fields(x) if f.name != "dims"}
        return type(x)(dims=("",) * len(x.dims), **changed)
    if isinstance(x, tuple):
        return tuple(_template(p, layer) for p in x)
    return x


def _alias(best: Any, other: Any, layer: int) -> tuple[str, str] | None:
    """Return (a_0, x) if the other template differs from the best only by x in the place of a_{i−1}."""
    found: set[tuple[str, str]] = set()
    if not _differences(best, other, found) or len(found) != 1:
        return None
    wanted, given = found.pop()
    base, _, sub = wanted.partition("_{")
    shift = sub.rstrip("}").replace("i", "").replace("−", "-") or "0"
    return (f"{base}_{layer + int(shift)}", given) if sub and "_{" not in given else None


def _differences(a: Any, b: Any, found: set[tuple[str, str]]) -> bool:
    if isinstance(a, mx.Symbol) and isinstance(b, mx.Symbol):
        if a.name != b.name:
            found.add((a.name, b.name))
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Matrix):
        return all(_differences(getattr(a, f.name), getattr(b, f.name), found) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(_differences(x, y, found) for x, y in zip(a, b, strict=True))
    return a == b or isinstance(a, ex.Expr)
