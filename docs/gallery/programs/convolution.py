"""Convolution."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..entry import Entry, real
from .networks import GOODFELLOW


def filtered(w, x, t):
    r = jnp.convolve(x, w, mode="valid") - t
    return r @ r / 2


def deconvolved(x, w, t):
    r = jnp.convolve(x, w) - t
    return r @ r / 2


def image_filter(K, X, T):
    R = lax.conv_general_dilated(X, K, (1, 1), "VALID") - T
    return jnp.sum(R**2) / 2


def convolutional_layer(params, X, G):
    Z = lax.conv_general_dilated(X, params["K"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.sum(G * jax.nn.relu(Z + params["b"]))


def average_pooled(X, T):
    P = X.reshape(X.shape[0] // 2, 2, X.shape[1] // 2, 2).mean(axis=(1, 3))
    return jnp.sum((P - T) ** 2) / 2


def smoothness(x):
    return jnp.sum((x[1:] - x[:-1]) ** 2) / 2


def _taps(K, X, R, offset=0):
    """Σ R[n,i,j,o] X[n,i+k,j+l,c] as [k,l,c,o], with zeros around X."""
    kh, kw = K.shape[:2]
    X = np.pad(X, ((0, 0), (offset, offset), (offset, offset), (0, 0)))
    h, w = R.shape[1:3]
    return np.array([[np.einsum("nijo,nijc->co", R, X[:, k : k + h, l : l + w]) for l in range(kw)] for k in range(kh)])


def _image_filter(K, X, T):
    R = np.asarray(lax.conv_general_dilated(X, K, (1, 1), "VALID")) - T
    last = lambda A: np.moveaxis(A, 1, -1)
    return np.transpose(_taps(np.transpose(K, (2, 3, 1, 0)), last(X), last(R)), (3, 2, 0, 1))


def _layer(p, X, G):
    Z = lax.conv_general_dilated(X, p["K"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + p["b"]
    delta = G * (np.asarray(Z) > 0)
    return {"K": _taps(p["K"], X, delta, 1), "b": delta.sum((0, 1, 2))}


def _pooled(X, T):
    P = X.reshape(3, 2, 2, 2).mean((1, 3))
    return np.kron(P - T, np.ones((2, 2))) / 4


ENTRIES = [
    Entry("filter of a signal", filtered, (real(3), real(8), real(6)), "r = x ∗ w − t\n∇f = flip(x) ∗ r",
          lambda w, x, t: np.convolve(x[::-1], np.convolve(x, w, "valid") - t, "valid"),
          f"{GOODFELLOW}, section 9.5"),
    Entry("signal under a filter", deconvolved, (real(8), real(3), real(10)), "∇f = (x ∗ w − t) ∗ flip(w)",
          lambda x, w, t: np.convolve(np.convolve(x, w) - t, w[::-1], "valid"), f"{GOODFELLOW}, section 9.5"),
    Entry("filters of images", image_filter, (real(2, 3, 3, 3), real(4, 3, 6, 7), real(4, 2, 4, 5)),
          "R = X ∗ K − T\n∇f = X ∗ R", _image_filter, f"{GOODFELLOW}, eq. 9.11"),
    Entry("convolutional layer", convolutional_layer,
          ({"K": real(3, 3, 2, 5), "b": real(5)}, real(4, 6, 7, 2), real(4, 6, 7, 5)),
          "Z = X ∗ K + b\nδ = G ⊙ [Z > 0]\n∂f/∂K = X ∗ δ\n∂f/∂b = Σ_nij δ[nij]", _layer, f"{GOODFELLOW}, eq. 9.11"),
    Entry("average pooling", average_pooled, (real(6, 4), real(3, 2)),
          "∇f = (1/4) (P − T) ⊗ (1 1ᵀ)\nP = mean(X)", _pooled, f"{GOODFELLOW}, section 9.3, by the chain rule"),
    Entry("smoothness", smoothness, (real(7),), "D = diff(I)\n∇f = DᵀDx",
          lambda x: np.diff(np.eye(7), axis=0).T @ np.diff(x),
          "Boyd & Vandenberghe, Convex Optimization (2004), section 6.3.3"),
]  # fmt: skip
