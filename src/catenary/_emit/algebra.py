"""The algebra that computes: every step of an elimination done on arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from catenary import _jax
from catenary._emit.basis import summed, total
from catenary._emit.einsum import (
    Value,
    add_values,
    compose_values,
    in_dtype,
    positions,
    scaled,
    select,
    shaped,
    sifted,
    spread,
)
from catenary._emit.implicit import Linear
from catenary._emit.sparse import entries
from catenary._graph import Graph, Lit
from catenary._local import Edge, Implicit
from catenary._maps.add import Sum
from catenary._maps.arrange import Arrangement
from catenary._maps.compose import Recipe
from catenary._maps.pattern import Gathered
from catenary._maps.term import StructureError, Term
from catenary._maps.through import Through
from catenary._plan.elimination.eliminate import VALIDATE
from catenary._plan.elimination.ports import Pass, passes

Map = Sequence[tuple[Term, Any]]


class Lazy:
    """The arrays of a map not yet asked for; made once, from the forward values that it reads."""

    __slots__ = ("make", "reads", "value")

    def __init__(self, make: Callable[[], Value], reads: Collection[int]):
        self.make, self.reads = make, reads
        self.value: Value | None = None

    def __call__(self) -> Value:
        if self.value is None:
            self.value = self.make()
        return self.value


def made(edge: Edge, env: dict[int, Any]) -> Value:
    """The arrays of a local derivative, from what its row reads."""
    row, term = edge.piece.row, edge.piece.term
    args = [jnp.asarray(a.val, a.aval.dtype) if isinstance(a, Lit) else env[a] for a in edge.reads]
    core = None if term.core is None or row.core is None else fitted(row.core(*args), term, term.core, args)
    mask = None if term.mask is None or row.mask is None else fitted(row.mask(*args), term, term.mask, args)
    return Value(core, mask)


def fitted(x: Any, term: Term, labels: Sequence[int], args: Sequence[Any]) -> Any:
    """An array as its row made it, brought to one axis a label."""
    shape = tuple(term.sizes[i] for i in labels)
    if x.shape == shape:
        return x
    if len([n for n in x.shape if not (isinstance(n, int) and n == 1)]) != len(shape):
        x = jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *(jnp.shape(a) for a in args)))
    return x.reshape(shape)


def sound(term: Term, value: Value) -> Value:
    """The arrays of a term; where elimination is validated, StructureError unless they have one axis a label."""
    if VALIDATE:
        for array, labels in ((value.core, term.core), (value.mask, term.mask)):
            shape = None if labels is None else tuple(term.sizes[i] for i in labels)
            if (None if array is None else tuple(array.shape)) != shape:
                raise StructureError(f"{term}: an array of shape {jnp.shape(array)} for labels of sizes {shape}")
    return value


def force(value: Any) -> Value:
    """The arrays behind a value that may be lazy."""
    return value() if isinstance(value, Lazy) else value


class Compute:
    """Runs an elimination on the forward values ``env``.

    push      which implicit nodes are pushed, a predicate; the others are pulled
    handlers  what runs an implicit node
    """

    def __init__(
        self, graph: Graph, env: dict[int, Any], handlers: dict[Implicit, Any], push: Callable[[Implicit], bool]
    ):
        self.graph, self.env, self.handlers, self.push_these = graph, env, handlers, push

    def local(self, edge: Edge) -> Any:
        if not edge.piece.row.reads:
            return Value()
        return Lazy(partial(made, edge, self.env), {a for a in edge.reads if isinstance(a, int)})

    def compose(self, recipe: Recipe, second: Any, first: Any, dtype: Any) -> Value:
        return sound(recipe.term, compose_values(recipe, force(second), force(first), dtype))

    def add(self, recipe: Sum, parts: Sequence[tuple[Term, Any]], dtype: Any) -> Value:
        return sound(recipe.term, add_values(recipe.term, [(term, force(value)) for term, value in parts], dtype))

    def cast(self, term: Term, value: Any, dtype: Any) -> Any:
        if isinstance(value, Lazy) or value.core is None or value.core.dtype == dtype:
            return value
        if not (jnp.issubdtype(dtype, jnp.floating) and jnp.issubdtype(value.core.dtype, jnp.floating)):
            return value
        return Value(in_dtype(value.core, dtype), value.mask)

    def dense(self, term: Term, parts: Map, dtype: Any) -> Value:
        return summed([(t, force(v)) for t, v in parts], dtype)[1]

    def gather(self, plan: Gathered, parts: Map, dtype: Any) -> Value:
        return Value(entries([(t, force(v)) for t, v in parts], plan.pattern, dtype))

    def prefers_push(self, node: Implicit, tails: Sequence[Any], heads: Sequence[Any]) -> bool:
        return self.push_these(node)

    def push(self, node: Implicit, maps: Sequence[Map]) -> Sequence[Map]:
        back: list[list[tuple[Term, Any]]] = [[] for _ in node.outputs]
        with node.equation.within():
            for one in passes(self.graph, node, maps, "out"):
                self._pass(node.slots, one, self._pushing(node, one), back)
        return back

    def _pushing(self, node: Implicit, one: Pass) -> Callable[..., Any]:
        """What pushes one pass through a node, its batch axes in front."""
        return batched(partial(self.handlers[node].push, ports=one.ports), one)

    def pull(self, node: Implicit, maps: Sequence[Map]) -> Sequence[Map]:
        back: list[list[tuple[Term, Any]]] = [[] for _ in node.slots]
        outputs = [v for _, v in node.outputs]
        with node.equation.within():
            for one in passes(self.graph, node, maps, "inp"):
                handler, each = self.handlers[node], one.plan.each
                apart = bool(each) and isinstance(handler, Linear)
                pull = partial(handler.pull_each, each=each) if apart else handler.pull
                self._pass(outputs, one, batched(partial(pull, ports=one.ports), one), back)
        return back

    def _pass(self, vertices: Sequence[int], one: Pass, act: Callable[..., Any], back: list[list[Any]]) -> None:
        """Hand over the maps of one pass, batch first, and file what comes back under its ports."""
        avals = [self.graph.avals[v] for v in vertices]
        handed = [
            self._handed(one.plan, terms, aval) if terms else None for terms, aval in zip(one.maps, avals, strict=True)
        ]
        for array, term, port in zip(act(handed), one.plan.terms, one.ports, strict=True):
            if array is not None:
                array = shaped(jnp.asarray(array), [term.sizes[i] for i in term.core or ()])
                back[port].append((term, sound(term, Value(array))))

    def _handed(self, plan: Through, terms: Map, aval: Any) -> Any:
        """The maps at one port as an array [batch…, port…]."""
        shape = (*plan.batch, *aval.shape)
        if plan.arrangement is not None:
            ((term, value),) = terms
            array = arranged(plan.arrangement, term, force(value), aval.dtype)
        else:
            blocks = [(plan.block(term), force(value)) for term, value in terms]
            sizes = [axis.size for axis in (*blocks[0][0].out, *blocks[0][0].inp)]
            array = total(blocks, sizes, aval.dtype)
        return _jax.varied(_jax.laid(in_dtype(shaped(array, shape), aval.dtype), aval, len(plan.batch)), aval)


def batched(act: Callable[..., Any], one: Pass, out_axes: Any = 0) -> Callable[..., Any]:
    """``act`` on lists of arrays (None where zero) with the batch axes of a pass in front."""
    for _ in one.plan.batch:
        act = jax.vmap(act, out_axes=out_axes)
    return act


def arranged(plan: Arrangement, term: Term, value: Value, dtype: Any) -> Any:
    """The array [batch…, side…] of an arrangement, broadcast in full."""
    onto = [*plan.batch, *(i for labels in plan.side for i in labels)]
    x: Any = None
    masks = []
    value = sifted(term, value, plan.scale)
    for source in plan.sources:
        if source.of == "mask" and value.mask is None:
            continue
        array = positions(*source.delta) if source.of is None else getattr(value, source.of)  # type: ignore[misc]
        array = spread(array, source.labels, onto)
        if source.role == "core":
            x = array
        else:
            masks.append(array)
    shape = tuple(plan.sizes[i] for i in onto)
    if x is None:
        x = lax.full((1,) * len(shape), 1, dtype)
    x = scaled(x, plan.scale)
    for mask in masks:
        x = select(mask, x)
    return jnp.broadcast_to(x, shape)
