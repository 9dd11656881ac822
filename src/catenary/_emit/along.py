"""The forward pass and an elimination in one, as ``jax.jvp`` goes: a loop computes values and tangents together.

A vector is pushed through each node once, and a custom rule gives the value too; a Jacobian by several arguments pushes
a node once for each, the value in the first. Products with values that are not made yet wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from catenary._emit.algebra import Compute, Lazy, batched
from catenary._emit.einsum import Value
from catenary._emit.implicit import HANDLERS, Whole
from catenary._emit.program import Forward, pushed
from catenary._local import Implicit, Local
from catenary._maps.add import Sum
from catenary._maps.compose import Recipe
from catenary._maps.term import Term
from catenary._plan.elimination.eliminate import Map, eliminate
from catenary._plan.elimination.ports import Pass


def along(local: Local, forward: Forward, tangents: Sequence[Any], again: bool = False) -> list[Any]:
    """One tangent an input (None: zero) pushed to one an output, on the way of the forward pass.

    again   it has run before: what has no result is not shown
    """
    return pushed(local, Alongside(forward, again), tangents)


def jacobian_along(local: Local, forward: Forward, order: Iterable[int]) -> list[list[Map[Any]]]:
    """The explicit maps ∂output/∂input, by the given elimination order, on the way of the forward pass."""
    return eliminate(local, order, Alongside(forward))


class Alongside(Compute):
    """Pushes through nodes whose outputs are not computed yet, and computes them on the way."""

    def __init__(self, forward: Forward, again: bool = False):
        super().__init__(forward.graph, forward, forward.handlers, forward.push)
        self.forward, self.again = forward, again

    def compose(self, recipe: Recipe, second: Any, first: Any, dtype: Any) -> Any:
        return self._when_made(partial(super().compose, recipe, second, first, dtype), (second, first))

    def add(self, recipe: Sum, parts: Sequence[tuple[Term, Any]], dtype: Any) -> Any:
        return self._when_made(partial(super().add, recipe, parts, dtype), [value for _, value in parts])

    def _when_made(self, make: Callable[[], Value], values: Sequence[Any]) -> Any:
        reads = {a for value in values if isinstance(value, Lazy) and value.value is None for a in value.reads}
        return make() if all(a in self.forward for a in reads) else Lazy(make, reads)

    def push(self, node: Implicit, maps: Sequence[Map[Any]]) -> Sequence[Map[Any]]:
        self._reach(node, self.forward.place(node))
        return super().push(node, maps)

    def pull(self, node: Implicit, maps: Sequence[Map[Any]]) -> Sequence[Map[Any]]:
        self._reach(node, self.forward.place(node) + 1)
        return super().pull(node, maps)

    def _reach(self, node: Implicit, place: int) -> None:
        """Compute up to a place, and all that a node reads: not later, where a batch of it is traced."""
        self.forward.advance(place)
        for atom in node.equation.inputs:
            if isinstance(atom, int):
                self.forward.get(atom)

    def _pushing(self, node: Implicit, one: Pass) -> Callable[..., Any]:
        kind = HANDLERS.get(node.kind)
        if kind is None or node in self.handlers or (one.plan.batch and issubclass(kind, Whole)):
            self.forward.advance(self.forward.place(node) + 1)
            return super()._pushing(node, one)
        handler = self.forward.handler(node)
        both = batched(partial(handler.along, ports=one.ports, again=self.again), one, (None, 0))

        def push(tangents: Sequence[Any]) -> list[Any]:
            values, found = both(tangents)
            self.forward.update(zip(node.equation.outputs, values, strict=True))
            return found

        return push
