"""Determinants and Gaussian likelihoods."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

from ..entry import Entry, definite, real
from .forms import COOKBOOK


def determinant(X):
    return jnp.linalg.det(X)


def log_determinant(X):
    return jnp.linalg.slogdet(X)[1]


def log_gram(X):
    return jnp.linalg.slogdet(X.T @ X)[1]


def design(w, X):
    M = X.T @ (w[:, None] * X)
    return -jnp.linalg.slogdet(M)[1]


def precision(Theta, S):
    return jnp.trace(S @ Theta) - jnp.linalg.slogdet(Theta)[1]


def gaussian_mean(mu, Sigma, X):
    D = X - mu
    return jnp.sum(D @ jnp.linalg.inv(Sigma) * D) / 2


def gaussian(Sigma, S, N):
    return N / 2 * (jnp.linalg.slogdet(Sigma)[1] + jnp.trace(jnp.linalg.solve(Sigma, S)))


def by_cholesky(Sigma, x, mu):
    L = jnp.linalg.cholesky(Sigma)
    z = solve_triangular(L, x - mu, lower=True)
    return jnp.sum(jnp.log(jnp.diag(L))) + z @ z / 2


def mahalanobis(x, mu, Sigma):
    L = jnp.linalg.cholesky(Sigma)
    z = solve_triangular(L, x - mu, lower=True)
    return z @ z / 2


def divergence(Sigma, mu):
    return (jnp.trace(Sigma) + mu @ mu - len(mu) - jnp.linalg.slogdet(Sigma)[1]) / 2


X, S, P, x, mu = real(4, 4), definite(4), definite(4) + np.eye(4), real(4), real(4, seed=1)
inv = np.linalg.inv
BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006)"


def _whitened(Sigma, x, mu):
    u = inv(Sigma) @ (x - mu)
    return (inv(Sigma) - np.outer(u, u)) / 2


ENTRIES = [
    Entry("determinant", determinant, (X,), "∇f = det(X) X⁻ᵀ", lambda X: np.linalg.det(X) * inv(X).T,
          f"{COOKBOOK}, eq. 49"),
    Entry("log determinant", log_determinant, (X,), "∇f = X⁻ᵀ", lambda X: inv(X).T, f"{COOKBOOK}, eq. 57"),
    Entry("log determinant of a Gram matrix", log_gram, (real(6, 4),), "∇f = 2 X (XᵀX)⁻¹",
          lambda X: 2 * X @ inv(X.T @ X), f"{COOKBOOK}, section 2.1.4"),
    Entry("D-optimal design", design, (np.linspace(0.5, 1.5, 7), real(7, 4)),
          "M = Xᵀ diag(w) X\n∇f = −diag(X M⁻¹ Xᵀ)",
          lambda w, X: -np.diag(X @ inv(X.T @ np.diag(w) @ X) @ X.T),
          "Boyd & Vandenberghe, Convex Optimization (2004), section 7.5.2"),
    Entry("Gaussian precision", precision, (P, S), "∇f = Sᵀ − Θ⁻ᵀ", lambda Theta, S: S.T - inv(Theta).T,
          "Boyd & Vandenberghe, Convex Optimization (2004), section 7.1.1"),
    Entry("Gaussian mean", gaussian_mean, (mu, P, real(7, 4)), "∇f = −(1/2) (Σ⁻¹ + Σ⁻ᵀ) (Xᵀ1 − N μ)",
          lambda mu, Sigma, X: -(inv(Sigma) + inv(Sigma).T) @ (X - mu).sum(0) / 2,
          f"{BISHOP}, section 2.3.4, for symmetric Σ"),
    Entry("Gaussian covariance", gaussian, (P, S, 7.0), "∇f = (N/2) (Σ⁻ᵀ − Σ⁻ᵀ Sᵀ Σ⁻ᵀ)",
          lambda Sigma, S, N: N / 2 * (inv(Sigma) - inv(Sigma) @ S @ inv(Sigma)).T,
          f"{COOKBOOK}, section 8.1, for symmetric Σ and S"),
    Entry("Gaussian likelihood by Cholesky", by_cholesky, (P, x, mu),
          "u = Σ⁻¹ (x − μ)\n∇f = (1/2) (Σ⁻¹ − uuᵀ)", _whitened,
          "Murphy, Probabilistic Machine Learning: An Introduction (2022), section 4.2.6",
          assume={"Sigma": "positive definite"}),
    Entry("Mahalanobis distance by Cholesky", mahalanobis, (x, mu, P), "∇f = Σ⁻¹ (x − μ)",
          lambda x, mu, Sigma: inv(Sigma) @ (x - mu), f"{COOKBOOK}, section 8.1",
          assume={"Sigma": "positive definite"}),
    Entry("divergence from a standard Gaussian", divergence, (P, mu), "∇f = (1/2) (I − Σ⁻ᵀ)",
          lambda Sigma, mu: (np.eye(4) - inv(Sigma).T) / 2,
          "Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section A.5"),
]  # fmt: skip
