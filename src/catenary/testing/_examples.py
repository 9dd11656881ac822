"""How to call each primitive where its derivative is to be checked: one row an example.

`EXAMPLES` maps a primitive's name to its examples. A row is a function that traces to the primitive, the shapes of
its arguments, and the interval that they are drawn from: the part of the domain that is away from kinks and poles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import primitives

Shape = tuple[int, ...]
Interval = tuple[float, float]

EVERYWHERE: Interval = (-1.4, 1.4)
POSITIVE: Interval = (0.4, 2.1)
UNIT: Interval = (-0.8, 0.8)


@dataclass(frozen=True)
class Example:
    """A call of a primitive: `fun(*args)` with arguments of these shapes, drawn from these intervals.

    fun       a function of arrays alone; constants and integers are closed over
    shapes    of its arguments
    domain    one interval for all arguments, or one for each
    complex   whether it also takes complex numbers
    rtol      the largest allowed difference from JAX, relative to the largest entry
    orders    those that the primitive allows (`while` has no reverse)
    numerical whether its derivative is the derivative of its value (that of `stop_gradient` is not)

    >>> Example(jnp.log, ((3,),), domain=(0.4, 2.1)).args()[0].shape
    (3,)
    """

    fun: Callable[..., Any]
    shapes: tuple[Shape, ...]
    domain: Interval | tuple[Interval, ...] = EVERYWHERE
    complex: bool = False
    rtol: float = 1e-9
    orders: tuple[str, ...] = ("reverse", "forward", "cross-country")
    numerical: bool = True

    def args(self, seed: int = 0, dtype: Any = np.float64) -> tuple[jax.Array, ...]:
        """Arguments drawn uniformly from the domain; for a complex dtype the imaginary part is as large.

        >>> [x.shape for x in Example(jnp.dot, ((3,), (3, 2))).args()]
        [(3,), (3, 2)]
        """
        rng = np.random.default_rng(seed)
        intervals = self.domain if isinstance(self.domain[0], tuple) else (self.domain,) * len(self.shapes)
        drawn = [rng.uniform(*interval, shape) for interval, shape in zip(intervals, self.shapes, strict=True)]
        if np.issubdtype(dtype, np.complexfloating):
            drawn = [x + 1j * rng.uniform(-0.7, 0.7, x.shape) for x in drawn]
        return tuple(jnp.asarray(x, dtype) for x in drawn)


def _unary(fun: Callable, domain: Interval = EVERYWHERE, complex: bool = False) -> tuple[Example, ...]:
    return (Example(fun, ((2, 3),), domain, complex),)


def _binary(fun: Callable, *domain: Interval, complex: bool = False) -> tuple[Example, ...]:
    first, second = (domain * 2)[:2] if domain else (EVERYWHERE, EVERYWHERE)
    return (
        Example(fun, ((2, 3), (2, 3)), (first, second), complex),
        Example(lambda x: fun(x, np.asarray(1.3, x.dtype)), ((4,),), first, complex),
        Example(lambda y: fun(np.asarray(1.3, y.dtype), y), ((4,),), second, complex),
    )


def _each(shape: Shape, *funs: Callable, **options: Any) -> tuple[Example, ...]:
    return tuple(Example(fun, (shape,), **options) for fun in funs)


UNARY = {
    "abs": _unary(lax.abs, complex=True) + _unary(lax.abs, (0.3, 0.9)),
    "acos": _unary(lax.acos, UNIT),
    "acosh": _unary(lax.acosh, (1.3, 2.5)),
    "asin": _unary(lax.asin, UNIT),
    "asinh": _unary(lax.asinh, complex=True),
    "atan": _unary(lax.atan),
    "atanh": _unary(lax.atanh, UNIT, complex=True),
    "bessel_i0e": _unary(lax.bessel_i0e),
    "bessel_i1e": _unary(lax.bessel_i1e),
    "cbrt": _unary(lax.cbrt, POSITIVE),
    "ceil": _unary(lax.ceil),
    "conj": (Example(lambda x: lax.conj(x) * x, ((3,),), complex=True),),
    "convert_element_type": (
        Example(lambda x: lax.convert_element_type(x, np.float32), ((2, 3),), rtol=1e-6, numerical=False),
        Example(lambda x: lax.convert_element_type(x, np.complex128), ((2, 3),)),
    ),
    "copy": _unary(jnp.copy, complex=True),
    "cos": _unary(lax.cos, complex=True),
    "cosh": _unary(lax.cosh, complex=True),
    "device_put": _unary(lambda x: jax.device_put(x)),
    "digamma": _unary(lax.digamma, POSITIVE),
    "erf": _unary(lax.erf),
    "erf_inv": _unary(lax.erf_inv, UNIT),
    "erfc": _unary(lax.erfc),
    "exp": _unary(lax.exp, complex=True),
    "exp2": _unary(lax.exp2),
    "expm1": _unary(lax.expm1, complex=True),
    "floor": _unary(lax.floor),
    "imag": (Example(lambda x: lax.imag(lax.complex(x, 2 * x)), ((3,),)),),
    "integer_pow": _unary(lambda x: lax.integer_pow(x, 3), complex=True)
    + _unary(lambda x: lax.integer_pow(x, 2), complex=True)
    + _unary(lambda x: lax.integer_pow(x, -2), POSITIVE, complex=True),
    "is_finite": _unary(lambda x: jnp.where(lax.is_finite(x), x, 0.0)),
    "lgamma": _unary(lax.lgamma, POSITIVE),
    "log": _unary(lax.log, POSITIVE, complex=True),
    "log1p": _unary(lax.log1p, (-0.5, 2.0), complex=True),
    "logistic": _unary(lax.logistic, complex=True),
    "name": _unary(lambda x: primitives.name_p.bind(jnp.sin(x), name="s")),
    "neg": _unary(lax.neg, complex=True),
    "optimization_barrier": _unary(lax.optimization_barrier),
    "real": (Example(lambda x: lax.real(lax.complex(x, 2 * x)), ((3,),)),),
    "reduce_precision": _unary(lambda x: lax.reduce_precision(x, 11, 52)),
    "round": _unary(lax.round),
    "rsqrt": _unary(lax.rsqrt, POSITIVE, complex=True),
    "sign": _unary(lax.sign),
    "sin": _unary(lax.sin, complex=True),
    "sinh": _unary(lax.sinh, complex=True),
    "sqrt": _unary(lax.sqrt, POSITIVE, complex=True),
    "square": _unary(lax.square, complex=True),
    "stop_gradient": (Example(lambda x: x * lax.stop_gradient(jnp.sin(x)), ((3,),), numerical=False),),
    "tan": _unary(lax.tan),
    "tanh": _unary(lax.tanh, complex=True),
}

BINARY = {
    "add": _binary(lax.add, complex=True),
    "add_any": _binary(lambda x, y: primitives.add_jaxvals_p.bind(x, y))[:1],
    "atan2": _binary(lax.atan2, POSITIVE),
    "complex": _binary(lax.complex)[:1],
    "div": _binary(lax.div, EVERYWHERE, POSITIVE, complex=True),
    "igamma": (Example(lambda x: lax.igamma(1.7, x), ((3,),), POSITIVE),),
    "igammac": (Example(lambda x: lax.igammac(1.7, x), ((3,),), POSITIVE),),
    "max": _binary(lax.max),
    "min": _binary(lax.min),
    "mul": _binary(lax.mul, complex=True),
    "polygamma": (Example(lambda x: lax.polygamma(1.0, x), ((3,),), POSITIVE),),
    "pow": _binary(lax.pow, POSITIVE, EVERYWHERE, complex=True),
    "regularized_incomplete_beta": (Example(lambda x: lax.betainc(1.3, 0.7, x), ((3,),), (0.2, 0.8)),),
    "rem": _binary(lax.rem, EVERYWHERE, (1.5, 2.5)),
    "sub": _binary(lax.sub, complex=True),
    "clamp": (
        Example(lambda x: lax.clamp(-0.5, x, 0.6), ((2, 3),)),
        Example(lax.clamp, ((3,), (3,), (3,)), ((-0.9, -0.4), EVERYWHERE, (0.5, 0.9))),
    ),
    "select_n": (
        Example(lambda x, y: lax.select_n(np.array([[True, False, True]] * 2), x, y), ((2, 3), (2, 3)), complex=True),
        Example(lambda x: lax.select_n(np.array([0, 2, 1]), x, 2 * x, 3 * x), ((3,),)),
        Example(lambda x: lax.select_n(x > 0.1, x * x, jnp.sin(x)), ((5,),)),
        Example(lambda x: jnp.where(jnp.array([True, False])[:, None], x, 0.0), ((2, 3),)),
    ),
}

REDUCTIONS = {
    "argmax": (Example(lambda x: x[jnp.argmax(x)], ((4,),)),),
    "argmin": (Example(lambda x: x[jnp.argmin(x)], ((4,),)),),
    "cumlogsumexp": _each((3, 2), lambda x: lax.cumlogsumexp(x, 0), lambda x: lax.cumlogsumexp(x, 1, reverse=True)),
    "cummax": _each((3, 2), lambda x: lax.cummax(x, 0), lambda x: lax.cummax(x, 1, reverse=True)),
    "cummin": _each((3, 2), lambda x: lax.cummin(x, 0), lambda x: lax.cummin(x, 1, reverse=True)),
    "cumprod": _each((3, 2), lambda x: lax.cumprod(x, 0), lambda x: lax.cumprod(x, 1, reverse=True)),
    "cumsum": _each((3, 2), lambda x: lax.cumsum(x, 0), lambda x: lax.cumsum(x, 1, reverse=True), complex=True),
    "reduce_max": _each((3, 2), lambda x: lax.reduce_max(x, (0,)), lambda x: lax.reduce_max(x, (0, 1))),
    "reduce_min": _each((3, 2), lambda x: lax.reduce_min(x, (1,)), lambda x: lax.reduce_min(x, (0, 1))),
    "reduce_prod": _each((3, 2), lambda x: lax.reduce_prod(x, (0,)), lambda x: lax.reduce_prod(x, (0, 1)))
    + _each((3,), lambda x: lax.reduce_prod(x.at[1].set(0.0), (0,))),
    "reduce_sum": _each((3, 2), lambda x: lax.reduce_sum(x, (0,)), lambda x: lax.reduce_sum(x, (0, 1)), complex=True),
    "reduce_window_sum": _each((4, 4), lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (2, 1), "VALID")),
    "reduce_window_max": _each((4, 4), lambda x: lax.reduce_window(x, -np.inf, lax.max, (2, 2), (1, 1), "VALID")),
    "reduce_window_min": _each((4, 4), lambda x: lax.reduce_window(x, np.inf, lax.min, (2, 2), (2, 2), "VALID")),
    "sort": _each((4, 3), lambda x: lax.sort(x, dimension=0), lambda x: lax.sort(x, dimension=1))
    + _each((5,), lambda x: lax.sort((x, x * x), num_keys=1)[1]),
    "top_k": _each((5,), lambda x: lax.top_k(x, 2)[0]),
}

SHAPED = {
    "broadcast_in_dim": _each((2, 3), lambda x: lax.broadcast_in_dim(x, (4, 2, 5, 3), (1, 3)), complex=True)
    + _each((2, 1), lambda x: lax.broadcast_in_dim(x, (2, 3), (0, 1))),
    "concatenate": (
        Example(lambda x, y: lax.concatenate([x, y, x], 1), ((2, 3), (2, 1)), complex=True),
        Example(lambda x: lax.concatenate([jnp.ones((1, 2)), x], 0), ((2, 2),)),
    ),
    "pad": (
        Example(lambda x: lax.pad(x, 0.0, [(1, 2, 1), (0, 1, 0)]), ((2, 3),)),
        Example(lambda x: lax.pad(x, 0.0, [(-1, 1, 0), (-1, -1, 2)]), ((3, 3),)),
        Example(lambda x, v: lax.pad(x, v, [(1, 1, 1)]), ((3,), ())),
    ),
    "reshape": _each(
        (2, 6),
        lambda x: lax.reshape(x, (3, 4)),
        lambda x: lax.reshape(x, (2, 3, 2)),
        lambda x: lax.reshape(x, (12,)),
        lambda x: lax.reshape(x, (6, 2), (1, 0)),
        complex=True,
    ),
    "rev": _each((2, 3), lambda x: lax.rev(x, (0,)), lambda x: lax.rev(x, (0, 1)), complex=True),
    "slice": _each((4, 5), lambda x: lax.slice(x, (1, 0), (4, 5), (2, 3)), lambda x: lax.slice(x, (0, 2), (4, 3))),
    "split": _each((2, 5), lambda x: lax.split(x, (2, 3), 1), lambda x: lax.split(x, (1, 4), 1)[1]),
    "squeeze": _each((2, 1, 3, 1), lambda x: lax.squeeze(x, (1, 3)), lambda x: lax.squeeze(x, (1,)), complex=True),
    "stack": (
        Example(lambda x, y: jnp.stack([x, y, x]), ((2, 3), (2, 3)), complex=True),
        Example(lambda x, y: jnp.stack([x, y], axis=-1), ((2, 3), (2, 3))),
    ),
    "transpose": _each((2, 3, 4), lambda x: lax.transpose(x, (2, 0, 1)), complex=True),
    "tile": _each((2, 3), lambda x: jnp.tile(x, (2, 2))),
}

INDEXED = {
    "dynamic_slice": (
        Example(lambda x: lax.dynamic_slice(x, (jnp.int32(1), jnp.int32(0)), (2, 3)), ((4, 3),)),
        Example(lambda x: lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 1), (1, 2)), ((4, 3),)),
        Example(lambda x: lax.dynamic_slice(x, (jnp.int32(9),), (2,)), ((4,),)),
    ),
    "dynamic_update_slice": (
        Example(lambda x, u: lax.dynamic_update_slice(x, u, (jnp.int32(1), jnp.int32(0))), ((4, 3), (2, 2))),
        Example(lambda x, u: lax.dynamic_update_slice(x, u, (jnp.argmax(x),)), ((5,), (2,))),
    ),
    "gather": (
        Example(lambda x: x[np.array([2, 0, 2])], ((3, 2),), complex=True),
        Example(lambda x: x[jnp.array([2, 0]), jnp.array([1, 1])], ((3, 2),)),
        Example(lambda x: jnp.take(x, jnp.argsort(x[:, 0])[:2], axis=0), ((3, 2),)),
        Example(lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1), ((3, 2),)),
        Example(lambda x: jnp.take(x, jnp.array([0, 7, -1]), axis=0, mode="fill", fill_value=0.0), ((3, 2),)),
        Example(lambda x: jnp.take(x, jnp.array([0, 7]), axis=0, mode="clip"), ((3, 2),)),
    ),
    "scatter": (
        Example(lambda x, u: x.at[jnp.array([2, 0])].set(u), ((3, 2), (2, 2))),
        Example(lambda x, u: x.at[1].set(u), ((3, 2), (2,))),
    ),
    "scatter-add": (
        Example(lambda x, u: x.at[jnp.array([2, 0, 2])].add(u), ((3, 2), (3, 2)), complex=True),
        Example(lambda x, u: x.at[jnp.argmax(x)].add(u), ((3,), ())),
    ),
    "scatter-max": (Example(lambda x, u: x.at[jnp.array([2, 0])].max(u), ((3, 2), (2, 2)), ((-1, 0), (0.1, 1))),),
    "scatter-min": (Example(lambda x, u: x.at[jnp.array([2, 0])].min(u), ((3, 2), (2, 2)), ((-1, 0), (0.1, 1))),),
    "scatter-mul": (Example(lambda x, u: x.at[jnp.array([2, 0])].multiply(u, unique_indices=True), ((3, 2), (2, 2))),),
    "scatter-sub": (Example(lambda x, u: x.at[jnp.array([2, 0, 2])].subtract(u), ((3, 2), (3, 2))),),
}


def _convolution(lhs: str, rhs: str, out: str, **options: Any) -> Callable:
    return lambda x, w: lax.conv_general_dilated(x, w, dimension_numbers=(lhs, rhs, out), **options)


PRODUCTS = {
    "dot_general": (
        Example(lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ()))), ((2, 3), (3, 2)), complex=True),
        Example(lambda x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,)))), ((2, 3, 2), (2, 2, 3))),
        Example(lambda x, y: lax.dot_general(x, y, (((0, 2), (2, 0)), ((1,), (1,)))), ((2, 3, 2), (2, 3, 2))),
        Example(lambda x, y: lax.dot_general(x, y, (((), ()), ((), ()))), ((2,), (3,))),
        Example(lambda x: lax.dot_general(x, x, (((0,), (0,)), ((), ()))), ((3, 2),)),
    ),
    "conv_general_dilated": (
        Example(
            _convolution("NHWC", "HWIO", "NHWC", window_strides=(1, 1), padding="SAME"), ((2, 3, 3, 2), (2, 2, 2, 2))
        ),
        Example(
            _convolution("NCH", "OIH", "NCH", window_strides=(2,), padding=[(1, 2)], rhs_dilation=(2,)),
            ((2, 2, 5), (3, 2, 2)),
        ),
        Example(
            _convolution("NCH", "OIH", "NCH", window_strides=(1,), padding=[(0, 1)], lhs_dilation=(2,)),
            ((1, 2, 3), (1, 2, 2)),
        ),
        Example(
            _convolution("NCH", "OIH", "NCH", window_strides=(1,), padding="SAME", feature_group_count=2),
            ((2, 4, 3), (2, 2, 2)),
        ),
        Example(
            _convolution("NCH", "OIH", "NCH", window_strides=(1,), padding="SAME", batch_group_count=2),
            ((2, 2, 3), (2, 2, 2)),
        ),
    ),
}


def _positive_definite(x: jax.Array) -> jax.Array:
    return x @ x.T + 3.0 * jnp.eye(x.shape[0])


def _solve(a: jax.Array, b: jax.Array) -> jax.Array:
    spd = _positive_definite(a)
    return lax.custom_linear_solve(lambda v: spd @ v, b, lambda mv, v: jnp.linalg.solve(spd, v), symmetric=True)


LINEAR_ALGEBRA = {
    "cholesky": (Example(lambda x: jnp.linalg.cholesky(_positive_definite(x)), ((3, 3),), rtol=1e-7),),
    "custom_linear_solve": (Example(_solve, ((3, 3), (3,)), rtol=1e-7),),
    "eigh": (Example(lambda x: jnp.linalg.eigh(_positive_definite(x))[0], ((3, 3),), rtol=1e-7),),
    "fft": (
        Example(lambda x: jnp.abs(jnp.fft.fft(x, axis=0)), ((4, 2),)),
        Example(lambda x: jnp.fft.irfft(jnp.fft.rfft(x) * 1.5), ((6,),)),
    ),
    "lu": (Example(lambda x: jnp.linalg.det(_positive_definite(x)), ((4, 4),), rtol=1e-7),),
    "qr": (Example(lambda x: jnp.linalg.qr(_positive_definite(x))[1], ((3, 3),), rtol=1e-7),),
    "svd": (Example(lambda x: jnp.linalg.svd(_positive_definite(x), compute_uv=False), ((3, 3),), rtol=1e-7),),
    "triangular_solve": (
        Example(
            lambda a, b: lax.linalg.triangular_solve(
                a + 2.5 * jnp.eye(3), b, left_side=True, lower=True, transpose_a=True
            ),
            ((3, 3), (3, 2)),
            rtol=1e-7,
        ),
    ),
    "tridiagonal_solve": (
        Example(
            lambda d, b: lax.linalg.tridiagonal_solve(jnp.array([0.0, 0.3, 0.2]), d, jnp.array([0.1, 0.4, 0.0]), b),
            ((3,), (3, 1)),
            (POSITIVE, EVERYWHERE),
        ),
    ),
}


@jax.custom_jvp
def _cube(x: jax.Array) -> jax.Array:
    return x**3


@_cube.defjvp
def _cube_jvp(primals, tangents):
    return _cube(*primals), 3.0 * primals[0] ** 2 * tangents[0]


@jax.custom_vjp
def _halved(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


_halved.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda c, w: (w * c,))


def _gru(c: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    c = jnp.tanh(c * x + 0.3 * c)
    return c, c * x


CONTROL = {
    "remat2": _each((3,), jax.checkpoint(lambda x: jnp.sin(jnp.sin(x) * x))),
    "cond": (
        Example(lambda x, y: lax.cond(jnp.sum(x) < 9, lambda u, v: u * v, lambda u, v: u + v, x, y), ((3,), (3,))),
        Example(lambda x: lax.switch(jnp.int32(1) + jnp.int32(x[0] > 9), [jnp.sin, jnp.cos, jnp.tanh], x), ((3,),)),
    ),
    "custom_jvp_call": _each((3,), _cube, lambda x: jax.nn.relu(x) * x),
    "custom_vjp_call": _each((3,), lambda x: _halved(x) * x, orders=("reverse",)),
    "jit": _each((3,), jax.jit(lambda x: jnp.sin(x) * x)),
    "scan": (
        Example(lambda c, x: lax.scan(_gru, c, x), ((2,), (3, 2))),
        Example(lambda c, x: lax.scan(_gru, c, x, reverse=True)[1], ((2,), (3, 2))),
        Example(lambda x, w: lax.scan(lambda c, _: (jnp.sin(w @ c), None), x, None, length=3)[0], ((2,), (2, 2))),
        Example(lambda x: lax.fori_loop(0, 3, lambda i, c: c * x + i, x), ((2,),)),
    ),
    "while": (
        Example(
            lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1]) * x), (0, x))[1],
            ((3,),),
            orders=("forward",),
        ),
    ),
}

# Primitives that an older JAX does not have.
_LAX: Any = lax
NEWER = {
    "log2": _unary(lambda x: _LAX.log2(x), POSITIVE),
    "one_minus_square": _unary(lambda x: _LAX.one_minus_square(x)),
    "polynomial": _unary(lambda x: _LAX.polynomial(x, (1.0, 2.0, 3.0))),
    "unstack": _each((2, 3), lambda x: _LAX.unstack(x), lambda x: _LAX.unstack(x, 1)[2]),
}
NEWER = {name: rows for name, rows in NEWER.items() if hasattr(lax, name)}

EXAMPLES: dict[str, tuple[Example, ...]] = {
    name: rows
    for family in (UNARY, BINARY, REDUCTIONS, SHAPED, INDEXED, PRODUCTS, LINEAR_ALGEBRA, CONTROL, NEWER)
    for name, rows in family.items()
}
