"""Normalisation."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real
from .forms import COOKBOOK


def layer_norm(x, gain, bias, t):
    y = (x - jnp.mean(x)) / jnp.sqrt(jnp.var(x) + 1e-5)
    return jnp.sum((gain * y + bias - t) ** 2) / 2


def layer_norm_rows(X, G):
    centred = X - X.mean(axis=1, keepdims=True)
    s = jnp.sqrt(X.var(axis=1, keepdims=True) + 1e-5)
    Y = centred / s
    return jnp.sum(G * Y)


def batch_norm(X, gamma, beta, G):
    Y = (X - jnp.mean(X, axis=0)) / jnp.sqrt(jnp.var(X, axis=0) + 1e-5)
    return jnp.sum(G * (gamma * Y + beta))


def rms_norm(x, gain, g):
    s = jnp.sqrt(jnp.mean(x**2) + 1e-6)
    y = x / s
    return g @ (gain * y)


def cosine(x, y):
    return x @ y / (jnp.linalg.norm(x) * jnp.linalg.norm(y))


def standardised(x, c):
    return c @ jax.nn.standardize(x)


def variance(x):
    return jnp.var(x)


def weight_norm(v, g, x):
    return jnp.tanh(g * (v @ x) / jnp.linalg.norm(v))


x, X, G = real(5), real(9, 4), real(9, 4, seed=1)


def _layer(x, gain, bias, t):
    s = np.sqrt(x.var() + 1e-5)
    y = (x - x.mean()) / s
    h = gain * (gain * y + bias - t)
    return (h - h.mean() - (h * y).mean() * y) / s


def _rows(X, G):
    s = np.sqrt(X.var(1, keepdims=True) + 1e-5)
    Y = (X - X.mean(1, keepdims=True)) / s
    return (G - G.mean(1, keepdims=True) - (G * Y).mean(1, keepdims=True) * Y) / s


def _batch(X, gamma, beta, G):
    s = np.sqrt(X.var(0) + 1e-5)
    Y = (X - X.mean(0)) / s
    return (G - G.mean(0) - Y * (G * Y).mean(0)) * gamma / s, (G * Y).sum(0), G.sum(0)


def _rms(x, gain, g):
    s = np.sqrt((x**2).mean() + 1e-6)
    h = g * gain
    return (h - h @ (x / s) / len(x) * (x / s)) / s


def _cosine(x, y):
    u, v = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return (v - u @ v * u) / np.linalg.norm(x)


def _standardised(x, c):
    s = np.sqrt(x.var() + 1e-5)
    y = (x - x.mean()) / s
    return (c - c.mean() - (c * y).mean() * y) / s


def _weight(v, g, x):
    norm = np.linalg.norm(v)
    u = v / norm
    return (1 - np.tanh(g * u @ x) ** 2) * g / norm * (x - u @ x * u)


ENTRIES = [
    Entry("layer normalisation", layer_norm, (x, real(5, seed=1), real(5, seed=2), real(5, seed=3)),
          "s = √(var(x) + 1e-05)\n"
          "y = (1/s) (x − mean(x))\n"
          "h = gain ⊙ (gain ⊙ y + bias − t)\n"
          "∇f = (1/s) (h − mean(h) − (1/n) hᵀy y)",
          _layer, "Ba, Kiros & Hinton, Layer normalization (2016), section 3, by the chain rule"),
    Entry("layer normalisation of rows", layer_norm_rows, (X, G),
          "s = √(var(X) + 1e-05)\n"
          "Y = diag(1/s) (X − mean(X) 1ᵀ)\n"
          "∇f = diag(1/s) (G − (1/n) G 1 1ᵀ − (1/n) diag((G ⊙ Y) 1) Y)",
          _rows, "Ba, Kiros & Hinton, Layer normalization (2016), section 3, by the chain rule"),
    Entry("batch normalisation", batch_norm, (X, real(4), real(4, seed=1), G),
          "s = √(var(X) + 1e-05)\n"
          "Y = (X − 1 mean(X)ᵀ) diag(1/s)\n"
          "∂f/∂X = (G − (1/N) 1 1ᵀ G − (1/N) Y diag((G ⊙ Y)ᵀ 1)) diag(γ ⊘ s)\n"
          "∂f/∂γ = (G ⊙ Y)ᵀ 1\n"
          "∂f/∂β = Gᵀ1",
          _batch, "Ioffe & Szegedy, Batch normalization (2015), section 3", argnums=(0, 1, 2)),
    Entry("root-mean-square normalisation", rms_norm, (x, real(5, seed=1), real(5, seed=2)),
          "s = √((1/n) ‖x‖² + 1e-06)\n"
          "y = (1/s) x\n"
          "h = g ⊙ gain\n"
          "∇f = (1/s) (h − (1/n) hᵀy y)",
          _rms, "Zhang & Sennrich, Root mean square layer normalization (2019), section 4"),
    Entry("cosine similarity", cosine, (x, real(5, seed=1)),
          "u = (1/‖x‖) x\n"
          "v = (1/‖y‖) y\n"
          "∇f = (1/‖x‖) (v − uᵀv u)",
          _cosine, f"{COOKBOOK}, section 2.6, by the quotient rule"),
    Entry("standardised vector", standardised, (x, real(5, seed=1)),
          "s = √(var(x) + 1e-05)\n"
          "y = (1/s) (x − mean(x))\n"
          "∇f = (1/s) (c − mean(c) − (1/n) cᵀy y)",
          _standardised, "Ba, Kiros & Hinton, Layer normalization (2016), section 3, by the chain rule"),
    Entry("variance", variance, (x,), "∇f = (2/n) (x − mean(x))", lambda x: 2 / 5 * (x - x.mean()),
          "Golub & Van Loan, Matrix Computations (2013), by the centring projection"),
    Entry("weight normalisation", weight_norm, (x, 0.7, real(5, seed=1)),
          "u = (1/‖v‖) v\n"
          "∇f = (g/‖v‖) tanh′(g uᵀx) (x − uᵀx u)",
          _weight, "Salimans & Kingma, Weight normalization (2016), eq. 3 and 4"),
]  # fmt: skip
