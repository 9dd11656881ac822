"""The transforms: JAX's names, signatures and behaviour, with the order of the product as one more argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial, tree_structure, tree_unflatten

from catenary import _jax
from catenary._call import (
    GRADIENTS,
    Argnums,
    Call,
    Order,
    check_cotangents,
    check_inputs,
    check_jacfwd,
    check_outputs,
    check_primals,
    check_scalar,
    check_tangents,
    check_transform,
    gradient_leaf,
    on_traced,
    out_tangents,
)
from catenary._emit import remat as _remat  # noqa: F401  (registers the handlers of control flow)
from catenary._emit.algebra import force
from catenary._emit.along import along, jacobian_along
from catenary._emit.basis import total
from catenary._emit.program import Always, Point, local_of, one
from catenary._emit.transposed import transposed
from catenary._handed import or_jax
from catenary._local import Local
from catenary._plan.costs.passes import closed
from catenary._plan.orders.choose import directed


def value_and_grad(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
) -> Callable[..., Any]:
    """The value of a scalar function and its gradient, as ``jax.value_and_grad``.

    Args:
        fun: returns a scalar (shape ()), or with ``has_aux`` a pair of a scalar and anything.
        argnums: which positional arguments to differentiate; an int, or a sequence for a tuple of gradients.
        has_aux: whether ``fun`` returns (value, aux).
        holomorphic: promise that ``fun`` is holomorphic; inputs and output must be complex.
        allow_int: give float0 zeros for integer arguments instead of an error.
        order: ``"auto"`` (one reverse sweep: nothing is cheaper for one row), ``"reverse"``, ``"forward"``,
            ``"cross-country"``, or a ``Plan``.

    Returns:
        A function of the same arguments: ``(value, gradient)``, or ``((value, aux), gradient)``. Gradients have the
        structure, shapes and dtypes of the arguments.

    Raises:
        TypeError: the output is no scalar, or an argument or the output has the wrong dtype.
        ValueError: unknown ``order``, a plan for another program, or a while loop in reverse.

    Cost: forward pass plus at most a small multiple of it; memory for what the backward sweep reads.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, gradient = ct.value_and_grad(lambda x: (x**2).sum())(jnp.arange(3.0))
    >>> print(value, gradient)
    5.0 [0. 2. 4.]
    """
    return _scalar_transform("value_and_grad", fun, argnums, has_aux, holomorphic, allow_int, order)


def grad(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
) -> Callable[..., Any]:
    """The gradient of a scalar function, as ``jax.grad``; arguments as in ``value_and_grad``.

    Returns:
        A function of the same arguments that gives the gradient, or ``(gradient, aux)``.

    Raises:
        TypeError, ValueError: as ``value_and_grad``.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.grad(jnp.sin)(0.0))
    1.0
    """
    both = _scalar_transform("grad", fun, argnums, has_aux, holomorphic, allow_int, order)

    @wraps(fun)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    if not (has_aux or holomorphic or allow_int) and order in ("auto", "reverse"):
        GRADIENTS[gradient] = fun, argnums
    return gradient


def _scalar_transform(
    verb: str,
    fun: Callable[..., Any],
    argnums: Argnums,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    order: Order,
) -> Callable[..., Any]:
    check_transform(verb, fun, argnums, order)

    def differentiated(call: Call, _: Any) -> Any:
        check_inputs(call, holomorphic, allow_int, "grad")
        check_scalar(call)
        check_outputs(call, holomorphic, "grad")
        if order in ("auto", "reverse"):
            local = local_of(call.graph, call.graph.inputs, call.results)
            point = call.forward(local, lambda _: False)
            leaves = point.pull([one(call.graph.aval(call.results[0]))])
        else:
            local, sequence, push = call.resolve(order, holomorphic)
            point, (row,) = call.alongside(local, push, lambda forward: jacobian_along(local, forward, sequence))
            leaves = [_dense(terms, np.shape(x), _jax.aval_of(x)) for terms, x in zip(row, call.leaves, strict=True)]
        value, aux = call.value(point)
        gradients = _by_argument(call, argnums, [gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)])
        return ((value, aux) if has_aux else value), gradients

    @or_jax(verb, fun, order, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int)
    def both(*args: Any, **kwargs: Any) -> Any:
        told = isinstance(argnums, int), holomorphic, allow_int
        return on_traced(differentiated, verb, fun, argnums, args, kwargs, has_aux, order, told=told)

    return both


def _by_argument(call: Call, argnums: Argnums, leaves: Sequence[Any]) -> Any:
    tree = tree_unflatten(tree_structure(call.dynamic), leaves)
    return tree[0] if isinstance(argnums, int) else tree


def _dense(terms: Any, shape: Any, aval: Any) -> Any:
    with _jax.room_for(aval.dtype):
        return _jax.like(total([(t, force(v)) for t, v in terms], shape, aval.dtype), aval)


def jacobian(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
) -> Callable[..., Any]:
    """The Jacobian of a function, in whichever order is cheapest for its program; as ``jax.jacobian``.

    Args:
        fun: takes and returns arrays or pytrees of them.
        argnums: which positional arguments to differentiate.
        has_aux: whether ``fun`` returns (result, aux).
        holomorphic: promise that ``fun`` is holomorphic.
        allow_int: give float0 zeros for integer arguments.
        order: ``"auto"`` (the cheapest by the model ``time``, and a sweep where none is 5 % below), ``"reverse"``,
            ``"forward"``, ``"cross-country"``, or a ``Plan``.

    Returns:
        A function of the same arguments. For each leaf of the result a pytree like the argument, with arrays of shape
        ``out.shape + in.shape``.

    Raises:
        TypeError: wrong dtypes.
        ValueError: unknown ``order``, a plan for another program.

    Cost: what ``ct.plan`` of the same function says, plus writing the result out.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.jacobian(lambda x: x**2)(jnp.arange(3.0)))
    [[0. 0. 0.]
     [0. 2. 0.]
     [0. 0. 4.]]
    """
    return _jacobian("jacobian", fun, argnums, has_aux, holomorphic, allow_int, order)


def jacrev(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "reverse",
) -> Callable[..., Any]:
    """The Jacobian from the output end, as ``jax.jacrev``; arguments and results as in ``jacobian``.

    Cost: one sweep of matrix products with as many rows as the output has entries, fewer where maps are tied.

    Raises:
        TypeError, ValueError: as ``jacobian``.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> ct.jacrev(lambda x: x.sum(keepdims=True))(jnp.ones(3)).shape
    (1, 3)
    """
    return _jacobian("jacrev", fun, argnums, has_aux, holomorphic, allow_int, order)


def jacfwd(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    order: Order = "forward",
) -> Callable[..., Any]:
    """The Jacobian from the input end, as ``jax.jacfwd``; arguments and results as in ``jacobian``.

    Cost: one sweep of matrix products with as many columns as the input has entries, fewer where maps are tied.

    Raises:
        TypeError, ValueError: as ``jacobian``.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> ct.jacfwd(lambda x: jnp.stack([x, x**2]))(3.0).tolist()
    [1.0, 6.0]
    """
    return _jacobian("jacfwd", fun, argnums, has_aux, holomorphic, False, order)


def _jacobian(
    verb: str,
    fun: Callable[..., Any],
    argnums: Argnums,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    order: Order,
) -> Callable[..., Any]:
    check_transform(verb, fun, argnums, order)
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic}
    options |= {"allow_int": allow_int} if allow_int else {}  # jacfwd has no such argument

    def differentiated(call: Call, _: Any) -> Any:
        if verb == "jacfwd":
            check_jacfwd(call, holomorphic)
        else:
            name = "jacrev" if verb == "jacobian" else verb
            check_inputs(call, holomorphic, allow_int, name)
            check_outputs(call, holomorphic, name)
        local, sequence, push = call.resolve(order, holomorphic)
        point, maps = call.alongside(local, push, lambda forward: jacobian_along(local, forward, sequence))
        blocks = []
        for atom, row in zip(call.results, maps, strict=True):
            out = call.graph.aval(atom)
            cells = []
            for terms, x in zip(row, call.leaves, strict=True):
                aval = _jax.aval_of(x)
                shape = (*out.shape, *aval.shape)
                if _jax.tangent_dtype(aval.dtype) == _jax.float0:
                    cells.append(jnp.zeros(shape, aval.dtype))  # as JAX: integer zeros here, float0 in grad
                else:
                    cells.append(_dense(terms, shape, out if verb == "jacfwd" else aval))
            blocks.append(_by_argument(call, argnums, cells))
        result = tree_unflatten(call.traced.out_tree, blocks)
        return (result, call.value(point)[1]) if has_aux else result

    @or_jax(verb, fun, order, **options)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        told = isinstance(argnums, int), holomorphic, allow_int
        return on_traced(differentiated, verb, fun, argnums, args, kwargs, has_aux, order, told=told)

    return jacobian_of


def hessian(
    fun: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    order: Order = "auto",
) -> Callable[..., Any]:
    """The Hessian of a function: the Jacobian of its Jacobian; as ``jax.hessian``.

    Returns:
        A function of the same arguments; for each leaf of the result a pytree of pytrees like the argument, with arrays
        of shape ``out.shape + in.shape + in.shape``.

    Raises:
        TypeError, ValueError: as ``jacobian``.

    Cost: the plan of the gradient's program; a diagonal or block-diagonal Hessian costs no more than its blocks.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0])))
    [[ 6.  0.]
     [ 0. 12.]]
    """
    check_transform("hessian", fun, argnums, order)
    inner = _jacobian("jacobian", fun, argnums, has_aux, holomorphic, False, "auto")
    return _jacobian("hessian", inner, argnums, has_aux, holomorphic, False, order)


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
    check_transform("jvp", fun, (), order)

    @or_jax("jvp", fun, order, has_aux=has_aux)
    def pushed(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
        check_primals("jvp", fun, primals)

        def at(call: Call, flat: Sequence[Any]) -> tuple[Any, ...]:
            local, chosen, act = _way(call, order, push=True)
            if act is None:
                point, found = call.alongside(local, chosen, lambda forward: along(local, forward, flat))
            else:
                point = call.forward(local, chosen)
                found = act(point, flat)
            value, aux = call.value(point)
            tangent = tree_unflatten(call.traced.out_tree, out_tangents(call, found))
            return (value, tangent, aux) if has_aux else (value, tangent)

        request = "jvp", fun, tuple(range(len(primals))), primals, {}, has_aux, order
        return on_traced(at, *request, told=(), more=lambda call: check_tangents(call, tangents))  # type: ignore[no-any-return]

    return pushed(primals, tangents)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, order: Order = "auto") -> tuple[Any, ...]:
    """The value of ``fun`` and its derivative there as a linear function of tangents, as ``jax.linearize``.

    Returns:
        ``(value, push)``, or ``(value, push, aux)``; ``push(*tangents)`` gives a tangent of the result.

    Raises:
        TypeError, ValueError: as ``jvp``, when ``push`` is called.

    Cost: the forward pass and all that no tangent has a part in, once and kept; then the linear rest a call.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, push = ct.linearize(jnp.sin, 0.0)
    >>> print(push(2.0), push(3.0))
    2.0 3.0
    """
    check_transform("linearize", fun, (), order)

    def at(call: Call, _: Any) -> tuple[Any, ...]:
        point, act = _at(call, order, push=True)
        value, aux = call.value(point)
        tangents = [_struct(_jax.aval_of(x)) for x in call.leaves]
        places, later, residuals = _jax.settled(act, tangents)
        run = partial(_jax.evaluated, later)
        linear = Partial(
            partial(_push, later, call.abstract(), places, jax.jit(run) if call.traced.kept else run), residuals
        )
        return (value, linear, aux) if has_aux else (value, linear)

    return _at_primals(at, "linearize", fun, primals, has_aux, order)


def _push(later: Any, call: Call, places: Sequence[int], run: Any, residuals: Any, *tangents: Any) -> Any:
    """What ``linearize`` returns, called; its linear program ``later`` comes first, as in what JAX returns."""
    flat = check_tangents(call, tangents)
    pushed = run([*residuals, *(flat[k] for k in places)])
    return tree_unflatten(call.traced.out_tree, out_tangents(call, pushed))


def _pull(call: Call, act: Callable[..., Any], cotangent: Any) -> Any:
    """What ``vjp`` returns, called."""
    leaves = act(check_cotangents(call, cotangent))
    gradients = [gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)]
    return tree_unflatten(tree_structure(call.dynamic), gradients)


def _portable(call: Call, act: Callable[..., Any], avals: Sequence[Any]) -> Callable[..., Any]:
    """``act`` as a pytree, inside a trace of what it closes over; it takes arrays like ``avals``."""
    if not any(isinstance(x, _jax.Tracer) for x in call.leaves):
        return Partial(act)
    return _jax.portable(act, list(map(_struct, avals)), call.traced.kept)


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
    check_transform("vjp", fun, (), order)

    def at(call: Call, _: Any) -> tuple[Any, ...]:
        point, act = _at(call, order, push=False)
        value, aux = call.value(point)
        ends = [call.graph.aval(a) for a in call.results]
        pull = Partial(partial(_pull, call.abstract()), _portable(call, act, ends))
        return (value, pull, aux) if has_aux else (value, pull)

    return _at_primals(at, "vjp", fun, primals, has_aux, order)


def _at_primals(
    at: Callable[[Call, Any], Any], verb: str, fun: Callable[..., Any], primals: Any, has_aux: bool, order: Order
) -> Any:
    """What is made at a point of a function of its primals."""

    @or_jax(verb, fun, order, has_aux=has_aux)
    def made(*primals: Any) -> Any:
        return on_traced(at, verb, fun, tuple(range(len(primals))), primals, {}, has_aux, order, told=())

    return made(*primals)


def _at(call: Call, order: Order, push: bool) -> tuple[Point, Callable[..., Any]]:
    """The forward pass of a call, and what pushes or pulls a list of vectors there."""
    local, chosen, act = _way(call, order, push)
    point = call.forward(local, chosen)
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


__all__ = ["grad", "hessian", "jacfwd", "jacobian", "jacrev", "jvp", "linearize", "value_and_grad", "vjp"]
