"""Jacobians of vector functions."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real
from .forms import COOKBOOK
from .regression import MURPHY, sigmoid, softmax


def linear_map(x, A):
    return A @ x


def by_matrix(A, x):
    return A @ x


def two_sided(X, A, B):
    return A @ X @ B


def elementwise(x):
    return jax.nn.sigmoid(x)


def gated(x, A):
    return x * (A @ x)


def layer(x, W, b):
    return jnp.tanh(W @ x + b)


def softmax_map(x):
    return jax.nn.softmax(x)


def log_softmax_map(x):
    return jax.nn.log_softmax(x)


def log_sum_exp(x):
    return jax.nn.logsumexp(x)


def normalised(x):
    return x / jnp.linalg.norm(x)


def outer_product(x, y):
    return jnp.outer(x, y)


def scaled_by_norm(x):
    return (x @ x) * x


def inverse_map(X):
    return jnp.linalg.inv(X)


def residuals(w, X, y):
    return jnp.exp(X @ w) - y


x, A, I = real(4), real(5, 4), np.eye(4)
MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus (2019)"


def _diag_less_outer(x):
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


def _projection(x):
    y = x / np.linalg.norm(x)
    return (I - np.outer(y, y)) / np.linalg.norm(x)


ENTRIES = [
    Entry("linear map", linear_map, (x, A), "∂f/∂x = A", lambda x, A: A, f"{MAGNUS}, chapter 9"),
    Entry("linear map by its matrix", by_matrix, (A, x), "∂f/∂A = I ⊗ xᵀ",
          lambda A, x: np.einsum("ij,k->ijk", np.eye(5), x), f"{MAGNUS}, chapter 9, rows first"),
    Entry("two-sided product", two_sided, (real(4, 3), A, real(3, 2)), "∂f/∂X = A ⊗ Bᵀ",
          lambda X, A, B: np.einsum("ik,lj->ijkl", A, B), f"{MAGNUS}, chapter 9, rows first"),
    Entry("entry by entry", elementwise, (x,), "∂f/∂x = diag(σ′(x))",
          lambda x: np.diag(sigmoid(x) * sigmoid(-x)), f"{MURPHY}, section 13.3.3"),
    Entry("gate", gated, (x, real(4, 4)), "∂f/∂x = diag(Ax) + diag(x) A",
          lambda x, A: np.diag(A @ x) + np.diag(x) @ A, f"{MAGNUS}, chapter 9, by the product rule"),
    Entry("layer", layer, (x, A, real(5)), "z = Wx + b\n∂f/∂x = diag(tanh′(z)) W",
          lambda x, W, b: np.diag(1 - np.tanh(W @ x + b) ** 2) @ W, f"{MURPHY}, section 13.3.3"),
    Entry("softmax", softmax_map, (x,), "p = softmax(x)\n∂f/∂x = diag(p) − ppᵀ", _diag_less_outer,
          f"{MURPHY}, section 13.3"),
    Entry("log-softmax", log_softmax_map, (x,), "∂f/∂x = I − 1 softmax(x)ᵀ",
          lambda x: I - softmax(x), f"{MURPHY}, section 13.3"),
    Entry("log-sum-exp, Hessian", log_sum_exp, (x,), "p = softmax(x)\n∇²f = diag(p) − ppᵀ", _diag_less_outer,
          "Boyd & Vandenberghe, Convex Optimization (2004), section 3.1.5", order=2),
    Entry("normalisation", normalised, (x,), "y = (1/‖x‖) x\n∂f/∂x = (1/‖x‖) (I − yyᵀ)", _projection,
          f"{COOKBOOK}, section 2.6"),
    Entry("outer product", outer_product, (x, real(3)), "∂f/∂x = I ⊗ y",
          lambda x, y: np.einsum("ik,j->ijk", I, y), f"{MAGNUS}, chapter 2, rows first"),
    Entry("vector times its square", scaled_by_norm, (x,), "∂f/∂x = ‖x‖² I + 2 xxᵀ",
          lambda x: x @ x * I + 2 * np.outer(x, x), f"{MAGNUS}, chapter 9, by the product rule"),
    Entry("inverse", inverse_map, (real(4, 4),), "∂f/∂X = −X⁻¹ ⊗ X⁻ᵀ",
          lambda X: -np.einsum("ik,lj->ijkl", np.linalg.inv(X), np.linalg.inv(X)),
          f"{COOKBOOK}, section 2.2, rows first"),
    Entry("residuals", residuals, (real(4), real(9, 4), real(9)), "∂f/∂w = diag(exp(Xw)) X",
          lambda w, X, y: np.diag(np.exp(X @ w)) @ X, "Nocedal & Wright, Numerical Optimization (2006), section 10.2"),
]  # fmt: skip
