"""A branch that is not taken contributes 0, not 0 · ∞: guards of `where` in every order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from tests.oracle import EVERY, assert_same, in_every_order, same

X = jnp.array([0.0, 4.0, -1.0, 0.25])

# Guarded twice, JAX gives finite numbers: ours are the same.
TWICE = {
    "sqrt": lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0),
    "log": lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), x),
    "division": lambda x: jnp.where(x != 0, 1.0 / jnp.where(x != 0, x, 1.0), 0.0),
    "select of three": lambda x: lax.select_n(jnp.int32(x > 0) + (x > 1), x, jnp.sin(x), x * x),
    "cond": lambda x: jax.vmap(lambda t: lax.cond(t > 0, jnp.sin, jnp.cos, t))(x),
}
# Guarded once, JAX gives 0 · ∞ = NaN; ours gives what the guard means: the derivative of the branch taken.
ONCE = {
    "sqrt": (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), lambda x: 0.5 / np.sqrt(x)),
    "log": (lambda x: jnp.where(x > 0, jnp.log(x), 0.0), lambda x: 1 / x),
    "division": (lambda x: jnp.where(x > 0, 1 / x, 0.0), lambda x: -1 / x**2),
    "power": (lambda x: jnp.where(x > 0, x**0.3, 0.0), lambda x: 0.3 * x**-0.7),
    "chain": (lambda x: jnp.where(x > 0, jnp.sin(jnp.log(x) * 2), 0.0), lambda x: 2 * np.cos(2 * np.log(x)) / x),
}


@in_every_order
@pytest.mark.parametrize("fun", TWICE.values(), ids=TWICE)
def test_guarded_twice(ad, fun):
    same(ad, lambda d: d.jacobian(fun)(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(fun(x)))(X))


@pytest.mark.parametrize(("fun", "slope"), ONCE.values(), ids=ONCE)
def test_guarded_once(fun, slope):
    positive = np.asarray(X) > 0
    expected = np.where(positive, slope(np.where(positive, X, 1.0)), 0.0)

    @jax.jit
    def compute(x):
        ones = jnp.ones(4)
        of = lambda d: (d.grad(lambda x: jnp.sum(fun(x)))(x), d.jvp(fun, (x,), (ones,))[1], d.vjp(fun, x)[1](ones)[0])
        return [(d.jacobian(fun)(x), *of(d)) for d in EVERY]

    for jacobian, *products in compute(X):
        np.testing.assert_allclose(jacobian, np.diag(expected), rtol=1e-12)
        for product in products:
            np.testing.assert_allclose(product, expected, rtol=1e-12)


@in_every_order
def test_masked_attention_scores(ad):
    def attend(q):
        scores = q @ q.T
        scores = jnp.where(jnp.tril(jnp.ones_like(scores, bool)), scores, -jnp.inf)
        return jax.nn.softmax(scores) @ q

    q = jnp.array([[0.3, -0.7], [1.1, 0.2], [0.4, 0.9]])
    got = same(ad, lambda d: d.jacobian(attend)(q))
    assert np.isfinite(got).all()


@in_every_order
def test_ties_are_shared_as_jax_shares_them(ad):
    x = jnp.array([1.0, 2.0, 2.0])
    same(ad, lambda d: d.jacobian(jnp.max)(x))
    same(ad, lambda d: d.jacobian(jnp.min)(-x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.maximum(x, 2.0))(x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.minimum(x, x[1]))(x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.clip(x, 1.0, 2.0))(x))
    same(ad, lambda d: d.jacobian(jnp.abs)(x - 2.0))
    same(ad, lambda d: d.jacobian(jax.nn.relu)(x - 2.0))
    same(ad, lambda d: d.jacobian(jnp.sort)(x))


@in_every_order
def test_products_with_zeros(ad):
    x = jnp.array([2.0, 0.0, 3.0])
    same(ad, lambda d: d.jacobian(jnp.prod)(x))
    same(ad, lambda d: d.jacobian(jnp.prod)(x.at[2].set(0.0)))
    same(ad, lambda d: d.jacobian(jnp.cumprod)(x))
    same(ad, lambda d: d.hessian(jnp.prod)(x))
    same(ad, lambda d: d.jacobian(lambda x: x**2)(x))
    same(ad, lambda d: d.jacobian(lambda x: jnp.power(x, 2.0))(x))
    same(ad, lambda d: d.jacobian(lambda x: x**0)(x))
    same(ad, lambda d: d.jacobian(d.jacobian(jnp.power, (0, 1)), (0, 1))(4.0, 0.0))


@in_every_order
def test_what_is_infinite_stays_infinite(ad):
    """Without a guard the derivative of √x at 0 is ∞ and that of 1/x is −∞, as in JAX."""
    same(ad, lambda d: jax.vmap(d.grad(jnp.sqrt))(X[:2]))
    same(ad, lambda d: jax.vmap(d.grad(lambda x: 1 / x))(X[:2]))


NONE_LEFT = {
    "a literal": lambda x: jnp.sum(x / 0.0),
    "a negative one": lambda x: jnp.sum(x / -0.0),
    "a constant": lambda x: jnp.sum(x / jnp.zeros(())),
    "the mean of nothing": lambda x: jnp.mean(x[:0]),
    "the variance of nothing": lambda x: jnp.var(x[:0]),
    "a complex number": lambda x: jnp.abs(jnp.sum((x + 1j) / 0.0)),
    "more than there are": lambda x: jnp.sum(x * 1e200 * 1e200),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NONE_LEFT)
def test_division_by_zero_is_no_error_of_pythons(name):
    assert_same(*(jax.jit(ad.grad(NONE_LEFT[name]))(X) for ad in (ct, jax)))
    assert_same(*(ad.grad(NONE_LEFT[name])(X) for ad in (ct, jax)))


# What selects, entry by entry and over several; every two of them after one another are a product of two masks.
MASKS = {
    "maximum": lambda x: jnp.maximum(x, -0.5),
    "clip": lambda x: jnp.clip(x, -0.7, 0.9),
    "where": lambda x: jnp.where(x > 0.2, x * x, 0.1),
    "max": lambda x: jnp.max(x, -1, keepdims=True) * jnp.ones(4),
    "sort": lambda x: jnp.sort(x, 1),
    "triangle": jnp.tril,
}


@pytest.mark.parametrize("first", MASKS.values(), ids=MASKS)
def test_masks_meet(first):
    x = jnp.array([[-0.86, 0.37, 1.3], [-0.93, -0.32, 0.6]]) @ jnp.cos(jnp.arange(12.0).reshape(3, 4))
    v = jnp.sin(jnp.arange(8.0).reshape(2, 4))

    def of(d, second):
        fun = lambda x: second(first(x))
        return d.jvp(fun, (x,), (v,)), d.vjp(fun, x)[1](v), d.jacobian(fun)(x)

    same(EVERY[0], lambda d: [of(d, second) for second in MASKS.values()])
