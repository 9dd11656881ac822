"""Implicit maps at work: how each kind of node computes its outputs, pushes tangents and pulls cotangents.

A handler is made when the forward pass reaches its equation, so that it can remember what its pull will read.
``push`` and ``pull`` take and give one array a port, None where it is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from catenary import _jax
from catenary._graph import Atom, Graph, Lit
from catenary._local import Implicit
from catenary._local.fallback import pullback, transposed
from catenary._rules import LINEAR

Ports = Sequence[Any]


class Handler(Protocol):
    """One implicit node on its forward values."""

    def push(self, tangents: Ports) -> list[Any]: ...
    def pull(self, cotangents: Ports) -> list[Any]: ...


#: kind → (node, graph, args, whether it will be pushed) → (outputs, handler); filled by the files of each kind
HANDLERS: dict[str, Callable[[Implicit, Graph, list[Any], bool], tuple[list[Any], Handler]]] = {}


def read(env: dict[int, Any], atom: Atom) -> Any:
    """A forward value or a literal."""
    return jnp.asarray(atom.val, atom.aval.dtype) if isinstance(atom, Lit) else env.get(atom)


class Linear:
    """A primitive that is its own push; its pull is its transpose."""

    def __init__(self, node: Implicit, graph: Graph, env: dict[int, Any]):
        self.node, self.env = node, env
        self.avals = [graph.aval(a) for a in node.equation.inputs]
        self.out_avals = [graph.avals[v] for v in node.equation.outputs]

    def _args(self) -> list[Any]:
        """The fixed operands; those that the primitive is jointly linear in count as 0."""
        equation, active = self.node.equation, self.node.active
        row = LINEAR.get(equation.primitive)
        joint = row.operands if row is not None and self.node.kind == "linear" else ()
        args: list[Any] = []
        for k, atom in enumerate(equation.inputs):
            zero = (k in active and self.node.kind == "linear") or k in (joint or ())
            args.append(jnp.zeros(self.avals[k].shape, self.avals[k].dtype) if zero else read(self.env, atom))
        return args

    def push(self, tangents: Ports) -> list[Any]:
        args = self._args()
        for k, t in zip(self.node.active, tangents, strict=True):
            if t is not None:
                args[k] = t
        out = _jax.bind(self.node.equation.primitive, self.node.equation.params, args)
        return [out[k] for k, _ in self.node.outputs]

    def pull(self, cotangents: Ports) -> list[Any]:
        return self.pull_some(range(len(self.node.active)), cotangents)

    def pull_some(self, ports: Sequence[int], cotangents: Ports) -> list[Any]:
        """The pull to some of the inputs."""
        full = [jnp.zeros(a.shape, a.dtype) for a in self.out_avals]
        for (k, _), ct in zip(self.node.outputs, cotangents, strict=True):
            if ct is not None:
                full[k] = ct
        args, active = self._args(), tuple(self.node.active[k] for k in ports)
        groups = [active] if self.node.kind == "linear" else [(k,) for k in active]
        return [x for group in groups for x in transposed(self.node.equation, args, group, self.avals)(full)]


class CustomVjp:
    """A function with its author's pullback: it has no push."""

    def __init__(self, node: Implicit, graph: Graph, pull: Callable[..., Any]):
        self.node, self._pull = node, pull
        self.avals = [graph.avals[v] for v in node.equation.outputs]

    def push(self, tangents: Ports) -> list[Any]:
        raise TypeError(
            "can't apply forward-mode differentiation (jvp) to a custom_vjp function. "
            "Its author gave a pullback only: use order='reverse' (grad, vjp, jacrev)."
        )

    def pull(self, cotangents: Ports) -> list[Any]:
        full: list[Any] = [
            np.zeros(a.shape, _jax.float0)
            if _jax.tangent_dtype(a.dtype) == _jax.float0
            else jnp.zeros(a.shape, a.dtype)
            for a in self.avals
        ]
        for (k, _), ct in zip(self.node.outputs, cotangents, strict=True):
            if ct is not None:
                full[k] = ct
        return list(self._pull(full))


def custom_vjp(node: Implicit, graph: Graph, args: list[Any], push: bool) -> tuple[list[Any], Handler]:
    """The author's forward rule, which remembers what the pullback needs."""
    if push:
        out = _jax.bind(node.equation.primitive, node.equation.params, args)
        return out, CustomVjp(node, graph, lambda _: None)
    out, pull = pullback(node.equation, args, node.active)
    return list(out), CustomVjp(node, graph, pull)


HANDLERS["custom_vjp_call"] = custom_vjp
