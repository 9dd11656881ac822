"""Factorisations and embeddings."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real
from .regression import sigmoid, softmax


def factorisation(U, V, A):
    return jnp.sum((A - U @ V.T) ** 2)


def completion(U, V, A, M, lam):
    R = M * (U @ V.T - A)
    return jnp.sum(R**2) / 2 + lam / 2 * (jnp.sum(U**2) + jnp.sum(V**2))


def nonnegative(W, H, A):
    B = W @ H
    return jnp.sum(B - A * jnp.log(B))


def skip_gram(v, u, U):
    return -jax.nn.log_sigmoid(u @ v) - jnp.sum(jax.nn.log_sigmoid(-U @ v))


def contrastive(X, Y, tau):
    S = X @ Y.T / tau
    return -jnp.mean(jnp.diag(jax.nn.log_softmax(S)))


def projection(W, X):
    return jnp.sum((X - X @ W @ W.T) ** 2) / 2


def dictionary(D, X, Z, lam):
    return jnp.sum((X - D @ Z) ** 2) / 2 + lam * jnp.sum(D**2)


U, V, A = real(5, 2), real(4, 2), real(5, 4)
positive = [np.abs(real(*s)) + 0.5 for s in ((5, 2), (2, 4), (5, 4))]


def _completion(U, V, A, M, lam):
    R = M * M * (U @ V.T - A)
    return R @ V + lam * U, R.T @ U + lam * V


def _nonnegative(W, H, A):
    E = 1 - A / (W @ H)
    return E @ H.T, W.T @ E


def _projection(W, X):
    R = X @ W @ W.T - X
    return (X.T @ R + R.T @ X) @ W


ENTRIES = [
    Entry("matrix factorisation", factorisation, (U, V, A),
          "R = UVᵀ − A\n∂f/∂U = 2 RV\n∂f/∂V = 2 RᵀU",
          lambda U, V, A: (2 * (U @ V.T - A) @ V, 2 * (U @ V.T - A).T @ U),
          "Koren, Bell & Volinsky, Matrix factorization techniques for recommender systems (2009)", argnums=(0, 1)),
    Entry("matrix completion", completion, (U, V, A, (real(5, 4, seed=1) > 0) * 1.0, 0.1),
          "R = M ⊙ (UVᵀ − A)\n∂f/∂U = (M ⊙ R) V + λ U\n∂f/∂V = (M ⊙ R)ᵀ U + λ V", _completion,
          "Koren, Bell & Volinsky, Matrix factorization techniques for recommender systems (2009)", argnums=(0, 1)),
    Entry("non-negative factorisation", nonnegative, positive,
          "B = WH\n∂f/∂W = (1 − A ⊘ B) Hᵀ\n∂f/∂H = Wᵀ (1 − A ⊘ B)", _nonnegative,
          "Lee & Seung, Algorithms for non-negative matrix factorization (2000), section 4", argnums=(0, 1)),
    Entry("skip-gram with negative samples", skip_gram, (real(4), real(4, seed=1), real(6, 4)),
          "∇f = −σ(−uᵀv) u + Uᵀ σ(Uv)",
          lambda v, u, U: -sigmoid(-u @ v) * u + U.T @ sigmoid(U @ v),
          "Mikolov et al., Distributed representations of words and phrases (2013), eq. 4, by the chain rule"),
    Entry("contrastive loss", contrastive, (real(6, 4), real(6, 4, seed=1), 0.5),
          "∇f = (1/(N τ)) (softmax((1/τ) XYᵀ) − I) Y",
          lambda X, Y, tau: (softmax(X @ Y.T / tau) - np.eye(6)) @ Y / (6 * tau),
          "van den Oord, Li & Vinyals, Contrastive predictive coding (2018), eq. 4, by the chain rule"),
    Entry("principal subspace", projection, (real(5, 2), real(9, 5)),
          "R = XWWᵀ − X\n∇f = (XᵀR + RᵀX) W", _projection,
          "Bishop, Pattern Recognition and Machine Learning (2006), section 12.1.2, by the chain rule"),
    Entry("dictionary", dictionary, (real(5, 3), real(5, 7), real(3, 7), 0.1), "∇f = (DZ − X) Zᵀ + 2 λ D",
          lambda D, X, Z, lam: (D @ Z - X) @ Z.T + 2 * lam * D,
          "Olshausen & Field, Sparse coding with an overcomplete basis set (1997), section 2"),
]  # fmt: skip
