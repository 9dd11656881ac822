"""``ct.derive``: from the user's function to its derivation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import errors
from .._argnums import Argnums, numbered, positions
from .._signature import arguments
from .calculus.recurrence import Timed
from .check import FormulaError, sample
from .defining import chain as chains
from .defining.define import Definitions, define
from .defining.local import differentials
from .defining.recursion import Line
from .defining.steps import lines_of
from .defining.sweeps import Definition, Sweep
from .derivation import Derivation
from .expressions.assume import SYMMETRIC, checked, stated
from .expressions.dims import dims_of
from .expressions.expr import Along, Array, At, Expr, Fn, Index, Pos, Reduce, Size, axis, head, walk
from .matrices import kronecker
from .matrices import matrix as mx
from .matrices.families import Families
from .matrices.recognise import NotMatrix
from .printing.rows import forms_of
from .reading import names as naming
from .reading.listing import listing
from .reading.marks import equations, marks_of
from .reading.names import D
from .reading.program import Derivative, Input, Program, flat_inputs, flattened, trace
from .reading.shapes import Axis, symbolic
from .unreadable import UnreadableError


def derive(
    fun: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    order: int = 1,
    dims: Mapping[str, str] | None = None,
    form: str | Sequence[str] = "matrix",
    assume: Mapping[str, str] | None = None,
) -> Derivation:
    """Derive the index-free formula of a program's gradient, Jacobian or Hessian.

    Args:
        fun: a function of arrays, or pytrees of arrays, that returns one real number, or one array of them.
        *args: example arguments, as arrays or ``jax.ShapeDtypeStruct``; without them the shapes come from
            annotations such as ``Float[Array, "N n"]``. Sizes become names: N, n, m, …
        argnums: which arguments to differentiate with respect to.
        order: 1 for the gradient, or the Jacobian of an array; 2 for the Hessian.
        dims: names for sizes, by argument: ``{"X": "N n"}``.
        form: ``"matrix"``, with indices only where it must be; ``"labels"``, every axis by the name of its size,
            ``X[N n]``; ``"index"``, the classical ``Xᵢⱼ``; or several, to compare: ``("matrix", "index")``.
        assume: facts of arguments that formulas use and state: ``{"A": "symmetric"}``; also ``"positive definite"``,
            ``"orthonormal"`` (its columns), ``"positive"``, ``"one-hot"`` (its rows), ``"unit"``. A derivative with
            respect to such an argument still treats its entries as independent; where that is a symmetric matrix, the
            symmetric part of the derivative is given.

    Returns:
        A ``Derivation``: print it, or take ``.formula``, ``.latex()``, ``.markdown()``, ``.html()``, ``.python()``.

    Raises:
        ValueError: a fact that is not known, or of no argument.
        TypeError: an argument that is no array of real numbers, or a result that is no array of real numbers.
        NotImplementedError: a program part for which no formula can be written yet.
        FormulaError: the formula does not agree with the computed derivative, and is not shown.

    Cost: one trace of the program and of its gradient, and one compilation for the check.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> def J(w, X, y):
    ...     return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))
    >>> print(ct.derive(J, jnp.ones(4), jnp.ones((150, 4)), jnp.ones(150)).formula)
    ∇J = −(1/N) Xᵀ (y ⊙ σ(−y ⊙ Xw))
    >>> print(ct.derive(J, jnp.ones(4), jnp.ones((150, 4)), jnp.ones(150), form="index").formula)
    ∂J/∂wᵢ = −(1/N) Σⱼ Xⱼᵢ yⱼ σ(−yⱼ Σₖ Xⱼₖ wₖ)
    """
    forms_of(form)
    if order not in (1, 2):
        raise ValueError(f"ct.derive: order={order!r}; expected 1 for a first derivative or 2 for a second")
    if not callable(fun):
        raise TypeError(f"ct.derive: expected a function, got {type(fun).__name__}")
    if hasattr(fun, "stages") and len(args) == 2:
        return _derive_chain(fun, *args, argnums=argnums, order=order).with_form(form)
    if not args:
        args = arguments(fun, {k: _commas(v) for k, v in (dims or {}).items()})
        dims = None
    argnums, chosen = _positions(fun, argnums, len(args))
    inputs = _assumed(fun, flat_inputs(fun, args, chosen), assume or {})
    return _derived(fun, args, argnums, inputs, _given(inputs, dims or {}), order).with_form(form)


def _assumed(fun: Callable[..., Any], inputs: Sequence[Input], assume: Mapping[str, str]) -> list[Input]:
    """The inputs with what is assumed of each."""
    facts = checked(errors.call("derive", fun), assume, {i.name: i.struct.shape for i in inputs})
    return [replace(i, fact=facts.get(i.name, "")) for i in inputs]


def _given(inputs: Sequence[Input], dims: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """(input, axis) → the name that its size was given."""
    names = (dims.get(i.name, "").replace(",", " ").split() for i in inputs)
    return {(n, a): name for n, own in enumerate(names) for a, name in enumerate(own)}


def _derived(
    fun: Callable[..., Any],
    args: Sequence[Any],
    argnums: int | tuple[int, ...],
    inputs: list[Input],
    given: dict[Axis, str],
    order: int = 1,
) -> Derivation:
    verb = errors.call("derive", fun)
    _check_inputs(verb, inputs)
    flat = flattened(fun, args)
    taken = {i.name for i in inputs} | set(naming.parameters(fun, len(args)))
    facts = stated({i.name: i.fact for i in inputs if i.fact}, [i.name for i in inputs if i.chosen])
    best: Derivation | None = None
    refused: Exception | None = None
    with jax.enable_x64(True):  # constants are read, and JAX's own bodies compared, in the precision of the check
        for closed, structs, notes in _candidates(verb, flat, inputs, given, taken):
            named = [replace(i, struct=s) for i, s in zip(inputs, structs, strict=True)]
            try:
                program = trace(closed, named, order)
                parts = define(program)
                made = _derivation(fun, args, named, argnums, flat, program, parts)
            except Exception as error:  # perhaps only with names for sizes: numbers are tried last
                refused = error
                continue
            made.notes, made.coarse = [*notes, *facts, *_assumptions(parts), *_rules(program)], _coarse(closed)
            if best is None or made.index_free:
                best = made
            if made.index_free:
                break
    if best is None:
        assert refused is not None
        raise UnreadableError(f"{verb}: {refused}") if isinstance(refused, NotImplementedError) else refused
    return _compared(verb, best)


def _compared(verb: str, made: Derivation) -> Derivation:
    """Return a derivation that agrees with the computed derivative, or raise what is wrong with it."""
    try:
        made.checked = made.check()
    except Exception as error:  # whatever our own source fails with, the user gets no formula that was not compared
        why = f"its source does not run ({type(error).__name__}: {error})"
        raise UnreadableError(f"{verb}: the formula found is not shown, because {why}") from error
    if not made.checked:
        raise FormulaError(f"{verb}: the formula is not shown, because it {made.checked}")
    return made


def _derive_chain(chain: Any, theta: Any, x: Any, argnums: Argnums, order: int) -> Derivation:
    """Derive a composition: its total derivative, its bracketings and their cost, and its gradient block by block."""
    parts = tuple(jax.eval_shape(chain.split, theta))

    def L(theta: Any, x: Any) -> Any:
        a = x
        for stage, part in zip(chain.stages, theta, strict=True):
            # a call of its own, so that what it returns is known by the name on the left
            a = jax.jit(lambda part, a, stage=stage: stage(part, a))(part, a)
        return a

    args = (parts, x)
    argnums, chosen = _positions(L, argnums, 2)
    inputs = chains.named(flat_inputs(L, args, chosen), chain.stages, parts)
    shapes = chains.shapes_of(chain.stages, parts, inputs[-1].struct)
    made = _derived(L, args, argnums, inputs, chains.dimension_names(inputs, parts, shapes), order)
    made.code = "\n\n".join(filter(None, map(listing, dict.fromkeys(chain.stages))))
    made.preface = chains.preface(chain.stages, shapes)
    return made


def _commas(sizes: str) -> str:
    return sizes if "," in sizes else ", ".join(sizes.split())


def _positions(fun: Callable[..., Any], argnums: Argnums, n: int) -> tuple[int | tuple[int, ...], tuple[int, ...]]:
    """``argnums`` counted from the front, one or several, and all of them."""
    argnums = numbered("derive", fun, argnums)
    chosen = positions("derive", fun, argnums, n)
    return chosen[0] if isinstance(argnums, int) else chosen, chosen


def _check_inputs(verb: str, inputs: Sequence[Input]) -> None:
    for i in inputs:
        if i.chosen and not jnp.issubdtype(i.struct.dtype, np.floating):
            raise TypeError(
                f"{verb}: argument {i.name} has dtype {i.struct.dtype}; a gradient needs real numbers. "
                "Pass it as float, or leave it out with argnums=."
            )


def _candidates(
    verb: str, flat: Callable[..., Any], inputs: list[Input], given: dict[Axis, str], taken: set[str]
) -> Iterator[tuple[Any, list[Any], list[str]]]:
    """Yield (jaxpr, shapes, notes) with named sizes where the program allows it, the most general names first."""
    structs = [_wide(i.struct) for i in inputs]
    if any(not isinstance(d, int) for s in structs for d in s.shape):
        closed = jax.make_jaxpr(flat)(*structs)
        _check_result(verb, closed)
        yield closed, structs, []
        return
    numbers = jax.make_jaxpr(flat)(*structs)
    _check_result(verb, numbers)
    taken = taken | {mark.name for mark in marks_of(numbers.jaxpr, taken)}
    square = [((n, 0), (n, 1)) for n, i in enumerate(inputs) if i.fact in SYMMETRIC]
    for candidate in symbolic(structs, numbers.jaxpr, _data(inputs), given, taken, square):
        try:
            closed = jax.make_jaxpr(flat)(*candidate)
            _runs(flat, [replace(i, struct=s) for i, s in zip(inputs, candidate, strict=True)])
        except Exception:  # the program needs a number where a name stands: any error says so
            continue
        named = any(not isinstance(d, int) for s in candidate for d in s.shape) or not any(s.shape for s in structs)
        yield closed, candidate, [] if named else ["derived for the sizes given: the program needs them as numbers"]


def _runs(flat: Callable[..., Any], inputs: Sequence[Input]) -> None:
    """Raise what a program raises at other sizes: an equality of sizes that the names do not show."""
    values, _ = sample(inputs, 0, 0)
    jax.eval_shape(flat, *values)


def _data(inputs: Sequence[Input]) -> list[bool]:
    """Say which inputs are data: all but the first argument that is differentiated."""
    first = min((i.argument for i in inputs if i.chosen), default=-1)
    return [i.argument != first for i in inputs]


def _wide(struct: Any) -> Any:
    """Return a shape with its real numbers in float64: constants are then read as the user meant them."""
    dtype = np.float64 if jnp.issubdtype(struct.dtype, np.floating) else struct.dtype
    return jax.ShapeDtypeStruct(struct.shape, dtype)


def _coarse(closed: Any) -> bool:
    """Say whether a program computes in less than float64."""
    return any(
        getattr(v.aval, "dtype", None) in (np.float32, np.float16, jnp.bfloat16)
        for eqn in equations(closed.jaxpr)
        for v in eqn.outvars
    )


def _check_result(verb: str, closed: Any) -> None:
    avals = closed.out_avals
    if len(avals) != 1:
        raise TypeError(f"{verb}: the function returns {len(avals)} arrays; a derivative needs one")
    (aval,) = avals
    if not jnp.issubdtype(aval.dtype, np.floating):
        raise TypeError(f"{verb}: the result has dtype {aval.dtype}; a derivative needs real numbers")


def _derivation(
    fun: Callable[..., Any], args: Sequence[Any], inputs: list[Input], argnums: int | tuple[int, ...],
    flat: Callable[..., Any], program: Program, parts: Definitions,
) -> Derivation:  # fmt: skip
    carried = {c.name for loop in program.loops for c in loop.carries}
    taken = {i.name for i in inputs} | set(parts.names.values()) | carried
    sizes = {str(d) for i in inputs for d in dims_of(i.struct.shape)}
    recogniser = Families(parts.names, Timed(program.timed), taken, {*taken, *sizes})

    def line(name: str, body: Expr, axes: tuple[Index, ...]) -> Line:
        return Line(name, recogniser.write(body, axes), entries=recogniser.entries(body, axes))

    name = _function_name(fun, inputs)

    def lines(definitions: Sequence[Definition | Sweep]) -> list[Line]:
        return [
            each
            for d in definitions
            for each in (lines_of(d, recogniser) if isinstance(d, Sweep) else [line(d[0], d[2], _wide_axes(d[1]))])
        ]

    forward, backward = lines(parts.forward), lines(parts.backward)
    gradients = [
        _derivative_line(recogniser, name, derivative, body)
        for derivative, (_, body) in zip(program.gradients, parts.gradients, strict=True)
    ]
    value = line(name, parts.value, _axes(program.value.dims))
    parameters = naming.parameters(fun, len(args))
    order = len(program.gradients[0].by) if program.gradients else 1
    made = Derivation(name, parameters, args, inputs, argnums, order, flat, forward, value, backward, gradients)
    made.code = listing(fun)
    if order == 1 and not (program.loops or program.rules):  # a recursion is its own; a rule may be no linear map
        moving = [i.name for i in inputs if i.chosen]
        axes = _axes(program.value.dims)
        definitions = [d for d in parts.forward if not isinstance(d, Sweep)]
        local, last = differentials(definitions, parts.value, axes, moving, parts.names)
        made.differentials = [line(n, body, _wide_axes(array)) for n, array, body in local]
        made.differentials.append(line(D + name, last, axes))
    return made


def _derivative_line(recogniser: Families, function: str, derivative: Derivative, body: Expr) -> Line:
    """Return the line of a derivative: as a matrix with the axes of the last input for columns, where there is one."""
    dims = derivative.value.dims
    axes, last = _axes(dims), len(dims) - len(derivative.by[-1].struct.shape)
    rows, columns = (tuple(i for i in part if i.size != 1) for part in (axes[:last], axes[last:]))
    value = recogniser.write(body, axes, families=not last)
    if last and isinstance(value, mx.Labelled):
        with contextlib.suppress(NotMatrix):
            value = recogniser.write(body, (*rows, *columns), families=False) if len(rows) < 2 > len(columns) else value
            if isinstance(value, mx.Labelled):
                value = kronecker.jacobian(recogniser, body, rows, columns)
            value = mx.Laid(dims, value)
        if isinstance(value, mx.Labelled):
            value = recogniser.write(body, axes)
    by = tuple((i.name, len(i.struct.shape)) for i in derivative.by)
    entries = recogniser.entries(body, axes)
    return Line(derivative.name, value, differential=function, entries=entries, by=by)


def _axes(dims: Sequence[Size]) -> tuple[Index, ...]:
    return tuple(axis(n, d) for n, d in enumerate(dims))


def _wide_axes(array: Array) -> tuple[Index, ...]:
    return tuple(i for i in array.axes if i.size != 1)


def _function_name(fun: Callable[..., Any], inputs: Sequence[Input]) -> str:
    name = getattr(fun, "__name__", type(fun).__name__)
    name = name if name.isidentifier() else "f"
    return name if name not in {i.name for i in inputs} else f"{name}_value"


def _rules(program: Program) -> list[str]:
    """Return whose derivative is a rule of its author."""
    names = dict.fromkeys(rule.name for rule in program.rules.values())
    return [f"the derivative of {name} is the rule that its author gave" for name in names]


def _assumptions(parts: Definitions) -> list[str]:
    """Return what the formulas take for granted."""
    bodies: list[Expr] = [
        parts.value,
        *(b for _, b in parts.gradients),
        *(b for d in (*parts.forward, *parts.backward) for b in (d.exprs if isinstance(d, Sweep) else [d[2]])),
    ]
    labels: dict[str, str] = {}
    for body in bodies:
        for _, node in walk(body):
            if isinstance(node, Fn) and node.name == "eq":
                for a, b in (node.children, node.children[::-1]):
                    if isinstance(a, Pos) and isinstance(b, At) and b.array.kind == "int":
                        labels[b.array.symbol or parts.names.get(b.array, "")] = str(a.index.size)
    rows = any(
        isinstance(node, Along | Reduce) and node.name in ("softmax", "logsumexp") and len(head(node.body).free) > 1
        for body in bodies
        for _, node in walk(body)
    )
    notes = [f"the entries of {name} are labels in 0, …, {size}−1" for name, size in labels.items()]
    return notes + ["softmax and logsumexp act on each row"] * rows
