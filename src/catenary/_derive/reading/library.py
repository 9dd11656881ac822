"""Calls that JAX leaves in a program by name, taken for what they say only where their body is JAX's own.

``jnp.linalg.inv`` becomes a call named ``inv`` whose body is a factorisation and two solves.  A row of ``LIBRARY``
says what such a call means and which function of JAX's to trace for comparison: a user's own ``inv`` is read like any
other code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl

from ..expressions.build import ONE, ZERO, fn, mul, power
from ..expressions.expr import Expr, Index, Size, axis, temporary
from ..expressions.linalg import applied, determinant, inverse, log_determinant
from ..expressions.rename import rename

Results = Callable[[Sequence[Any], Sequence[tuple[Size, ...]]], list[Expr]]


class Known(NamedTuple):
    """What a call means: from its arguments (expressions in axis(0), axis(1), …, and dimensions) to its results."""

    reference: Callable[..., Any]
    results: Results


def _square(value: Any) -> tuple[Index, Index]:
    """Return the last two axes of a value: rows and columns."""
    rank = len(value.dims)
    return axis(rank - 2, value.dims[-2]), axis(rank - 1, value.dims[-1])


def _aligned(value: Any, rank: int) -> tuple[Expr, tuple[Index, ...]]:
    """Return a value with its axes counted from the end of an array of a larger rank."""
    more = rank - len(value.dims)
    axes = tuple(axis(n + more, d) for n, d in enumerate(value.dims))
    return rename(value.expr, {axis(n, d): a for (n, d), a in zip(enumerate(value.dims), axes, strict=True)}), axes


def _inverse(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    return [inverse(v[0].expr, *_square(v[0]))]


def _determinant(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    return [determinant(v[0].expr, *_square(v[0]))]


def _sign_and_log(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    return [fn("sign", *_determinant(v, dims)), log_determinant(v[0].expr, *_square(v[0]))]


def _solution(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    """A⁻¹ b: b is a vector if it has one axis, else its last two axes are those of a matrix."""
    matrix, right = v
    if len(right.dims) == 1:
        i, j = _square(matrix)
        return [applied(inverse(matrix.expr, i, j), i, j, right.expr, axis(0, right.dims[0]))]
    rank = max(len(matrix.dims), len(right.dims))
    a, (*_, i, j) = _aligned(matrix, rank)
    b, (*_, k, _) = _aligned(right, rank)
    s = temporary(j.size)
    return [applied(rename(inverse(a, i, j), {j: s}), i, s, rename(b, {k: s}), s)]


def _diagonal(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    rows, columns = axis(0, v[0].dims[0]), axis(1, v[0].dims[1])
    return [rename(v[0].expr, {columns: rows})]


def _sinc(v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    """sin(πx)/(πx), and 1 at 0: JAX computes it by a polynomial from version 0.12 on."""
    x = v[0].expr
    angle = mul((fn("pi"), x))
    return [fn("where", fn("eq", x, ZERO), ONE, mul((fn("sin", angle), power(angle, -1))))]


OF_ENTRIES: dict[str, tuple[Known, ...]] = {
    "relu": (Known(jax.nn.relu, lambda v, dims: [fn("relu", v[0].expr)]),),
    "sinc": (Known(jnp.sinc, _sinc),),
}
OF_MATRICES: dict[str, tuple[Known, ...]] = {
    "inv": (Known(jnp.linalg.inv, _inverse),),
    "det": (Known(jnp.linalg.det, _determinant),),
    "slogdet": (Known(jnp.linalg.slogdet, _sign_and_log),),
    "solve": (Known(jnp.linalg.solve, _solution),),
    "_solve": tuple(
        Known(partial(jsl.solve, assume_a="pos", lower=lower), _solution) for lower in (False, True)
    ),
    "diagonal": tuple(
        Known(partial(jnp.diagonal, axis1=a, axis2=b), _diagonal) for a, b in ((0, 1), (-2, -1), (-1, -2))
    ),
}  # fmt: skip
LIBRARY = OF_ENTRIES | OF_MATRICES


def of_matrices(eqn: Any) -> bool:
    """Say whether an equation calls a function of matrices by name."""
    return _name(eqn) in OF_MATRICES


def known(eqn: Any) -> Results | None:
    """Return what an equation means that calls a function of JAX's by name and with JAX's body, or its vmap."""
    name = _name(eqn)
    if name not in LIBRARY:
        return None
    avals = tuple(jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars)
    text = _text(eqn)
    for n, row in enumerate(LIBRARY[name]):
        if text == _reference(name, n, avals):
            return row.results
    for n, row in enumerate(LIBRARY[name]):
        for batched in itertools.product((True, False), repeat=len(avals)):
            if any(batched) and text == _reference(name, n, avals, batched):
                return partial(_each, row.results, batched)
    return None


def _each(results: Results, batched: tuple[bool, ...], v: Sequence[Any], dims: Sequence[Any]) -> list[Expr]:
    """Return the results of a function that is applied to each entry along the first axes of some arguments."""
    batch = temporary(dims[0][0])
    inside = []
    for value, mapped in zip(v, batched, strict=True):
        if not mapped:
            inside.append(value)
            continue
        first, *rest = (axis(n, d) for n, d in enumerate(value.dims))
        moved = {first: batch} | {a: axis(n, a.size) for n, a in enumerate(rest)}
        inside.append(type(value)(rename(value.expr, moved), value.dims[1:]))
    found = results(inside, [d[1:] for d in dims])
    return [
        rename(r, {batch: axis(0, d[0]), **{axis(n, s): axis(n + 1, s) for n, s in enumerate(d[1:])}})
        for r, d in zip(found, dims, strict=True)
    ]


def _name(eqn: Any) -> str:
    """Return the name of a call: its own, or that of the one call inside."""
    body = _body(eqn)
    if body is None:
        return ""
    if name := eqn.params.get("name"):
        return str(name)
    return _name(body.eqns[0]) if len(body.eqns) == 1 else ""


def _body(eqn: Any) -> Any:
    for param in ("jaxpr", "call_jaxpr"):
        body = eqn.params.get(param)
        if body is not None:
            return getattr(body, "jaxpr", body)
    return None


def _text(eqn: Any) -> str:
    return f"{eqn.primitive.name} {_body(eqn)}"


@lru_cache(maxsize=512)
def _reference(name: str, row: int, avals: tuple[Any, ...], batched: tuple[bool, ...] = ()) -> str:
    function = LIBRARY[name][row].reference
    if batched:
        function = jax.vmap(function, in_axes=tuple(0 if b else None for b in batched))
    try:
        eqns = jax.make_jaxpr(function)(*avals).jaxpr.eqns
    except Exception:  # not for these shapes, so not this function
        return ""
    return _text(eqns[0]) if len(eqns) == 1 else ""
