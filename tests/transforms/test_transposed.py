"""A push through what has a pull alone, by its transpose; a pull that is not linear has none."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct
from tests.oracle import assert_same, same
from tests.transforms.test_along import AT_DEPTH

X = jnp.array([0.3, -0.7, 1.1])


@jax.custom_vjp
def bent(x, y):
    return x * y


bent.defvjp(lambda x, y: (x * y, (x, y)), lambda saved, w: (2.0 * w * saved[1], 3.0 * w * saved[0]))

TRANSPOSED = {
    "plain": lambda x, y: jnp.sin(bent(x, y)) * x,
    "scan": lambda x, y: lax.scan(lambda c, t: (bent(c, t), c), x, jnp.stack([y, x])),
    "cond": lambda x, y: lax.cond(x[0] > 0, bent, lambda x, y: x, x, y),
    "checkpoint": jax.checkpoint(lambda x, y: bent(x, jnp.sin(y))),
    "a whole number beside it": lambda x, y: (bent(x, y), jnp.argmax(x)),
}


@pytest.mark.parametrize("fun", TRANSPOSED.values(), ids=TRANSPOSED)
def test_what_has_a_pull_alone_is_pushed_by_its_transpose(fun):
    first = lambda x, y: jax.tree.leaves(fun(x, y))[0]
    by_x, by_y = jax.jacrev(first, (0, 1))(X, X)
    theirs = by_x @ X + by_y @ X**2
    pushes = (
        lambda x, y: ct.jvp(fun, (x, x), (x, y), order="reverse")[1],
        lambda x, y: ct.linearize(fun, x, x, order="reverse")[1](x, y),
    )
    for push in (*pushes, jax.jit(pushes[0])):
        assert_same(jax.tree.leaves(push(X, X**2))[0], theirs)


PULLS = {
    "clipped": lambda x, g: (jnp.clip(jnp.cos(x) * g, -0.1, 0.1),),
    "constant": lambda x, g: (jnp.ones(3),),
    "whole": lambda x, g: (jnp.round(g).astype(int) * x,),
}


@pytest.mark.parametrize("bwd", PULLS.values(), ids=PULLS)
@pytest.mark.parametrize("wrap", [lambda f: f, *(AT_DEPTH[name] for name in ("cond", "scan", "checkpoint"))])
def test_a_pull_that_is_not_linear_has_no_transpose(wrap, bwd):
    sine = jax.custom_vjp(jnp.sin)
    sine.defvjp(lambda x: (jnp.sin(x), x), bwd)
    with pytest.raises(TypeError, match="not linear in its cotangent"):
        ct.jvp(wrap(sine), (X,), (X,), order="reverse")
    same(ct, lambda d: d.vjp(wrap(sine), X)[0])


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit, *(AT_DEPTH[name] for name in ("cond", "scan", "checkpoint"))])
@pytest.mark.parametrize("around", [lambda f: f, jax.jit], ids=["outside", "inside jit"])
def test_what_has_a_pull_alone_is_linearized_and_transposed_but_not_pushed(wrap, around):
    sine = jax.custom_vjp(jnp.sin)
    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (0.5 * g * jnp.cos(x),))
    fun = wrap(lambda x: sine(x) * x)

    def pulled(d, x):
        value, push = d.linearize(fun, x)
        return value, jax.linear_transpose(push, x)(jax.tree.map(jnp.ones_like, value))

    same(ct, lambda d: around(lambda x: pulled(d, x))(X))
    with pytest.raises(TypeError, match="custom_vjp"):
        ct.linearize(fun, X)[1](X)
