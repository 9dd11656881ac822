"""The algebra that counts: every step of an elimination charged, none done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, NamedTuple

from catenary._local import IDENTITY, Edge, Implicit, Local
from catenary._maps.add import Sum
from catenary._maps.compose import Recipe
from catenary._maps.dense import blocked
from catenary._maps.pattern import Gathered
from catenary._maps.term import Term
from catenary._plan.costs.cost import SUMS, Price, Work, composed, dense, written
from catenary._plan.costs.passes import closed, passed
from catenary._plan.elimination.eliminate import Map, turned
from catenary._plan.elimination.ports import passes

Mode = Literal["pull", "push", "cheapest"]

#: How an array stands: an identity of ours that no equation made, an array in memory, or a loop yet to be fused.
OURS, STORED, FUSED = 0, 1, 2


class Array(int):
    """An array of which only how it stands is known: every one an object of its own, as arrays are."""

    __slots__ = ()


class TooDear(Exception):
    """An order that has passed the limit."""


@dataclass(slots=True)
class Limit:
    """How far orders are counted: each up to a price, and together for so many steps."""

    price: float = float("inf")
    steps: float = float("inf")


class Known(NamedTuple):
    """What a product added to a map: what stands there now, and the work it took."""

    map: Map[int] | None
    works: tuple[Work, ...]
    price: Any


class Count:
    """Adds up what an elimination costs. The values that go with its terms say how their arrays stand.

    model    how a step is priced; ``kind`` of device for the model ``time``
    mode     how implicit nodes pass: all pulled, all pushed, or each as is cheapest
    limit    where to stop with TooDear
    done     each step charged, and ``again``: products looked up, how often each
    total    the price so far; symbolic sizes count at typical values
    impossible  whether a map would have to pass in a direction that it does not have
    pushed   the implicit nodes that were pushed
    """

    def __init__(
        self,
        local: Local,
        model: str = "time",
        mode: Mode = "cheapest",
        limit: Limit | None = None,
        kind: str = "cpu",
    ):
        self.graph, self.model, self.mode, self.limit = local.graph, model, mode, limit or Limit()
        self.price = Price(model, (a.shape for a in local.graph.avals), kind)
        self.done: list[Work] = []
        self.again: dict[int, tuple[int, Known]] = {}
        self.total: Any = 0
        self.impossible = False
        self.pushed: set[Implicit] = set()

    @property
    def work(self) -> Work:
        """All that was done."""
        steps = Counter(self.done)
        for times, known in self.again.values():
            for work in known.works:
                steps[work] += times
        return sum((work.times(n) for work, n in steps.items()), Work())

    @property
    def cost(self) -> Any:
        """What the order costs: exact where the model is a sum, a polynomial in symbolic sizes."""
        if self.impossible:
            return float("inf")
        return getattr(self.work, self.model) if self.model in SUMS else self.total

    def charge(self, work: Work) -> None:
        """Add one step."""
        self.done.append(work)
        self._pay(self.price(work))

    def repeat(self, known: Known) -> None:
        """Add the steps of a product that has been counted before."""
        times, _ = self.again.get(id(known), (0, known))
        self.again[id(known)] = times + 1, known
        self._pay(known.price)

    def _pay(self, price: Any) -> None:
        self.total += price
        self.limit.steps -= 1
        if self.total > self.limit.price or self.limit.steps < 0:
            raise TooDear

    def since(self, mark: int) -> tuple[tuple[Work, ...], Any]:
        """The steps charged after the first ``mark`` of them, and their price."""
        works = tuple(self.done[mark:])
        return works, sum(self.price(work) for work in works)

    def local(self, edge: Edge) -> int:
        return Array(OURS if edge.piece.row is IDENTITY else STORED)

    def compose(self, recipe: Recipe, second: int, first: int, dtype: Any) -> int:
        if second and first:
            work = composed(recipe, dtype.itemsize, second, first)
            self.charge(work)
            return Array(STORED if work.kernels else FUSED)
        return second or first

    def add(self, recipe: Sum, parts: Sequence[Any], dtype: Any) -> int:
        if recipe.flops:
            self.charge(Work(flops=recipe.flops))
        return Array(FUSED)

    def cast(self, term: Term, value: int, dtype: Any) -> int:
        return value

    def dense(self, term: Term, parts: Map[int], dtype: Any) -> int:
        self.charge(Work(flops=dense(blocked([t for t, _ in parts])[1])))
        return Array(FUSED)

    def gather(self, plan: Gathered, parts: Map[int], dtype: Any) -> int:
        entries = sum(prod(t.sizes) for t, _ in parts)
        self.charge(Work(entries - len(plan.pattern.positions), bytes=3 * entries * dtype.itemsize, kernels=1))
        return Array(STORED)

    def write(self, terms: Map[int], dtype: Any) -> None:
        """Charge writing a map out in full."""
        self.charge(written([t for t, _ in terms], dtype.itemsize))

    def prefers_push(self, node: Implicit, tails: Sequence[Any], heads: Sequence[Any]) -> bool:
        one, ways = (node, ("push", "pull")) if node.of is None else (node.of, ("pull", "push"))
        no_push, no_pull = (way in closed(one) for way in ways)  # a push is the other's pull
        push = self.mode == "push"
        if self.mode == "cheapest":
            pushes, pulls = (
                sum(self.price(work) for m in maps for work in self._passes(node, m, side))
                for maps, side in ((tails, "out"), (heads, "inp"))
            )
            push = not no_push and (no_pull or bool(pushes < pulls))
        if (push and no_push and tails) or (not push and no_pull and heads):
            self.impossible = True
        if push:
            self.pushed.add(node)
        return push

    def _passes(self, node: Implicit, maps: Sequence[Any], side: str) -> list[Work]:
        if node.of is not None:
            return self._passes(node.of, turned(maps), "inp" if side == "out" else "out")
        return [passed(self.graph, node, p.plan.count, side) for p in passes(self.graph, node, maps, side)]

    def push(self, node: Implicit, maps: Sequence[Any]) -> Sequence[Map[int]]:
        return self._through(node, maps, "out")

    def pull(self, node: Implicit, maps: Sequence[Any]) -> Sequence[Map[int]]:
        return self._through(node, maps, "inp")

    def _through(self, node: Implicit, maps: Sequence[Any], side: str) -> Sequence[Map[int]]:
        back: list[list[tuple[Term, int]]] = [[] for _ in (node.outputs if side == "out" else node.slots)]
        for one in passes(self.graph, node, maps, side):
            self.charge(passed(self.graph, node, one.plan.count, side))
            for port, term in zip(one.ports, one.plan.terms, strict=True):
                back[port].append((term, Array(STORED)))
        return back
