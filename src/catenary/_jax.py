"""What is taken from JAX outside its public modules.

All else in catenary imports from ``jax`` and its public modules. What is taken is what
``import jax`` has loaded: ``jax.extend`` would bring Pallas, and more time than all of catenary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax._src import ad_checkpoint, ad_util, api_util, config, custom_derivatives, dispatch, effects, hijax, pjit, util
from jax._src import core as _core
from jax._src import linear_util as lu
from jax._src.interpreters import ad, partial_eval
from jax._src.lax import ann, convolution, fft, lax, linalg, parallel, slicing, special, windowed_reductions
from jax._src.lax.control_flow import conditionals, loops, solves
from jax._src.random import prng, threefry2x32
from jax._src.shard_map import shard_map_p
from jax.sharding import NamedSharding, PartitionSpec

from catenary.errors import NotArrays

float0 = jax.dtypes.float0
InconclusiveDimensionOperation = _core.InconclusiveDimensionOperation
Literal = _core.Literal
Primitive = _core.Primitive
Tracer = jax.core.Tracer
Trace = _core.Trace
DynamicJaxprTrace = partial_eval.DynamicJaxprTrace
cache = util.cache
remembered: Any = util.weakref_lru_cache  # by the first argument, as long as it lives, and the others' values
eval_jaxpr = _core.eval_jaxpr
set_current_trace = _core.set_current_trace
take_current_trace = _core.take_current_trace
trace_ctx = _core.trace_ctx
to_concrete_value = _core.to_concrete_value

#: Where JAX keeps its primitives, each as ``name_p``.
_HOMES = (lax, slicing, special, linalg, convolution, fft, windowed_reductions, parallel, ann, loops, conditionals,
          solves, custom_derivatives, ad_checkpoint, ad, ad_util, prng, threefry2x32, dispatch, hijax, pjit,
          _core)  # fmt: skip

#: Calls that only name a piece of program: their body is read as if it stood in the caller.
TRANSPARENT_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "core_closed_call"})


def primitive(name: str) -> Primitive | None:
    """The primitive ``name`` of JAX, or None where this JAX has none.

    >>> primitive("tanh").name
    'tanh'
    """
    return next((getattr(home, f"{name}_p") for home in _HOMES if hasattr(home, f"{name}_p")), None)


def debug_info(traced_for: str, fun: Callable[..., Any], names: Sequence[str]) -> Any:
    """What JAX's errors tell of a program: what it is traced for, which function it is, its arguments' names."""
    return _core.DebugInfo(traced_for, api_util.fun_sourceinfo(fun), tuple(names), None)


def make_jaxpr(fun: Callable[..., Any], args: Sequence[Any], info: Any = None) -> Any:
    """The closed jaxpr of ``fun(*args)`` for flat arguments, which may be abstract; ``info`` by ``debug_info``.

    As ``jax.make_jaxpr``, which first makes of the function one to be compiled, and takes longer over that.
    """
    info = info or debug_info("jit", fun, [f"xs[{k}]" for k in range(len(args))])

    def flat(*xs: Any) -> list[Any]:
        leaves = jax.tree.leaves(fun(*xs))
        for x in leaves:
            if not _core.valid_jaxtype(x):
                raise TypeError(
                    f"{info.func_src_info}, traced for {info.traced_for}, returned {x!r} of type {type(x).__name__}, "
                    "which is not a valid JAX type."
                )
        return leaves

    wrapped = lu.wrap_init(flat, debug_info=info)
    jaxpr, _, consts = partial_eval.trace_to_jaxpr_dynamic(wrapped, list(map(_core.shaped_abstractify, args)))
    return jaxpr.with_consts(consts) if hasattr(jaxpr, "with_consts") else _core.ClosedJaxpr(jaxpr, consts)


def device_kind() -> str:
    """The kind of device that programs run on: "cpu", or what JAX calls the accelerator.

    >>> isinstance(device_kind(), str)
    True
    """
    return jax.default_backend() if jax.default_backend() == "cpu" else jax.devices()[0].device_kind


def inside_jit() -> bool:
    """Whether a program is being traced, here or around what is batched or differentiated here."""
    trace = _core.trace_ctx.trace
    while trace is not None and not isinstance(trace, partial_eval.DynamicJaxprTrace):
        trace = getattr(trace, "parent_trace", None)
    return trace is not None


def aval_of(x: Any) -> jax.core.ShapedArray:
    """Shape, dtype and weak type of an array, a tracer or a Python number."""
    return jax.typeof(x)


def number(dtype: Any) -> jax.core.ShapedArray:
    """The type of a single number."""
    return jax.core.ShapedArray((), dtype)


def dtype_of(x: Any) -> Any:
    """The dtype that JAX gives an array or a number; float0 for a float0 array."""
    found = getattr(x, "dtype", None)
    return found if found == float0 or isinstance(x, jax.ShapeDtypeStruct) else jax.typeof(x).dtype


def promoted(a: Any, b: Any) -> Any:
    """The dtype that holds numbers of both, however strict JAX is told to be with the user."""
    with jax.numpy_dtype_promotion("standard"):
        narrow = [jax.numpy.issubdtype(x, np.floating) and jax.numpy.finfo(x).bits < 16 for x in (a, b)]
        if a != b and any(narrow):  # JAX does not promote them
            a, b = (np.dtype(jax.numpy.bfloat16) if less else x for x, less in zip((a, b), narrow, strict=True))
        return jax.numpy.promote_types(a, b)


_WIDE = frozenset(map(np.dtype, ("int64", "uint64", "float64", "complex128")))


def room_for(dtype: Any) -> AbstractContextManager[Any]:
    """To be entered where an array of ``dtype`` is made: 64-bit numbers stay, though they are off here."""
    return jax.enable_x64(True) if dtype in _WIDE and not config.enable_x64.value else nullcontext()


def wide(avals: Iterable[Any]) -> bool:
    """Whether some value has 64-bit numbers."""
    return any(getattr(aval, "dtype", None) in _WIDE for aval in avals)


def tangent_dtype(dtype: Any) -> Any:
    """The dtype of tangents of values of ``dtype``: itself for real and complex numbers, else float0."""
    return dtype if jax.dtypes.issubdtype(dtype, np.inexact) else float0


def zero_cotangent(aval: Any) -> Any:
    """Zeros of the kind that a cotangent of a value has."""
    dtype = tangent_dtype(aval.dtype)
    return np.zeros(aval.shape, float0) if dtype == float0 else zeros(aval)


def bind(eqn_primitive: Primitive, params: dict[str, Any], args: Sequence[Any]) -> list[Any]:
    """Apply one equation's primitive to values; a list of its outputs, always."""
    if eqn_primitive is shard_map_p and all(map(has_value, args)):
        return list(_compiled(eqn_primitive, tuple(params.items()))(*args))
    out = eqn_primitive.bind(*args, **eqn_primitive.get_bind_params(params))
    return list(out) if eqn_primitive.multiple_results else [out]


@lru_cache(maxsize=16)
def _compiled(eqn_primitive: Primitive, params: Sequence[tuple[str, Any]]) -> Callable[..., Any]:
    """A primitive that runs as one program: step by step JAX compiles every step of a shard_map, each time."""
    return jax.jit(lambda *args: list(eqn_primitive.bind(*args, **eqn_primitive.get_bind_params(dict(params)))))


def in_force() -> tuple[Any, bool]:
    """What equations are traced under here: JAX's own context, and whether there are 64-bit numbers."""
    return _core.current_jaxpr_eqn_context(), config.enable_x64.value


def closed(jaxpr: Any) -> tuple[Any, Sequence[Any]]:
    """A jaxpr and its constants, whether a body is stored closed or open."""
    return (jaxpr.jaxpr, jaxpr.consts) if hasattr(jaxpr, "jaxpr") else (jaxpr, ())


def pulled_only(eqn_primitive: Primitive, params: dict[str, Any]) -> bool:
    """Whether an equation is a custom_vjp of JAX's newer kind, mapped or not."""
    own: Any = params.get("_prim") if eqn_primitive is hijax.call_hi_primitive_p else None
    while hasattr(own, "prim"):
        own = own.prim
    return isinstance(own, hijax.CustomVJPTraced)


def older(eqn_primitive: Primitive, params: dict[str, Any]) -> tuple[Primitive, dict[str, Any]]:
    """An equation, JAX's newer ways to write a checkpoint and a name in it (``jax_remat3``) as the older ones."""
    own: Any = params.get("_prim") if eqn_primitive is hijax.call_hi_primitive_p else None
    if isinstance(own, ad_checkpoint.CheckpointName):
        return ad_checkpoint.name_p, {"name": own.name}
    if isinstance(own, ad_checkpoint.RematTraced):
        apart = getattr(own, "prevent_cse", True)  # JAX 0.10 has no such choice
        body = {"jaxpr": closed(own.jaxpr)[0], "policy": own.policy}
        return ad_checkpoint.remat_p, body | {"prevent_cse": apart, "differentiated": False}
    return eqn_primitive, params


def saved(policy: Callable[..., Any], eqn_primitive: Primitive, avals: Sequence[Any], params: dict[str, Any]) -> bool:
    """Whether a checkpoint's policy remembers what an equation computes."""
    answer = policy(eqn_primitive, *avals, **params)
    return bool(answer) and not isinstance(answer, partial_eval.RecomputeType)


def check_runs_again(jaxpr: Any) -> None:
    """Raise JAX's error where a checkpointed body has effects that can not happen twice."""
    found = effects.remat_allowed_effects.filter_not_in(closed(jaxpr)[0].effects)
    if found:
        raise NotImplementedError(f"Effects not supported in partial-eval of `checkpoint`/`remat`: {found}")


def call_body(params: dict[str, Any]) -> Any:
    """The body of a call equation."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if name in params:
            return params[name]
    raise KeyError(f"no body among {sorted(params)}")


def branch_here(params: dict[str, Any]) -> int | None:
    """The branch of a cond equation for this platform; None inside jit, or where it is no choice by platform."""
    if params.get("branches_platforms") is None:
        return None
    index = conditionals.platform_index_p.bind(platforms=params["branches_platforms"])
    return int(index) if _core.is_concrete(index) else None


def switch(params: dict[str, Any], index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """One of ``branches``, chosen as a cond equation with these parameters chooses: by platform, where that does."""
    platforms = params.get("branches_platforms")
    if platforms is None:
        return jax.lax.switch(index, branches, *operands)
    return conditionals._switch_internal(index, branches, operands, branches_platforms=platforms)


def holds(params: dict[str, Any], names: Collection[str]) -> bool:
    """Whether some equation in the bodies that an equation has, at any depth, is of one of these primitives."""
    bodies = (inner for body in _core.jaxprs_in_params(params) for inner in _bodies(body))
    return any(eqn.primitive.name in names for body in bodies for eqn in body.eqns)


def user_frame(eqn: Any) -> tuple[str, int] | None:
    """File and line of the user's code that made an equation, where JAX still knows."""
    from jax._src import source_info_util

    frame = source_info_util.user_frame(eqn.source_info.traceback)
    return (frame.file_name, frame.start_line) if frame else None


def user_positions(eqn: Any) -> list[tuple[Any, ...]]:
    """File, first line, and the rest of the places of the user's code that made an equation, the innermost first."""
    from jax._src import source_info_util

    frames = source_info_util.user_frames(eqn.source_info.traceback)
    return [(f.file_name, f.start_line, f.start_column, f.end_line, f.end_column) for f in frames]


def _present(fun: Callable[..., Any], structs: Sequence[Any]) -> tuple[list[int], Callable[..., Any]]:
    """Where a list holds no None, and ``fun`` on the list as a function of what stands there."""
    places = [k for k, struct in enumerate(structs) if struct is not None]

    def flat(*xs: Any) -> Any:
        full: list[Any] = [None] * len(structs)
        for k, x in zip(places, xs, strict=True):
            full[k] = x
        return fun(full)

    return places, flat


def portable(fun: Callable[..., Any], structs: Sequence[Any], moving: bool) -> tuple[Callable[..., Any], list[Any]]:
    """``fun`` on a flat list of arrays, by tracers that it closes over, and the list; those tracers, to leave jit too.

    structs   shapes and dtypes of the list; None where it holds None
    moving    whether it closes over any
    """
    if not moving:
        return lambda _, values: fun(values), []
    places, program, consts = _with_constants(fun, structs)
    moved = [isinstance(x, Tracer) for x in consts]
    fixed = [x for x, moves in zip(consts, moved, strict=True) if not moves]

    def run(tracers: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
        rest = {True: iter(tracers), False: iter(fixed)}
        return evaluated(program, [*(next(rest[moves]) for moves in moved), *(values[k] for k in places)])

    return run, [x for x, moves in zip(consts, moved, strict=True) if moves]


def _with_constants(fun: Callable[..., Any], structs: Sequence[Any]) -> tuple[Sequence[int], Any, Sequence[Any]]:
    """Where the list is not None; ``fun`` as a program, by its constants and what stands there; the constants."""
    places, flat = _present(fun, structs)
    jaxpr, consts = closed(make_jaxpr(flat, [structs[k] for k in places]))
    return places, partial_eval.close_jaxpr(partial_eval.convert_constvars_jaxpr(jaxpr)), consts


def settled(fun: Callable[..., Any], structs: Sequence[Any]) -> tuple[Sequence[int], Any, Sequence[Any]]:
    """``fun`` on a flat list as a program, with all that no array in the list has a part in computed now.

    Where the list holds no None; the closed jaxpr of the rest, by what was computed and what stands there; the former.
    """
    places, program, consts = _with_constants(fun, structs)
    given = [False] * len(consts) + [True] * len(places)
    now, later, *_ = partial_eval.partial_eval_jaxpr_nounits(program, given, True)
    return places, later, evaluated(now, consts)


def needed(fun: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """The outputs of ``fun``, from the equations that they need."""
    jaxpr, consts = closed(make_jaxpr(fun, args))
    lean, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars), instantiate=True)
    return eval_jaxpr(lean, consts, *args)


def evaluated(jaxpr: Any, args: Sequence[Any]) -> Sequence[Any]:
    """The outputs of a closed jaxpr."""
    return _core.jaxpr_as_fun(jaxpr)(*args)  # type: ignore[no-any-return]


def as_array(x: Any) -> Any:
    """An array, a tracer or a token; a Python number becomes an array, weakly typed; whole ones stay known in jit."""
    if isinstance(x, jax.Array | _core.Token):
        return x
    if hasattr(x, "__array__") and x.dtype.kind in "iub":
        return np.asarray(x, jax.typeof(x).dtype)
    return like(jax.numpy.asarray(x), jax.typeof(x))


def like(x: Any, aval: Any) -> Any:
    """``x`` as weakly typed as ``aval``, and varying where it does: what a Python number was, its derivative is."""
    x = varied(x, aval)
    if aval.weak_type and not jax.typeof(x).weak_type:
        with where_it_lies(x):
            return lax._convert_element_type(x, aval.dtype, weak_type=True)
    return x


def varied(x: Any, aval: Any) -> Any:
    """``x`` varying where ``aval`` does: of itself a number that all have is the same everywhere."""
    missing = varying(aval) - varying(jax.typeof(x))
    return jax.lax.pcast(x, tuple(missing), to="varying") if missing else x


def varying(aval: Any) -> frozenset[Any]:
    """The axes of a shard_map along which a value may differ."""
    return getattr(getattr(aval, "mat", None), "varying", frozenset())


def struct(aval: Any) -> Any:
    """What a cotangent or a tangent of a value is, for tracing."""
    return aval.strip_weak_type()


def laid(x: Any, aval: Any, lead: int) -> Any:
    """``x`` as a value of this type lies, behind ``lead`` axes that lie nowhere."""
    if not sharded(aval) or aval.sharding.spec.unreduced or aval.sharding.spec.reduced:
        return x
    spec = PartitionSpec(*[None] * lead, *aval.sharding.spec)
    if jax.typeof(x).sharding.spec == spec:
        return x
    return jax.sharding.reshard(x, NamedSharding(aval.sharding.mesh, spec))


def sharded(aval: Any) -> bool:
    """Whether the type of a value says how it lies on a mesh: then every equation must say so too."""
    mesh = getattr(getattr(aval, "sharding", None), "mesh", None)
    return mesh is not None and not mesh.empty and mesh._any_axis_explicit


def beside(x: Any, value: Any) -> Any:
    """``x`` on the devices where ``value`` lies, outside jit."""
    return jax.device_put(x, value.sharding) if isinstance(value, jax.Array) and has_value(value) else x


def zeros(aval: Any) -> Any:
    """The zero cotangent of a value, of its shape and dtype, and where it lies."""
    return ad_util.zeros_like_aval(aval.to_ct_aval())


def blank(aval: Any) -> Any:
    """Zeros of a type, as a tangent is where a value has none: they lie where the value lies, cotangents elsewhere."""
    return ad_util.zeros_like_aval(aval)


def add(x: Any, y: Any) -> Any:
    """The sum of two parts of a derivative, where they lie: not always on the mesh in force."""
    with where_it_lies(x):
        return x + y


def where_it_lies(x: Any) -> AbstractContextManager[Any]:
    """The mesh of an array, in force where another is."""
    here, there = jax.sharding.get_abstract_mesh(), jax.typeof(x).sharding.mesh
    if here == there or here.empty or there.empty:
        return nullcontext()
    return jax.sharding.use_abstract_mesh(there)


def transposed(
    eqn_primitive: Primitive,
    params: dict[str, Any],
    operands: Sequence[Any],
    made: Sequence[Any],
    cotangents: Sequence[Any],
) -> list[Any]:
    """The transpose of one equation: from cotangents of its outputs those of its linear operands.

    operands     what it is linear in by their types, the others by their values
    made         the types of its outputs
    cotangents   None for zero
    """
    linear = [isinstance(x, _core.AbstractValue) for x in operands]
    reads = [_core.Var(x if unknown else jax.typeof(x)) for x, unknown in zip(operands, linear, strict=True)]
    writes = list(map(_core.Var, made))
    eqn = _core.new_jaxpr_eqn(reads, writes, eqn_primitive, params, _core.no_effects)
    named = _core.DebugInfo("transpose", str(eqn_primitive), None, None)
    jaxpr = _core.Jaxpr((), reads, writes, [eqn], debug_info=named)
    primals = [
        ad.UndefinedPrimal(x.to_ct_aval()) if unknown else x for x, unknown in zip(operands, linear, strict=True)
    ]
    given = [ad.Zero(a.to_ct_aval()) if ct is None else ct for ct, a in zip(cotangents, made, strict=True)]
    pulled = ad.backward_pass(jaxpr, True, (), primals, given)
    return [ad.instantiate_zeros(x) for x, unknown in zip(pulled, linear, strict=True) if unknown]


def can_transpose(eqn_primitive: Primitive) -> bool:
    """Whether JAX, or its author, says how a primitive is transposed: what is linear in no operand has no way."""
    return eqn_primitive in ad.primitive_transposes or eqn_primitive in ad.fancy_transposes


def check_array(aval: Any) -> None:
    """Raise NotArrays for a type that is no array's: a reference's, or one that a library adds, dtypes among them."""
    dtype = getattr(aval, "dtype", bool)
    added = jax.dtypes.issubdtype(dtype, jax.dtypes.extended) and not isinstance(dtype, prng.KeyTy)
    if added or not isinstance(aval, jax.core.ShapedArray | _core.AbstractToken):
        raise NotArrays(
            f"a value of type {aval} in the program is no array: it has no axes to plan or derive by. The transforms "
            "hand such a program to JAX; for plans and formulas compute with arrays and write them back outside."
        )


def check_arrays(closed_jaxpr: Any) -> None:
    """Raise NotArrays where some value of a program, at any depth, is no array."""
    jaxpr = closed_jaxpr.jaxpr
    deep = jaxpr.is_high or _core.array_ref_effect in jaxpr.effects  # else only arguments and constants can be others
    eqns = [eqn for body in _bodies(jaxpr) for eqn in body.eqns] if deep else ()
    for v in (*jaxpr.constvars, *jaxpr.invars, *(v for eqn in eqns for v in (*eqn.invars, *eqn.outvars))):
        check_array(v.aval)


def _bodies(jaxpr: Any) -> Iterator[Any]:
    """A program and those in its equations, at any depth."""
    yield jaxpr
    for eqn in jaxpr.eqns:
        for body in _core.jaxprs_in_params(eqn.params):
            yield from _bodies(body)


@remembered  # type: ignore[untyped-decorator]
def size(jaxpr: Any) -> int:
    """How many equations a program has, those in its bodies among them."""
    return sum(len(body.eqns) for body in _bodies(closed(jaxpr)[0]))


#: What JAX raises where Python asks a tracer for its value.
VALUE_ASKED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def value_asked(error: BaseException | None) -> bool:
    """Whether an error is JAX's where Python asks a tracer for its value, or was raised because of it."""
    said = "requiring abstract evaluation" in str(error)  # of a sparse array whose size is not told
    return error is not None and (
        said or isinstance(error, VALUE_ASKED) or value_asked(error.__cause__ or error.__context__)
    )


class OtherResults(TypeError):
    """A custom rule, called for a program that was traced, and its function do not return the same."""


#: What is raised where a custom rule can be called only where its function is: it asks for a value, closes over what
#: lives only while the program runs, or returns something else.
NOT_ABSTRACT = (*VALUE_ASKED, jax.errors.UnexpectedTracerError, OtherResults)


def has_value(x: Any) -> bool:
    """Whether Python may ask ``x`` for its value now."""
    return not isinstance(x, jax.ShapeDtypeStruct | _core.AbstractValue) and _core.is_concrete(x)


def bcoo(data: Any, indices: Any, shape: tuple[int, ...]) -> Any:
    """A sparse array of JAX's own kind, its indices sorted and none twice; loaded when first asked for."""
    from jax.experimental.sparse import BCOO

    return BCOO((data, indices), shape=shape, indices_sorted=True, unique_indices=True)
