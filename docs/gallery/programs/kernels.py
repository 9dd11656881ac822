"""Kernels and Gaussian processes."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve, solve_triangular

from ..entry import Entry, definite, real

WILLIAMS = "Rasmussen & Williams, Gaussian Processes for Machine Learning (2006)"


def kernel_ridge(alpha, K, y, lam):
    r = K @ alpha - y
    return r @ r / 2 + lam / 2 * alpha @ K @ alpha


def length_scale(ell, X, alpha):
    D = jnp.sum((X[:, None] - X[None]) ** 2, axis=-1)
    K = jnp.exp(-D / (2 * ell**2))
    return alpha @ K @ alpha / 2


def repulsion(X, ell):
    D = jnp.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    K = jnp.exp(-D / (2 * ell**2))
    return jnp.sum(K) / 2


def evidence(s, K, y):
    C = K + s * jnp.eye(len(y))
    return (y @ jnp.linalg.solve(C, y) + jnp.linalg.slogdet(C)[1]) / 2


def evidence_by_cholesky(s, K, y):
    L = jnp.linalg.cholesky(K + s * jnp.eye(len(y)))
    z = solve_triangular(L, y, lower=True)
    return z @ z / 2 + jnp.sum(jnp.log(jnp.diag(L)))


def evidence_of_scale(ell, X, y, s):
    D = jnp.sum((X[:, None] - X[None]) ** 2, axis=-1)
    K = jnp.exp(-D / (2 * ell**2))
    C = K + s * jnp.eye(len(y))
    factor = cho_factor(C, lower=True)
    return y @ cho_solve(factor, y) / 2 + jnp.sum(jnp.log(jnp.diag(factor[0])))


def prediction(y, K, k, s):
    return k @ jnp.linalg.solve(K + s * jnp.eye(len(y)), y)


X, y, K, alpha = real(6, 3), real(6), definite(6), real(6, seed=1)
inv = np.linalg.inv


def _distances(X):
    return ((X[:, None] - X[None]) ** 2).sum(-1)


def _length_scale(ell, X, alpha):
    D = _distances(X)
    return alpha @ (D * np.exp(-D / (2 * ell**2))) @ alpha / (2 * ell**3)


def _repulsion(X, ell):
    K = np.exp(-_distances(X) / (2 * ell**2))
    return (K @ X - np.diag(K.sum(1)) @ X) / ell**2


def _evidence(s, K, y):
    C = K + s * np.eye(len(y))
    alpha = inv(C) @ y
    return (np.trace(inv(C)) - alpha @ alpha) / 2


def _evidence_of_scale(ell, X, y, s):
    D = _distances(X)
    K = np.exp(-D / (2 * ell**2))
    C = inv(K + s * np.eye(len(y)))
    alpha = C @ y
    return np.trace((C - np.outer(alpha, alpha)) @ (K * D)) / (2 * ell**3)


def _prediction(y, K, k, s):
    return inv(K + s * np.eye(len(y))).T @ k


ENTRIES = [
    Entry("kernel ridge regression", kernel_ridge, (alpha, K, y, 0.1),
          "∇f = Kᵀ (Kα − y) + (λ/2) (K + Kᵀ) α",
          lambda alpha, K, y, lam: K.T @ (K @ alpha - y) + lam / 2 * (K + K.T) @ alpha,
          "Bishop, Pattern Recognition and Machine Learning (2006), section 6.1, for symmetric K"),
    Entry("length scale", length_scale, (1.3, X, alpha),
          "D[ij] = ‖X[i] − X[j]‖²\n"
          "K = exp(−(1/(2 ℓ²)) D)\n"
          "∇f = (1/(2 ℓ³)) αᵀ (D ⊙ K) α",
          _length_scale, f"{WILLIAMS}, section 5.4.1, by the chain rule"),
    Entry("repulsion of points", repulsion, (X, 1.3),
          "D[ij] = ‖X[i] − X[j]‖²\n"
          "K = exp(−(1/(2 ℓ²)) D)\n"
          "∇f = (1/ℓ²) (K − diag(K 1)) X",
          _repulsion, "von Luxburg, A tutorial on spectral clustering (2007), section 3.1, by the chain rule"),
    Entry("noise by the evidence", evidence, (0.5, K, y),
          "C = K + s I\nα = C⁻¹y\n∇f = (1/2) (tr(C⁻¹) − αᵀα)", _evidence, f"{WILLIAMS}, eq. 5.9",
          assume={"K": "symmetric"}),
    Entry("noise by the evidence, Cholesky", evidence_by_cholesky, (0.5, K, y),
          "C = K + s I\nα = C⁻¹y\n∇f = (1/2) (tr(C⁻¹) − αᵀα)", _evidence, f"{WILLIAMS}, eq. 5.9 and algorithm 2.1",
          assume={"K": "positive definite"}),
    Entry("length scale by the evidence", evidence_of_scale, (1.3, X, y, 0.5),
          "D[ij] = ‖X[i] − X[j]‖²\n"
          "K = exp(−(1/(2 ℓ²)) D)\n"
          "C = K + s I\n"
          "α = C⁻¹y\n"
          "∇f = (1/(2 ℓ³)) tr((C⁻¹ − ααᵀ) (D ⊙ K))",
          _evidence_of_scale, f"{WILLIAMS}, eq. 5.9"),
    Entry("prediction", prediction, (y, K, real(6, seed=2), 0.5), "∇f = (K + s I)⁻ᵀ k", _prediction,
          f"{WILLIAMS}, eq. 2.25"),
]  # fmt: skip
