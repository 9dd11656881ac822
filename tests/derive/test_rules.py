"""Derivatives that a function's author gave, choices, and what has no formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct

one = jnp.ones


@jax.custom_jvp
def straight_through(x):
    return jnp.round(x)


@straight_through.defjvp
def _(primals, tangents):
    return straight_through(*primals), tangents[0]


@jax.custom_jvp
def guarded_log(x):
    return jnp.log(x)


@guarded_log.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    return guarded_log(x), dx * x / (x**2 + 1)


@jax.custom_vjp
def clipped(x):
    return x


clipped.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1, 1),))


@jax.custom_vjp
def reversed_gradient(x, lam):
    return x


reversed_gradient.defvjp(lambda x, lam: (x, lam), lambda lam, g: (-lam * g, None))


def quantised(w, X, y):
    return jnp.sum((X @ straight_through(w) - y) ** 2)


def with_guard(w, X):
    return jnp.sum(guarded_log(jnp.exp(X @ w)))


def with_clip(w, X, y):
    return jnp.sum((clipped(X @ w) - y) ** 2)


def adversary(W, V, x, y, lam):
    return jnp.sum((V @ reversed_gradient(jnp.tanh(W @ x), lam) - y) ** 2)


def clipped_steps(W, x, h0):
    def step(h, x):
        z = W @ h + x
        h = clipped(jnp.tanh(z))
        return h, h

    return jnp.sum(lax.scan(step, h0, x)[1] ** 2)


def remembered(w, X, y):
    return jnp.sum((jax.checkpoint(lambda w: jnp.tanh(X @ w))(w) - y) ** 2)


def branch(w, X, c):
    return lax.cond(c > 0, lambda w: jnp.sum((X @ w) ** 2), lambda w: jnp.sum(jnp.abs(X @ w)), w)


def branches(w, X, k):
    return lax.switch(k, [lambda w: jnp.sum(w), lambda w: jnp.sum((X @ w) ** 2), lambda w: jnp.sum(w**3)], w)


PROGRAMS = [
    (quantised, (one(3), one((5, 3)), one(5)), 0, "∇quantised = 2 Xᵀ (X round(w) − y)"),
    (with_guard, (one(3), one((5, 3))), 0, None),
    (with_clip, (one(3), one((5, 3)), one(5)), 0, "∇with_clip = Xᵀ min(1, max(−1, 2 (Xw − y)))"),
    (adversary, (one((4, 3)), one((2, 4)), one(3), one(2), 2.0), (0, 1), None),
    (clipped_steps, (one((3, 3)), one((4, 3)), one(3)), (0, 1, 2), None),
    (remembered, (one(3), one((5, 3)), one(5)), 0, "∇remembered = 2 Xᵀ ((tanh(Xw) − y) ⊙ tanh′(Xw))"),
    (branch, (one(3), one((5, 3)), 1.0), 0, "∇branch = [0 ≥ c] Xᵀ sign(Xw) + 2 [c > 0] XᵀXw"),
    (branches, (one(3), one((5, 3)), 1), 0, None),
]


@pytest.mark.parametrize(("fun", "args", "argnums", "formula"), PROGRAMS, ids=[f.__name__ for f, *_ in PROGRAMS])
def test_the_rule_is_the_derivative(fun, args, argnums, formula):
    made = ct.derive(fun, *args, argnums=argnums)
    assert formula is None or made.formula == formula
    scope = {}
    exec(made.python("gradient"), scope)
    keys = iter(jax.random.split(jax.random.key(3), 99))
    args = [x if isinstance(x, int) else jax.random.normal(next(keys), jnp.shape(x), jnp.float64) for x in args]
    wanted = jax.grad(fun, argnums=argnums)(*args)
    for a, b in zip(jax.tree.leaves(scope["gradient"](*args)), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_it_says_whose_rule_it_is():
    made = ct.derive(quantised, one(3), one((5, 3)), one(5))
    assert "the derivative of straight_through is the rule that its author gave" in str(made)
    assert "rule" not in str(ct.derive(lambda x: jnp.sum(jax.nn.relu(x)), one(3)))


def test_a_while_loop_has_no_formula():
    with pytest.raises(NotImplementedError, match="while loop: how many steps"):
        ct.derive(lambda x: jnp.sum(lax.while_loop(lambda s: jnp.sum(s) > 1, lambda s: s / 2, x)), one(3))


def test_a_callback_has_no_formula():
    def called(x):
        return jnp.sum(jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct((3,), x.dtype), x))

    with pytest.raises(NotImplementedError, match="pure_callback"):
        ct.derive(called, one(3))
