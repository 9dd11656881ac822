"""A chain of blocks, bracketed exactly: by products of explicit maps, and by pushes and pulls through a block.

Where every path from the inputs to the outputs passes one vertex, the derivative is a product there. Between two such
cuts lies a block: one edge, or a graph with loops and branches of its own. This is the generalised Jacobian chain
product (Naumann, On the computation of Jacobian chain products, 2023; Godbole 1973 for the explicit one alone).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from catenary import _dimensions
from catenary._local import Edge, Local
from catenary._maps.compose import compose
from catenary._maps.term import Term
from catenary._plan.costs.cost import multiplied
from catenary._plan.costs.count import STORED, Count
from catenary._plan.costs.tally import Table, tally
from catenary._plan.orders.candidate import Order

#: A stretch between two cuts: (place among the heads, place among the tails, map, how its array stands).
Stretch = tuple[tuple[int, int, Term, int], ...]
_NONE: Mapping[tuple[int, int], int] = MappingProxyType({})


class Way(NamedTuple):
    """A way to a stretch: what it costs, the number of the stretch, and the parts that make its order."""

    cost: Any
    stretch: int
    order: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Block:
    """What lies between two cuts: nodes in topological order, and the edges among them and the cuts."""

    nodes: Order
    edges: tuple[Edge, ...]


def cuts_of(local: Local) -> list[int]:
    """The explicit nodes that every path from an input to an output passes, in order."""
    place = _places(local)
    over = [0] * (len(local.nodes) + 2)
    for edge in local.edges:
        over[place[edge.tail] + 1] += 1
        over[place[edge.head]] -= 1
    cuts, spanning = [], 0
    for k, node in enumerate(local.nodes):
        spanning += over[k]
        if not spanning and node.implicit is None:
            cuts.append(k)
    return cuts


def _places(local: Local) -> dict[int, int]:
    """Vertex → the number of its node; -1 for inputs, the number of nodes for outputs."""
    place = dict.fromkeys(local.inputs, -1) | dict.fromkeys(local.outputs, len(local.nodes))
    for k, node in enumerate(local.nodes):
        place |= dict.fromkeys((*node.vertices, *(node.implicit.slots if node.implicit else ())), k)
    return place


def chain(local: Local, cuts: Sequence[int], model: str, kind: str) -> Order:
    """The cheapest order of a chain of blocks.

    cost[i, j] is the least of: joining [i, k] and [k, j] at any cut k between; pushing [i, j-1] through the last
    block; pulling [i+1, j] through the first.
    """
    moves = Moves(local, cuts, model, kind)
    n = len(moves.blocks)
    best = {(i, i + 1): moves.block(i) for i in range(n)}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length
            ways = [_least_join(moves, best, i, j)]
            if moves.blocks[j - 1].nodes:
                ways.append(moves.push(i, j, best[i, j - 1]))
            if moves.blocks[i].nodes:
                ways.append(moves.pull(i, j, best[i + 1, j]))
            best[i, j] = min(ways, key=_cost)
    return tuple(_flat(best[0, n].order))


def _least_join(moves: Moves, best: dict[tuple[int, int], Way], i: int, j: int) -> Way:
    least, found = (float("inf"), -1), (0, 0)
    for k in range(i + 1, j):
        left, right = best[i, k], best[k, j]
        joined = moves.join(i, k, j, left.stretch, right.stretch)
        cost = left.cost + right.cost + joined[0]
        if cost < least[0]:
            least, found = (cost, k), joined
    cost, k = least
    return Way(cost, found[1], (best[i, k].order, best[k, j].order, moves.cuts[k]))


_cost = attrgetter("cost")


def _flat(order: Sequence[Any]) -> Iterator[int]:
    for part in order:
        yield from (part,) if isinstance(part, int) else _flat(part)


class Moves:
    """The moves of the bracketing. A join is counted once for all stretches of the same structure.

    ends     the vertices at each cut, the inputs before them and the outputs after
    known    stretch → its number; ``dense`` the sizes of those that are one dense matrix
    joined   what has been counted, by the numbers of the stretches; ``products`` the dense matrix between two shapes
    """

    def __init__(self, local: Local, cuts: Sequence[int], model: str, kind: str):
        self.local = replace(local, edges=[], part="whole", mirror={})
        self.count, self.table = Count(local, model, kind=kind), Table()
        self.cuts = (-1, *cuts, len(local.nodes))
        self.ends = [local.inputs, *(local.nodes[k].vertices for k in cuts), local.outputs]
        self.blocks = _blocks(local, self.cuts)
        self.known: dict[Stretch, int] = {}
        self.stretches: list[Stretch] = []
        self.dense: list[tuple[int, int] | None] = []
        self.joined: dict[tuple[int, int], tuple[Any, int]] = {}
        self.products: dict[Any, int] = {}

    def block(self, i: int) -> Way:
        """A block alone, its inside removed from either end."""
        inside = self.blocks[i].nodes
        orders = (inside[::-1], inside) if len(inside) > 1 else (inside,)
        return min((Way(*self._run(i, i + 1, order, block=i), order) for order in orders), key=_cost)

    def join(self, i: int, k: int, j: int, left: int, right: int) -> tuple[Any, int]:
        """Two stretches that meet at cut k, as a product of explicit maps: what it costs, and the stretch it gives."""
        found = self.joined.get((left, right))
        if found is None:
            found = self._product(k, left, right)
            if found is None:
                found = self._run(i, j, (self.cuts[k],), {(i, k): left, (k, j): right})
            self.joined[left, right] = found
        return found

    def push(self, i: int, j: int, left: Way) -> Way:
        """The stretch from cut i to cut j - 1, pushed through the block that follows."""
        order = (self.cuts[j - 1], *self.blocks[j - 1].nodes)
        cost, stretch = self._run(i, j, order, {(i, j - 1): left.stretch}, block=j - 1)
        return Way(left.cost + cost, stretch, (left.order, order))

    def pull(self, i: int, j: int, right: Way) -> Way:
        """The stretch from cut i + 1 to cut j, pulled through the block that precedes."""
        order = (self.cuts[i + 1], *self.blocks[i].nodes[::-1])
        cost, stretch = self._run(i, j, order, {(i + 1, j): right.stretch}, block=i)
        return Way(right.cost + cost, stretch, (right.order, order))

    def _number(self, stretch: Stretch) -> int:
        if stretch not in self.known:
            self.known[stretch] = len(self.stretches)
            self.stretches.append(stretch)
            self.dense.append(_dense(stretch))
        return self.known[stretch]

    def _product(self, k: int, left: int, right: int) -> tuple[Any, int] | None:
        """One map by another; None where there are more."""
        if len(self.stretches[left]) != 1 or len(self.stretches[right]) != 1:
            return None
        ((_, tail, first, b),), ((head, _, second, a),) = self.stretches[left], self.stretches[right]
        dtype = self.local.dtype(self.ends[k][0])
        above, below = self.dense[right], self.dense[left]
        if above and below:
            work = multiplied(above[0], above[1], below[1], dtype.itemsize, a, b)
            key = second.out, first.inp, head, tail
            if key not in self.products:
                recipe = compose(second, first)
                assert recipe is not None
                self.products[key] = self._number(((head, tail, recipe.term, STORED),))
            return self.count.price(work), self.products[key]
        recipe = compose(second, first)
        if recipe is None:
            return 0, self._number(())
        before = self.count.total
        value = self.count.compose(recipe, a, b, dtype)
        return self.count.total - before, self._number(((head, tail, recipe.term, value),))

    def _run(
        self, i: int, j: int, order: Order, stretches: Mapping[tuple[int, int], int] = _NONE, block: int | None = None
    ) -> tuple[Any, int]:
        """Remove nodes from stretches and a block: what it costs, and the stretch from cut i to cut j that is left."""
        before = self.count.total
        state = tally(self.local, self.count, self.table)
        for (a, b), number in stretches.items():
            for head, tail, term, value in self.stretches[number]:
                state.insert(self.ends[b][head], self.ends[a][tail], term, value)
        for edge in () if block is None else self.blocks[block].edges:
            state.insert(edge.head, edge.tail, edge.piece.term, self.count.local(edge))
        for k in order:
            state.eliminate(self.local.nodes[k])
        left = [
            (h, t, term, value)
            for h, head in enumerate(self.ends[j])
            for t, tail in enumerate(self.ends[i])
            for term, value in state.into.get(head, {}).get(tail, ())
        ]
        return self.count.total - before, self._number(tuple(left))


def _dense(stretch: Stretch) -> tuple[int, int] | None:
    """The sizes of one dense matrix; None for any other stretch."""
    if len(stretch) != 1:
        return None
    term = stretch[0][2]
    labels = [label for axis in (*term.out, *term.inp) for label, _ in axis.factors]
    whole = all(axis.plain or (axis.size == 1 and not axis.start) for axis in (*term.out, *term.inp))
    if not whole or len(set(labels)) < len(labels) or term.mask is not None or term.scale != 1:
        return None
    if term.core is None or set(term.core) != set(labels) or not all(isinstance(n, int) for n in term.sizes):
        return None
    return prod(axis.size for axis in term.out), prod(axis.size for axis in term.inp)


def _blocks(local: Local, cuts: Sequence[int]) -> list[Block]:
    """The blocks between cuts, the first of which stands for the inputs and the last for the outputs."""
    place, edges = _places(local), [list[Edge]() for _ in cuts[1:]]
    for edge in local.edges:
        edges[bisect_left(cuts, place[edge.head]) - 1].append(edge)
    return [Block(tuple(range(a + 1, b)), tuple(e)) for (a, b), e in zip(pairwise(cuts), edges, strict=True)]


def waists(local: Local, cuts: Sequence[int]) -> Order:
    """An order for a chain of many blocks, in time linear in their number.

    A cut goes early where it is wide among narrow neighbours (Chin, CACM 1978; at most 16 % above the least cost of a
    product of dense matrices, Hu and Shing 1981). What is left is swept from the narrowest place outwards.
    """
    n = len(local.nodes)
    places = (-1, *cuts, n)
    ends = (local.inputs, *(local.nodes[k].vertices for k in cuts), local.outputs)
    width = [max(1, sum(size(local.shape(v)) for v in end)) for end in ends]
    narrowest = min(width)
    waist = places[width.index(narrowest)]
    order: list[int] = []
    stack: list[int] = []
    for b in range(len(width)):
        while len(stack) > 1 and 1 / width[stack[-1]] + 1 / narrowest < 1 / width[stack[-2]] + 1 / width[b]:
            early = stack.pop()
            order += range(places[early - 1] + 1, places[early])
            order += range(places[early] + 1, places[early + 1])
            order.append(places[early])
        stack.append(b)
    order += [*range(waist - 1, -1, -1), *range(waist + 1, n), *((waist,) if 0 <= waist < n else ())]
    return tuple(dict.fromkeys(order))


def size(shape: Sequence[Any]) -> int:
    """How many entries an array has, symbolic sizes at typical values."""
    return prod(_dimensions.evaluated(n, _dimensions.typical(*shape)) for n in shape)
