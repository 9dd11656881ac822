"""The forward pass and an elimination in one, as ``jax.jvp`` goes: a loop that is pushed on the way runs once.

A custom rule that gives value and tangent is called once, and its value is the result's, at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from catenary._emit.algebra import Compute, batched
from catenary._emit.implicit import HANDLERS
from catenary._emit.program import Always, Forward, Point, pushed
from catenary._local import Implicit, Local
from catenary._plan.elimination.eliminate import Map, eliminate
from catenary._plan.elimination.ports import Pass


def along(local: Local, args: Sequence[Any], tangents: Sequence[Any], again: bool = False) -> tuple[Point, list[Any]]:
    """The program at a point, and one tangent an input (None: zero) pushed to one an output.

    again   it has run before: loops show nothing
    """
    forward = Forward(local, args, lambda _: True)
    found = pushed(local, Alongside(local, forward, again), tangents)
    forward.finish()
    return Point(local, forward, forward.handlers), found


def jacobian_along(
    local: Local, args: Sequence[Any], order: Iterable[int], push: Always
) -> tuple[Point, list[list[Map[Any]]]]:
    """The program at a point, and its explicit maps ∂output/∂input, by the given elimination order."""
    forward = Forward(local, args, push)
    maps = eliminate(local, order, Alongside(local, forward, again=False))
    forward.finish()
    return Point(local, forward, forward.handlers), maps


class Alongside(Compute):
    """Pushes through nodes whose outputs are not computed yet, and computes them on the way."""

    def __init__(self, local: Local, forward: Forward, again: bool):
        super().__init__(local, forward, forward.handlers, forward.push)
        self.forward, self.again = forward, again

    def _pushing(self, node: Implicit, one: Pass) -> Callable[..., Any]:
        if node.kind not in HANDLERS or node in self.handlers:
            return super()._pushing(node, one)
        handler = self.forward.handler(node)
        both = batched(partial(handler.along, ports=one.ports, again=self.again), one, (None, 0))

        def along(tangents: Sequence[Any]) -> list[Any]:
            values, found = both(tangents)
            self.forward.update(zip(node.equation.outputs, values, strict=True))
            return found

        return along

    def pull(self, node: Implicit, maps: Sequence[Map[Any]]) -> Sequence[Map[Any]]:
        if node not in self.handlers:
            self.forward.reach(node)
        return super().pull(node, maps)
