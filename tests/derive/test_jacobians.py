"""Jacobians of arrays and Hessians of numbers: the formulas to the letter, and that they are right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import together

one = jnp.ones


def logistic(w, X, y):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def layer(W, X, b):
    return jax.nn.sigmoid(X @ W + b)


def two_layers(W1, W2, x):
    return W2 @ jnp.tanh(W1 @ x)


JACOBIANS = [
    (lambda x, A: A @ x, (one(3), one((4, 3))), "∂f/∂x = A"),
    (lambda x: jax.nn.softmax(x), (one(3),), "∂f/∂x = diag(softmax(x)) − softmax(x) softmax(x)ᵀ"),
    (lambda x: jnp.tanh(x), (one(3),), "∂f/∂x = diag(tanh′(x))"),
    (lambda x: x / jnp.linalg.norm(x), (one(3),), "∂f/∂x = (1/‖x‖) I − (1/(‖x‖³)) xxᵀ"),
    (lambda x: jnp.sum(x**2) * x, (one(3),), "∂f/∂x = 2 xxᵀ + ‖x‖² I"),
    (lambda x, A, b: jax.nn.sigmoid(A @ x + b), (one(3), one((4, 3)), one(4)), "∂f/∂x = diag(σ′(Ax + b)) A"),
    (lambda X, A, B: A @ X @ B, (one((3, 4)), one((5, 3)), one((4, 2))), "∂f/∂X = A ⊗ Bᵀ"),
    (lambda X: X.T @ X, (one((3, 4)),), "∂f/∂X = (I ⊗ Xᵀ) K + Xᵀ ⊗ I"),
    (lambda X: X @ X, (one((3, 3)),), "∂f/∂X = X ⊗ I + I ⊗ Xᵀ"),
    (lambda X: jnp.tanh(X), (one((3, 4)),), "∂f/∂X = diag(vec(tanh′(X)))"),
    (lambda X: X.T, (one((3, 4)),), "∂f/∂X = K"),
    (lambda W, x: W @ x, (one((3, 4)), one(4)), "∂f/∂W = I ⊗ xᵀ"),
    (layer, (one((3, 4)), one((5, 3)), one(4)), "∂layer/∂W = diag(vec(σ′(XW + 1 bᵀ))) (X ⊗ I)"),
    (lambda x: jnp.outer(x, x), (one(3),), "∂f/∂x = x ⊗ I + I ⊗ x"),
    (lambda s, x: s * x, (1.0, one(3)), "∂f/∂s = x"),
    (lambda x, A: A @ x[:, 0], (one((3, 1)), one((4, 3))), "∂f/∂x = A"),
    (lambda X: jnp.sum(X, axis=0), (one((3, 4)),), "∂f/∂X = 1ᵀ ⊗ I"),
]
HESSIANS = [
    (logistic, (one(3), one((5, 3)), one(5)), "∇²logistic = (1/N) Xᵀ diag(σ′(y ⊙ Xw) ⊙ y^∘2) X"),
    (lambda w, X, y: jnp.sum((X @ w - y) ** 2) / 2, (one(3), one((5, 3)), one(5)), "∇²f = XᵀX"),
    (lambda x, A: x @ A @ x, (one(3), one((3, 3))), "∇²f = A + Aᵀ"),
    (lambda x: jax.nn.logsumexp(x), (one(3),), "∇²f = diag(softmax(x)) − softmax(x) softmax(x)ᵀ"),
    (lambda x: jnp.linalg.norm(x), (one(3),), "∇²f = (1/‖x‖) I − (1/(‖x‖³)) xxᵀ"),
    (lambda x: jnp.sum(jnp.exp(x)), (one(3),), "∇²f = diag(exp(x))"),
    (lambda X, A, B: jnp.trace(A @ X @ B @ X.T), (one((3, 4)), one((3, 3)), one((4, 4))), "∇²f = A ⊗ Bᵀ + Aᵀ ⊗ B"),
]
NO_MATRIX_FORM = [
    (lambda X: jnp.einsum("ij,jk,kl->il", X, X, X) * jnp.sum(X), (one((3, 3)),), 1),
    (lambda x: jnp.sum(x**2) * jnp.tanh(x), (one(3),), 2),
    (lambda W1, W2, x: jnp.sum(jnp.tanh(W2 @ jnp.tanh(W1 @ x)) ** 2), (one((4, 3)), one((2, 4)), one(3)), 2),
]


def is_right(made, fun, args, order):
    source = made.python()
    assert "einsum" not in source or not made.index_free
    scope = {}
    exec(source, scope)
    keys = iter(jax.random.split(jax.random.key(3), 20))
    args = jax.tree.map(lambda x: jax.random.normal(next(keys), jnp.shape(x), jnp.float64), args)
    oracle = (jax.hessian if order == 2 else jax.jacobian)(fun, made.argnums)
    got, wanted = together(scope["derivative"], oracle, *args)
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("fun", "args", "formula"), JACOBIANS, ids=[f for *_, f in JACOBIANS])
def test_a_jacobian(fun, args, formula):
    made = ct.derive(fun, *args)
    assert made.formula == formula
    assert made.index_free and made.checked
    is_right(made, fun, args, 1)


@pytest.mark.parametrize(("fun", "args", "formula"), HESSIANS, ids=[f for *_, f in HESSIANS])
def test_a_hessian(fun, args, formula):
    made = ct.derive(fun, *args, order=2)
    assert made.formula == formula
    assert made.index_free and made.checked
    is_right(made, fun, args, 2)


@pytest.mark.parametrize(("fun", "args", "order"), NO_MATRIX_FORM)
def test_what_has_no_matrix_form_is_right_too(fun, args, order):
    made = ct.derive(fun, *args, order=order)
    assert made.checked
    is_right(made, fun, args, order)


def test_a_jacobian_through_two_layers():
    args = (one((4, 3)), one((2, 4)), one(3))
    made = ct.derive(two_layers, *args, argnums=(1, 2))
    assert made.formula == "∂two_layers/∂W2 = I ⊗ tanh(W₁ x)ᵀ\n∂two_layers/∂x = W₂ diag(tanh′(W₁ x)) W₁".replace(
        "W2", "W₂"
    )
    is_right(made, two_layers, args, 1)


def test_a_hessian_in_blocks():
    def fun(p, lam):
        return p["a"] @ p["b"] + lam * p["a"] @ p["a"]

    args = ({"a": one(3), "b": one(3)}, 2.0)
    made = ct.derive(fun, *args, argnums=(0, 1), order=2)
    assert made.formula.splitlines() == [
        "∂²fun/∂a∂a = 2 λ I", "∂²fun/∂a∂b = I", "∂²fun/∂a∂λ = 2 a",
        "∂²fun/∂b∂b = 0", "∂²fun/∂b∂λ = 0", "∂²fun/∂λ∂λ = 0",
    ]  # fmt: skip
    is_right(made, fun, args, 2)


def test_indexed_and_labelled():
    made = ct.derive(lambda x, A: A @ x, one(3), one((4, 3)), form="index")
    assert made.formula == "∂fᵢ/∂xⱼ = Aᵢⱼ"
    made = ct.derive(lambda x: jnp.sum(x**3), one(3), order=2, form="index")
    assert made.formula == "∂²f/∂xᵢ∂xⱼ = 6 xᵢ [i = j]"


def test_the_layout_is_said():
    assert "vec(AXB)" in ct.derive(lambda X, A: A @ X, one((3, 4)), one((2, 3))).layout


def test_a_user_s_own_formula():
    made = ct.derive(lambda x, A: A @ jnp.tanh(x), one(3), one((4, 3)))
    assert made.check("A @ diag(1 - tanh(x)**2)")
    assert "sign" in str(made.check("-A @ diag(1 - tanh(x)**2)"))


def test_an_order_that_there_is_not():
    with pytest.raises(ValueError, match="order=3; expected 1"):
        ct.derive(lambda x: jnp.sum(x), one(3), order=3)


def test_a_local_derivative_through_an_array_without_a_name():
    made = ct.derive(lambda X, A: jnp.trace(jnp.linalg.inv(X + A)), jnp.eye(3), jnp.eye(3))
    assert made.checked
    assert "df = −tr(dX (A + X)⁻¹ (A + X)⁻¹)" in str(made)
