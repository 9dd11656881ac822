"""The transforms: JAX's names, signatures and behaviour, with the order of the product as one more argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten, tree_flatten_with_path, tree_structure, tree_unflatten

from catenary import _jax, errors
from catenary._emit import loops as _loops  # noqa: F401  (registers the handlers of control flow)
from catenary._emit.algebra import force
from catenary._emit.basis import total
from catenary._emit.program import Point, local_of, run
from catenary._graph import Graph, Traced, trace
from catenary._plan.choose import CHOICES, pick
from catenary._plan.plan import Plan, make_plan

Order = str | Plan
Argnums = int | Sequence[int]


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a transformed function: what was traced, at which leaves.

    dynamic   the arguments differentiated, a tuple
    leaves    their leaves, and ``paths`` how a message calls them
    """

    verb: str
    fun: Callable[..., Any]
    traced: Traced
    dynamic: tuple[Any, ...]
    leaves: list[Any]
    paths: list[str]

    @property
    def graph(self) -> Graph:
        return self.traced.graph

    @property
    def results(self) -> Any:
        return self.graph.outputs[: self.traced.n_out]

    def value(self, point: Point) -> tuple[Any, Any]:
        """The function's result and its auxiliary result, at the point."""
        values = [point.output(a) for a in self.graph.outputs]
        n = self.traced.n_out
        aux = self.traced.aux(values[n:]) if self.traced.aux_tree is not None else None
        return tree_unflatten(self.traced.out_tree, values[:n]), aux

    def resolve(self, order: Order) -> tuple[Any, tuple[int, ...], Callable[..., bool]]:
        """Local derivatives, an elimination order, and which implicit nodes are pushed."""
        local = local_of(self.graph, self.graph.inputs, self.results)
        if isinstance(order, Plan):
            order.check(self.graph.fingerprint())
            sequence, pushed = order.order, order.pushed
        else:
            sequence, pushed = pick(local, order)
        chosen = {local.nodes[k].implicit for k in pushed}
        return local, sequence, chosen.__contains__


def _call(
    verb: str, fun: Callable[..., Any], argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any], has_aux: bool
) -> _Call:
    numbers = _positions(verb, fun, argnums, len(args))
    dynamic = tuple(args[k] for k in numbers)
    with_paths, _ = tree_flatten_with_path(dynamic)
    leaves = [leaf for _, leaf in with_paths]
    paths = [
        f"argument {numbers[path[0].idx]}" + (f", leaf {keystr(path[1:])}" if path[1:] else "")
        for path, _ in with_paths
    ]
    for leaf, path in zip(leaves, paths, strict=True):
        _check_array(verb, fun, leaf, path)

    def of_dynamic(*values: Any) -> Any:
        full = list(args)
        for k, value in zip(numbers, values, strict=True):
            full[k] = value
        return fun(*full, **kwargs)

    traced = trace(of_dynamic, dynamic, has_aux=has_aux)
    return _Call(verb, fun, traced, dynamic, leaves, paths)


def _positions(verb: str, fun: Callable[..., Any], argnums: Argnums, n: int) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for k in numbers:
        if not -n <= k < n:
            kind = TypeError if verb in ("grad", "value_and_grad") else ValueError
            raise kind(
                f"{errors.call(verb, fun)}: differentiating with respect to argnums={argnums} requires at least {k + 1 if k >= 0 else -k} "
                f"positional arguments to be passed by the caller, but got only {n} positional arguments."
            )
    return tuple(k % n for k in numbers)


def _check_array(verb: str, fun: Callable[..., Any], leaf: Any, path: str) -> None:
    try:
        _jax.aval_of(leaf)
    except (TypeError, ValueError):
        raise TypeError(
            f"{errors.call(verb, fun)}: {path} is {leaf!r} of type {type(leaf).__name__}, which is not a valid JAX type. "
            "Differentiated arguments are arrays, numbers, or pytrees of them: leave this one out with argnums=, or close over it."
        ) from None


def _check_callable(verb: str, fun: Any) -> None:
    if not callable(fun):
        raise TypeError(f"ct.{verb}: expected a callable value, got {fun!r} of type {type(fun).__name__}.")


def _check_order(verb: str, fun: Any, order: Any) -> None:
    _check_callable(verb, fun)
    if isinstance(order, Plan) or (isinstance(order, str) and order in CHOICES):
        return
    if order == "parallel":
        raise NotImplementedError(f"{errors.call(verb, fun)}: order='parallel' is not supported yet. Use order='auto'.")
    raise ValueError(f"{errors.call(verb, fun)}: unknown order {order!r}. Choose {', '.join(CHOICES)}, or pass a Plan.")


def _is(x: Any, kind: Any) -> bool:
    return bool(jax.dtypes.issubdtype(_jax.aval_of(x).dtype, kind))


def _check_inputs(call: _Call, holomorphic: bool, allow_int: bool, name: str) -> None:
    """As JAX does for reverse mode: complex for holomorphic functions, else inexact unless ``allow_int``."""
    for leaf, path in zip(call.leaves, call.paths, strict=True):
        dtype = _jax.aval_of(leaf).dtype
        where = f"{errors.call(call.verb, call.fun)}: {path} has dtype {dtype}. "
        if holomorphic and not _is(leaf, np.complexfloating):
            raise TypeError(f"{where}{name} with holomorphic=True requires inputs with complex dtype, but got {dtype}.")
        if not _is(leaf, np.inexact) and not (allow_int and (_is(leaf, np.integer) or _is(leaf, np.bool_))):
            raise TypeError(
                f"{where}{name} requires real- or complex-valued inputs (input dtype that is a sub-dtype of np.inexact), "
                f"but got {dtype}. If you want to use Boolean- or integer-valued inputs, use vjp or set allow_int to True "
                "(which gives float0 zeros); or pass the argument as float, or leave it out with argnums=."
            )


def _check_outputs(call: _Call, holomorphic: bool, name: str) -> None:
    for atom in call.results:
        dtype = call.graph.aval(atom).dtype
        where = f"{errors.call(call.verb, call.fun)}: the output has dtype {dtype}. "
        complex_ = jax.dtypes.issubdtype(dtype, np.complexfloating)
        if holomorphic and not complex_:
            raise TypeError(
                f"{where}{name} with holomorphic=True requires outputs with complex dtype, but got {dtype}."
            )
        if not holomorphic and (complex_ or not jax.dtypes.issubdtype(dtype, np.floating)):
            hint = (
                "For holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic functions "
                "involving complex outputs, use vjp directly."
                if complex_
                else "For differentiation of functions with integer outputs, use vjp directly."
            )
            raise TypeError(
                f"{where}{name} requires real-valued outputs (output dtype that is a sub-dtype of np.floating), but got {dtype}. {hint}"
            )


def _gradient_leaf(value: Any, leaf: Any) -> Any:
    """What stands for an input without a tangent: float0 zeros."""
    if _jax.tangent_dtype(_jax.aval_of(leaf).dtype) == _jax.float0:
        return np.zeros(np.shape(leaf), _jax.float0)
    return value


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
    _check_order(verb, fun, order)

    @wraps(fun)
    def both(*args: Any, **kwargs: Any) -> Any:
        call = _call(verb, fun, argnums, args, kwargs, has_aux)
        _check_inputs(call, holomorphic, allow_int, "grad")
        _check_scalar(call)
        _check_outputs(call, holomorphic, "grad")
        if order in ("auto", "reverse"):
            local = local_of(call.graph, call.graph.inputs, call.results)
            point = run(local, call.leaves, lambda _: False)
            leaves = point.pull([1])
        else:
            local, sequence, push = call.resolve(order)
            point = run(local, call.leaves, push)
            row = point.jacobian(sequence, push)[0]
            leaves = [_dense(terms, np.shape(x), _jax.aval_of(x)) for terms, x in zip(row, call.leaves, strict=True)]
        value, aux = call.value(point)
        gradients = _by_argument(
            call, argnums, [_gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)]
        )
        return ((value, aux) if has_aux else value), gradients

    return both


def _check_scalar(call: _Call) -> None:
    name = errors.call(call.verb, call.fun)
    if call.traced.n_out != 1 or call.traced.out_tree != tree_structure(0):
        raise TypeError(
            f"{name}: Gradient only defined for scalar-output functions. Output was a {call.traced.out_tree}; return one number, or use ct.jacobian."
        )
    shape = call.graph.aval(call.results[0]).shape
    if shape != ():
        raise TypeError(
            f"{name}: Gradient only defined for scalar-output functions. Output had shape: {shape}. "
            "Reduce it to one number, as with .sum() or .mean(), or use ct.jacobian."
        )


def _by_argument(call: _Call, argnums: Argnums, leaves: Sequence[Any]) -> Any:
    tree = tree_unflatten(tree_structure(call.dynamic), leaves)
    return tree[0] if isinstance(argnums, int) else tree


def _dense(terms: Any, shape: Any, aval: Any) -> Any:
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
        order: ``"auto"`` (the cheapest by count of flops, never costlier than reverse or forward), ``"reverse"``,
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
    _check_order(verb, fun, order)

    @wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        call = _call(verb, fun, argnums, args, kwargs, has_aux)
        if verb == "jacfwd":
            _check_jacfwd(call, holomorphic)
        else:
            name = "jacrev" if verb == "jacobian" else verb
            _check_inputs(call, holomorphic, allow_int, name)
            _check_outputs(call, holomorphic, name)
        local, sequence, push = call.resolve(order)
        point = run(local, call.leaves, push)
        maps = point.jacobian(sequence, push)
        blocks = []
        for atom, row in zip(call.results, maps, strict=True):
            out = call.graph.aval(atom)
            cells = []
            for terms, x in zip(row, call.leaves, strict=True):
                aval = _jax.aval_of(x)
                shape = (*out.shape, *aval.shape)
                if _jax.tangent_dtype(aval.dtype) == _jax.float0:
                    cells.append(np.zeros(shape, _jax.float0))
                else:
                    cells.append(_dense(terms, shape, out if verb == "jacfwd" else aval))
            blocks.append(_by_argument(call, argnums, cells))
        result = tree_unflatten(call.traced.out_tree, blocks)
        return (result, call.value(point)[1]) if has_aux else result

    return jacobian_of


def _check_jacfwd(call: _Call, holomorphic: bool) -> None:
    for leaf, path in zip(call.leaves, call.paths, strict=True):
        dtype = _jax.aval_of(leaf).dtype
        where = f"{errors.call(call.verb, call.fun)}: {path} has dtype {dtype}. "
        if holomorphic and not _is(leaf, np.complexfloating):
            raise TypeError(f"{where}jacfwd with holomorphic=True requires inputs with complex dtype, but got {dtype}.")
        if not holomorphic and not _is(leaf, np.floating):
            raise TypeError(
                f"{where}jacfwd requires real-valued inputs (input dtype that is a sub-dtype of np.floating), but got {dtype}. "
                "For holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic functions "
                "involving complex inputs or integer inputs, use jvp directly."
            )
    if holomorphic:
        _check_outputs(call, True, "jacfwd")


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

    Cost: the plan of the gradient's program; a Hessian that is diagonal or block-diagonal costs no more than its blocks.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0])))
    [[ 6.  0.]
     [ 0. 12.]]
    """
    _check_order("hessian", fun, order)
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
        order: ``"auto"`` and ``"forward"`` push; the others first form the Jacobian in that order.

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
    _check_order("jvp", fun, order)
    call, point, sequence = _at("jvp", fun, primals, has_aux, order, push=True)
    flat = _check_tangents(call, tangents)
    value, aux = call.value(point)
    tangent = tree_unflatten(call.traced.out_tree, _out_tangents(call, point.push(flat, sequence)))
    return (value, tangent, aux) if has_aux else (value, tangent)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, order: Order = "auto") -> tuple[Any, ...]:
    """The value of ``fun`` and its derivative there as a linear function of tangents, as ``jax.linearize``.

    Returns:
        ``(value, push)``, or ``(value, push, aux)``; ``push(*tangents)`` gives a tangent of the result.

    Raises:
        TypeError, ValueError: as ``jvp``, when ``push`` is called.

    Cost: the forward pass once; then a forward sweep a call.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, push = ct.linearize(jnp.sin, 0.0)
    >>> print(push(2.0), push(3.0))
    2.0 3.0
    """
    _check_order("linearize", fun, order)
    call, point, sequence = _at("linearize", fun, primals, has_aux, order, push=True)
    value, aux = call.value(point)

    def push(*tangents: Any) -> Any:
        flat = _check_tangents(call, tangents)
        return tree_unflatten(call.traced.out_tree, _out_tangents(call, point.push(flat, sequence)))

    return (value, push, aux) if has_aux else (value, push)


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, order: Order = "auto") -> tuple[Any, ...]:
    """The value of ``fun`` and its pullback, as ``jax.vjp``.

    Returns:
        ``(value, pull)``, or ``(value, pull, aux)``; ``pull(cotangent)`` gives a tuple with a cotangent for each primal.

    Raises:
        ValueError: a cotangent of another structure, shape or dtype than the result.

    Cost: the forward pass once; then a reverse sweep a call.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> value, pull = ct.vjp(jnp.multiply, 2.0, 5.0)
    >>> print(*pull(1.0))
    5.0 2.0
    """
    _check_order("vjp", fun, order)
    call, point, sequence = _at("vjp", fun, primals, has_aux, order, push=False)
    value, aux = call.value(point)

    def pull(cotangent: Any) -> Any:
        flat = _check_cotangents(call, cotangent)
        leaves = point.pull(flat, sequence)
        return tree_unflatten(
            tree_structure(call.dynamic), [_gradient_leaf(g, x) for g, x in zip(leaves, call.leaves, strict=True)]
        )

    return (value, pull, aux) if has_aux else (value, pull)


def _at(
    verb: str, fun: Callable[..., Any], primals: Any, has_aux: bool, order: Order, push: bool
) -> tuple[_Call, Point, Any]:
    if not isinstance(primals, tuple | list):
        raise TypeError(
            f"{errors.call(verb, fun)}: primal and tangent arguments must be tuples or lists; found {type(primals).__name__} for primals."
        )
    call = _call(verb, fun, tuple(range(len(primals))), primals, {}, has_aux)
    natural = "forward" if push else "reverse"
    if order in ("auto", natural):
        local = local_of(call.graph, call.graph.inputs, call.results)
        return call, run(local, call.leaves, lambda _: push), None
    local, sequence, chosen = call.resolve(order)
    return call, run(local, call.leaves, chosen), (sequence, chosen)


def _check_tangents(call: _Call, tangents: Any) -> list[Any]:
    name = errors.call(call.verb, call.fun)
    if not isinstance(tangents, tuple | list):
        raise TypeError(
            f"{name}: primal and tangent arguments must be tuples or lists; found {type(tangents).__name__} for tangents."
        )
    flat, tree = tree_flatten(tuple(tangents))
    expected = tree_structure(call.dynamic)
    if tree != expected:
        raise TypeError(
            f"{name}: primal and tangent arguments must have the same tree structure; primals have tree structure {expected} "
            f"whereas tangents have tree structure {tree}."
        )
    result: list[Any] = []
    for t, x, path in zip(flat, call.leaves, call.paths, strict=True):
        aval, dtype = _jax.aval_of(x), _jax.dtype_of(t)
        wanted = _jax.tangent_dtype(aval.dtype)
        if dtype != wanted:
            raise TypeError(
                f"{name}: {path}: primal and tangent arguments do not match; dtypes must be equal, or in case of int/bool primal dtype the "
                f"tangent dtype must be float0. Got primal dtype {aval.dtype} and so expected tangent dtype {wanted}, but got tangent dtype {dtype} instead."
            )
        if np.shape(t) != aval.shape:
            raise ValueError(
                f"{name}: {path}: jvp called with different primal and tangent shapes; Got primal shape {aval.shape} and tangent shape as {np.shape(t)}"
            )
        result.append(None if wanted == _jax.float0 else t)
    return result


def _out_tangents(call: _Call, tangents: Sequence[Any]) -> list[Any]:
    avals = [call.graph.aval(a) for a in call.results]
    return [
        np.zeros(a.shape, _jax.float0) if _jax.tangent_dtype(a.dtype) == _jax.float0 else t
        for t, a in zip(tangents, avals, strict=True)
    ]


def _check_cotangents(call: _Call, cotangent: Any) -> list[Any]:
    name = errors.call(call.verb, call.fun)
    flat, tree = tree_flatten(cotangent)
    if tree != call.traced.out_tree:
        raise ValueError(
            f"{name}: unexpected tree structure of argument to vjp function: got {tree}, but expected to match {call.traced.out_tree}, "
            "the structure of the function's result."
        )
    result: list[Any] = []
    for ct, atom in zip(flat, call.results, strict=True):
        aval = call.graph.aval(atom)
        wanted = _jax.tangent_dtype(aval.dtype)
        if np.shape(ct) != aval.shape or _jax.dtype_of(ct) != wanted:
            raise ValueError(
                f"{name}: unexpected JAX type (e.g. shape/dtype) for argument to VJP function: got {_jax.dtype_of(ct)}{list(np.shape(ct))}, "
                f"but expected {np.dtype(wanted)}{list(aval.shape)} because the corresponding output of the differentiated function had JAX type "
                f"{aval.dtype}{list(aval.shape)}"
            )
        result.append(None if wanted == _jax.float0 else ct)
    return result


def plan(fun: Callable[..., Any], *args: Any, argnums: Argnums = 0, cost: str = "flops", order: str = "auto") -> Plan:
    """Plan the derivative of ``fun`` at arguments of these shapes, without computing it.

    Args:
        fun: the function.
        *args: its arguments: arrays, or ``jax.ShapeDtypeStruct``s, whose sizes may be symbolic.
        argnums: which of them to differentiate.
        cost: the model, ``"flops"`` or ``"multiplications"``.
        order: which orders to consider, as in ``jacobian``.

    Returns:
        A ``Plan``: print it, read its numbers, or pass it as ``order=``.

    Raises:
        ValueError: unknown ``cost`` or ``order``.
        TypeError: an argument that is neither an array nor a shape.

    Cost: one trace of ``fun`` and one symbolic elimination for each order considered; no arrays are made.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.plan(lambda x: jnp.tanh(x).sum(), jnp.ones(5)).name)
    reverse
    """
    from catenary._plan.count import MODELS

    _check_order("plan", fun, order)
    if cost not in MODELS:
        raise ValueError(f"{errors.call('plan', fun)}: unknown cost {cost!r}. Choose {', '.join(MODELS)}.")
    graph, local = plan_local(fun, args, argnums)
    return make_plan(local, graph, errors.name_of(fun), order, cost)


def plan_local(fun: Callable[..., Any], args: Sequence[Any], argnums: Argnums) -> tuple[str, Any]:
    """The digest of a function's program, and its local derivatives by ``argnums``.

    Concrete arguments that are not differentiated are closed over, as the transforms do.
    """
    abstract = any(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree_util.tree_leaves(args))
    numbers = _positions("plan", fun, argnums, len(args))
    if not abstract:
        call = _call("plan", fun, argnums, args, {}, False)
        return call.graph.fingerprint(), local_of(call.graph, call.graph.inputs, call.results)
    traced = trace(fun, args)
    starts = np.cumsum([0, *(len(jax.tree_util.tree_leaves(a)) for a in args)])
    inputs = [v for k in numbers for v in traced.graph.inputs[starts[k] : starts[k + 1]]]
    return traced.graph.fingerprint(), local_of(traced.graph, inputs, traced.graph.outputs[: traced.n_out])


__all__ = ["grad", "hessian", "jacfwd", "jacobian", "jacrev", "jvp", "linearize", "plan", "value_and_grad", "vjp"]
