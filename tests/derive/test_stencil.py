"""What reads at shifted or fixed positions: slices, pads, blocks and updates; the formula and the source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import together

one = jnp.ones


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def autoregression(a, x):
    return jnp.sum((x[2:] - a[0] * x[1:-1] - a[1] * x[:-2]) ** 2)


def split_in_two(x):
    a, b = jnp.split(x, 2)
    return jnp.sum(jax.nn.sigmoid(a) * b)


SHIFTED = [
    (lambda x: jnp.sum((x[1:] - x[:-1]) ** 2), (one(6),), "∇f = 2 DᵀDx"),
    (lambda x: jnp.sum(jnp.diff(x) ** 2) / 2, (one(6),), "∇f = DᵀDx"),
    (lambda X: jnp.sum(jnp.diff(X, axis=0) ** 2) + jnp.sum(jnp.diff(X) ** 2), (one((6, 5)),), None),
    (rosenbrock, (one(6),), None),
    (autoregression, (one(2), one(6)), None),
    (lambda x: jnp.sum(jnp.diff(x, n=2) ** 2), (one(6),), None),
    (lambda x: jnp.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2), (one(6),), None),
    (lambda x: jnp.sum(jnp.sin(x[::2]) * x[1::2]), (one(6),), None),
    (lambda X, w: jnp.sum(jnp.tanh(X[:, :3] @ w[:3])), (one((6, 5)), one(5)), None),
    (lambda x: jnp.sum(x * jnp.roll(x, 1)), (one(6),), None),
    (lambda x, y: jnp.sum(jnp.pad(x, 1)[2:-1] * y), (one(6), one(5)), "∇f = [0; y]"),
    (lambda x, y: jnp.sum(jnp.concatenate([x, y]) ** 3), (one(6), one(5)), "∇f = 3 x^∘2"),
    (lambda W, x: jnp.sum(jnp.tanh(W @ jnp.append(x, 1.0))), (one((3, 6)), one(5)), None),
    (lambda x, y: jnp.sum(jnp.stack([x, y]) @ x), (one(6), one(6)), "∇f = 2 x + y"),
    (lambda X, Y: jnp.sum(jnp.hstack([X, Y]) ** 2), (one((6, 5)), one((6, 4))), "∇f = 2 X"),
    (lambda X, Y, w: jnp.sum(jnp.tanh(jnp.vstack([X, Y]) @ w)), (one((6, 5)), one((4, 5)), one(5)), None),
    (split_in_two, (one(6),), "∇split_in_two = [σ′(x_{:3}) ⊙ x_{3:}; σ(x_{:3})]"),
    (lambda x, y: jnp.sum(x.at[1:].set(y) ** 2 * x), (one(6), one(5)), None),
    (lambda x: jnp.sum(jnp.sin(x.at[2].set(3.0))), (one(6),), None),
    (lambda x, y: jnp.sum(jnp.sin(x.at[1:].add(y))), (one(6), one(5)), "∇f = cos([0; y] + x)"),
    (lambda X: jnp.sum(jnp.sin(X.at[0, 1].set(2.0))), (one((4, 5)),), None),
    (lambda x: jnp.sum(jnp.sin(x.at[2].multiply(3.0))), (one(6),), None),
    (lambda x: jnp.sum(jax.lax.dynamic_slice(x, (1,), (3,)) ** 2), (one(6),), "∇f = 2 [0; x_{1:-2}; 0]"),
    (lambda W, x: jnp.sum(jax.nn.glu(W @ x)), (one((6, 5)), one(5)), None),
    (lambda X: jnp.sum(X[1:, 1:] * X[:-1, :-1]), (one((6, 5)),), None),
    (lambda y: jnp.trapezoid(y**2, dx=0.1), (one(6),), None),
    (lambda x: jnp.sum(jnp.sin(jnp.pad(x, 1, mode="edge"))), (one(6),), None),
    (lambda x: jnp.sum(jnp.flip(x) * jnp.sin(x)), (one(6),), None),
]  # fmt: skip


@pytest.mark.parametrize(("fun", "args", "formula"), SHIFTED)
def test_shifted_positions(fun, args, formula):
    made = ct.derive(fun, *args)
    assert made.index_free
    assert formula in (None, made.formula)
    agrees(made, fun, args)


def agrees(made, fun, args):
    """Run the source beside jax.grad, in float64, at fresh values."""
    keys = iter(jax.random.split(jax.random.key(1), 100))
    args = jax.tree.map(lambda x: random(next(keys), x), args)
    scope = {}
    exec(made.python(), scope)
    got, wanted = together(scope["derivative"], jax.grad(fun), *args)
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)
    assert made.checked
    source = made.latex()
    assert source.count("{") == source.count("}") and source.isascii()


def random(key, x):
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jax.random.randint(key, x.shape, 0, 3)
    return jax.random.uniform(key, x.shape, jnp.float64, 0.2, 1.3)
