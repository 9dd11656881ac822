"""Margins and robust losses."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real, signs

HASTIE = "Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009)"


def support_vectors(w, X, y, lam):
    margin = y * (X @ w)
    return jnp.mean(jax.nn.relu(1 - margin)) + lam / 2 * w @ w


def squared_hinge(w, X, y):
    return jnp.mean(jnp.maximum(0, 1 - y * (X @ w)) ** 2)


def huber(w, X, y, delta):
    r = X @ w - y
    a = jnp.abs(r)
    return jnp.sum(jnp.where(a <= delta, r**2 / 2, delta * (a - delta / 2)))


def lasso(w, X, y, lam):
    return jnp.sum((X @ w - y) ** 2) / 2 + lam * jnp.sum(jnp.abs(w))


def log_cosh(w, X, y):
    return jnp.sum(jnp.log(jnp.cosh(X @ w - y)))


def student(w, X, y, nu):
    r = X @ w - y
    return jnp.sum(jnp.log1p(r**2 / nu))


def quantile(w, X, y, tau):
    r = y - X @ w
    return jnp.mean(jnp.maximum(tau * r, (tau - 1) * r))


w, X, y = real(4), real(9, 4), real(9)

ENTRIES = [
    Entry("support vector machine", support_vectors, (w, X, signs(9), 0.1),
          "∇f = −(1/N) Xᵀ (y ⊙ [y ⊙ Xw < 1]) + λ w",
          lambda w, X, y, lam: -X.T @ (y * (y * (X @ w) < 1)) / 9 + lam * w,
          "Shalev-Shwartz & Ben-David, Understanding Machine Learning (2014), section 15.5"),
    Entry("squared hinge", squared_hinge, (w, X, signs(9)), "∇f = −(2/N) Xᵀ (y ⊙ relu(1 − y ⊙ Xw))",
          lambda w, X, y: -2 * X.T @ (y * np.maximum(0, 1 - y * (X @ w))) / 9, f"{HASTIE}, section 12.3.2"),
    Entry("Huber regression", huber, (w, X, y, 0.5), "r = Xw − y\n∇f = Xᵀ clip(r, −δ, δ)",
          lambda w, X, y, delta: X.T @ np.clip(X @ w - y, -delta, delta),
          "Boyd & Vandenberghe, Convex Optimization (2004), section 6.1.2"),
    Entry("lasso", lasso, (w, X, y, 0.1), "∇f = Xᵀ (Xw − y) + λ sign(w)",
          lambda w, X, y, lam: X.T @ (X @ w - y) + lam * np.sign(w), f"{HASTIE}, section 3.4.2"),
    Entry("log-cosh regression", log_cosh, (w, X, y), "∇f = Xᵀ tanh(Xw − y)",
          lambda w, X, y: X.T @ np.tanh(X @ w - y), f"{HASTIE}, section 10.6, by the chain rule"),
    Entry("Student's t regression", student, (w, X, y, 3.0), "r = Xw − y\n∇f = 2 Xᵀ (r ⊘ (ν + r²))",
          lambda w, X, y, nu: 2 * X.T @ ((X @ w - y) / (nu + (X @ w - y) ** 2)),
          "Murphy, Probabilistic Machine Learning: An Introduction (2022), section 11.6.1, by the chain rule"),
    Entry("quantile regression", quantile, (w, X, y, 0.3), "∇f = (1/N) Xᵀ ([y < Xw] − τ)",
          lambda w, X, y, tau: X.T @ ((y < X @ w) - tau) / 9, "Koenker, Quantile Regression (2005), section 1.3"),
]  # fmt: skip
