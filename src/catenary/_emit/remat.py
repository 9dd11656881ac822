"""Checkpointed bodies: they remember their inputs and what their policy names, and run again when they are pulled.

The pull is again an equation of the same kind, marked as JAX marks one that runs for the second time: XLA keeps it
apart from the forward pass, and keys and effects are counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from catenary import _jax
from catenary._emit.implicit import HANDLERS, Handler, Ports
from catenary._emit.loops import filled, pullback_program, push_body
from catenary._emit.partition import Halves, execute, recomputed
from catenary._emit.program import local_of, run
from catenary._graph import Equation, Graph, graph_of_jaxpr
from catenary._graph.fallback import AUTHORED
from catenary._local import Implicit, Local


class Remat(Handler):
    """A checkpointed body at a point; without a policy there is nothing to split."""

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        super().__init__(node, graph, args, push)
        self.params = node.equation.params
        self.body = graph_of_jaxpr(self.params["jaxpr"])
        self.live = [k for k, _ in node.outputs]
        self.halves: Halves | None = None
        if not push:
            _jax.check_runs_again(self.params["jaxpr"])
            if self.params["policy"] is not None:
                self.halves = self._split()
        self.residuals: list[Any] = []

    def _split(self) -> Halves:
        program, policy = pullback_program(self.body, self.node.active, self.live), self.params["policy"]

        def saved(equation: Equation) -> bool:
            avals = [program.aval(a) for a in equation.inputs]
            return _jax.saved(policy, equation.primitive, avals, equation.params)

        return recomputed(program, len(self.body.outputs), program.inputs[len(self.body.inputs) :], saved)

    def forward(self) -> list[Any]:
        """The outputs, by the rules of those who gave some; what the policy saves is remembered on the way."""
        h, n = self.halves, len(self.body.outputs)
        if h is None:
            silent = not _jax.closed(self.params["jaxpr"])[0].effects
            authored = silent and not self.pushed and _jax.holds(self.params, AUTHORED)
            return _jax.needed(self._values, self.args) if authored else self.node.equation.call(self.args)
        env = dict(h.graph.consts) | dict(zip(h.graph.inputs, self.args, strict=False))
        out = execute(h.forward, env, (*h.graph.outputs[:n], *h.residuals))
        self.residuals = out[n:]
        return out[:n]

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        cts = filled(cotangents, [self.body.aval(self.body.outputs[k]) for k in self.live])
        h, n = self.halves, len(self.args)

        def all_again(*operands: Any) -> list[Any]:
            return run(self._local(ports), operands[:n], lambda _: False).pull(operands[n:])

        def rest_again(*operands: Any) -> list[Any]:
            assert h is not None
            env = dict(h.graph.consts) | dict(zip((*h.graph.inputs, *h.residuals), operands, strict=True))
            results = h.graph.outputs[len(self.body.outputs) :]
            return execute(h.backward, env, [results[k] for k in ports])

        return self._body(all_again if h is None else rest_again, [*self.args, *cts, *self.residuals], again=True)

    def _values(self, *args: Any) -> list[Any]:
        point = run(self._local(range(len(self.node.active))), args, lambda _: False)
        return [point.output(a) for a in self.body.outputs]

    def _local(self, ports: Sequence[int]) -> Local:
        """The body's local derivatives, by the inputs at some ports."""
        active = [self.body.inputs[self.node.active[k]] for k in ports]
        return local_of(self.body, active, [self.body.outputs[k] for k in self.live])

    def _body(self, fun: Callable[..., list[Any]], operands: list[Any], again: bool) -> list[Any]:
        """``fun`` as an equation of this kind, ``again`` where it runs for the second time."""
        apart, policy = self.params["prevent_cse"], self.params["policy"]  # apart: for all, or one for each input
        body = jax.checkpoint(fun, prevent_cse=bool(np.any(apart)), policy=policy)
        graph = graph_of_jaxpr(_jax.make_jaxpr(body, operands))
        graph.equations = [replace(e, params=e.params | {"differentiated": again}) for e in graph.equations]
        env = graph.run(operands)
        return [env[a] if isinstance(a, int) else a.val for a in graph.outputs]

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        n, body, live = len(self.args), self.body, [self.live[k] for k in ports]
        ts = filled(tangents, [body.avals[body.inputs[k]] for k in self.node.active], _jax.blank)

        def pushed(*operands: Any) -> list[Any]:
            out, t_out = push_body(body, self.node.active, live, operands[:n], operands[n:], again)
            return [*t_out, *out]

        both = self._body(pushed, [*self.args, *ts], again)
        return both[len(ports) :], both[: len(ports)]


HANDLERS["remat"] = Remat
