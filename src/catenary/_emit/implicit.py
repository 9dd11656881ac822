"""Implicit maps at work: how each kind of node computes its outputs, pushes tangents and pulls cotangents.

A handler is made when the forward pass reaches its equation, so that it can remember what its pull will read.
``push`` and ``pull`` take one array a port, None where it is zero, and give one for each port asked for; ``along``
computes the outputs too, with their tangents, in place of the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from catenary import _jax
from catenary._emit.einsum import shaped
from catenary._graph import Atom, Graph, Lit
from catenary._graph.fallback import Rule, along, linearized, pullback, refused
from catenary._local import Implicit
from catenary._rules import LINEAR
from catenary.errors import NotArrays

Ports = Sequence[Any]


class Handler:
    """One implicit node on its forward values.

    args    what its equation reads
    pushed  whether it will be pushed: else it remembers what its pull reads
    """

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        self.node, self.args, self.pushed = node, args, push

    def forward(self) -> list[Any]:
        """The outputs."""
        raise NotImplementedError

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        """The outputs and their tangents; ``again`` where the forward pass has run: what has no result is not shown."""
        raise NotImplementedError

    def push(self, tangents: Ports, ports: Sequence[int]) -> list[Any]:
        return self.along(tangents, ports, again=True)[1]

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        raise NotImplementedError


#: kind → its handler; filled by the files of each kind
HANDLERS: dict[str, type[Handler]] = {}


def read(env: dict[int, Any], atom: Atom) -> Any:
    """A forward value or a literal."""
    return jnp.asarray(atom.val, atom.aval.dtype) if isinstance(atom, Lit) else env.get(atom)


#: Moves between devices: cotangents go back to where the values lie.
DEVICE_PUT = _jax.primitive("device_put")


class Linear:
    """A primitive that is its own push; its pull is its transpose. A port may split the axes of its array."""

    def __init__(self, node: Implicit, graph: Graph, env: dict[int, Any]):
        self.node, self.env, self.ports = node, env, graph.avals
        self.avals = [graph.aval(a) for a in node.equation.inputs]
        self.out_avals = [graph.avals[v] for v in node.equation.outputs]

    def _args(self, given: Sequence[int]) -> list[Any]:
        """The operands but for those ``given``; those that the primitive is jointly linear in count as 0."""
        equation, linear = self.node.equation, self.node.kind == "linear"
        row = LINEAR.get(equation.primitive)
        joint = (row.operands if row is not None else None) or ()
        args: list[Any] = [None] * len(equation.inputs)
        for k, atom in enumerate(equation.inputs):
            if k not in given:
                zero = linear and (k in self.node.active or k in joint)
                args[k] = _jax.blank(self.avals[k]) if zero else read(self.env, atom)
        return args

    def push(self, tangents: Ports, ports: Sequence[int]) -> list[Any]:
        given = {k: t for k, t in zip(self.node.active, tangents, strict=True) if t is not None}
        args = self._args(tuple(given))
        for k, t in given.items():
            args[k] = shaped(t, self.avals[k].shape)
        equation, row = self.node.equation, LINEAR.get(self.node.equation.primitive)
        of_tangents = row.of_tangents if row is not None else {}
        out = replace(equation, params={**equation.params, **of_tangents}).call(args)
        return [shaped(out[n], self.ports[v].shape) for n, v in (self.node.outputs[k] for k in ports)]

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        full: list[Any] = [None] * len(self.out_avals)
        for (k, _), ct in zip(self.node.outputs, cotangents, strict=True):
            full[k] = _jax.zeros(self.out_avals[k]) if ct is None else shaped(ct, self.out_avals[k].shape)
        active = tuple(self.node.active[k] for k in ports)
        linear = self.node.kind == "linear"
        args, groups = self._args(active if linear else ()), [active] if linear else [(k,) for k in active]
        pulled = [x for group in groups for x in self._transposed(args, group, full, self.out_avals)]
        if self.node.equation.primitive is DEVICE_PUT:
            values = (read(self.env, self.node.equation.inputs[k]) for k in active)
            pulled = list(map(_jax.beside, pulled, values))
        return [shaped(x, self.ports[self.node.slots[k]].shape) for k, x in zip(ports, pulled, strict=True)]

    def _transposed(self, args: Ports, active: Sequence[int], cotangents: Ports, made: Sequence[Any]) -> list[Any]:
        """Cotangents of some operands, the others fixed, from those of outputs of these types."""
        equation, operands = self.node.equation, list(args)
        for k in active:
            operands[k] = self.avals[k].strip_weak_type()
        return _jax.transposed(equation.primitive, equation.params, operands, made, cotangents)

    def pull_each(self, cotangents: Ports, ports: Sequence[int], each: Sequence[int]) -> list[Any]:
        """The pull to one of two inputs, of every entry along some axes of the output by itself.

        The other input has those axes: entry by entry it is one wide there, as is the cotangent. Comes back with them
        in front.
        """
        (ct,), (k,) = cotangents, [self.node.active[p] for p in ports]
        equation, args, other = self.node.equation, self._args(()), 1 - k
        places = {output: inputs[other] for inputs, output in LINEAR[equation.primitive].ties(self.node.site)}

        def alone(ct: Any, x: Any) -> Any:
            return self._transposed([x, x], (k,), [ct], [_jax.aval_of(ct)])[0]

        act = alone
        for axis in reversed(each):
            act = _entry_by_entry(act, axis, places[axis] or 0)
        return [act(ct, args[other])]


def _entry_by_entry(act: Callable[..., Any], ct_axis: int, axis: int) -> Callable[..., Any]:
    """``act`` on slices one wide along an axis of each operand, the axis in front of what comes back."""

    def one(ct: Any, x: Any) -> Any:
        return act(jnp.expand_dims(ct, ct_axis), jnp.expand_dims(x, axis))

    return jax.vmap(one, (ct_axis, axis))


class Whole(Handler):
    """An equation taken whole, with its author's push or pullback."""

    def __init__(self, node: Implicit, graph: Graph, args: list[Any], push: bool):
        super().__init__(node, graph, args, push)
        self.ins = [graph.aval(a) for a in node.equation.inputs]
        self.outs = [graph.avals[v] for v in node.equation.outputs]
        self.rule: Rule | None = None

    def forward(self) -> list[Any]:
        """The outputs, and what its rule remembers on the way."""
        call, active = self.node.equation.call, self.node.active
        if not self.pushed:
            out, self.rule = pullback(call, self.args, active, [k for k, _ in self.node.outputs], self.outs)
            return out
        if self.node.kind == "whole":
            try:
                out, self.rule = linearized(call, self.args, active)
                return out
            except (ValueError, NotImplementedError):  # values are not known before tangents, or there is no such rule
                pass
        return call(self.args)

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        active = self.node.active
        full = _filled(tangents, [self.ins[k] for k in active])
        if self.node.kind == "custom_vjp_call":
            refused(full)
        out, pushed = along(self.node.equation.call, self.args, active, full)
        return out, [pushed[self.node.outputs[k][0]] for k in ports]

    def push(self, tangents: Ports, ports: Sequence[int]) -> list[Any]:
        if self.rule is None:
            return super().push(tangents, ports)
        given = dict(zip(self.node.active, tangents, strict=True))
        full = _filled([given.get(k) for k in self.rule.ins], [self.ins[k] for k in self.rule.ins])
        out = dict(zip(self.rule.outs, self.rule.push(full), strict=True))
        return [out[self.node.outputs[k][0]] for k in ports]

    def pull(self, cotangents: Ports, ports: Sequence[int]) -> list[Any]:
        assert self.rule is not None
        given = dict(zip((k for k, _ in self.node.outputs), cotangents, strict=True))
        full = _filled([given.get(k) for k in self.rule.outs], [self.outs[k] for k in self.rule.outs])
        pulled = dict(zip(self.rule.ins, self.rule.pull(full), strict=True))
        for k in self.rule.ins:
            _jax.check_array(_jax.aval_of(pulled[k]))
            if np.shape(pulled[k]) != self.ins[k].shape:
                raise NotArrays(
                    f"the rule of {self.node.equation.primitive} returns a cotangent of shape {np.shape(pulled[k])} "
                    f"for an argument of shape {self.ins[k].shape}, and JAX was told not to check "
                    "(jax_disable_bwd_checks)."
                )
        return [pulled[self.node.active[k]] for k in ports]


class Recorded(Whole):
    """An equation whose rule was called when its outputs were recorded."""

    def forward(self) -> list[Any]:
        self.rule = self.node.equation.params["rule"]
        return self.node.equation.call(self.args)

    def along(self, tangents: Ports, ports: Sequence[int], again: bool = False) -> tuple[list[Any], list[Any]]:
        return self.forward(), self.push(tangents, ports)


def _filled(values: Ports, avals: Sequence[Any]) -> list[Any]:
    """Zeros in place of None, float0 where a value has no tangent."""
    return [_jax.zero_cotangent(a) if v is None else v for v, a in zip(values, avals, strict=True)]


HANDLERS.update(
    dict.fromkeys(("custom_vjp_call", "whole", "affine"), Whole) | dict.fromkeys(("recorded", "recorded_vjp"), Recorded)
)
