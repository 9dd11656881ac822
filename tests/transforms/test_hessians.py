"""The derivative of a gradient, made from the graph of the function itself, against JAX's Hessian."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.flatten_util import ravel_pytree

import catenary as ct
from catenary import _derivative

RNG = np.random.default_rng(0)
W = jnp.asarray(RNG.normal(size=(5, 6)))
V = jnp.asarray(RNG.normal(size=(6,)))
X = jnp.asarray(RNG.normal(size=(5,)))
ROWS = jnp.asarray(RNG.normal(size=(3, 5)))

PERCEPTRON = lambda x: jnp.tanh(jnp.tanh(x @ W + 0.1) @ W.T) @ X
FUNCTIONS = {
    "perceptron": (PERCEPTRON, X),
    "rules of others": (lambda x: jnp.sum(jax.nn.softplus(x @ W) * jax.nn.gelu(x @ W)) + jax.nn.logsumexp(x) ** 2, X),
    "attention": (lambda x: jnp.sum((jax.nn.softmax((x @ W) @ (x @ W).T) @ x) ** 2), ROWS),
    "choices and quotients": (lambda x: jnp.sum(jnp.where(x > 0, x**3, jnp.sin(x)) / (1 + x[::-1] ** 2)), X),
    "slices": (lambda x: jnp.sum(jnp.concatenate([x[1:] * x[:-1], x[::2] ** 3]).reshape(7, 1) ** 2 * V[:2]), X),
    "linear nodes": (
        lambda x: jnp.sum(jnp.tanh(jnp.convolve(jnp.sin(x), V[:3])) ** 2) + jnp.sum(jnp.cumsum(x) ** 4),
        X,
    ),
    "a tree": (lambda p: jnp.sum(jnp.tanh(p["x"] @ p["w"]) ** 2 * p["x"][0]), {"x": X, "w": W}),
    "broadcasts": (lambda x: jnp.sum(jnp.tanh(x[:, None] * x + V[:5, None]) / (2 + jnp.sin(x))), X),
    "linear": (lambda x: jnp.sum(W.T @ x), X),
    "hidden in a loop": (lambda x: lax.scan(lambda c, a: (jnp.tanh(c * a), None), x[0], x)[0], X),
}
HIDDEN = {"hidden in a loop"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessians(name, monkeypatch):
    fun, point = FUNCTIONS[name]
    made, second = [], _derivative.second
    monkeypatch.setattr(_derivative, "second", lambda p: made.append(second(p)) or made[-1])
    flat, rebuild = ravel_pytree(point)
    row = jnp.cos(flat)

    @jax.jit
    def both(flat):
        H = ct.derivative(ct.grad(fun))(rebuild(flat))
        J = jax.hessian(lambda v: fun(rebuild(v)))(flat)
        ours = *(ravel_pytree(x)[0] for x in (H.diagonal(), H.trace(), H @ rebuild(row), H.T @ rebuild(row))), H.dense()
        return ours, (jnp.diagonal(J), jnp.trace(J)[None], J @ row, J @ row), jax.hessian(fun)(rebuild(flat))

    (*ours, dense), theirs, whole = both(flat)
    assert made and (made[0] is None) == (name in HIDDEN)
    for a, b in zip((*ours, *jax.tree.leaves(dense)), (*theirs, *jax.tree.leaves(whole)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_function_made_from_a_gradient_is_none():
    """What is wrapped around a gradient, or differentiated by another argument, is taken for what it is."""
    gradient = ct.grad(PERCEPTRON)
    doubled = functools.wraps(gradient)(lambda x: 2 * gradient(x))
    np.testing.assert_allclose(ct.derivative(doubled)(X).trace(), 2 * jnp.trace(jax.hessian(PERCEPTRON)(X)), rtol=1e-9)
    mixed = ct.derivative(ct.grad(lambda x, y: jnp.sum(x**2 * jnp.sin(y))), 1)(X, X)
    np.testing.assert_allclose(mixed.diagonal(), 2 * X * jnp.cos(X), rtol=1e-9)
