"""Eigenvalues, and nonlinear least squares."""

import jax.numpy as jnp
import numpy as np

from ..entry import Entry, definite, real
from .forms import COOKBOOK

NOCEDAL = "Nocedal & Wright, Numerical Optimization (2006)"


def largest_eigenvalue(A):
    return jnp.linalg.eigvalsh(A)[-1]


def log_eigenvalues(A):
    return jnp.sum(jnp.log(jnp.linalg.eigvalsh(A)))


def rayleigh(x, A):
    return x @ A @ x / (x @ x)


def largest_of_gram(X):
    return jnp.linalg.eigvalsh(X.T @ X)[-1]


def nonlinear(w, X, y):
    p = jnp.tanh(X @ w)
    return jnp.sum((p - y) ** 2) / 2


def localisation(x, A, d):
    D = x - A
    s = jnp.sqrt(jnp.sum(D**2, axis=1))
    return jnp.sum((s - d) ** 2) / 2


A, x = definite(4), real(4)


def _largest(A):
    v = np.linalg.eigh(A)[1][:, -1]
    return np.outer(v, v)


def _rayleigh(x, A):
    rho = x @ A @ x / (x @ x)
    return ((A + A.T) @ x - 2 * rho * x) / (x @ x)


def _gram(X):
    v = np.linalg.eigh(X.T @ X)[1][:, -1]
    return 2 * X @ np.outer(v, v)


def _newton(w, X, y):
    p = np.tanh(X @ w)
    return X.T @ np.diag((1 - p**2) ** 2 - 2 * (p - y) * p * (1 - p**2)) @ X


def _localisation(x, A, d):
    D = x - A
    s = np.sqrt((D**2).sum(1))
    return D.T @ ((s - d) / s)


ENTRIES = [
    Entry("largest eigenvalue", largest_eigenvalue, (A,), "∇f = vvᵀ\nv = eigenvector(A)", _largest,
          f"{COOKBOOK}, eq. 67", assume={"A": "symmetric"}),
    Entry("sum of log eigenvalues", log_eigenvalues, (A,), "∇f = A⁻¹", lambda A: np.linalg.inv(A),
          f"{COOKBOOK}, eq. 57, for symmetric A", assume={"A": "positive definite"}),
    Entry("Rayleigh quotient", rayleigh, (x, real(4, 4)),
          "ρ = (1/‖x‖²) xᵀAx\n∇f = (1/‖x‖²) ((A + Aᵀ) x − 2 ρ x)", _rayleigh,
          "Absil, Mahony & Sepulchre, Optimization Algorithms on Matrix Manifolds (2008), section 2.1.1"),
    Entry("largest singular value, squared", largest_of_gram, (real(6, 4),), "∇f = 2 Xvvᵀ\nv = eigenvector(XᵀX)", _gram,
          f"{COOKBOOK}, eq. 67, by the chain rule"),
    Entry("nonlinear least squares", nonlinear, (real(4), real(9, 4), real(9)),
          "p = tanh(Xw)\n∇f = Xᵀ ((p − y) ⊙ (1 − p²))",
          lambda w, X, y: X.T @ ((np.tanh(X @ w) - y) * (1 - np.tanh(X @ w) ** 2)), f"{NOCEDAL}, eq. 10.4"),
    Entry("nonlinear least squares, Hessian", nonlinear, (real(4), real(9, 4), real(9)),
          "p = tanh(Xw)\n"
          "s = 1 − p²\n"
          "∇²f = Xᵀ diag(s ⊙ s − 2 (p − y) ⊙ p ⊙ s) X", _newton, f"{NOCEDAL}, eq. 10.5", order=2),
    Entry("localisation by distances", localisation, (real(2), real(5, 2), np.abs(real(5))),
          "D = 1 xᵀ − A\ns = √((D ⊙ D) 1)\n∇f = Dᵀ ((s − d) ⊘ s)", _localisation, f"{NOCEDAL}, eq. 10.4"),
]  # fmt: skip
