"""Dtypes, weak types, float0, empty arrays, axes of size 1: as JAX does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import EVERY, assert_same, in_every_order, same

X = jnp.array([0.3, -0.7, 1.1])
LOW = [jnp.float16, jnp.bfloat16, jnp.float32]


def mlp(params, x):
    for w, b in params:
        x = jnp.tanh(x @ w + b)
    return jnp.mean(x**2)


def params(dtype):
    rng = np.random.default_rng(0)
    return [(jnp.asarray(rng.normal(size=(3, 3)), dtype), jnp.asarray(rng.normal(size=3), dtype)) for _ in range(2)]


@in_every_order
@pytest.mark.parametrize("dtype", LOW, ids=lambda d: d.__name__)
def test_derivatives_keep_the_dtype(ad, dtype):
    x = jnp.asarray([[0.3, -0.7, 1.1]], dtype)
    eps = float(jnp.finfo(dtype).eps)
    same(ad, lambda d: d.grad(mlp)(params(dtype), x), rtol=16 * eps)
    same(ad, lambda d: d.value_and_grad(mlp, 1)(params(dtype), x), rtol=16 * eps)
    same(ad, lambda d: d.jacobian(lambda x: jax.nn.softmax(x * x))(x), rtol=16 * eps)
    same(ad, lambda d: d.jvp(jnp.sin, (x,), (x,)), rtol=16 * eps)


@in_every_order
def test_mixed_precision_casts_both_ways(ad):
    def loss(p, x):
        h = x.astype(jnp.bfloat16) @ p["w"].astype(jnp.bfloat16)
        return jnp.mean(h.astype(jnp.float32) ** 2) + jnp.sum(p["b"].astype(jnp.float32))

    p = {"w": jnp.ones((3, 2), jnp.float32) * 0.3, "b": jnp.ones(2, jnp.float16)}
    same(ad, lambda d: d.grad(loss)(p, X[None].astype(jnp.float32)), rtol=0.05)


def products(jaxpr):
    """Dtypes (operands and result) of the products of a jaxpr, inner ones too."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            yield tuple(str(v.aval.dtype) for v in (*eqn.invars, *eqn.outvars))
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from products(inner)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda d: d.__name__)
def test_the_products_of_a_backward_pass_stay_in_low_precision(dtype):
    import catenary as ct

    x = jnp.ones((4, 3), dtype)
    ours, theirs = (jax.make_jaxpr(t.grad(mlp))(params(dtype), x).jaxpr for t in (ct, jax))
    assert sorted(products(ours)) == sorted(products(theirs))


@pytest.mark.parametrize("preferred", [jnp.float32, None], ids=str)
def test_preferred_element_type_in_the_backward_pass(preferred):
    import catenary as ct

    def loss(w, x):
        y = jax.lax.dot_general(x, w, (((1,), (0,)), ((), ())), preferred_element_type=preferred)
        return jnp.sum(y.astype(jnp.float32) ** 2)

    w, x = jnp.ones((3, 2), jnp.bfloat16), jnp.ones((4, 3), jnp.bfloat16)
    assert_same(ct.grad(loss, (0, 1))(w, x), jax.grad(loss, (0, 1))(w, x), rtol=0.02)


@in_every_order
def test_weak_types(ad):
    same(ad, lambda d: d.grad(lambda x: x * x)(3.0))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(x * X))(3.0))
    same(ad, lambda d: d.value_and_grad(lambda x: 2.0 * x)(jnp.float32(1.0)))
    same(ad, lambda d: d.jacobian(lambda x: x * 2.0)(1.5))
    same(ad, lambda d: d.jvp(lambda x: x * 2.0, (1.0,), (1.0,)))
    same(ad, lambda d: d.vjp(lambda x: x * 2.0, 1.0)[1](1.0))


def test_results_that_are_numbers_stay_weakly_typed():
    def fun(x, n):
        return x, 2.0, n, jnp.float32(3.0)

    for at in ((1.5, 2), (X[0], jnp.int32(2))):
        tangents = (1.0, np.zeros((), jax.dtypes.float0))
        for ours, theirs in (
            (ct.jvp(fun, at, tangents)[0], jax.jvp(fun, at, tangents)[0]),
            (ct.vjp(fun, *at)[0], jax.vjp(fun, *at)[0]),
            (ct.linearize(fun, *at)[0], jax.linearize(fun, *at)[0]),
        ):
            assert [jax.typeof(x).weak_type for x in ours] == [jax.typeof(x).weak_type for x in theirs]


@in_every_order
def test_allow_int_gives_float0(ad):
    n = jnp.array([1, 2, 3])
    fun = lambda n, x: jnp.sum(n * x)
    got = same(ad, lambda d: d.grad(fun, (0, 1), allow_int=True)(n, X))
    assert got[0].dtype == jax.dtypes.float0
    same(ad, lambda d: d.value_and_grad(fun, (0, 1), allow_int=True)(n, X))
    same(ad, lambda d: d.jacrev(lambda n, x: n * x, (0, 1), allow_int=True)(n, X))
    same(ad, lambda d: d.grad(lambda p: jnp.sum(p["x"] * p["n"]), allow_int=True)({"n": n, "x": X}))


@in_every_order
def test_integers_among_the_arguments_of_vjp_and_jvp(ad):
    n = jnp.array([1, 2, 3])
    fun = lambda n, x: (n * x, n + 1)
    zero = np.zeros(3, jax.dtypes.float0)
    same(ad, lambda d: d.jvp(fun, (n, X), (zero, X)))
    same(ad, lambda d: d.vjp(fun, n, X)[1]((X, zero)))
    same(ad, lambda d: d.linearize(fun, n, X)[1](zero, X))


@in_every_order
def test_integer_arguments_that_are_not_differentiated(ad):
    same(ad, lambda d: d.grad(lambda x, i: x[i])(X, 1))
    same(ad, lambda d: d.jacobian(lambda x, i, flag: x[i] * flag)(X, jnp.array([0, 2]), True))


def test_what_has_no_tangent_keeps_its_value():
    fun = lambda x, n, flags: x**n if n > 2 and flags[0] else x
    zeros = np.zeros((), jax.dtypes.float0), np.zeros(2, jax.dtypes.float0)
    args = 2.0, 3, np.array([1, 0])
    for order in ("auto", "forward"):
        assert ct.jvp(fun, args, (1.0, *zeros), order=order)[1] == 12.0
        assert ct.vjp(fun, *args, order=order)[1](1.0)[0] == 12.0
        assert ct.grad(fun, (0, 1), allow_int=True, order=order)(*args)[0] == 12.0
    key = jax.random.key(0)
    with pytest.raises(TypeError, match="argument 0 has dtype key"):
        ct.grad(lambda key: 1.0)(key)
    assert ct.grad(lambda key: 1.0, allow_int=True)(key).dtype == jax.dtypes.float0
    for order in ("auto", "reverse"):
        assert ct.jvp(lambda x: (x, key), (2.0,), (1.0,), order=order)[1][1].dtype == jax.dtypes.float0
    with pytest.raises(NotImplementedError, match=r"the output has dtype key.* has_aux"):
        ct.jacfwd(lambda x: (x, key))(2.0)
    with pytest.raises(NotImplementedError, match=r"argument 0 has dtype key.* argnums"):
        ct.jacrev(lambda key: jax.random.normal(key), allow_int=True)(key)


@jax.numpy_rank_promotion("raise")
@jax.numpy_dtype_promotion("strict")
def test_what_jax_promotes_only_if_allowed_we_write_out():
    w, x, mask = jnp.ones((3, 2), jnp.float32), jnp.array([0.5, 1, 2], jnp.float32), np.array([True, False])

    def fun(x):
        y = jnp.tanh(x @ w)
        z = jnp.where(mask, y, y.astype(jnp.bfloat16).astype(jnp.float32) ** 3)
        return jnp.concatenate(
            [z.max() / x, jnp.cumsum(x[::-1]), x.at[1:].set(2.0)[jnp.array([0, 0, 2])], jnp.diag(x)[1]]
        )

    same(EVERY, lambda d: d.jvp(lambda row: jnp.sin(w).at[np.array([0, 2, 0])].add(row), (w[0],), (w[1],)))
    calls = lambda d: (d.jacobian(fun)(x), d.jacfwd(fun)(x), d.jacrev(fun)(x), d.hessian(lambda x: fun(x).sum())(x))
    same(EVERY, calls, 2e-2)


@in_every_order
def test_a_step_through_an_integer_has_derivative_zero(ad):
    same(ad, lambda d: d.grad(lambda x: jnp.sum(x.astype(int) * 1.0))(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(jnp.where(x > 0, 1.0, 2.0)))(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(jnp.floor(x) * x))(X))


@in_every_order
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)], ids=str)
def test_empty_arrays(ad, shape):
    x = jnp.zeros(shape)
    same(ad, lambda d: d.grad(lambda x: jnp.sum(jnp.sin(x)))(x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.sin(x))(x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.sum(x, 0))(x))
    same(ad, lambda d: d.jvp(lambda x: x @ x.T, (x.reshape(-1, 3),), (x.reshape(-1, 3),)))


@in_every_order
def test_axes_of_size_one(ad):
    x, row, column = jnp.ones((1, 1)), jnp.arange(3.0)[None], jnp.arange(2.0)[:, None]
    fun = lambda x, row, column: jnp.sin(x + row) * column / (1 + row * x)
    same(ad, lambda d: d.jacobian(fun, (0, 1, 2))(x, row, column))
    same(ad, lambda d: d.jacobian(lambda x: jnp.sum(x, 0, keepdims=True) + x.T)(row))
    same(ad, lambda d: d.jacobian(lambda x: x.reshape(1, 3, 1) * x.reshape(3, 1))(row))
    same(ad, lambda d: d.hessian(lambda x: jnp.sum(jnp.tanh(x * x.T)))(row))
    same(ad, lambda d: d.jacobian(lambda x: jnp.broadcast_to(x, (2, 3)) * jnp.squeeze(column[:1]))(row))


def test_wide_numbers_where_they_are_off():
    """A function that turns 64-bit numbers on for itself: its results, and what is pushed to them, have them too."""

    def fun(x):
        with jax.enable_x64(True):
            y = jnp.array(x, jnp.float64)
            return jnp.sin(3 * y) + y * y + jnp.stack([y, y]).sum()

    @jax.custom_vjp
    def scaled(x, c):
        return x * c

    scaled.defvjp(lambda x, c: (x * c, c), lambda c, w: (w * c, w))

    def beside(x):
        with jax.enable_x64(True):
            idle = jnp.floor(scaled(jnp.array(x, jnp.float64), np.float64(1.4)))  # 7; in float32 6
        return jnp.sin(x) * idle.astype(jnp.float32)

    with jax.enable_x64(False):
        x = jnp.float32(5.0)
        same(EVERY[2], lambda d: d.jvp(fun, (x,), (x,)))
        same(EVERY[0], lambda d: d.vjp(fun, x)[1](fun(x)))
        same(EVERY[1], lambda d: jax.jit(d.grad(beside))(x))


@pytest.mark.parametrize("dtype", [jnp.float8_e4m3fn, jnp.float8_e5m2])
def test_what_is_rounded_to_eight_bits_meets_what_is_not(dtype):
    x = jnp.array([0.5, 1, 2], jnp.float32)
    same = lambda f, x: assert_same(*(ad.vjp(f, x)[1](jnp.float32(1.5)) for ad in (ct, jax)), rtol=1e-6)
    same(lambda x: jnp.sum(x.astype(dtype).astype(jnp.float32) * x), x)
    same(lambda z: jnp.sum(z.astype(jnp.float32) ** 2) + jnp.sum(z.astype(jnp.float32)), x.astype(dtype))


@pytest.mark.parametrize("other", [jnp.bfloat16, jnp.float16, jnp.float64])
def test_a_block_of_a_hessian_has_the_dtype_of_its_row(other):
    p = {"a": jnp.arange(3.0).astype(other), "b": jnp.arange(3.0, dtype=jnp.float32)}
    fun = lambda p: jnp.sum(p["a"].astype(jnp.float32) * p["b"] ** 2)
    assert_same(ct.hessian(fun)(p), jax.hessian(fun)(p))
