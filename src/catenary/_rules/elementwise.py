"""y = f(x) entry by entry: the map is diagonal in every axis, its core has y's shape.

An operand that is broadcast along an axis of size 1 (or is a number) has no label there: pulling sums, pushing repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from math import log, pi, sqrt
from typing import Any

import jax.numpy as jnp
from jax import lax

from catenary._maps.term import Axis, Size, Term, canonical, one, shared
from catenary._rules.row import Piece, Row, Site, table

Shape = tuple[Size, ...]


def _power(x: Any, n: int) -> Any:
    return n * x if n == 2 else n * lax.integer_pow(x, n - 1)


def _where_tie(a: Any, b: Any) -> Any:
    return jnp.where(a == b, jnp.asarray(0.5, a.dtype), jnp.asarray(1, a.dtype))


def _pow_base(a: Any, b: Any) -> Any:
    whole = jnp.issubdtype(b.dtype, jnp.integer)  # then a⁰ is 1, at 0 too; else b has a derivative of its own at 0
    exponent = jnp.where(b == 0, jnp.ones_like(b), b - 1) if whole else b - 1
    return lax.mul(*jnp.broadcast_arrays(b.astype(a.dtype), jnp.power(a, exponent)))


def _pow_exponent(a: Any, y: Any) -> Any:
    return jnp.log(jnp.where(a == 0, jnp.ones_like(a), a)) * y


def _above(a: Any, b: Any) -> Any:
    return a >= b


def _below(a: Any, b: Any) -> Any:
    return a <= b


def _cosine(a: Any, b: Any) -> Any:
    return b / (a * a + b * b)


def _quotients(a: Any, b: Any) -> Any:
    return lax.sign(a / b) * lax.floor(abs(a / b))


def _side(x: Any) -> Any:
    return lax.select(x >= 0, lax.full_like(x, 1), lax.full_like(x, -1))


UNARY = table({
    # primitive      reads   core of ∂y/∂x
    "exp":          Row("y", lambda y: y),
    "exp2":         Row("y", lambda y: log(2) * y),
    "log":          Row("x", lambda x: 1 / x),
    "log2":         Row("x", lambda x: 1 / (log(2) * x)),
    "log1p":        Row("x", lambda x: 1 / (1 + x)),
    "expm1":        Row("x", jnp.exp),
    "sin":          Row("x", jnp.cos),
    "cos":          Row("x", jnp.sin, scale=-1),
    "tan":          Row("y", lambda y: 1 + y * y),
    "sinh":         Row("x", jnp.cosh),
    "cosh":         Row("x", jnp.sinh),
    "tanh":         Row("y", lambda y: 1 - y * y),
    "asin":         Row("x", lambda x: lax.rsqrt(1 - x * x)),
    "acos":         Row("x", lambda x: lax.rsqrt(1 - x * x), scale=-1),
    "atan":         Row("x", lambda x: 1 / (1 + x * x)),
    "asinh":        Row("x", lambda x: lax.rsqrt(1 + x * x)),
    "acosh":        Row("x", lambda x: lax.rsqrt((x - 1) * (x + 1))),
    "atanh":        Row("x", lambda x: 1 / ((1 + x) * (1 - x))),
    "logistic":     Row("y", lambda y: y * (1 - y)),
    "sqrt":         Row("y", lambda y: 0.5 / y),
    "rsqrt":        Row("xy", lambda x, y: -0.5 * y / x),
    "cbrt":         Row("xy", lambda x, y: y / (3 * x), real=True),
    "square":       Row("x", lambda x: 2 * x),
    "one_minus_square": Row("x", lambda x: 2 * x, scale=-1),
    "abs":          Row("x", _side, real=True),
    "sign":         Row(scale=0, real=True),
    "erf":          Row("x", lambda x: 2 / sqrt(pi) * jnp.exp(-x * x)),
    "erfc":         Row("x", lambda x: 2 / sqrt(pi) * jnp.exp(-x * x), scale=-1),
    "erf_inv":      Row("y", lambda y: sqrt(pi) / 2 * jnp.exp(y * y)),
    "lgamma":       Row("x", lax.digamma),
    "integer_pow":  Row("x", lambda x: x),  # with its exponent: below
    "neg":          Row(scale=-1),
    "copy":         Row(),
    "name":         Row(),
})  # fmt: skip

BINARY = table({
    # primitive      ∂y/∂a                                     ∂y/∂b
    "add":          (Row(), Row()),
    "add_jaxvals":  (Row(), Row()),
    "sub":          (Row(), Row(scale=-1)),
    "mul":          (Row("b", lambda b: b), Row("a", lambda a: a)),
    "div":          (Row("b", lambda b: 1 / b), Row("yb", lambda y, b: y / b, scale=-1)),
    "max":          (Row("ab", _where_tie, _above, real=True), Row("ba", _where_tie, _above, real=True)),
    "min":          (Row("ab", _where_tie, _below, real=True), Row("ba", _where_tie, _below, real=True)),
    "pow":          (Row("ab", _pow_base), Row("ay", _pow_exponent)),
    "atan2":        (Row("ab", _cosine, real=True), Row("ba", _cosine, scale=-1, real=True)),
    "rem":          (Row(real=True), Row("ab", _quotients, scale=-1, real=True)),
})  # fmt: skip


def elementwise(site: Site, operand: int) -> dict[int, tuple[Piece, ...]] | None:
    """The row of an elementwise primitive, with the structure that the operands' shapes give it."""
    name = site.primitive.name
    row = UNARY.get(site.primitive)
    if name == "integer_pow":
        if site.params["y"] == 0:
            return {}  # x⁰ is 1, at 0 too
        row = Row("x", partial(_power, n=site.params["y"]))
    elif row is None:
        row = BINARY[site.primitive][operand]
    if row.real and any(jnp.issubdtype(a.dtype, jnp.complexfloating) for a in site.ins):
        return None
    if row.scale == 0:
        return {}
    shape, operand_shape = site.outs[0].shape, site.ins[operand].shape
    number = _literal(site, 1 - operand) if name == "mul" or (name, operand) == ("div", 0) else None
    if number is not None and (name == "mul" or number != 0):
        row = Row(scale=number if name == "mul" else 1 / number)
    if name == "div" and operand == 1 and operand_shape != shape:
        return {0: _quotient(shape, operand_shape)}
    return {0: (piece(row, shape, operand_shape, site),)}


def _quotient(shape: Sequence[Size], denominator: Sequence[Size]) -> tuple[Piece, ...]:
    """∂(x/b)/∂b = −y · (1/b) with 1/b on b's own shape, never formed at full size."""
    full, small = tuple(shape), tuple(denominator)
    repeat = Piece(diagonal(full, small, core=(small,)), Row("b", lambda b: 1 / b))
    return repeat, Piece(diagonal(full, full, core=(full,), scale=-1), Row("y", lambda y: y))


def _literal(site: Site, k: int) -> Any:
    """The number an operand is, if it is one; a complex one without imaginary part is real, as it compares equal."""
    value = site.literals[k]
    if value is None or jnp.shape(value) != ():
        return None
    number = value.item() if hasattr(value, "item") else value
    return number.real if isinstance(number, complex) and number.imag == 0 else number


def piece(row: Row, shape: Sequence[Size], operand: Sequence[Size], site: Site) -> Piece:
    """An entrywise local derivative of ``shape`` with respect to an operand that may be broadcast."""
    read = tuple(tuple(site.aval(letter).shape) for letter in row.reads)
    core, mask = (read if made else None for made in (row.core, row.mask))
    return Piece(diagonal(tuple(shape), tuple(operand), core, mask, row.scale), row)


@lru_cache(maxsize=16384)
def diagonal(
    shape: Shape,
    operand: Shape,
    core: tuple[Shape, ...] | None = None,
    mask: tuple[Shape, ...] | None = None,
    scale: Any = 1,
) -> Term:
    """The diagonal map from an operand, broadcast along its axes of size 1, to an array of ``shape``.

    ``core`` and ``mask`` are the shapes of the arrays that theirs are computed from.

    >>> diagonal((4, 3), (1, 3), core=((4, 3),))
    Term('a b <- 1 b', core='a b')
    """
    label = {k: len([n for n in shape[:k] if not one(n)]) for k, n in enumerate(shape) if not one(n)}
    out = tuple(Axis(n, 0, ((label[k], 1),)) if k in label else Axis(1) for k, n in enumerate(shape))
    inp = tuple(out[k] if not one(n) else Axis(1) for k, n in enumerate(operand))

    def labels(shapes: Sequence[Sequence[Size]] | None) -> tuple[int, ...] | None:
        return (
            None
            if shapes is None
            else tuple(i for k, i in label.items() if any(len(s) and not one(s[k]) for s in shapes))
        )

    return shared(canonical(Term(out, inp, tuple(n for n in shape if not one(n)), labels(core), labels(mask), scale)))
