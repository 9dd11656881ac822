"""One vector pushed or pulled: ``jvp``, ``linearize`` and ``vjp``, as JAX has them, with the order of the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax.tree_util import Partial, tree_structure, tree_unflatten

from catenary import _jax
from catenary._call import (
    Call,
    Order,
    Steps,
    check_cotangents,
    check_order,
    check_primals,
    check_tangents,
    gradient_leaf,
    on_traced,
    out_tangents,
)
from catenary._emit.along import along
from catenary._emit.program import Always, Point, local_of
from catenary._emit.transposed import transposed
from catenary._handed import or_jax
from catenary._local import Local
from catenary._plan.costs.passes import closed
from catenary._plan.orders.choose import directed
from catenary.errors import NoPush


def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
    *,
    order: Order = "auto",
) -> tuple[Any, ...]:
    """The value of ``fun`` and the derivative pushed along ``tangents``, as ``jax.jvp``.

    Args:
        fun: the function.
        primals: where, a tuple of its arguments.
        tangents: along what, a tuple of the same structure, shapes and dtypes; float0 for integers.
        has_aux: whether ``fun`` returns (result, aux).
        order: ``"auto"`` and ``"forward"`` push; the others first form the Jacobian in that order. Functions with a
            ``custom_vjp`` have no push: ``"reverse"`` transposes their pull, which must be linear in the cotangent.

    Returns:
        ``(value, tangent)``, or ``(value, tangent, aux)``.

    Raises:
        TypeError: tangents of another structure or dtype.
        ValueError: tangents of another shape.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, tangent = ct.jvp(jnp.sin, (0.0,), (2.0,))
    >>> print(value, tangent)
    0.0 2.0
    """
    check_order("jvp", fun, order)

    @or_jax("jvp", fun, order, has_aux=has_aux)
    def pushed(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
        check_primals("jvp", fun, primals)

        def act(call: Call, flat: Sequence[Any]) -> tuple[Any, None]:
            local, chosen, way = _way(call, order, push=True)
            if way is None:
                point, found = call.alongside(local, chosen, lambda forward: along(local, forward, flat))
            else:
                point = call.forward(local, chosen)
                found = way(point, flat)
            return (call.values(point), found), None

        def after(call: Call, arrays: Any, _: Any) -> tuple[Any, ...]:
            values, found = arrays
            value, aux = call.value(values)
            tangent = tree_unflatten(call.traced.out_tree, out_tangents(call, found))
            return (value, tangent, aux) if has_aux else (value, tangent)

        steps = Steps(act, lambda call: check_tangents(call, tangents), after)
        return on_traced(steps, "jvp", fun, tuple(range(len(primals))), primals, {}, has_aux, order)  # type: ignore[no-any-return]

    return pushed(primals, tangents)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, order: Order = "auto") -> tuple[Any, ...]:
    """The value of ``fun`` and its derivative there as a linear function of tangents, as ``jax.linearize``.

    Returns:
        ``(value, push)``, or ``(value, push, aux)``; ``push(*tangents)`` gives a tangent of the result.

    Raises:
        TypeError, ValueError: as ``jvp``, when ``push`` is called. Through a ``custom_vjp`` it can be transposed, by
            ``jax.linear_transpose``, and called with ``order="reverse"`` only.

    Cost: the forward pass and all that no tangent has a part in, once and kept; then the linear rest a call.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, push = ct.linearize(jnp.sin, 0.0)
    >>> print(push(2.0), push(3.0))
    2.0 3.0
    """
    check_order("linearize", fun, order)

    def act(call: Call, _: Any) -> tuple[Any, Any]:
        point, push = _at(call, order, push=True)
        places, later, residuals = _jax.settled(push, [_struct(_jax.aval_of(x)) for x in call.leaves])
        run = partial(_jax.evaluated, later)
        return (call.values(point), residuals), (later, places, jax.jit(run) if call.traced.kept else run)

    def after(call: Call, arrays: Any, linear: Any) -> tuple[Any, ...]:
        values, residuals = arrays
        value, aux = call.value(values)
        push = Partial(partial(_push, *linear, call.abstract()), residuals)
        return (value, push, aux) if has_aux else (value, push)

    return _at_primals(act, after, "linearize", fun, primals, has_aux, order)


def _push(later: Any, places: Sequence[int], run: Any, call: Call, residuals: Any, *tangents: Any) -> Any:
    """What ``linearize`` returns, called; its linear program ``later`` comes first, as in what JAX returns."""
    flat = check_tangents(call, tangents)
    pushed = run([*residuals, *(flat[k] for k in places)])
    return tree_unflatten(call.traced.out_tree, out_tangents(call, pushed))


def _pull(call: Call, act: Callable[..., Any], *cotangents: Any) -> Any:
    """What ``vjp`` returns, called."""
    if len(cotangents) != 1:
        raise TypeError(
            f"{call.name}: its pullback takes one argument, a cotangent as the result is, with tuples where that has "
            f"them; found {len(cotangents)}."
        )
    leaves = act(check_cotangents(call, *cotangents))
    gradients = [gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)]
    return tree_unflatten(tree_structure(call.dynamic), gradients)


def _struct(aval: Any) -> Any:
    """What a tangent or cotangent of a value is, None where it has none."""
    return None if _jax.tangent_dtype(aval.dtype) == _jax.float0 else _jax.struct(aval)


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, order: Order = "auto") -> tuple[Any, ...]:
    """The value of ``fun`` and its pullback, as ``jax.vjp``.

    Returns:
        ``(value, pull)``, or ``(value, pull, aux)``; ``pull(cotangent)`` gives a tuple, a cotangent a primal.

    Raises:
        ValueError: a cotangent of another structure, shape or dtype than the result.

    Cost: the forward pass once; then a reverse sweep a call.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, pull = ct.vjp(jnp.multiply, 2.0, 5.0)
    >>> print(*pull(1.0))
    5.0 2.0
    """
    check_order("vjp", fun, order)

    def act(call: Call, _: Any) -> tuple[Any, Any]:
        point, pull = _at(call, order, push=False)
        ends = [_struct(call.graph.aval(a)) for a in call.results]
        run, residuals = _jax.portable(pull, ends, any(isinstance(x, _jax.Tracer) for x in point.env.values()))
        return (call.values(point), residuals), jax.jit(run) if call.traced.kept else run

    def after(call: Call, arrays: Any, run: Any) -> tuple[Any, ...]:
        values, residuals = arrays
        value, aux = call.value(values)
        pull = Partial(partial(_pull, call.abstract()), Partial(run, residuals))
        return (value, pull, aux) if has_aux else (value, pull)

    return _at_primals(act, after, "vjp", fun, primals, has_aux, order)


def _at_primals(
    act: Callable[[Call, Any], tuple[Any, Any]],
    after: Callable[[Call, Any, Any], Any],
    verb: str,
    fun: Callable[..., Any],
    primals: Any,
    has_aux: bool,
    order: Order,
) -> Any:
    """What is made at a point of a function of its primals."""
    steps = Steps(act, lambda call: (), after)

    @or_jax(verb, fun, order, has_aux=has_aux)
    def made(*primals: Any) -> Any:
        return on_traced(steps, verb, fun, tuple(range(len(primals))), primals, {}, has_aux, order)

    return made(*primals)


def _at(call: Call, order: Order, push: bool) -> tuple[Point, Callable[..., Any]]:
    """The forward pass of a call, and what pushes or pulls a list of vectors there."""
    local, chosen, act = _way(call, order, push)
    if push and act is None and any(n.implicit and "push" in closed(n.implicit) for n in local.nodes):
        raise NoPush
    point = call.forward(local, chosen).lean()
    return point, partial(act or (Point.push if push else Point.pull), point)


def _way(call: Call, order: Order, push: bool) -> tuple[Local, Always, Callable[..., Any] | None]:
    """Local derivatives, which implicit nodes are pushed, and what takes vectors through: None for a sweep."""
    if order in ("auto", "forward" if push else "reverse"):
        return local_of(call.graph, call.graph.inputs, call.results), lambda _: push, None
    local, sequence, chosen = call.resolve(order)
    if order == "reverse" and any(n.implicit and "push" in closed(n.implicit) for n in local.nodes):
        return local, lambda _: False, transposed
    if directed(local) is not None or any(n.implicit and closed(n.implicit) for n in local.nodes):
        # a single vector goes in its own direction where some map has no other
        return local, lambda _: push, None
    return local, chosen, partial(Point.push if push else Point.pull, plan=(sequence, chosen))


__all__ = ["jvp", "linearize", "vjp"]
