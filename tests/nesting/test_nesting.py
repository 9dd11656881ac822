"""Transforms inside transforms: ours in ours, ours in JAX's, JAX's in ours."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct
from tests.oracle import Ordered, assert_same, in_every_order, same

X = jnp.array([0.3, -0.7, 1.1])
W = jnp.array([[0.3, -0.2, 0.5], [0.1, 0.8, -0.6], [0.4, 0.2, 0.1]])


def loss(x):
    return jnp.sum(jnp.tanh(W @ x) * x**2)


def vector(x):
    return jnp.sin(W @ x) * x


def looped(x):
    return lax.scan(lambda h, t: (jnp.tanh(W @ h) + t * x, jnp.sum(h)), x, jnp.arange(3.0))


def penalty(d):
    """A loss that contains a Jacobian, as a physics-informed or contractive network has."""
    return lambda x: jnp.sum(d.jacobian(vector)(x) ** 2) + loss(x)


NESTED = {
    "grad of grad": lambda d: d.grad(d.grad(lambda x: jnp.sin(x) * x**2))(0.7),
    "grad of grad of grad": lambda d: d.grad(d.grad(d.grad(lambda x: jnp.tanh(x) * x)))(0.7),
    "grad of the norm of grad": lambda d: d.grad(lambda x: jnp.sum(d.grad(loss)(x) ** 2))(X),
    "jacfwd of grad": lambda d: d.jacfwd(d.grad(loss))(X),
    "jacrev of grad": lambda d: d.jacrev(d.grad(loss))(X),
    "jacrev of jacfwd": lambda d: d.jacrev(d.jacfwd(vector))(X),
    "jacfwd of jacrev": lambda d: d.jacfwd(d.jacrev(vector))(X),
    "jacobian of jacobian": lambda d: d.jacobian(d.jacobian(vector))(X),
    "hessian": lambda d: d.hessian(loss)(X),
    "hessian of a vector": lambda d: d.hessian(vector)(X),
    "jacobian of hessian": lambda d: d.jacobian(d.hessian(loss))(X),
    "hessian under jit": lambda d: jax.jit(d.hessian(loss))(X),
    "hessian under vmap": lambda d: jax.vmap(d.hessian(loss))(W),
    "grad of a loss with a jacobian": lambda d: d.grad(penalty(d))(X),
    "hessian of a loss with a jacobian": lambda d: d.hessian(penalty(d))(X),
    "jvp of grad": lambda d: d.jvp(d.grad(loss), (X,), (X,)),
    "jvp of jvp": lambda d: d.jvp(lambda x: d.jvp(vector, (x,), (X,))[1], (X,), (X,)),
    "jvp of vjp": lambda d: d.jvp(lambda x: d.vjp(vector, x)[1](X)[0], (X,), (X,)),
    "vjp of jvp": lambda d: d.vjp(lambda x: d.jvp(vector, (x,), (X,))[1], X)[1](X),
    "vjp of vjp": lambda d: d.vjp(lambda w: d.vjp(vector, X)[1](w)[0], X)[1](X),
    "grad through a pull's cotangent": lambda d: d.grad(lambda w: jnp.sum(d.vjp(vector, X)[1](w)[0] ** 2))(X),
    "grad through linearize": lambda d: d.grad(lambda x: jnp.sum(d.linearize(vector, x)[1](x) ** 2))(X),
    "value_and_grad of grad": lambda d: d.value_and_grad(lambda x: jnp.sum(d.grad(loss)(x)))(X),
    "grad of vmap of grad": lambda d: d.grad(lambda w: jnp.sum(jax.vmap(d.grad(loss))(w) ** 2))(W),
    "grad of jit of grad": lambda d: d.grad(lambda x: jnp.sum(jax.jit(d.grad(loss))(x) ** 2))(X),
    "vmap of grad of vmap": lambda d: jax.vmap(d.grad(lambda x: jnp.sum(jax.vmap(jnp.sin)(x) * x)))(W),
    "a closure over the outer argument": lambda d: d.grad(lambda x: d.grad(lambda y: jnp.sin(x * y) * x)(0.3))(0.7),
    "perturbations do not mix": lambda d: d.grad(lambda x: x * d.grad(lambda y: x + y)(1.0))(0.7),
    "jacobian of a scan": lambda d: d.jacobian(looped)(X),
    "hessian of a scan": lambda d: d.hessian(lambda x: jnp.sum(looped(x)[0]))(X),
    "hessian of a scan over size 1": lambda d: d.hessian(
        lambda x: jnp.sum(jnp.sin(lax.scan(lambda c, t: (jnp.tanh(c + t), c * t), x[0], x)[0])))(X[:, None]),
    "grad of a scan of grad": lambda d: d.grad(
        lambda x: jnp.sum(lax.scan(lambda x, _: (x - 0.1 * d.grad(loss)(x), None), x, None, length=2)[0]))(X),
    "grad of a cond of grad": lambda d: d.grad(lambda x: jnp.sum(lax.cond(x[0] > 0, d.grad(loss), jnp.sin, x)))(X),
    "jacfwd of a while of grad": lambda d: d.jvp(
        lambda x: lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] - 0.1 * d.grad(loss)(c[1])), (0, x))[1],
        (X,), (X,)),
    "hessian of a checkpoint": lambda d: d.hessian(jax.checkpoint(loss))(X),
    "hessian by several arguments": lambda d: d.hessian(lambda p: jnp.sum(jnp.sin(p["a"] * p["b"][0])))(
        {"a": X, "b": (X[0],)}),
}  # fmt: skip


@in_every_order
@pytest.mark.parametrize("call", NESTED.values(), ids=NESTED)
def test_ours_in_ours(ad, call):
    same(ad, lambda d: jax.jit(lambda: call(d))())


MIXED = {
    "grad of grad": lambda outer, inner: outer.grad(lambda x: jnp.sum(inner.grad(loss)(x) ** 2))(X),
    "jacfwd of grad": lambda outer, inner: outer.jacfwd(inner.grad(loss))(X),
    "jacrev of jacobian": lambda outer, inner: outer.jacrev(inner.jacobian(vector))(X),
    "jvp of vjp": lambda outer, inner: outer.jvp(lambda x: inner.vjp(vector, x)[1](X)[0], (X,), (X,)),
    "vjp of jvp": lambda outer, inner: outer.vjp(lambda x: inner.jvp(vector, (x,), (X,))[1], X)[1](X),
    "linearize of grad": lambda outer, inner: outer.linearize(inner.grad(loss), X)[1](X),
    "grad of a loss with a jacobian": lambda outer, inner: outer.grad(penalty(inner))(X),
    "hessian of a scan": lambda outer, inner: outer.jacfwd(inner.grad(lambda x: jnp.sum(looped(x)[1])))(X),
}


@pytest.mark.parametrize("call", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize("inner", [Ordered("auto"), Ordered("cross-country")], ids=repr)
def test_ours_inside_jax(call, inner):
    assert_same(jax.jit(lambda: call(jax, inner))(), jax.jit(lambda: call(jax, jax))())


@pytest.mark.parametrize("call", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize("outer", [Ordered("auto"), Ordered("cross-country")], ids=repr)
def test_jax_inside_ours(call, outer):
    assert_same(jax.jit(lambda: call(outer, jax))(), jax.jit(lambda: call(jax, jax))())


def test_orders_mix():
    """The Jacobian in one order, differentiated in another."""
    expected = jax.jacfwd(jax.jacrev(vector))(X)
    for outer in ("reverse", "forward", "cross-country"):
        for inner in ("reverse", "forward", "cross-country"):
            got = jax.jit(ct.jacobian(ct.jacobian(vector, order=inner), order=outer))(X)
            assert_same(got, expected)


def test_a_batch_of_channels_is_no_axis_of_what_comes_back():
    """JAX's Jacobian batches the channels: pulled one by one they come back along an axis that holds more than them."""
    x = jnp.sin(jnp.arange(12.0)).reshape(4, 3)

    def fun(x):
        return jnp.sum(jax.lax.conv_general_dilated(x[:, None, :], x[:, None, :], (1,), [(0, 0)]) ** 2)

    assert_same(ct.jacobian(jax.jacfwd(fun))(x), jax.jacfwd(jax.jacfwd(fun))(x))
