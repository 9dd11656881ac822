"""Run this first: each verb once, in seconds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct

X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
Y = np.array([1.0, -1.0, 1.0, 1.0])
W = np.array([0.3, -0.2, 0.5])
ORDERS = ["auto", "reverse", "forward", "cross-country"]


def loss(w, X, y):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def net(x):
    return jnp.tanh(X.T @ jnp.sin(X @ x)) * x


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_grad(order):
    same(ct.grad(loss, order=order)(W, X, Y), jax.grad(loss)(W, X, Y))


@pytest.mark.parametrize("order", ORDERS)
def test_jacobian(order):
    same(ct.jacobian(net, order=order)(W), jax.jacfwd(net)(W))


def test_value_and_grad():
    value, gradient = ct.value_and_grad(loss)(W, X, Y)
    same(value, loss(W, X, Y))
    same(gradient, jax.grad(loss)(W, X, Y))


def test_hessian_and_nesting():
    same(ct.hessian(loss)(W, X, Y), jax.hessian(loss)(W, X, Y))
    same(ct.grad(lambda w: ct.grad(loss)(w, X, Y).sum())(W), jax.hessian(loss)(W, X, Y).sum(0))


def test_push_and_pull():
    v = jnp.arange(3.0)
    same(ct.jvp(net, (W,), (v,))[1], jax.jvp(net, (W,), (v,))[1])
    same(ct.vjp(net, W)[1](v)[0], jax.vjp(net, W)[1](v)[0])
    same(ct.linearize(net, W)[1](v), jax.linearize(net, W)[1](v))


def test_under_jit_and_vmap():
    same(jax.jit(ct.grad(loss))(W, X, Y), jax.grad(loss)(W, X, Y))
    points = jnp.stack([W, 2 * W])
    same(jax.vmap(ct.jacobian(net))(points), jax.vmap(jax.jacobian(net))(points))


def test_the_derivative_is_a_map():
    D, J = ct.derivative(net)(W), jax.jacobian(net)(W)
    same(D.dense(), J)
    same(D @ W, J @ W)
    same((D.T @ D).dense(), J.T @ J)


def test_plan():
    plan = ct.plan(loss, W, X, Y)
    same(ct.grad(loss, order=plan)(W, X, Y), jax.grad(loss)(W, X, Y))
    assert len(str(plan).splitlines()) <= 12


def test_derive():
    derivation = ct.derive(loss, W, X, Y)
    assert "∇" in str(derivation)


def test_one_theta():
    chain = ct.compose(lambda W, x: jnp.tanh(W @ x), lambda W, x: W @ x)
    theta, rebuild = ct.flatten((X, Y.reshape(1, 4)))
    assert theta.shape == (16,)
    same(rebuild(theta)[0], X)
    assert chain is not None
