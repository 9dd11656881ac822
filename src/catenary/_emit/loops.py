"""Control flow: scans, whiles and branches, pushed and pulled as wholes.

The pull of a body is traced once, cotangents and all, and split in two: the forward loop also emits what the
backward loop reads. Inputs of a trip are read again instead of remembered, and what depends on constants
alone is computed once, outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from catenary import _jax
from catenary._emit.along import along
from catenary._emit.implicit import HANDLERS, Handler, Ports
from catenary._emit.partition import Halves, execute, halves
from catenary._emit.program import Forward, local_of, run
from catenary._graph import Graph, graph_of_jaxpr, trace
from catenary._graph.activity import carried
from catenary._graph.scan import scan_parts
from catenary._local import Implicit


def pull_halves(
    body: Graph, active: Sequence[int], live: Sequence[int], fixed: Sequence[int], available: Sequence[int]
) -> Halves:
    """The pullback of ``body`` from outputs ``live`` to inputs ``active`` (positions), in two halves.

    fixed, available   positions of inputs, as for ``halves``
    """
    graph, n = pullback_program(body, active, live), len(body.inputs)
    inputs = graph.inputs
    return halves(graph, len(body.outputs), inputs[n:], [inputs[k] for k in fixed], [inputs[k] for k in available])


def pullback_program(body: Graph, active: Sequence[int], live: Sequence[int]) -> Graph:
    """The graph (inputs of ``body``, cotangents of ``live``) → (its outputs, cotangents of ``active``)."""
    n = len(body.inputs)

    def both(*args: Any) -> tuple[Any, ...]:
        local = local_of(body, [body.inputs[k] for k in active], [body.outputs[k] for k in live])
        point = run(local, args[:n], lambda _: False)
        return (*(point.output(a) for a in body.outputs), *point.pull(args[n:]))

    avals = [body.avals[v] for v in body.inputs] + [body.aval(body.outputs[k]).to_ct_aval() for k in live]
    return trace(both, [_jax.struct(a) for a in avals]).graph


def push_body(
    body: Graph, active: Sequence[int], live: Sequence[int], args: Sequence[Any], tangents: Sequence[Any], again: bool
) -> tuple[list[Any], list[Any]]:
    """Outputs of ``body``, and the tangents of those in ``live``; ``again`` where it has run before."""
    if again:
        body = replace(body, equations=[e for e in body.equations if e.outputs])
    local = local_of(body, [body.inputs[k] for k in active], [body.outputs[k] for k in live])
    forward = Forward(local, args, lambda _: True)
    pushed = along(local, forward, tangents, again)
    point = forward.point(local)
    return [point.output(a) for a in body.outputs], pushed


def filled(values: Ports, avals: Sequence[Any], zero: Callable[[Any], Any] = _jax.zeros) -> list[Any]:
    """Zeros in place of None: those of cotangents, or of tangents by ``_jax.blank``."""
    return [zero(a) if v is None else v for v, a in zip(values, avals, strict=True)]


class Scan(Handler):
    """A scan: (consts, carry, xs) → (carry, ys).

    Positions in the body's inputs: ``active`` ones; in its outputs: ``live`` ones. A carry is active where
    any trip makes it so.
    """

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        super().__init__(node, graph, args, push)
        self.outs = [graph.avals[v] for v in node.equation.outputs]
        self.parts = parts = scan_parts(node.equation.params, len(args))
        self.body = graph_of_jaxpr(parts.body)
        self.split = (parts.consts, parts.consts + parts.carry)
        lo, hi = self.split
        self.active = carried(self.body, node.active, range(lo, hi))
        live = {k for k, _ in node.outputs}
        self.live = [
            k
            for k in range(len(self.body.outputs))
            if (k < parts.carry and lo + k in self.active) or (k >= parts.carry and k in live)
        ]
        self.halves = None if push else pull_halves(self.body, self.active, self.live, range(lo), range(hi, len(args)))

    def forward(self) -> list[Any]:
        """The outputs; what the pull reads is remembered on the way, one stack a value."""
        if self.halves is None:
            return self.node.equation.call(self.args)
        h, (lo, hi) = self.halves, self.split
        inputs, outputs = h.graph.inputs, h.graph.outputs[: len(self.body.outputs)]
        outer = dict(h.graph.consts)
        outer.update(zip(inputs[:lo], self.args[:lo], strict=False))
        execute(h.hoisted, outer, ())
        self.outer = outer

        def trip(carry: Any, xs: Any) -> Any:
            env = dict(outer)
            env.update(zip(inputs[lo : len(self.args)], (*carry, *xs), strict=True))
            out = execute(h.forward, env, (*outputs, *h.residuals))
            n = self.parts.carry
            return out[:n], (out[n : len(outputs)], out[len(outputs) :])

        carry, (ys, self.residuals) = self._loop(trip, list(self.args[lo:hi]), list(self.args[hi:]), self.parts.reverse)
        return [*carry, *ys]

    def _loop(self, trip: Any, carry: Any, xs: Any, reverse: bool) -> Any:
        length = self.parts.length if isinstance(self.parts.length, int) else None  # a name is told by the arrays
        return lax.scan(trip, carry, xs, length, reverse, self.parts.unroll)

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        assert self.halves is not None
        h, (lo, hi), n = self.halves, self.split, self.parts.carry
        given = {k: ct for (k, _), ct in zip(self.node.outputs, cotangents, strict=True)}
        avals = self.body.avals
        carries = [k for k in self.live if k < n]
        ct_carry = filled([given.get(k) for k in carries], [avals[self.body.inputs[lo + k]] for k in carries])
        stacked = [k for k in self.live if k >= n]
        ct_ys = filled([given.get(k) for k in stacked], [self.outs[k] for k in stacked])
        consts = [k for k in self.active if k < lo]
        reread = [v for v in h.reread if v in h.graph.inputs[hi : len(self.args)]]
        xs = [self.args[h.graph.inputs.index(v)] for v in reread]
        ct_inputs, results = h.graph.inputs[len(self.args) :], h.graph.outputs[len(self.body.outputs) :]

        def trip(carry: Any, x: Any) -> Any:
            (sums, cts), (residuals, values, ys) = carry, x
            env = dict(self.outer)
            env.update(zip(h.residuals, residuals, strict=True))
            env.update(zip(reread, values, strict=True))
            env.update(zip(ct_inputs, (*cts, *ys), strict=True))
            out = execute(h.backward, env, results)
            n_consts, n_carry = len(consts), len(carries)
            return (
                list(map(_jax.add, out[:n_consts], sums)),
                out[n_consts : n_consts + n_carry],
            ), out[n_consts + n_carry :]

        sums = [_jax.zeros(avals[self.body.inputs[k]]) for k in consts]
        (sums, ct_carry), ct_xs = self._loop(
            trip, (sums, ct_carry), (self.residuals, xs, ct_ys), not self.parts.reverse
        )
        by_input = dict(
            zip(
                [*consts, *(lo + k for k in carries), *(k for k in self.active if k >= hi)],
                (*sums, *ct_carry, *ct_xs),
                strict=True,
            )
        )
        return [by_input[self.node.active[k]] for k in ports]

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        (lo, hi), n = self.split, self.parts.carry
        given = dict(zip(self.node.active, tangents, strict=True))
        carries = [k for k in self.active if lo <= k < hi]
        swept = [k for k in self.active if k >= hi]
        t_consts = [given[k] for k in self.active if k < lo]
        avals = [self.body.avals[self.body.inputs[k]].strip_weak_type() for k in carries]
        t_carry = filled([given.get(k) for k in carries], avals, _jax.blank)
        t_xs = filled([given.get(k) for k in swept], [_jax.aval_of(self.args[k]) for k in swept], _jax.blank)

        def trip(carry: Any, x: Any) -> Any:
            (values, ts), (xs, t_x) = carry, x
            out, t_out = push_body(
                self.body, self.active, self.live, [*self.args[:lo], *values, *xs], [*t_consts, *ts, *t_x], again
            )
            return (out[:n], t_out[: len(carries)]), (out[n:], t_out[len(carries) :])

        (carry, t_carry), (ys, t_ys) = self._loop(
            trip, (list(self.args[lo:hi]), t_carry), (list(self.args[hi:]), t_xs), self.parts.reverse
        )
        by_output = dict(zip(self.live, (*t_carry, *t_ys), strict=True))
        return [*carry, *ys], [by_output.get(self.node.outputs[k][0]) for k in ports]


class While(Handler):
    """A while loop: the number of trips depends on values, so it is pushed and never pulled."""

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        super().__init__(node, graph, args, push)
        p = node.equation.params
        self.n_cond, self.n_body = p["cond_nconsts"], p["body_nconsts"]
        self.cond, self.body = graph_of_jaxpr(p["cond_jaxpr"]), graph_of_jaxpr(p["body_jaxpr"])

    def forward(self) -> list[Any]:
        return self.node.equation.call(self.args)

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        raise ValueError(
            "Reverse-mode differentiation does not work for lax.while_loop or lax.fori_loop with dynamic start/stop "
            "values: the number of trips is not known, so the values to remember have no fixed size. "
            "Use order='forward' (jvp, jacfwd), or lax.scan, or lax.fori_loop with static bounds."
        )

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        first = self.n_cond + self.n_body
        body = self.body
        consts, start = self.args[self.n_cond : first], self.args[first:]
        given = {k - self.n_cond: t for k, t in zip(self.node.active, tangents, strict=True)}
        active = carried(body, [k for k in given if k >= 0], range(self.n_body, len(body.inputs)))
        fixed = [k for k in active if k < self.n_body]
        live = [k - self.n_body for k in active if k >= self.n_body]
        avals = [_jax.aval_of(start[c]).strip_weak_type() for c in live]
        t_start = filled([given.get(self.n_body + c) for c in live], avals, _jax.blank)
        cond_consts = self.args[: self.n_cond]

        (asked,) = self.cond.outputs
        batched = self.cond.aval(asked).shape != ()

        def wanted(values: Any) -> Any:
            env = self.cond.run([*cond_consts, *values])
            return env[asked] if isinstance(asked, int) else jnp.asarray(asked.val)

        def trip(old: Any) -> Any:
            new = push_body(body, active, live, [*consts, *old[0]], [*(given[k] for k in fixed), *old[1]], again)
            if batched:  # each member stops by itself, and the loop with the last of them
                new = jax.tree.map(partial(_where_wanted, wanted(old[0])), new, old)
            return new

        end, t_end = lax.while_loop(lambda state: jnp.any(wanted(state[0])), trip, (list(start), t_start))
        by_output = dict(zip(live, t_end, strict=True))
        return end, [by_output.get(self.node.outputs[k][0]) for k in ports]


def _where_wanted(wanted: Any, new: Any, old: Any) -> Any:
    """The new value where the members of a batch go on, along its first axes."""
    return lax.select(lax.broadcast_in_dim(wanted, new.shape, range(wanted.ndim)), new, old)


class Cond(Handler):
    """A branch: differentiated in each of its branches; every branch has room for what any of them remembers."""

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        super().__init__(node, graph, args, push)
        self.params = node.equation.params
        self.bodies = [graph_of_jaxpr(b) for b in self.params["branches"]]
        self.active = [k - 1 for k in node.active]
        self.live = [k for k, _ in node.outputs]
        n = len(args) - 1
        self.halves = [] if push else [pull_halves(b, self.active, self.live, (), range(n)) for b in self.bodies]

    def forward(self) -> list[Any]:
        if not self.halves:
            return self.node.equation.call(self.args)
        slots = [[_jax.struct(h.graph.avals[v]) for v in h.residuals] for h in self.halves]

        def branch(mine: int) -> Any:
            h = self.halves[mine]

            def forward(*args: Any) -> Any:
                env = dict(h.graph.consts)
                env.update(zip(h.graph.inputs, args, strict=False))
                execute(h.hoisted, env, ())
                out = execute(h.forward, env, (*h.graph.outputs[: len(self.bodies[mine].outputs)], *h.residuals))
                n = len(self.bodies[mine].outputs)
                room = [out[n:] if k == mine else [_jax.blank(s) for s in slot] for k, slot in enumerate(slots)]
                return out[:n], room

            return forward

        branches = [branch(k) for k in range(len(self.bodies))]
        values, self.room = _jax.switch(self.params, self.args[0], branches, *self.args[1:])
        return list(values)

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        cts = filled(cotangents, [self.bodies[0].aval(self.bodies[0].outputs[k]) for k in self.live])

        def branch(mine: int) -> Any:
            h = self.halves[mine]

            def backward(room: Any, args: Any, cts: Any) -> Any:
                env = dict(h.graph.consts)
                env.update(zip(h.graph.inputs, (*args, *cts), strict=True))
                execute(h.hoisted, env, ())
                env.update(zip(h.residuals, room[mine], strict=True))
                results = h.graph.outputs[len(self.bodies[mine].outputs) :]
                return execute(h.backward, env, [results[k] for k in ports])

            return backward

        branches = [branch(k) for k in range(len(self.bodies))]
        return list(_jax.switch(self.params, self.args[0], branches, self.room, list(self.args[1:]), cts))

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        ts = filled(tangents, [self.bodies[0].avals[self.bodies[0].inputs[k]] for k in self.active], _jax.blank)

        def branch(body: Graph) -> Any:
            live = [self.live[k] for k in ports]
            return lambda args, ts: push_body(body, self.active, live, args, ts, again)

        branches = [branch(b) for b in self.bodies]
        return _jax.switch(self.params, self.args[0], branches, list(self.args[1:]), ts)  # type: ignore[no-any-return]


HANDLERS.update({"scan": Scan, "while": While, "cond": Cond})
