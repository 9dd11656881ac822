"""A traced program with its local derivatives, run forward and differentiated in an order of choice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from catenary import _jax
from catenary._emit.algebra import Compute, force
from catenary._emit.basis import total
from catenary._emit.einsum import Value, shaped
from catenary._emit.implicit import HANDLERS, Handler, Linear, read
from catenary._graph import Atom, Equation, Graph
from catenary._graph.activity import reached
from catenary._graph.fallback import pullback
from catenary._graph.graph import validate
from catenary._local import Implicit, Local, Node, build
from catenary._maps.term import Term, plain_axes
from catenary._plan.elimination.eliminate import VALIDATE, Elimination, Map, eliminate

Always = Callable[[Implicit], bool]


@dataclass(slots=True)
class Point:
    """A program at a point: its forward values, and what its implicit nodes remember."""

    local: Local
    env: dict[int, Any]
    handlers: dict[Implicit, Any]

    def output(self, atom: Atom) -> Any:
        """The value of an output, as weakly typed as the function returned it."""
        return _jax.like(read(self.env, atom), self.local.graph.aval(atom))

    def lean(self) -> Point:
        """The point without the values that neither its derivative nor a result reads; what they took is free."""
        local = self.local
        atoms = [a for edge in local.edges for a in edge.reads]
        atoms += (a for node in local.nodes if node.implicit for a in node.implicit.equation.inputs)
        read = {a for a in (*atoms, *local.graph.outputs, *local.graph.consts) if isinstance(a, int)}
        for value in [v for v in self.env if v not in read]:
            del self.env[value]
        return self

    def pull(self, cotangents: Sequence[Any], plan: tuple[Iterable[int], Always] | None = None) -> list[Any]:
        """One cotangent an output (None: zero) to one an input.

        A reverse sweep, linear in the program; or by a ``plan`` (elimination order, which nodes to push), the
        cotangents last.
        """
        local = self.local
        root = local.graph.new(_scalar())
        order, push = plan or (None, lambda _: False)
        state = Elimination(replace(local, outputs=(root,)), Compute(local.graph, self.env, self.handlers, push), root)
        for sink, ct in zip(local.outputs, cotangents, strict=True):
            if ct is not None and sink in state.into:
                state.insert(root, sink, *row_vector(local, sink, ct))
        ends = [Node((v,)) for v in local.outputs]
        inner = reversed(local.nodes) if order is None else (local.nodes[k] for k in order)
        for node in (*ends, *inner) if order is None else (*inner, *ends):
            state.eliminate(node)
        return [_dense(local, state.into.get(root, {}).get(u, ()), u, _jax.zeros) for u in local.inputs]

    def push(self, tangents: Sequence[Any], plan: tuple[Iterable[int], Always] | None = None) -> list[Any]:
        """One tangent an input (None: zero) to one an output: a forward sweep, or by a plan, the tangents last."""
        order, push = plan or (None, lambda _: True)
        return pushed(self.local, Compute(self.local.graph, self.env, self.handlers, push), tangents, order)

    def jacobian(self, order: Iterable[int], push: Always) -> list[list[Map[Any]]]:
        """The explicit maps ∂output/∂input, by the given elimination order."""
        return eliminate(self.local, order, Compute(self.local.graph, self.env, self.handlers, push))


def pushed(local: Local, algebra: Compute, tangents: Sequence[Any], order: Iterable[int] | None = None) -> list[Any]:
    """Tangents through a program: a forward sweep, or in an elimination order, the tangents last."""
    root = local.graph.new(_scalar())
    state = Elimination(replace(local, inputs=(root,)), algebra, root)
    for source, t in zip(local.inputs, tangents, strict=True):
        if t is not None and source in state.out:
            term, value = row_vector(local, source, t)
            state.insert(source, root, term.T, value)
    ends = [Node((v,)) for v in local.inputs]
    inner = local.nodes if order is None else [local.nodes[k] for k in order]
    for node in (*ends, *inner) if order is None else (*inner, *ends):
        state.eliminate(node)
    return [_dense(local, state.into.get(w, {}).get(root, ()), w, _jax.blank) for w in local.outputs]


def _dense(local: Local, terms: Map[Any], vertex: int, zero: Callable[[Any], Any]) -> Any:
    """A single row or column as an array of the vertex's type."""
    aval = local.graph.avals[vertex]
    if not terms and _jax.sharded(aval):
        return zero(aval)
    with _jax.room_for(aval.dtype):
        return _jax.like(_jax.laid(total([(t, force(v)) for t, v in terms], aval.shape, aval.dtype), aval, 0), aval)


def one(aval: Any) -> Any:
    """The cotangent 1 of a number: an array only where its type says more than a number's."""
    kind = aval.to_ct_aval()
    return 1 if kind.sharding == aval.sharding else jnp.full((), 1, kind.dtype, device=kind.sharding)


def _scalar() -> Any:
    return _jax.aval_of(np.zeros((), np.float32))


def row_vector(local: Local, vertex: int, cotangent: Any) -> tuple[Term, Value]:
    """A cotangent as a map from its space to a scalar; the number 1 needs no array."""
    axes, sizes = plain_axes(local.shape(vertex))
    if isinstance(cotangent, int) and cotangent == 1 and not sizes:
        return Term((), axes, ()), Value()
    array = shaped(jnp.asarray(cotangent), sizes)
    return Term((), axes, sizes, tuple(range(len(sizes)))), Value(array)


def local_of(graph: Graph, inputs: Sequence[int], outputs: Sequence[Atom]) -> Local:
    """Local derivatives of a graph, checked in tests."""
    local = build(graph, inputs, outputs)
    if VALIDATE:
        validate(local.graph)
    return local


class Forward(dict[int, Any]):
    """The values of a program at a point, computed in its order as far as they are asked for.

    push      which implicit nodes are made to be pushed, a predicate
    handlers  what runs the implicit nodes that were reached
    idle      equations without a part in the derivative whose values are their authors'
    failed    whether an equation could not be computed
    """

    def __init__(self, local: Local, args: Sequence[Any], push: Always):
        self.equations, self.graph, self.push = local.graph.equations, local.graph, push
        super().__init__(local.graph.consts)
        self.update(zip(local.graph.inputs, args, strict=True))
        self.nodes = {node.implicit.equation: node.implicit for node in local.nodes if node.implicit is not None}
        self.handlers: dict[Implicit, Any] = {
            node: Linear(node, local.graph, self) for node in self.nodes.values() if node.kind not in HANDLERS
        }
        self.makers = {v: k for k, equation in enumerate(self.equations) for v in equation.outputs}
        self.idle = _idle(local, self.nodes)
        self.done, self.failed = 0, False

    def __missing__(self, value: int) -> Any:
        if value not in self.makers:
            return None  # the name of a tangent
        self.advance(self.makers[value] + 1)
        assert value in self, f"value {value} is read before it is made"
        return self[value]

    def get(self, value: int, default: Any = None) -> Any:
        found = self[value]
        return default if found is None else found

    def place(self, node: Implicit) -> int:
        """Where a node's equation stands; 0 where it is none of the forward pass's."""
        return self.makers.get(node.equation.outputs[0], 0)

    def advance(self, stop: int) -> None:
        """Compute the equations before a place."""
        while self.done < stop:
            equation, self.done = self.equations[self.done], self.done + 1
            try:
                self._compute(equation)
            except Exception:
                self.failed = True
                raise

    def handler(self, node: Implicit) -> Handler:
        """What runs a node, from what it reads."""
        args = [read(self, a) for a in node.equation.inputs]
        handler = self.handlers[node] = HANDLERS[node.kind](node, self.graph, args, self.push(node))
        return handler

    def _compute(self, equation: Equation) -> None:
        node = self.nodes.get(equation)
        if equation not in self.idle and (node is None or node.kind not in HANDLERS):
            equation.evaluate(self)
        elif node not in self.handlers:
            with equation.within():
                values = self._idly(equation) if node is None else self.handler(node).forward()
            self.update(zip(equation.outputs, values, strict=True))

    def _idly(self, equation: Equation) -> list[Any]:
        """The outputs of an equation that has no part in the derivative, by its author's forward pass."""
        return pullback(equation.call, [read(self, a) for a in equation.inputs], self.idle[equation])[0]

    def point(self, local: Local) -> Point:
        """The whole forward pass, run."""
        self.advance(len(self.equations))
        return Point(local, self, self.handlers)


def _idle(local: Local, nodes: Collection[Equation]) -> dict[Equation, list[int]]:
    """Equations that have no push nor part in the derivative → which of their inputs depend on what it is by.

    Their values are their authors' too, which whoever differentiates the derivative can push; the function itself not.
    """
    found = [e for e in local.graph.equations if e not in nodes and _unpushed(e)]
    values = reached(local.graph, local.inputs) if found else set()
    inputs = {e: [k for k, a in enumerate(e.inputs) if isinstance(a, int) and a in values] for e in found}
    return {e: ins for e, ins in inputs.items() if ins}


def _unpushed(equation: Equation) -> bool:
    """Whether JAX pulls an equation, and can not push it."""
    name, params = equation.primitive.name, equation.params
    if name == "while":
        return False
    own = name == "custom_vjp_call" or _jax.pulled_only(equation.primitive, params)
    return own or _jax.holds(params, ("custom_vjp_call",))


def run(local: Local, args: Sequence[Any], push: Always) -> Point:
    """The forward pass: every equation once, implicit nodes so that they can be pushed or pulled."""
    return Forward(local, args, push).point(local)
