"""Regression: gradients and Hessians."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, classes, real, signs
from .determinants import BISHOP


def least_squares(w, X, y):
    return jnp.mean((X @ w - y) ** 2)


def ridge(w, X, y, lam):
    r = X @ w - y
    return r @ r / len(y) + lam * w @ w


def weighted(w, X, y, c):
    return jnp.sum(c * (X @ w - y) ** 2) / 2


def logistic(w, X, y):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def cross_entropy(w, X, y):
    p = jax.nn.sigmoid(X @ w)
    return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


def softmax_regression(W, X, y):
    z = X @ W
    return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(y)), y])


def poisson(w, X, y):
    eta = X @ w
    return jnp.mean(jnp.exp(eta) - y * eta)


def multivariate(W, X, Y):
    return jnp.sum((X @ W - Y) ** 2) / (2 * X.shape[0])


w, X, y, c = real(4), real(9, 4), real(9), np.linspace(0.5, 1.5, 9)
W, labels, half = real(4, 3), classes(9, 3), (signs(9) + 1) / 2
MURPHY = "Murphy, Probabilistic Machine Learning: An Introduction (2022)"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _softmax_hessian(W, X, y):
    P = softmax(X @ W)
    inner = np.einsum("ik,kl->ikl", P, np.eye(3)) - np.einsum("ik,il->ikl", P, P)
    return np.einsum("ia,ib,ikl->akbl", X, X, inner) / len(y)


ENTRIES = [
    Entry("least squares", least_squares, (w, X, y), "∇f = (2/N) Xᵀ (Xw − y)",
          lambda w, X, y: 2 / 9 * X.T @ (X @ w - y), "Boyd & Vandenberghe, Convex Optimization (2004), section 1.2.1"),
    Entry("least squares, Hessian", least_squares, (w, X, y), "∇²f = (2/N) XᵀX", lambda w, X, y: 2 / 9 * X.T @ X,
          "Boyd & Vandenberghe, Convex Optimization (2004), section 3.1.4", order=2),
    Entry("ridge regression", ridge, (w, X, y, 0.1), "∇f = (2/N) Xᵀ (Xw − y) + 2 λ w",
          lambda w, X, y, lam: 2 / 9 * X.T @ (X @ w - y) + 2 * lam * w,
          "Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 3.4.1"),
    Entry("ridge regression, Hessian", ridge, (w, X, y, 0.1), "∇²f = (2/N) XᵀX + 2 λ I",
          lambda w, X, y, lam: 2 / 9 * X.T @ X + 2 * lam * np.eye(4),
          "Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 3.4.1", order=2),
    Entry("weighted least squares", weighted, (w, X, y, c), "∇f = Xᵀ (c ⊙ (Xw − y))",
          lambda w, X, y, c: X.T @ (c * (X @ w - y)), f"{BISHOP}, exercise 3.3"),
    Entry("weighted least squares, Hessian", weighted, (w, X, y, c), "∇²f = Xᵀ diag(c) X",
          lambda w, X, y, c: X.T @ np.diag(c) @ X, f"{BISHOP}, section 4.3.3", order=2),
    Entry("logistic regression", logistic, (w, X, signs(9)), "∇f = −(1/N) Xᵀ (y ⊙ σ(−y ⊙ Xw))",
          lambda w, X, y: -X.T @ (y * sigmoid(-y * (X @ w))) / 9,
          "Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 4.4, for labels ±1"),
    Entry("logistic regression, Hessian", cross_entropy, (w, X, half),
          "p = σ(Xw)\n∇²f = (1/N) Xᵀ diag(p ⊙ (1 − p)) X",
          lambda w, X, y: X.T @ np.diag(sigmoid(X @ w) * (1 - sigmoid(X @ w))) @ X / 9,
          f"{BISHOP}, eq. 4.97", order=2),
    Entry("binary cross-entropy", cross_entropy, (w, X, half), "p = σ(Xw)\n∇f = (1/N) Xᵀ (p − y)",
          lambda w, X, y: X.T @ (sigmoid(X @ w) - y) / 9, f"{BISHOP}, eq. 4.96"),
    Entry("softmax regression", softmax_regression, (W, X, labels),
          "∇f = (1/N) Xᵀ (softmax(XW) − onehot(y))",
          lambda W, X, y: X.T @ (softmax(X @ W) - np.eye(3)[y]) / 9, f"{BISHOP}, eq. 4.109"),
    Entry("softmax regression, Hessian", softmax_regression, (W, X, labels),
          "p_i = softmax(Wᵀx_i)\n∇²f = (1/N) Σ_i x_i x_iᵀ ⊗ (diag(p_i) − p_i p_iᵀ)", _softmax_hessian,
          f"{BISHOP}, eq. 4.110; {MURPHY}, section 10.3", order=2),
    Entry("Poisson regression", poisson, (w, X, classes(9, 4) * 1.0), "∇f = (1/N) Xᵀ (exp(Xw) − y)",
          lambda w, X, y: X.T @ (np.exp(X @ w) - y) / 9, f"{MURPHY}, section 12.2"),
    Entry("Poisson regression, Hessian", poisson, (w, X, classes(9, 4) * 1.0), "∇²f = (1/N) Xᵀ diag(exp(Xw)) X",
          lambda w, X, y: X.T @ np.diag(np.exp(X @ w)) @ X / 9, f"{MURPHY}, section 12.2", order=2),
    Entry("multivariate regression", multivariate, (W, X, real(9, 3)), "∇f = (1/N) Xᵀ (XW − Y)",
          lambda W, X, Y: X.T @ (X @ W - Y) / 9, f"{BISHOP}, section 3.1.5"),
]  # fmt: skip
