"""Elimination: remove the vertices between inputs and outputs one by one, in any order.

Removing v replaces every pair u → v → w by u → w += J_wv ∘ J_vu (Griewank and Walther, Evaluating
Derivatives, 2nd ed., section 9.2). Output to input it is reverse mode, input to output forward mode.

The loop is written once and knows no numbers: an ``Algebra`` either counts what each step costs or does it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from math import prod
from typing import Any, Generic, Protocol, TypeVar

from catenary import _jax
from catenary._local import Edge, Implicit, Local, Node
from catenary._maps.add import Sum, add
from catenary._maps.close import close
from catenary._maps.compose import Recipe, compose
from catenary._maps.dense import blocked
from catenary._maps.factor import NoCommonFactorisation
from catenary._maps.pattern import Gathered, gathered
from catenary._maps.restrict import diagonal, trace
from catenary._maps.table import concrete
from catenary._maps.term import StructureError, Term, validate
from catenary._plan.elimination.twins import Alike, Pair, Twins, in_pairs

V = TypeVar("V")
Map = Sequence[tuple[Term, V]]

#: What a local derivative that goes straight from input k to output k adds to the part that is wanted.
PARTS = {"diagonal": diagonal, "trace": trace}

#: Check every map of every elimination: slow, for tests.
VALIDATE = bool(os.environ.get("CATENARY_VALIDATE"))

#: A map of more terms than the first is made one term, unless it is sparse; of more than the second, in any case.
MOST_TERMS, MANY_TERMS = 8, 40

#: No map is sparse that has fewer entries than this.
SMALL = 4096


class Algebra(Protocol[V]):
    """What an elimination does with the values that go with its terms."""

    def local(self, edge: Edge) -> V: ...
    def compose(self, recipe: Recipe, second: V, first: V, dtype: Any) -> V: ...
    def add(self, recipe: Sum, parts: Sequence[tuple[Term, V]], dtype: Any) -> V: ...
    def cast(self, term: Term, value: V, dtype: Any) -> V: ...
    def dense(self, term: Term, parts: Map[V], dtype: Any) -> V: ...
    def gather(self, plan: Gathered, parts: Map[V], dtype: Any) -> V: ...
    def push(self, node: Implicit, maps: Sequence[Map[V]]) -> Sequence[Map[V]]: ...
    def pull(self, node: Implicit, maps: Sequence[Map[V]]) -> Sequence[Map[V]]: ...
    def prefers_push(self, node: Implicit, tails: Sequence[Any], heads: Sequence[Any]) -> bool: ...


class Elimination(Generic[V]):
    """The edges that remain, during an elimination.

    into[w][v]   the map ∂w/∂v, a tuple of terms with their values: never changed, only replaced
    out[v]       the heads w of v, in the order in which they came
    root         the scalar that a tangent is pushed from or a cotangent pulled from: it has no dtype of its own
    wanted       where a part of the maps is asked for: (output, input) → whether it is one on the diagonal
    twins        what has been made of what, where a graph is its own mirror: its transpose is made by turning it
    alike        where not the halves alone but the whole is its own transpose: which maps are the transposes of others
    """

    __slots__ = ("algebra", "alike", "into", "local", "out", "root", "twins", "wanted")

    def __init__(self, local: Local, algebra: Algebra[V], root: int | None = None):
        self.local, self.algebra, self.root = local, algebra, root
        self.into: dict[int, dict[int, Map[V]]] = {}
        self.out: dict[int, dict[int, None]] = {}
        self.twins = Twins[V]() if local.mirror else None
        self.alike: Alike | None = None
        self.wanted: dict[tuple[int, int], bool] = {}
        if local.part in PARTS:
            ends = [(n, v) for side in (local.outputs, local.inputs) for n, v in enumerate(side)]
            n = len(local.outputs)
            self.wanted = {(w, u): i == j for i, w in ends[:n] for j, u in ends[n:]}
        self._start()

    def _start(self) -> None:
        """The local derivatives, before anything is removed."""
        for edge in self.local.edges:
            value = self.twins.local(edge, self.algebra.local) if self.twins else self.algebra.local(edge)
            if (edge.head, edge.tail) in self.wanted:
                self._part(edge, value)
            else:
                self.insert(edge.head, edge.tail, edge.piece.term, value)

    def _part(self, edge: Edge, value: V) -> None:
        """Of an edge from input k to output k, the part that is wanted."""
        recipe = PARTS[self.local.part](edge.piece.term) if self.wanted[edge.head, edge.tail] else None
        if recipe is not None:
            new = self.algebra.compose(recipe, value, value, self._dtype(edge.head, edge.tail))
            self.insert(edge.head, edge.tail, recipe.term, new)

    def copy(self) -> Elimination[V]:
        """The same state, to be taken further in another order."""
        other = copy(self)
        other.into = {w: dict(tails) for w, tails in self.into.items()}
        other.out = {v: dict(heads) for v, heads in self.out.items()}
        return other

    def insert(self, head: int, tail: int, term: Term, value: V) -> None:
        """∂head/∂tail += term."""
        if 0 in term.sizes:
            return  # no entries
        if VALIDATE:
            validate(term, *self._shapes(head, tail))
        row = self.into.get(head)
        if row is None:
            row = self.into[head] = {}
        here = row.get(tail)
        if here is None:
            row[tail] = ((term, value),)
            self.out.setdefault(tail, {})[head] = None
            return
        for k, (other, theirs) in enumerate(here):
            recipe = add(other, term)
            if recipe is not None:
                parts = (other, theirs), (term, value)
                make = partial(self.algebra.add, recipe, parts, self._dtype(head, tail))
                row[tail] = (*here[:k], self._once("add", recipe.term, parts, make), *here[k + 1 :])
                return
        row[tail] = (*here, (term, value))
        if len(here) >= MOST_TERMS and (len(here) >= MANY_TERMS or not self._last(head, tail)):
            self._reduce(head, tail)

    def _last(self, head: int, tail: int) -> bool:
        """Whether a map is part of the result: it meets no other, and its terms are written out together."""
        return head in self.local.outputs and tail in self.local.inputs

    def _once(self, kind: str, term: Term, parts: Pair[V], make: Callable[[], V]) -> tuple[Term, V]:
        """The map that two maps make; in a graph that is its own mirror, made once with its transpose."""
        return (term, make()) if self.twins is None else self.twins.once(kind, term, parts, make)

    def _shapes(self, head: int, tail: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The shapes between which ∂head/∂tail, or the wanted part of it, goes."""
        if (head, tail) in self.wanted:
            return (self.local.shape(head) if self.local.part == "diagonal" else ()), ()
        return self.local.shape(head), self.local.shape(tail)

    def _dtype(self, head: int, tail: int) -> Any:
        """The dtype in which numbers of ∂head/∂tail are made into arrays."""
        above, below = self.local.dtype(head), self.local.dtype(tail)
        if head == self.root or above == below:
            return below
        return above if tail == self.root else _jax.promoted(above, below)

    def _untie(self, head: int, tail: int) -> None:
        maps = self.into[head][tail]
        term, _ = blocked([term for term, _ in maps])
        self.into[head][tail] = ((term, self.algebra.dense(term, maps, self._dtype(head, tail))),)

    def _reduce(self, head: int, tail: int) -> None:
        """Fewer terms, where there are too many: a dense one, or, of a sparse map, one that lists the entries."""
        here = self.into[head][tail]
        terms = tuple(term for term, _ in here)
        sparse = self.local.part == "entries" or not crowded(terms)
        if sparse and len(here) <= MANY_TERMS:
            return  # shifted diagonals are cheapest side by side
        plan = gathered(terms) if sparse else None
        if plan is None or plan.full:
            self._untie(head, tail)
        else:
            self.into[head][tail] = ((plan.term, self.algebra.gather(plan, here, self._dtype(head, tail))),)

    def eliminate(self, node: Node) -> None:
        """Remove a node: every path through it becomes an edge past it."""
        heads = list(dict.fromkeys(w for v in node.vertices for w in self.out.get(v, ())))
        if node.implicit is not None:
            self._through(node.implicit, node.vertices, heads)
        else:
            self._join(heads, node.vertices[0])
        for v in node.vertices:
            for tail in self.into.pop(v, ()):
                self.out[tail].pop(v, None)
            for head in self.out.pop(v, ()):
                self.into[head].pop(v, None)

    def eliminate_alike(self, nodes: Sequence[Node], alike: Alike) -> None:
        """Remove a node and its transpose; of two maps across the middle that are each other's transposes make one."""
        self.alike = alike
        alike.start(nodes)
        for node in nodes:
            self.eliminate(node)
        for (head, tail), (above, below) in alike.made.items():
            if maps := self.into.get(head, {}).get(tail):
                self.into.setdefault(above, {})[below] = tuple((term.T, value) for term, value in maps)
                self.out.setdefault(below, {})[above] = None

    def _join(self, heads: Iterable[int], middle: int) -> None:
        """∂head/∂tail += ∂head/∂middle ∘ ∂middle/∂tail for all ``heads``, and all tails of ``middle``."""
        dtype = self.local.dtype(middle)
        lower = [(tail, self._ready(middle, tail, dtype)) for tail in self.into.get(middle, ())]
        if not lower:
            return
        for head in heads:
            upper = self._ready(head, middle, dtype)
            for tail, maps in lower:
                self._multiply(head, tail, upper, maps, dtype)

    def _ready(self, head: int, tail: int, dtype: Any) -> Map[V]:
        """∂head/∂tail for a product in ``dtype``; a single row or column as one term."""
        maps = self.into[head][tail]
        if len(maps) > 1 and thin(maps):
            self._reduce(head, tail) if self.local.part == "entries" else self._untie(head, tail)
            maps = self.into[head][tail]
        cast = tuple(self.algebra.cast(term, value, dtype) for term, value in maps)
        if any(new is not value for new, (_, value) in zip(cast, maps, strict=True)):
            maps = self.into[head][tail] = tuple((term, new) for new, (term, _) in zip(cast, maps, strict=True))
        return maps

    def _multiply(self, head: int, tail: int, upper: Map[V], lower: Map[V], dtype: Any) -> None:
        """∂head/∂tail += upper ∘ lower."""
        for first in lower:
            for second in upper:
                self._compose(head, tail, second, first, dtype)

    def _compose(self, head: int, tail: int, second: tuple[Term, V], first: tuple[Term, V], dtype: Any) -> None:
        if (head, tail) in self.wanted:
            recipe = close(second[0], first[0], self.local.part) if self.wanted[head, tail] else None
            if recipe is not None:
                self.insert(head, tail, recipe.term, self.algebra.compose(recipe, second[1], first[1], dtype))
            return
        if self.alike and self.alike.spares(head, tail):
            return
        try:
            recipe = compose(second[0], first[0], False)
        except NoCommonFactorisation:
            # one row or column is cheaper written out than met with a mask of positions
            if _plain_side(second[0].out):
                second = self._dense(second, dtype)
            elif _plain_side(first[0].inp):
                first = self._dense(first, dtype)
            recipe = compose(second[0], first[0])
        if recipe is not None:
            make = partial(self.algebra.compose, recipe, second[1], first[1], dtype)
            self.insert(head, tail, *self._once("compose", recipe.term, (second, first), make))

    def _dense(self, part: tuple[Term, V], dtype: Any) -> tuple[Term, V]:
        term, _ = blocked([part[0]])
        return term, self.algebra.dense(term, [part], dtype)

    def _through(self, node: Implicit, vertices: Sequence[int], heads: Sequence[int]) -> None:
        """Push every tail of an implicit node, or pull every head, whichever its plan prefers."""
        tails = list(dict.fromkeys(u for s in node.slots for u in self.into.get(s, ())))
        if self.algebra.prefers_push(
            node, [self._maps(node.slots, u) for u in tails], [self._onto(w, vertices) for w in heads]
        ):
            for tail in tails:
                pushed = self._act(node, "push", self._maps(node.slots, tail))
                for vertex, terms in zip(vertices, pushed, strict=True):
                    for term, value in terms:
                        self.insert(vertex, tail, term, value)
            for vertex in vertices:
                self._join(list(self.out.get(vertex, ())), vertex)
        else:
            for head in heads:
                pulled = self._act(node, "pull", self._onto(head, vertices))
                for slot, terms in zip(node.slots, pulled, strict=True):
                    for term, value in terms:
                        self.insert(head, slot, term, value)
            for slot in node.slots:
                above = list(self.out.get(slot, ()))
                self._join(above, slot)
                for head in above:
                    self.into[head].pop(slot)
        for slot in node.slots:
            self.out.pop(slot, None)
            for tail in self.into.pop(slot, ()):
                self.out[tail].pop(slot, None)

    def _act(self, node: Implicit, way: str, maps: Sequence[Map[V]]) -> Sequence[Map[V]]:
        """Push maps through a node or pull them: of a transposed one, the other way and turned."""
        algebra = self.algebra
        if node.of is None:
            return algebra.push(node, maps) if way == "push" else algebra.pull(node, maps)
        act = algebra.pull if way == "push" else algebra.push
        return turned(act(node.of, turned(maps)))

    def _maps(self, slots: Iterable[int], tail: int) -> list[Map[V]]:
        return [self.into.get(s, {}).get(tail, ()) for s in slots]

    def _onto(self, head: int, vertices: Iterable[int]) -> list[Map[V]]:
        return [self.into[head].get(v, ()) for v in vertices]

    def jacobian(self) -> list[list[Map[V]]]:
        """The maps that are left, for each output and input."""
        return [[self.into.get(w, {}).get(u, ()) for u in self.local.inputs] for w in self.local.outputs]


def turned(maps: Sequence[Map[V]]) -> list[Map[V]]:
    """The transposes of maps."""
    return [[(term.T, value) for term, value in m] for m in maps]


def thin(maps: Map[V]) -> bool:
    """Whether a map is a single row or column."""
    return _plain_side(maps[0][0].out) or _plain_side(maps[0][0].inp)


def crowded(terms: Sequence[Term]) -> bool:
    """Whether terms of one map hold more than a quarter of a dense one, or that is small, or sizes are symbolic."""
    sizes = [axis.size for axis in (*terms[0].out, *terms[0].inp)]
    if not concrete(*sizes, *(n for term in terms for n in term.sizes)):
        return True
    return prod(sizes) <= max(SMALL, 4 * sum(prod(term.sizes) for term in terms))


def _plain_side(axes: Sequence[Any]) -> bool:
    """Whether a side has one position only: the map is a row or a column."""
    return not any(axis.factors for axis in axes)


def check_order(local: Local, order: Sequence[int]) -> None:
    """Raise StructureError unless every node stands in an order once: a forgotten one would be a path forgotten."""
    if sorted(order) != list(range(len(local.nodes))):
        raise StructureError(f"{tuple(order)} is no order of {len(local.nodes)} vertices")


def eliminate(local: Local, order: Iterable[int], algebra: Algebra[V]) -> list[list[Map[V]]]:
    """∂output/∂input for every pair, by removing ``local.nodes`` in the given order."""
    state = Elimination(local, algebra)
    order = tuple(order)
    check_order(local, order)
    if (groups := in_pairs(local, order)) is not None:
        alike = Alike(local, order)
        for group in groups:
            state.eliminate_alike([local.nodes[k] for k in group], alike)
    else:
        for k in order:
            state.eliminate(local.nodes[k])
    return state.jacobian()
