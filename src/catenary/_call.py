"""One call of a transformed function: its arguments read, its program traced, and every mistake named.

The messages contain JAX's own words where JAX raises too, after the function and the argument they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax import lax
from jax.tree_util import keystr, tree_flatten, tree_flatten_with_path, tree_leaves, tree_structure, tree_unflatten

from catenary import _jax, errors
from catenary._argnums import Argnums, positions
from catenary._emit import remat as _remat  # noqa: F401  (registers the handlers of control flow)
from catenary._emit.program import Always, Forward, Point, local_of
from catenary._graph import Graph, Traced, trace
from catenary._graph.collective import exchanges
from catenary._graph.kept import compiled, keeping
from catenary._local import Local
from catenary._plan.orders.choose import CHOICES, pick
from catenary._plan.plan import Plan

Order = str | Plan

#: A function that gives a gradient → the function whose gradient it is, and by which arguments.
GRADIENTS: WeakKeyDictionary[Callable[..., Any], tuple[Callable[..., Any], Argnums]] = WeakKeyDictionary()


class NotComputed(Exception):
    """A program that was traced and that nothing here computes; its cause is JAX's error."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was traced, and at which leaves.

    name      how a message calls it
    dynamic   the arguments differentiated, a tuple
    leaves    their leaves, and ``paths`` how a message calls them
    """

    verb: str
    name: str
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

    def abstract(self) -> Call:
        """The call without its arrays: what a pull or a push checks its argument by, wherever it is called."""
        leaves = [_jax.aval_of(x) for x in self.leaves]
        bare = Graph(self.graph.avals, [], self.graph.inputs, self.graph.outputs)
        dynamic = tree_unflatten(tree_structure(self.dynamic), leaves)
        return replace(self, leaves=leaves, dynamic=dynamic, traced=replace(self.traced, graph=bare))

    def forward(self, local: Local, push: Always) -> Point:
        """The forward pass at the leaves."""
        return self.alongside(local, push, lambda _: None)[0]

    def alongside(self, local: Local, push: Always, act: Callable[[Forward], Any]) -> tuple[Point, Any]:
        """The forward pass at the leaves, and what is done on its way."""
        forward = Forward(local, self.leaves, push)
        try:
            found = act(forward)
            return forward.point(local), found
        except (*_jax.NOT_ABSTRACT, jax.errors.JaxRuntimeError):
            raise
        except Exception as error:
            if forward.failed:
                raise NotComputed from error
            raise

    def values(self, point: Point) -> list[Any]:
        """The leaves of the function's result and of its auxiliary result, at the point."""
        return [point.output(a) for a in self.graph.outputs]

    def value(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """The function's result and its auxiliary result, of their leaves."""
        n = self.traced.n_out
        aux = self.traced.aux(values[n:]) if self.traced.aux_tree is not None else None
        return self.traced.result(values[:n]), aux

    def resolve(self, order: Order, holomorphic: bool = False) -> tuple[Any, tuple[int, ...], Callable[..., bool]]:
        """Local derivatives, an elimination order, and which implicit nodes are pushed."""
        if order == "auto" and exchanges(self.graph):
            order = "forward" if self.verb == "hessian" else "reverse"  # as JAX's
        local = local_of(self.graph, self.graph.inputs, self.results)
        if isinstance(order, Plan):
            order.check(local)
            sequence, pushed = order.order, order.pushed
        else:
            sequence, pushed = pick(local, order, holomorphic, _jax.device_kind())
        chosen = {local.nodes[k].implicit for k in pushed}
        return local, sequence, chosen.__contains__


def unknown(tree: Any) -> Any:
    """Arguments whose whole numbers have no value, as inside jit: a plan is for shapes, whatever the indices are."""

    def hidden(x: Any) -> Any:
        whole = isinstance(x, jax.Array | np.ndarray) and x.dtype.kind in "iub"
        return lax.optimization_barrier(x) if whole else x

    return jax.tree.map(hidden, tree)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a transform does with a call.

    act      (call, given) → arrays, and what goes with them that is none; the same for calls that differ in arrays
    before   call → given: arrays, once all is checked
    after    (call, arrays, the other) → the answer
    told     what ``act`` depends on but the call
    """

    act: Callable[[Call, Any], tuple[Any, Any]]
    before: Callable[[Call], Any]
    after: Callable[[Call, Any, Any], Any]
    told: Hashable = ()


def on_traced(steps: Steps, *request: Any, recorded: bool = False) -> Any:
    """``steps`` on a ``traced_call``; once more on a recording, where a custom rule can be called on that alone.

    Also where an equation is not computed here, as in a precision that the device lacks: the function, run, may catch
    JAX's error and do something else. A program of jitted calls is compiled, outside jit.
    """
    with keeping(isinstance(request[-1], str)) as keep:
        call = traced_call(*request, recorded=recorded, keep=keep)
    # outside jit each call may have other indices: what is compiled for its operations is not for one of them
    call.graph.fixed = _jax.inside_jit() or not isinstance(request[-1], str)
    failed, given = None, steps.before(call)
    try:
        found = _compiled(steps, call, given, request[-2:]) if call.traced.kept else steps.act(call, given)
        return steps.after(call, *found)
    except _jax.NOT_ABSTRACT:
        if call.traced.recorded:
            raise
    except NotComputed as error:
        failed = error.__cause__
    if failed is not None and (call.traced.recorded or not all(map(_jax.has_value, call.leaves))):
        raise failed
    return on_traced(steps, *request, recorded=True)


def _compiled(steps: Steps, call: Call, given: Any, asked: Hashable) -> tuple[Any, Any]:
    """A program with its jitted calls kept, compiled for all calls that differ in their arrays alone."""

    def act(graph: Graph, leaves: Sequence[Any], given: Any) -> tuple[Any, Any]:
        return steps.act(replace(call, leaves=list(leaves), traced=replace(call.traced, graph=graph)), given)

    return compiled(call.graph, (call.verb, asked, call.traced.n_out, steps.told), act, call.leaves, given)


def traced_call(
    verb: str,
    fun: Callable[..., Any],
    argnums: Argnums,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    has_aux: bool,
    order: Order = "auto",
    *,
    recorded: bool = False,
    keep: bool = False,
) -> Call:
    """The program of a call; ``recorded`` as it runs even where it can be traced, ``keep`` as for ``trace``.

    With ``jax.disable_jit`` it runs as Python wherever it has values.
    """
    numbers = positions(verb, fun, argnums, len(args))
    dynamic = tuple(args[k] for k in numbers)
    with_paths, _ = tree_flatten_with_path(dynamic)
    leaves = [leaf for _, leaf in with_paths]
    paths = [
        f"argument {numbers[path[0].idx]}" + (f", leaf {keystr(path[1:])}" if path[1:] else "")
        for path, _ in with_paths
    ]
    for leaf, path in zip(leaves, paths, strict=True):
        check_array(verb, fun, leaf, path)
    given, leaves = leaves, [_jax.as_array(leaf) for leaf in leaves]
    no_jit = jax.config.jax_disable_jit  # type: ignore[attr-defined]
    recorded = recorded or (no_jit and all(map(_jax.has_value, leaves)))

    def of_dynamic(*values: Any) -> Any:
        full, named = list(args), kwargs
        # what has no tangent is passed as it is: Python may ask for its value
        mixed = [
            x if _jax.tangent_dtype(leaf.dtype) == _jax.float0 else traced
            for x, leaf, traced in zip(given, leaves, tree_leaves(values), strict=True)
        ]
        for k, value in zip(numbers, tree_unflatten(tree_structure(dynamic), mixed), strict=True):
            full[k] = value
        if isinstance(order, Plan):
            full, named = unknown(full), unknown(kwargs)
        return fun(*full, **named)

    try:
        debug_info = _jax.debug_info(f"ct.{verb}", fun, [path.removeprefix("argument ") for path in paths])
        eager = isinstance(order, str)
        traced = trace(
            of_dynamic, dynamic, has_aux=has_aux, recorded=recorded, keep=keep, eager=eager, debug_info=debug_info
        )
    except _jax.VALUE_ASKED as error:
        error.add_note(
            f"{errors.call(verb, fun)}: Python asked for a value that is not known here: inside jit or vmap arguments "
            "have none, and float(), int() or np.asarray() of a traced array would lose its derivative. "
            "Use lax.cond, lax.while_loop or jnp.where."
        )
        raise
    return Call(verb, errors.call(verb, fun), traced, dynamic, leaves, paths)


def plan_local(fun: Callable[..., Any], args: Sequence[Any], argnums: Argnums) -> Local:
    """The local derivatives of a function by ``argnums``, at arrays or shapes.

    What is not differentiated is closed over, as the transforms do, unless it is a shape without values; whole numbers
    among it are unknown.
    """
    numbers = positions("plan", fun, argnums, len(args))
    abstract = [k for k, arg in enumerate(args) if any(isinstance(x, jax.ShapeDtypeStruct) for x in tree_leaves(arg))]
    traced_at = (*numbers, *(k for k in abstract if k not in numbers))

    def of_traced(*values: Any) -> Any:
        full = list(args)
        for k, value in zip(traced_at, values, strict=True):
            full[k] = value
        return fun(*unknown(full))

    for k in numbers:
        for leaf in tree_leaves(args[k]):
            check_differentiable("plan", fun, leaf, f"argument {k}")
    traced = trace(of_traced, [args[k] for k in traced_at])
    inputs = traced.graph.inputs[: sum(len(tree_leaves(args[k])) for k in numbers)]
    return local_of(traced.graph, inputs, traced.graph.outputs[: traced.n_out])


def check_array(verb: str, fun: Callable[..., Any], leaf: Any, path: str) -> None:
    try:
        aval = _jax.aval_of(leaf)
    except (TypeError, ValueError):
        raise TypeError(
            f"{errors.call(verb, fun)}: {path} is {leaf!r} of type {type(leaf).__name__}, which is not a valid JAX "
            "type. "
            "Differentiated arguments are arrays, numbers, or pytrees of them: leave this one out with argnums=, or "
            "close over it."
        ) from None
    _jax.check_array(aval)


def check_differentiable(verb: str, fun: Callable[..., Any], leaf: Any, path: str) -> None:
    """Raise TypeError for a leaf that has no derivative; a ``jax.ShapeDtypeStruct`` counts as an array."""
    if not isinstance(leaf, jax.ShapeDtypeStruct):
        check_array(verb, fun, leaf, path)
    dtype = _jax.dtype_of(leaf)
    if _jax.tangent_dtype(dtype) == _jax.float0:
        raise TypeError(
            f"{errors.call(verb, fun)}: {path} has dtype {dtype}; a derivative needs real or complex numbers. "
            "Pass it as float, or leave it out with argnums=."
        )


def check_callable(verb: str, fun: Any) -> None:
    if not callable(fun):
        raise TypeError(f"ct.{verb}: expected a callable value, got {fun!r} of type {type(fun).__name__}.")


def check_order(verb: str, fun: Any, order: Any) -> None:
    """What is wrong with a transform before it is called: its function and ``order``."""
    check_callable(verb, fun)
    name = errors.call(verb, fun)
    if isinstance(order, Plan) or (isinstance(order, str) and order in CHOICES):
        return
    if order == "parallel":
        raise NotImplementedError(f"{name}: order='parallel' is not supported yet. Use order='auto'.")
    choices = ", ".join(CHOICES)
    raise ValueError(f"{name}: order={order!r} is an unknown order. Choose {choices}, or pass a Plan.")


def has_kind(x: Any, kind: Any) -> bool:
    """Whether a leaf's dtype is of a kind."""
    return bool(jax.dtypes.issubdtype(x.dtype, kind))


def check_inputs(call: Call, holomorphic: bool, allow_int: bool, name: str) -> None:
    """As JAX does for reverse mode: complex for holomorphic functions, else inexact unless ``allow_int``."""
    for leaf, path in zip(call.leaves, call.paths, strict=True):
        dtype = leaf.dtype
        where = f"{call.name}: {path} has dtype {dtype}. "
        if holomorphic and not has_kind(leaf, np.complexfloating):
            raise TypeError(f"{where}{name} with holomorphic=True requires inputs with complex dtype, but got {dtype}.")
        if not has_kind(leaf, np.inexact) and not (
            allow_int and any(has_kind(leaf, kind) for kind in (np.integer, np.bool_, jax.dtypes.extended))
        ):
            raise TypeError(
                f"{where}{name} requires real- or complex-valued inputs (input dtype that is a sub-dtype of "
                "np.inexact), "
                f"but got {dtype}. If you want to use Boolean- or integer-valued inputs, use vjp or set allow_int to "
                "True "
                "(which gives float0 zeros); or pass the argument as float, or leave it out with argnums=."
            )


def check_outputs(call: Call, holomorphic: bool, name: str) -> None:
    for atom in call.results:
        dtype = call.graph.aval(atom).dtype
        where = f"{call.name}: the output has dtype {dtype}. "
        complex_ = jax.dtypes.issubdtype(dtype, np.complexfloating)
        if holomorphic and not complex_:
            raise TypeError(
                f"{where}{name} with holomorphic=True requires outputs with complex dtype, but got {dtype}."
            )
        if not holomorphic and (complex_ or not jax.dtypes.issubdtype(dtype, np.floating)):
            hint = (
                "For holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic "
                "functions "
                "involving complex outputs, use vjp directly."
                if complex_
                else "For differentiation of functions with integer outputs, use vjp directly."
            )
            raise TypeError(
                f"{where}{name} requires real-valued outputs (output dtype that is a sub-dtype of np.floating), but "
                f"got {dtype}. {hint}"
            )


def check_keys(call: Call) -> None:
    """A Jacobian has entries that are numbers, and no random key is one."""
    found = [(path, leaf.dtype) for leaf, path in zip(call.leaves, call.paths, strict=True)]
    found += [("the output", call.graph.aval(atom).dtype) for atom in call.results]
    for where, dtype in found:
        if jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
            raise NotImplementedError(
                f"{call.name}: {where} has dtype {dtype}, and a Jacobian is of arrays of numbers. Leave the key out "
                "with argnums=, or return it beside the result with has_aux=True."
            )


def gradient_leaf(value: Any, leaf: Any) -> Any:
    """What stands for an input without a tangent: float0 zeros."""
    if _jax.tangent_dtype(leaf.dtype) == _jax.float0:
        return np.zeros(leaf.shape, _jax.float0)
    return value


def check_scalar(call: Call) -> None:
    name = call.name
    if call.traced.n_out != 1 or call.traced.out_tree != tree_structure(0):
        raise TypeError(
            f"Gradient only defined for scalar-output functions. Output was: {call.traced.out_tree}. {name}: return "
            "one number (and anything beside it with has_aux=True), or use ct.jacobian."
        )
    shape = call.graph.aval(call.results[0]).shape
    if shape != ():
        raise TypeError(
            f"Gradient only defined for scalar-output functions. Output had shape: {shape}. {name}: reduce it to one "
            "number, as with .sum() or .mean(), or use ct.jacobian."
        )


def check_jacfwd(call: Call, holomorphic: bool) -> None:
    for leaf, path in zip(call.leaves, call.paths, strict=True):
        dtype = leaf.dtype
        where = f"{call.name}: {path} has dtype {dtype}. "
        if holomorphic and not has_kind(leaf, np.complexfloating):
            raise TypeError(f"{where}jacfwd with holomorphic=True requires inputs with complex dtype, but got {dtype}.")
        if not holomorphic and not has_kind(leaf, np.floating):
            raise TypeError(
                f"{where}jacfwd requires real-valued inputs (input dtype that is a sub-dtype of np.floating), but "
                f"got {dtype}. "
                "For holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic "
                "functions "
                "involving complex inputs or integer inputs, use jvp directly."
            )
    if holomorphic:
        check_outputs(call, True, "jacfwd")


def check_primals(verb: str, fun: Callable[..., Any], primals: Any) -> None:
    if not isinstance(primals, tuple | list):
        raise TypeError(
            f"{errors.call(verb, fun)}: primal and tangent arguments must be tuples or lists; found "
            f"{type(primals).__name__} for primals."
        )


def check_tangents(call: Call, tangents: Any) -> list[Any]:
    name = call.name
    if not isinstance(tangents, tuple | list):
        raise TypeError(
            f"{name}: primal and tangent arguments must be tuples or lists; found {type(tangents).__name__} for "
            "tangents."
        )
    flat, tree = tree_flatten(tuple(tangents))
    expected: Any = tree_structure(call.dynamic)
    if tree != expected:
        raise TypeError(
            f"{name}: primal and tangent arguments must have the same tree structure; primals have tree structure "
            f"{expected} "
            f"whereas tangents have tree structure {tree}."
        )
    result: list[Any] = []
    for t, x, path in zip(flat, call.leaves, call.paths, strict=True):
        aval, dtype = x, _jax.dtype_of(t)
        wanted = _jax.tangent_dtype(aval.dtype)
        if call.verb == "linearize" and (dtype, np.shape(t)) != (wanted, aval.shape):
            raise ValueError(
                f"{name}: {path}: linearized function called on tangent values inconsistent with the original primal "
                f"values: got {dtype}{list(np.shape(t))} for primal {aval.dtype}{list(aval.shape)}, whose tangent is "
                f"{wanted}."
            )
        if call.verb == "linearize" and (axes := tuple(_jax.varying(_jax.aval_of(t)) - _jax.varying(x))):
            raise ValueError(
                f"{name}: {path}: the tangent varies along {axes} of a shard_map, the primal does not. This might be "
                f"fixed by applying `jax.lax.pcast(..., {axes}, to='varying')` to the primal value passed."
            )
        if dtype != wanted:
            raise TypeError(
                f"{name}: {path}: primal and tangent arguments do not match; dtypes must be equal, or in case of "
                "int/bool primal dtype the "
                f"tangent dtype must be float0. Got primal dtype {aval.dtype} and so expected tangent dtype "
                f"{wanted}, but got tangent dtype {dtype} instead."
            )
        if np.shape(t) != aval.shape:
            raise ValueError(
                f"{name}: {path}: jvp called with different primal and tangent shapes; Got primal shape {aval.shape} "
                f"and tangent shape as {np.shape(t)}"
            )
        result.append(None if wanted == _jax.float0 else t)
    return result


def out_tangents(call: Call, tangents: Sequence[Any]) -> list[Any]:
    """A tangent of each output, as weakly typed as it; float0 where it has none."""
    avals = [call.graph.aval(a) for a in call.results]
    return [
        np.zeros(a.shape, _jax.float0) if _jax.tangent_dtype(a.dtype) == _jax.float0 else _jax.like(_jax.as_array(t), a)
        for t, a in zip(tangents, avals, strict=True)
    ]


def check_cotangents(call: Call, cotangent: Any) -> list[Any]:
    """The leaves of a cotangent, None for float0; JAX's errors where it does not fit the result."""
    name = call.name
    flat, tree = tree_flatten(cotangent)
    if tree != call.traced.out_tree:
        raise ValueError(
            f"{name}: the cotangent has an unexpected tree structure: got {tree}, but expected to match "
            f"{call.traced.out_tree}, the structure of the function's result."
        )
    result: list[Any] = []
    for ct, atom in zip(flat, call.results, strict=True):
        aval = call.graph.aval(atom)
        wanted = _jax.tangent_dtype(aval.dtype)
        # as in JAX, any dtype passes for the cotangent of an integer
        if np.shape(ct) != aval.shape or (wanted != _jax.float0 and _jax.dtype_of(ct) != wanted):
            raise ValueError(
                f"{name}: unexpected JAX type (e.g. shape/dtype) for the cotangent, the argument to the VJP function: "
                f"got {_jax.dtype_of(ct)}{list(np.shape(ct))}, but expected {np.dtype(wanted)}{list(aval.shape)} "
                "because "
                f"the corresponding output of the differentiated function had JAX type {aval.dtype}{list(aval.shape)}."
            )
        result.append(None if wanted == _jax.float0 else ct)
    return result
