"""What no elimination order can go below.

When a vertex is eliminated, its predecessors at that moment cut it off from the inputs and its successors from the
outputs, whatever the order. By Menger's theorem there are at least as many of them as there are disjoint paths. So an
entry of the vertex costs at least p · q, p disjoint paths from the inputs and q to the outputs; every pair of arrays
that is connected is written out once; every implicit node is passed once.

Disjoint paths are counted by the widest path: a map of blocks with b columns lets through min(n, b) of any n entries.
That is less than there may be, so the bound is true and often not sharp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from math import inf, prod
from typing import Any, NamedTuple

from catenary import _dimensions
from catenary._graph import Graph
from catenary._local import IDENTITY, Edge, Local
from catenary._maps.compose import compose
from catenary._maps.term import Axis, Term, shared
from catenary._plan.costs.cost import Price, Work, written
from catenary._plan.costs.passes import passed

#: Compositions to find the structure of the result; where it would take more, writing it counts as bytes alone.
MOST_COMPOSITIONS = 20_000


class Side(NamedTuple):
    """One side of a term: what its labels do on the array's axes.

    block   entries of a block on this side: sizes of the labels that stand here alone
    free    numbers of the axes along which nothing is tied
    covers  whether every entry of the array belongs to a block, and ``apart`` whether to one at most
    held    whether the core tells the entries of a block apart
    kept    numbers of the axes whose labels the core has; ``bare`` where there is no array
    """

    block: int
    free: frozenset[int]
    covers: bool
    apart: bool
    held: bool
    kept: frozenset[int]
    bare: bool


@lru_cache(maxsize=65536)
def sides(term: Term) -> tuple[Side, Side]:
    """The output's and the input's side of a term with numbers for sizes."""
    ties, core = set(term.ties), set(term.core or ())

    def side(axes: Sequence[Axis]) -> Side:
        alone = [i for axis in axes for i, _ in axis.factors if i not in ties]
        free = (k for k, axis in enumerate(axes) if axis.factors and not ties & {i for i, _ in axis.factors})
        told = {i for axis in axes if _apart(axis, term.sizes) for i, _ in axis.factors}
        apart = told.issuperset(i for axis in axes for i, _ in axis.factors)
        reached = all(prod(term.sizes[i] for i, _ in axis.factors) == axis.size for axis in axes)
        return Side(
            prod(term.sizes[i] for i in dict.fromkeys(alone)),
            frozenset(free),
            apart and reached and _once(axes),
            apart,
            core.issuperset(alone),
            frozenset(k for k, axis in enumerate(axes) if core.issuperset(i for i, _ in axis.factors)),
            term.one,
        )

    return side(term.out), side(term.inp)


def _once(axes: Sequence[Axis]) -> bool:
    labels = [i for axis in axes for i, _ in axis.factors]
    return len(labels) == len(set(labels))


def _apart(axis: Axis, sizes: Sequence[int]) -> bool:
    """Whether different labels give different positions: each stride beyond the reach of those below it."""
    reach = 0
    strides = [(s, i) for i, s in axis.factors]
    if not all(isinstance(s, int) for s, _ in strides):
        return False
    for stride, label in sorted(strides, key=lambda f: abs(f[0])):
        if abs(stride) <= reach:
            return False
        reach += abs(stride) * (sizes[label] - 1)
    return True


def lower_bound(local: Local, model: str, kind: str = "cpu") -> Any:
    """What every elimination order costs at least, in a model; sizes with names stand at typical values.

    Cost: linear in the program.
    """
    price = Price(model, (a.shape for a in local.graph.avals), kind)
    paths = _Paths(_at(local, price.typical) if price.typical else local, model == "multiplications")
    through = ([passed(local.graph, node, 1, side) for side in ("out", "inp")] for node in paths.passed())
    works = [*paths.written(), *(min(ways, key=price) for ways in through)]
    total, more = sum(price(work) for work in works), inf if len(paths.explicit) == len(local.nodes) else 0
    for stage in paths.stages():
        join = _Join(paths, stage, price)
        total += join.cost
        more = min(more, join.last - join.cost if not join.free else inf)
    return total + (more if more < inf else 0)


def _at(local: Local, sizes: dict[str, int]) -> Local:
    """The same graph with numbers for names."""

    def number(n: Any) -> Any:
        return _dimensions.evaluated(n, sizes)

    def axes(side: Sequence[Axis]) -> tuple[Axis, ...]:
        return tuple(Axis(number(a.size), number(a.start), tuple((i, number(s)) for i, s in a.factors)) for a in side)

    def edge(e: Edge) -> Edge:
        t = e.piece.term
        term = replace(t, out=axes(t.out), inp=axes(t.inp), sizes=tuple(map(number, t.sizes)))
        return replace(e, piece=replace(e.piece, term=term))

    avals = [a.update(shape=tuple(map(number, a.shape))) for a in local.graph.avals]
    return Local(Graph(avals), local.inputs, local.outputs, local.nodes, [edge(e) for e in local.edges])


class _Join:
    """Eliminating vertices that hang together entry by entry, in whatever order.

    The last of them joins all that is above to all that is below. The others each meet a neighbour of the stage, and
    the first or the last vertex meets one outside.

    cost    what that takes at least
    last    what it takes where no other vertex is left by then: the neighbours are the inputs and outputs themselves
    free    whether it is one vertex that only gives its value to an output
    """

    __slots__ = ("cost", "free", "last")

    def __init__(self, paths: _Paths, stage: Sequence[int], price: Price):
        above, below = paths.above(stage[0]), paths.below(stage[-1])
        shape, width, inner = paths.local.shape(stage[0]), paths.local.dtype(stage[0]).itemsize, len(stage) - 1
        size, p, q = prod(shape), above.paths, below.paths
        left, right = (prod(shape[k] for k in cut.kept) for cut in (above, below))
        contracted = not paths.pairs and bool(above.free & below.free)
        met = size if inner or paths.pairs else prod(shape[k] for k in above.kept | below.kept)
        # products of two arrays; or of an array and ones, which are sums or copies
        others = (size * (min(p, q) + inner - 1) if p and q else size * max(0, inner - 1)) if inner else 0

        def joined(tails: int, heads: int) -> Any:
            """The price of the last vertex where an entry has so many predecessors and successors."""
            if p and q:
                pairs = met * tails * heads
                flops, moved = pairs * (1 + contracted), width * (left * tails + right * heads + tails * heads)
            else:
                once, last = (left * p, left * tails) if p else (right * q, right * heads)
                pairs, moved = once if inner else 0, 0
                flops = last + (once if inner else 0) if contracted else pairs
            kernel = Work(flops, pairs, pairs, moved if contracted else 0, 1)
            return price(kernel) if contracted else min(price(kernel), price(kernel._replace(kernels=0)))

        counts = (p or q) and above.leads and below.leads
        rest = price(Work(others, others, others)) if others else 0
        self.cost, self.last = (rest + joined(p, q), rest + joined(above.reach, below.reach)) if counts else (0, 0)
        self.free = not inner and all(e.piece.row is IDENTITY for e in paths.out.get(stage[0], ()))


class _Cut(NamedTuple):
    """Of one entry, how many disjoint paths and how many starts there are at least.

    free, kept    axes that the maps at hand do not tie, and axes that their cores hold
    leads         whether every entry is surely on a path
    """

    paths: int
    reach: int
    free: frozenset[int]
    kept: frozenset[int]
    leads: bool


class _Reach(NamedTuple):
    """The starts that lead to a vertex, as bits: those that may, those that surely do.

    width    of the widest path; ``entries`` of the starts that lead to each entry, at least
    """

    starts: int = 0
    sure: int = 0
    width: float = 0.0
    entries: int = 0

    def of(self, n: int) -> int:
        """How many entries of the starts lead to n entries together, at least."""
        return int(max(self.entries, min(n, self.width)))


NOTHING = _Reach()


class _Paths:
    """Disjoint paths of single entries, from the inputs down to a vertex and from a vertex down to the outputs.

    pairs   whether every pair of entries that meet is counted; else only where the arrays tell them apart
    """

    def __init__(self, local: Local, pairs: bool):
        self.local, self.pairs = local, pairs
        self.into: dict[int, list[Edge]] = {}
        self.out: dict[int, list[Edge]] = {}
        for edge in local.edges:
            self.into.setdefault(edge.head, []).append(edge)
            self.out.setdefault(edge.tail, []).append(edge)
        self.explicit = [node.vertices[0] for node in local.nodes if node.implicit is None]
        self.roots = self._sweep(local.edges, local.inputs, up=False)
        self.ends = self._sweep(local.edges[::-1], local.outputs, up=True)

    def _sweep(self, edges: Iterable[Edge], starts: Sequence[int], up: bool) -> dict[int, _Reach]:
        """For each vertex the starts that lead to it, and the width of the widest path."""
        found = {v: _Reach(1 << k, 1 << k, inf) for k, v in enumerate(dict.fromkeys(starts))}
        inside: dict[int, Sequence[int]] = {}
        for node in self.local.nodes:
            if node.implicit is not None:
                far, near = node.vertices, node.implicit.slots
                inside.update(dict.fromkeys(near if up else far, far if up else near))
        for edge in edges:
            here, there = (edge.head, edge.tail) if up else (edge.tail, edge.head)
            mine, old = found.get(here, NOTHING), found.get(there, NOTHING)
            for v in inside.get(here, ()):  # an implicit node hides what is disjoint inside it
                mine = mine._replace(starts=mine.starts | found.get(v, NOTHING).starts)
            found[here] = mine
            width, entries = 0.0, 0
            entry, source = sides(edge.piece.term)[::-1] if up else sides(edge.piece.term)
            if self._passable(entry, source):
                width = min(mine.width, inf if entry.block <= source.block else source.block)
                entries = mine.of(source.block)
            sure = mine.sure if entry.covers else 0
            found[there] = _Reach(
                old.starts | mine.starts, old.sure | sure, max(old.width, width), max(old.entries, entries)
            )
        return found

    def _passable(self, near: Side, far: Side) -> bool:
        """Whether every entry on the near side has neighbours on the far side, its own, that the core tells apart."""
        return near.covers and far.apart and (self.pairs or far.held)

    def above(self, vertex: int) -> _Cut:
        edges = [(e, self.roots[e.tail], *sides(e.piece.term)) for e in self.into.get(vertex, ())]
        return self._cut(edges)

    def below(self, vertex: int) -> _Cut:
        found = ((e, sides(e.piece.term)) for e in self.out.get(vertex, ()))
        return self._cut([(e, self.ends.get(e.head, NOTHING), inp, out) for e, (out, inp) in found])

    def _cut(self, edges: Sequence[tuple[Edge, _Reach, Side, Side]]) -> _Cut:
        """Paths through neighbours that have no start in common are disjoint; of those that have, the widest counts."""
        edges = [e for e in edges if e[1].width and self._passable(*e[2:])]
        leads = bool(edges)
        edges = [e for e in edges if e[0].piece.row is not IDENTITY]
        full = [e for e in edges if self.pairs or (e[0].piece.term.core is not None and e[2].held and e[3].held)]
        groups: list[tuple[int, int, int]] = []
        for _, reach, _, far in full:
            bits, count, entries = reach.starts, int(min(far.block, reach.width)), reach.of(far.block)
            for old in [g for g in groups if g[0] & bits]:
                groups.remove(old)
                bits, count, entries = bits | old[0], max(count, old[1]), max(entries, old[2])
            groups.append((bits, count, entries))
        met = [near for _, _, near, _ in full or edges if full or near.bare]
        free, kept = (_common([getattr(side, name) for side in met]) for name in ("free", "kept"))
        return _Cut(sum(n for _, n, _ in groups), sum(n for _, _, n in groups), free, kept, leads)

    def stages(self) -> Iterator[list[int]]:
        """The explicit vertices in chains along which one array multiplies entry by entry, inputs first."""
        after = {}
        for v in self.explicit:
            edges = self.out.get(v, [])
            if len(edges) == 1 and len(self.into[edges[0].head]) == 1 and self._entrywise(edges[0]):
                after[v] = edges[0].head
        heads = set(after.values())
        for v in self.explicit:
            if v not in heads:
                stage = [v]
                while stage[-1] in after:
                    stage.append(after[stage[-1]])
                yield stage

    def _entrywise(self, edge: Edge) -> bool:
        term = edge.piece.term
        whole = self.pairs or (term.core is not None and len(term.core) == len(term.sizes))
        return whole and edge.piece.row is not IDENTITY and term.out == term.inp and _plain(term)

    def passed(self) -> Iterator[Any]:
        """The implicit nodes that some entry surely reaches and that surely reach some output."""
        for node in self.local.nodes:
            inside = node.implicit
            if inside is None:
                continue
            above, below = (self.roots[v] for v in inside.slots), (self.ends.get(v, NOTHING) for v in node.vertices)
            if any(reach.sure for reach in above) and any(reach.sure for reach in below):
                yield inside

    def written(self) -> Iterator[Work]:
        """Each pair of an output and an input that is surely connected is written out."""
        inputs = tuple(dict.fromkeys(self.local.inputs))
        few = len(inputs) * len(self.local.edges) <= MOST_COMPOSITIONS
        for k, u in enumerate(inputs):
            ties = self._structures(u) if few else {}
            for w in self.local.outputs:
                if self.roots.get(w, NOTHING).sure >> k & 1:
                    width = self.local.dtype(w).itemsize
                    known = ties.get(w)
                    size = prod(self.local.shape(u)) * prod(self.local.shape(w))
                    yield written([known], width) if known else Work(bytes=width * size, kernels=1)

    def _structures(self, source: int) -> dict[int, Term | None]:
        """What the map from an input to each vertex ties, where that is the same along all paths; None elsewhere."""
        found: dict[int, Term | None] = {source: Term.identity(self.local.shape(source))}
        hidden = {v for node in self.local.nodes if node.implicit is not None for v in node.vertices}
        for edge in self.local.edges:
            if edge.tail not in found and edge.tail not in hidden:
                continue
            first, term = found.get(edge.tail), edge.piece.term
            recipe = compose(_bare(term), first) if first is not None and _plain(term) else None
            made = _bare(recipe.term) if recipe is not None else None
            found[edge.head] = made if found.get(edge.head, made) == made else None
        return found


def _common(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset.intersection(*sets) if sets else frozenset()


@lru_cache(maxsize=65536)
def _bare(term: Term) -> Term:
    return shared(replace(term, core=None, mask=None, scale=1, precision=None))


def _plain(term: Term) -> bool:
    return all(axis.plain or axis.size == 1 for axis in (*term.out, *term.inp))
