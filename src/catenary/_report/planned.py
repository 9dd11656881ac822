"""A plan as a picture: the program's maps drawn to scale, and beside them the order in which they are multiplied.

A map is a rectangle, as tall as its output and as wide as its input on a logarithmic scale; what it ties is a colour.
Eliminating a vertex joins what lies on both of its sides: a bracket from the first of its neighbours at that moment to
the last, farther out the later it comes. Reverse mode is a staircase from the outputs, forward mode from the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from math import ceil, log, prod
from typing import TYPE_CHECKING, Any

from .. import _dimensions
from .style import CSS, PAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._plan.plan import Link, Plan

INK, PAPER, GREY, FAINT = "#1d2733", "#ffffff", "#8a94a0", "#dfe3e8"
TIES = ("#2e86ab", "#d1495b", "#2a9d5c", "#e8a33d", "#7b5ea7", "#3aaea3", "#c06c84", "#6c7a89")
#: More vertices than this are drawn in groups; more steps than this along a line run downwards.
MOST, LONGEST = 100, 14


NOTE = (
    "rectangles: maps, output by input, sides as logarithms; pale: ones alone, no array\n"
    "brackets: what is multiplied, the inner ones first"
)


@dataclass(slots=True)
class Spot:
    """Where a vertex stands: how far along the program, and in which of the lanes that run side by side."""

    along: int
    lane: float
    label: str


def figure(plan: Plan) -> Figure:
    """The plan's picture.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    spots, links, order, note = _grouped(plan) if len(plan.order) > MOST else _drawn(plan)
    steps = 1 + max(spot.along for spot in spots.values())
    lanes = [spot.lane for spot in spots.values()]
    down = steps > LONGEST
    levels = _brackets(spots, links, order)
    deep = max((level for _, _, level in levels), default=1)
    strip = min(2.6, 0.6 + 0.16 * deep)
    with rc_context({"font.size": 8, "text.color": INK, "svg.fonttype": "none", "svg.hashsalt": plan.program}):
        drawn = Figure(facecolor=PAPER)
        pen = _Pen(drawn.add_axes((0.0, 0.0, 1.0, 1.0)), down, (0.5, 1.9) if down else (0.95, 0.95))
        colours = _colours(links)
        _graph(pen, spots, links, colours)
        edge = (max(lanes) + 0.75) * pen.scale[1]
        _tree(pen, levels, edge, strip / (deep + 1))
        pen.frame(steps, min(lanes), edge + strip, plan, note, colours)
    return drawn


class _Pen:
    """Draws in inches, along the program and across it, from left to right or downwards."""

    def __init__(self, axes: Any, down: bool, scale: tuple[float, float]):
        self.axes, self.down, self.scale = axes, down, scale

    def at(self, along: float, across: float) -> tuple[float, float]:
        """A point by inches along and across."""
        return (across, -along) if self.down else (along, -across)

    def place(self, spot: Spot) -> tuple[float, float]:
        return self.at(spot.along * self.scale[0], spot.lane * self.scale[1])

    def line(self, points: Sequence[tuple[float, float]], **style: Any) -> None:
        self.axes.plot(*zip(*points, strict=True), solid_capstyle="round", solid_joinstyle="round", **style)

    def frame(self, steps: int, top: float, bottom: float, plan: Plan, note: str, colours: dict[str, str]) -> None:
        """Title, key and limits: the figure is as large as what it shows."""
        low, high = self.at(-0.45, top * self.scale[1] - 0.6), self.at((steps - 1) * self.scale[0] + 0.6, bottom)
        left, right = low[0], max(high[0], low[0] + 5.6)
        below, up = sorted((low[1], high[1]))
        keys = list(colours.items())[: len(TIES)]
        x, y = left + 0.1, up + 0.3
        for name, colour in reversed(keys):
            wide = 0.42 + 0.068 * len(name)
            if x + wide > right:
                x, y = left + 0.1, y + 0.22
            self.axes.plot([x, x + 0.18], [y] * 2, color=colour, lw=5, solid_capstyle="butt")
            self.axes.text(x + 0.25, y, name, va="center", fontsize=8)
            x += wide
        self.axes.text(left + 0.1, y + 0.36, plan.function, fontsize=12, weight="bold", va="center")
        about = f"order {plan.name}, {plan.headline}"
        self.axes.text(left + 0.25 + 0.13 * len(plan.function), y + 0.35, about, fontsize=9, va="center")
        self.axes.text(left + 0.1, below - 0.2, note, va="center", fontsize=7, color=GREY)
        self.axes.set(xlim=(left, right), ylim=(below - 0.4, y + 0.65), aspect="equal")
        self.axes.axis("off")
        self.axes.figure.set_size_inches(right - left, y + 1.05 - below)


def _graph(pen: _Pen, spots: dict[int, Spot], links: Sequence[Link], colours: dict[str, str]) -> None:
    largest = max((16, *(n for link in links for n in _sides(link))))
    seen: dict[tuple[int, int], int] = {}
    for link in links:
        tail, head = spots[link.tail], spots[link.head]
        bend = Spot(max(tail.along, head.along - 1), tail.lane, "")  # straight on, and over at the last step
        a, b = pen.place(bend), pen.place(head)
        pen.line([pen.place(tail), a, b], color=GREY, lw=0.7, zorder=1)
        k = seen[link.tail, link.head] = seen.get((link.tail, link.head), -1) + 1
        if k == 0 and link.shown:
            _map(pen, link, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), largest, colours)
    for spot in spots.values():
        x, y = pen.place(spot)
        pen.axes.plot([x], [y], "o", ms=4, mfc=PAPER, mec=INK, mew=0.9, zorder=4)
        if pen.down:
            pen.axes.text(x + 0.24, y, spot.label.replace("\n", "  "), fontsize=6.5, ha="left", va="center", zorder=5)
        else:
            font = 7 - len(spot.label) // 20
            pen.axes.text(x, y + 0.34, spot.label, fontsize=font, ha="center", va="bottom", zorder=5)


def _sides(link: Link) -> tuple[int, int]:
    ties, rows, columns = (_number(side) for side in (link.ties, link.rows, link.columns))
    return ties * rows, ties * columns


def _map(pen: _Pen, link: Link, middle: tuple[float, float], largest: int, colours: dict[str, str]) -> None:
    """A rectangle, tall as the output and wide as the input; its blocks in the colour of what is tied."""
    from matplotlib.patches import Rectangle

    room = 0.36 if pen.down else 0.55
    height, width = (room * max(0.06, log(1 + n) / log(1 + largest)) for n in _sides(link))
    x, y = middle[0] - width / 2, middle[1] - height / 2
    pen.axes.add_patch(Rectangle((x, y), width, height, fc=PAPER, ec=GREY, lw=0.6, zorder=2))
    colour, ties = colours.get(_tie(link), INK), _number(link.ties)
    blocks = min(ties, 5)
    alpha = 0.35 if link.number else 0.95
    if _number(link.rows) == _number(link.columns) == 1 and ties > 1:
        pen.line([(x, y + height), (x + width, y)], color=colour, lw=2, alpha=alpha, zorder=3)
        return
    for k in range(blocks):
        corner = (x + k * width / blocks, y + height - (k + 1) * height / blocks)
        pen.axes.add_patch(Rectangle(corner, width / blocks, height / blocks, fc=colour, alpha=alpha, lw=0, zorder=3))


def _tie(link: Link) -> str:
    return "tied along " + " · ".join(map(str, link.ties)) if link.ties else "dense"


def _colours(links: Sequence[Link]) -> dict[str, str]:
    """A colour for each tie, the most frequent first; maps without one are in ink."""
    names = [_tie(link) for link in links if link.shown]
    ranked = sorted(dict.fromkeys(names), key=lambda name: -names.count(name))
    tied = [name for name in ranked if name != "dense"]
    return ({"dense": INK} if "dense" in names else {}) | dict(zip(tied, (*TIES, *[GREY] * len(tied)), strict=False))


def _tree(pen: _Pen, levels: Sequence[tuple[float, float, int]], edge: float, step: float) -> None:
    """The brackets, each farther out than those that it contains."""
    deep = max((level for _, _, level in levels), default=1)
    for first, last, level in levels:
        near, far = edge + (level - 1) * step, edge + level * step
        inset = 0.03 + 0.12 * (1 - level / deep)
        a, b = first * pen.scale[0] + inset, last * pen.scale[0] - inset
        pen.line([pen.at(a, near), pen.at(a, far), pen.at(b, far), pen.at(b, near)], color=INK, lw=0.8)


def _brackets(spots: dict[int, Spot], links: Sequence[Link], order: Sequence[int]) -> list[tuple[float, float, int]]:
    """For each elimination the first and the last neighbour at that moment, and how many brackets it lies around."""
    below: dict[int, set[int]] = {}
    above: dict[int, set[int]] = {}
    for link in links:
        below.setdefault(link.head, set()).add(link.tail)
        above.setdefault(link.tail, set()).add(link.head)
    found: list[tuple[float, float, int]] = []
    for v in order:
        tails, heads = below.pop(v, set()), above.pop(v, set())
        for w in heads:
            below[w] = (below[w] - {v}) | tails
        for u in tails:
            above[u] = (above[u] - {v}) | heads
        along = [spots[n].along for n in (*tails, *heads)]
        if along:
            first, last = min(along), max(along)
            inside = (level for a, b, level in found if a < last and b > first)
            found.append((first, last, 1 + max(inside, default=0)))
    return found


def _drawn(plan: Plan) -> tuple[dict[int, Spot], Sequence[Link], Sequence[int], str]:
    """Every vertex, as far along as its longest path to the outputs asks for."""
    named = {step.number: f"{_short(step.primitive)}\n{_shape(step.shape)}" for step in plan.steps}
    named |= {-1 - k: f"input\n{_shape(shape)}" for k, (shape, _) in enumerate(plan.inputs)}
    along: dict[int, int] = {}
    for link in plan.links:
        along[link.tail] = along.get(link.tail, 0)
        along[link.head] = max(along.get(link.head, 0), along[link.tail] + 1)
    for link in reversed(plan.links):  # what can wait stands where it is used
        heads = [other.head for other in plan.links if other.tail == link.tail]
        along[link.tail] = min(along[head] for head in heads) - 1
    return _lanes(along, named, plan.links), plan.links, plan.order, NOTE


def _lanes(along: dict[int, int], named: dict[int, str], links: Sequence[Link]) -> dict[int, Spot]:
    """Vertices that stand equally far along side by side, each near those that it reads."""
    spots: dict[int, Spot] = {}
    first = min(along.values(), default=0)
    for place in sorted(set(along.values())):
        row = [v for v in along if along[v] == place]
        reads = {v: [spots[t.tail].lane for t in links if t.head == v and t.tail in spots] for v in row}
        row.sort(key=lambda v: (v < 0, sum(reads[v]) / len(reads[v]) if reads[v] else 0))
        taken: list[float] = []
        for v in row:
            wish = round(sum(reads[v]) / len(reads[v])) if reads[v] else 0
            lane = next(wish + d for d in range(99) if wish + d not in taken)
            taken.append(lane)
            spots[v] = Spot(place - first, lane, named.get(v, "output"))
    return spots


def _grouped(plan: Plan) -> tuple[dict[int, Spot], Sequence[Link], Sequence[int], str]:
    """Vertices in groups of neighbours, for programs too large to be seen whole."""
    size = ceil(len(plan.order) / (MOST // 3))
    group = {v: v // size for v in plan.order}
    ends = {v: -1 if v < 0 else ceil(len(plan.order) / size) for link in plan.links for v in (link.tail, link.head)}
    group = ends | group
    named: dict[int, str] = {}
    for step in sorted(plan.steps, key=lambda s: s.number):
        named.setdefault(group[step.number], f"{_short(step.primitive)} …")
    pairs = {(group[link.tail], group[link.head]): link for link in plan.links if group[link.tail] != group[link.head]}
    links = [link._replace(tail=a, head=b, shown=False) for (a, b), link in pairs.items()]
    spots = {g: Spot(g + 1, 0, named.get(g, "inputs" if g < 0 else "outputs")) for g in sorted(set(group.values()))}
    last = {group[v]: k for k, v in enumerate(plan.order)}
    return spots, links, sorted(last, key=lambda g: last[g]), f"{len(plan.order):,} vertices in groups of {size}"


def _short(primitive: str) -> str:
    for part in ("reduce_", "_general", "_in_dim", "_dilated", "_n"):
        primitive = primitive.removeprefix(part).removesuffix(part)
    return primitive


def _number(sizes: Sequence[Any]) -> int:
    """How many entries, sizes with names at typical values."""
    return prod(_dimensions.evaluated(n, _dimensions.typical(*sizes)) for n in sizes)


def _shape(shape: Sequence[Any]) -> str:
    return " × ".join(map(str, shape)) or "1"


def svg(plan: Plan) -> str:
    """The picture as one element of SVG that loads nothing."""
    out = StringIO()
    figure(plan).savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    return text[text.index("<svg") :]


def fragment(plan: Plan) -> str:
    """A plan for a notebook; without matplotlib its text alone."""
    try:
        picture = svg(plan)
    except ModuleNotFoundError:
        picture = ""
    return f"<pre>{escape(str(plan))}</pre>{picture}"


def page(plan: Plan) -> str:
    """A whole page: what the plan costs, its picture, its steps."""
    rows = "".join(
        f"<tr><td>{k}</td>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row.values())}</tr>"
        for k, row in enumerate(plan.rows(), 1)
    )
    head = "".join(f"<th>{name}</th>" for name in ("step", *next(iter(plan.rows()), {})))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>Plan for {escape(plan.function)}</title>'
        f"<style>{PAGE}{CSS}</style></head>\n<body><article class='catenary'><h1>Plan for {escape(plan.function)}</h1>"
        f"<pre>{escape(str(plan))}</pre>{svg(plan)}\n<table class='steps'><tr>{head}</tr>{rows}</table>"
        "</article></body></html>\n"
    )
