"""Mixtures and variational objectives."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, classes, real
from .regression import BISHOP, softmax


def mixture(params, X):
    D = jnp.sum((X[:, None] - params["M"]) ** 2, axis=-1)
    S = jax.nn.log_softmax(params["a"]) - D / 2
    return -jnp.sum(jax.nn.logsumexp(S, axis=1))


def mixture_of_means(M, X, w):
    S = jnp.log(w) - jnp.sum((X[:, None] - M[None]) ** 2, axis=2) / 2
    return -jnp.sum(jax.nn.logsumexp(S, axis=1))


def soft_min(M, X):
    D = jnp.sum((X[:, None] - M) ** 2, -1)
    return jnp.mean(-jax.nn.logsumexp(-D, axis=1))


def latent_divergence(m, v):
    return jnp.sum(jnp.exp(v) + m**2 - 1 - v) / 2


def entropy(z):
    p = jax.nn.softmax(z)
    return -jnp.sum(p * jnp.log(p))


def policy(Z, actions, A):
    logp = jax.nn.log_softmax(Z)[jnp.arange(len(actions)), actions]
    return -jnp.mean(A * logp)


def experts(z, F, y):
    g = jax.nn.softmax(z)
    return jnp.sum((F @ g - y) ** 2) / 2


def _responsibilities(M, X, a):
    return softmax(a - ((X[:, None] - M) ** 2).sum(-1) / 2)


def _mixture(p, X):
    R = _responsibilities(p["M"], X, p["a"])
    return {"M": np.diag(R.sum(0)) @ p["M"] - R.T @ X, "a": len(X) * softmax(p["a"]) - R.sum(0)}


def _means(M, X, w):
    R = _responsibilities(M, X, np.log(w))
    return np.diag(R.sum(0)) @ M - R.T @ X


def _soft_min(M, X):
    R = softmax(-((X[:, None] - M) ** 2).sum(-1))
    return 2 / len(X) * (np.diag(R.sum(0)) @ M - R.T @ X)


def _entropy(z):
    p = softmax(z)
    return -p * (np.log(p) - p @ np.log(p))


def _experts(z, F, y):
    g = softmax(z)
    h = F.T @ (F @ g - y)
    return g * (h - g @ h)


M, X = real(3, 4), real(9, 4)

ENTRIES = [
    Entry("Gaussian mixture", mixture, ({"M": M, "a": real(3)}, X),
          "R = softmax(S)\n"
          "S[ij] = log_softmax(a)[j] − (1/2) ‖X[i] − M[j]‖²\n"
          "∂f/∂M = diag(Rᵀ1) M − RᵀX\n"
          "∂f/∂a = N softmax(a) − Rᵀ1",
          _mixture, f"{BISHOP}, section 9.2.2"),
    Entry("means of a mixture", mixture_of_means, (M, X, np.array([0.2, 0.3, 0.5])),
          "R = softmax(S)\n"
          "S[ij] = ln(w[j]) − (1/2) ‖X[i] − M[j]‖²\n"
          "∇f = diag(Rᵀ1) M − RᵀX",
          _means, f"{BISHOP}, eq. 9.16"),
    Entry("soft clustering", soft_min, (M, X),
          "D[ij] = ‖X[i] − M[j]‖²\nR = softmax(−D)\n∇f = (2/N) (diag(Rᵀ1) M − RᵀX)",
          _soft_min, "MacKay, Information Theory, Inference, and Learning Algorithms (2003), section 20.2"),
    Entry("latent divergence", latent_divergence, (real(4), real(4, seed=1)),
          "∂f/∂m = m\n∂f/∂v = (1/2) (exp(v) − 1)", lambda m, v: (m, (np.exp(v) - 1) / 2),
          "Kingma & Welling, Auto-encoding variational Bayes (2013), appendix B", argnums=(0, 1)),
    Entry("entropy of softmax", entropy, (real(5),), "p = softmax(z)\n∇f = −p ⊙ (ln(p) − pᵀln(p))", _entropy,
          "Cover & Thomas, Elements of Information Theory (2006), section 2.1, by the chain rule"),
    Entry("policy gradient", policy, (real(9, 3), classes(9, 3), real(9)),
          "∇f = (1/N) diag(A) (softmax(Z) − onehot(actions))",
          lambda Z, actions, A: np.diag(A) @ (softmax(Z) - np.eye(3)[actions]) / 9,
          "Sutton & Barto, Reinforcement Learning (2018), section 13.3 and exercise 13.3"),
    Entry("gate of experts", experts, (real(4), real(6, 4), real(6)),
          "g = softmax(z)\nh = Fᵀ (Fg − y)\n∇f = g ⊙ (h − gᵀh)", _experts,
          "Jacobs et al., Adaptive mixtures of local experts (1991), eq. 1.1, by the chain rule"),
]  # fmt: skip
