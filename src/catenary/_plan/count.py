"""The algebra that counts: every step of an elimination charged, none done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from catenary._local import Edge, Implicit, Local
from catenary._maps.add import Sum
from catenary._maps.compose import Recipe
from catenary._maps.term import Term
from catenary._plan.eliminate import Map
from catenary._plan.flops import equation_flops
from catenary._plan.ports import passes

Mode = Literal["pull", "push", "cheapest"]

#: cost models: what a recipe costs; ``flops`` counts additions too, ``multiplications`` is the literature's
MODELS: dict[str, Callable[[Recipe], Any]] = {
    "flops": lambda recipe: recipe.flops,
    "multiplications": lambda recipe: recipe.multiplications,
}

#: Pushes that no rule gives, and pulls that no size is known for.
NO_PUSH, NO_PULL = frozenset({"custom_vjp_call"}), frozenset({"while"})


class TooDear(Exception):
    """An order whose cost has passed the limit."""


class Count:
    """Adds up what an elimination costs.

    limit    where to stop with TooDear
    mode     how implicit nodes pass: all pulled, all pushed, or each as is cheapest
    impossible  whether a map would have to pass in a direction that it does not have
    pushed   the implicit nodes that were pushed
    """

    def __init__(self, local: Local, model: str = "flops", mode: Mode = "cheapest", limit: Any = None):
        self.graph, self.charge, self.mode = local.graph, MODELS[model], mode
        self.limit = float("inf") if limit is None else limit
        self.adds = model == "flops"
        self.total: Any = 0
        self.impossible = False
        self.pushed: set[Implicit] = set()

    def local(self, edge: Edge) -> None:
        return None

    def compose(self, recipe: Recipe, second: None, first: None, dtype: Any) -> None:
        self.total += self.charge(recipe)
        if isinstance(self.total, int) and self.total > self.limit:
            raise TooDear

    def add(self, recipe: Sum, parts: Sequence[Any], dtype: Any) -> None:
        self.total += recipe.flops if self.adds else 0

    def cast(self, term: Term, value: None, dtype: Any) -> None:
        return None

    def dense(self, term: Term, parts: Map[None], dtype: Any) -> None:
        size: Any = 1
        for n in term.sizes:
            size = size * n
        self.total += size * (len(parts) - 1) if self.adds else 0

    def prefers_push(self, node: Implicit, tails: Sequence[Any], heads: Sequence[Any]) -> bool:
        push = self.mode == "push"
        if self.mode == "cheapest":
            costs = [sum(self._passes(node, m, side) for m in maps) for maps, side in ((tails, "out"), (heads, "inp"))]
            push = node.kind not in NO_PUSH and (node.kind in NO_PULL or bool(costs[0] < costs[1]))
        if (push and node.kind in NO_PUSH and tails) or (not push and node.kind in NO_PULL and heads):
            self.impossible = True
        if push:
            self.pushed.add(node)
        return push

    def _passes(self, node: Implicit, maps: Sequence[Any], side: str) -> Any:
        each = equation_flops(self.graph, node.equation)
        return sum(p.plan.count * each for p in passes(self.graph, node, maps, side))

    def push(self, node: Implicit, maps: Sequence[Any]) -> list[Map[None]]:
        return self._through(node, maps, "out")

    def pull(self, node: Implicit, maps: Sequence[Any]) -> list[Map[None]]:
        return self._through(node, maps, "inp")

    def _through(self, node: Implicit, maps: Sequence[Any], side: str) -> list[Map[None]]:
        back: list[Map[None]] = [[] for _ in (node.outputs if side == "out" else node.slots)]
        self.total += self._passes(node, maps, side)
        for one in passes(self.graph, node, maps, side):
            for port, term in zip(one.ports, one.plan.terms, strict=True):
                back[port].append((term, None))
        return back
