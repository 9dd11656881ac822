"""Linear and quadratic forms."""

import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real


def linear(x, a):
    return a @ x


def bilinear(X, a, b):
    return a @ X @ b


def quadratic(x, A):
    return x @ A @ x


def energy(x, A, b, c):
    return x @ A @ x / 2 - b @ x + c


def gram(X, b, c):
    return (X @ b) @ (X @ c)


def weighted(s, x, A, W):
    r = x - A @ s
    return r @ W @ r


def distance(x, a):
    return jnp.linalg.norm(x - a)


def attraction(X):
    G = X @ X.T
    return jnp.sum(G**2)


x, a, b, c, A, X = real(4), real(4, seed=1), real(4, seed=2), real(4, seed=3), real(4, 4), real(5, 4)
COOKBOOK = "Petersen & Pedersen, The Matrix Cookbook (2012)"

ENTRIES = [
    Entry("linear form", linear, (x, a), "∇f = a", lambda x, a: a, f"{COOKBOOK}, eq. 69"),
    Entry("bilinear form", bilinear, (real(3, 4), real(3), b), "∇f = abᵀ", lambda X, a, b: np.outer(a, b),
          f"{COOKBOOK}, eq. 70"),
    Entry("quadratic form", quadratic, (x, A), "∇f = (A + Aᵀ) x", lambda x, A: (A + A.T) @ x, f"{COOKBOOK}, eq. 81"),
    Entry("quadratic form, Hessian", quadratic, (x, A), "∇²f = A + Aᵀ", lambda x, A: A + A.T,
          f"{COOKBOOK}, section 2.4.2", order=2),
    Entry("energy", energy, (x, A, b, 1.0), "∇f = (1/2) (A + Aᵀ) x − b", lambda x, A, b, c: (A + A.T) @ x / 2 - b,
          "Nocedal & Wright, Numerical Optimization (2006), section 5.1, for symmetric A: Ax − b"),
    Entry("two images", gram, (X, b, c), "∇f = X (bcᵀ + cbᵀ)",
          lambda X, b, c: X @ (np.outer(b, c) + np.outer(c, b)), f"{COOKBOOK}, eq. 77"),
    Entry("weighted residual", weighted, (real(3), x, real(4, 3), A), "∇f = −Aᵀ (W + Wᵀ) (x − As)",
          lambda s, x, A, W: -A.T @ (W + W.T) @ (x - A @ s), f"{COOKBOOK}, section 2.4.2, for symmetric W"),
    Entry("distance", distance, (x, a), "∇f = (1/‖x − a‖) (x − a)", lambda x, a: (x - a) / np.linalg.norm(x - a),
          f"{COOKBOOK}, section 2.6"),
    Entry("Gram matrix", attraction, (X,), "∇f = 4 X XᵀX", lambda X: 4 * X @ X.T @ X,
          f"{COOKBOOK}, section 2.5.3"),
]  # fmt: skip
