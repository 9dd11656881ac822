"""The transforms: JAX's names, signatures and behaviour, with the order of the product as one more argument.

Here those that give a whole derivative; what pushes or pulls one vector is in ``_vectors.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_structure, tree_unflatten

from catenary import _jax
from catenary._argnums import Argnums, numbered
from catenary._call import (
    GRADIENTS,
    Call,
    Order,
    Steps,
    check_inputs,
    check_jacfwd,
    check_keys,
    check_order,
    check_outputs,
    check_scalar,
    gradient_leaf,
    on_traced,
)
from catenary._emit.algebra import force
from catenary._emit.along import jacobian_along
from catenary._emit.basis import total
from catenary._emit.program import local_of, one
from catenary._handed import or_jax


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
        GRADIENTS[gradient] = fun, numbered("grad", fun, argnums)
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
    check_order(verb, fun, order)
    argnums = numbered(verb, fun, argnums)

    def before(call: Call) -> tuple[()]:
        check_inputs(call, holomorphic, allow_int, "grad")
        check_scalar(call)
        check_outputs(call, holomorphic, "grad")
        return ()

    def act(call: Call, _: Any) -> tuple[Any, None]:
        if order in ("auto", "reverse"):
            local = local_of(call.graph, call.graph.inputs, call.results)
            point = call.forward(local, lambda _: False).lean()
            leaves = point.pull([one(call.graph.aval(call.results[0]))])
        else:
            local, sequence, push = call.resolve(order, holomorphic)
            point, (row,) = call.alongside(local, push, lambda forward: jacobian_along(local, forward, sequence))
            leaves = [_dense(terms, np.shape(x), _jax.aval_of(x)) for terms, x in zip(row, call.leaves, strict=True)]
        return (call.values(point), leaves), None

    def after(call: Call, arrays: Any, _: Any) -> tuple[Any, Any]:
        values, leaves = arrays
        value, aux = call.value(values)
        gradients = _by_argument(call, argnums, [gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)])
        return ((value, aux) if has_aux else value), gradients

    steps = Steps(act, before, after, told=(holomorphic, allow_int))

    @or_jax(verb, fun, order, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, allow_int=allow_int)
    def both(*args: Any, **kwargs: Any) -> Any:
        return on_traced(steps, verb, fun, argnums, args, kwargs, has_aux, order)

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
    check_order(verb, fun, order)
    argnums = numbered(verb, fun, argnums)
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic}
    options |= {"allow_int": allow_int} if allow_int else {}  # jacfwd has no such argument

    def before(call: Call) -> tuple[()]:
        if verb == "jacfwd":
            check_jacfwd(call, holomorphic)
        else:
            name = "jacrev" if verb == "jacobian" else verb
            check_inputs(call, holomorphic, allow_int, name)
            check_outputs(call, holomorphic, name)
        check_keys(call)
        return ()

    def act(call: Call, _: Any) -> tuple[Any, None]:
        local, sequence, push = call.resolve(order, holomorphic)
        point, maps = call.alongside(local, push, lambda forward: jacobian_along(local, forward, sequence))
        blocks = []
        for atom, row in zip(call.results, maps, strict=True):
            out = call.graph.aval(atom)
            blocks.append([])
            for terms, x in zip(row, call.leaves, strict=True):
                aval = _jax.aval_of(x)
                shape = (*out.shape, *aval.shape)
                if _jax.tangent_dtype(aval.dtype) == _jax.float0:
                    blocks[-1].append(jnp.zeros(shape, aval.dtype))  # as JAX: integer zeros here, float0 in grad
                else:
                    blocks[-1].append(_dense(terms, shape, out if verb in ("jacfwd", "hessian") else aval))
        return (blocks, call.values(point) if has_aux else None), None

    def after(call: Call, arrays: Any, _: Any) -> Any:
        blocks, values = arrays
        result = tree_unflatten(call.traced.out_tree, [_by_argument(call, argnums, cells) for cells in blocks])
        return (result, call.value(values)[1]) if has_aux else result

    steps = Steps(act, before, after, told=(holomorphic, allow_int))

    @or_jax(verb, fun, order, **options)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        return on_traced(steps, verb, fun, argnums, args, kwargs, has_aux, order)

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
    check_order("hessian", fun, order)
    argnums = numbered("hessian", fun, argnums)
    inner = _jacobian("jacobian", fun, argnums, has_aux, holomorphic, False, "auto")
    return _jacobian("hessian", inner, argnums, has_aux, holomorphic, False, order)


__all__ = ["grad", "hessian", "jacfwd", "jacobian", "jacrev", "value_and_grad"]
