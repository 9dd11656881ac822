"""The forward pass and a forward sweep in one, as ``jax.jvp`` goes: a loop that computes values and tangents runs once.

A custom rule that gives both is called once, and its value is the result's, at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from catenary._emit.algebra import Compute
from catenary._emit.implicit import HANDLERS
from catenary._emit.program import Forward, Point, pushed
from catenary._local import Implicit, Local
from catenary._plan.elimination.ports import Pass


def along(local: Local, args: Sequence[Any], tangents: Sequence[Any], again: bool = False) -> tuple[Point, list[Any]]:
    """The program at a point, and one tangent an input (None: zero) pushed to one an output.

    again   it has run before: loops show nothing
    """
    forward = Forward(local, args, lambda _: True)
    found = pushed(local, Alongside(local, forward, again), tangents)
    forward.finish()
    return Point(local, forward, forward.handlers), found


class Alongside(Compute):
    """Pushes through nodes whose outputs are not computed yet, and computes them on the way."""

    def __init__(self, local: Local, forward: Forward, again: bool):
        super().__init__(local, forward, forward.handlers, forward.push)
        self.forward, self.again = forward, again

    def _pushing(self, node: Implicit, one: Pass) -> Callable[..., Any]:
        if node.kind not in HANDLERS or node in self.handlers:
            return super()._pushing(node, one)
        handler = self.forward.handler(node)

        def along(tangents: Sequence[Any], ports: Sequence[int]) -> list[Any]:
            values, found = handler.along(tangents, ports, self.again)
            self.forward.update(zip(node.equation.outputs, values, strict=True))
            return found

        assert not one.plan.batch, "tangents of one point are pushed"
        return along
