"""Networks and their losses."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, classes, real
from .regression import BISHOP, MURPHY, sigmoid, softmax

GOODFELLOW = "Goodfellow, Bengio & Courville, Deep Learning (2016)"


def perceptron(params, x, y):
    a = x
    for W, b in params:
        z = W @ a + b
        a = jnp.tanh(z)
    return jnp.sum((a - y) ** 2) / 2


def classifier(params, X, y):
    A = X
    for W, b in params[:-1]:
        A = jax.nn.relu(A @ W + b)
    W, b = params[-1]
    z = A @ W + b
    return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(y)), y])


def shallow(params, x, y):
    z = params["W"] @ x + params["b"]
    return (params["v"] @ jax.nn.sigmoid(z) - y) ** 2 / 2


def autoencoder(params, X):
    H = jax.nn.sigmoid(X @ params["W"])
    return jnp.sum((H @ params["V"] - X) ** 2) / 2


def residual_network(Ws, x):
    for W in Ws:
        x = x + jnp.tanh(W @ x)
    return jnp.sum(x**2) / 2


def gated_unit(params, X, T):
    u = X @ params["U"]
    v = X @ params["V"]
    return jnp.sum((u * jax.nn.sigmoid(v) - T) ** 2) / 2


def cross_entropy(z, y):
    return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(y)), y])


def distillation(z, q, tau):
    return -jnp.sum(q * jax.nn.log_softmax(z / tau))


def logits(z, y):
    return jnp.mean(jax.nn.softplus(z) - y * z)


def embedding(E, tokens, W, T):
    return jnp.sum((E[tokens] @ W - T) ** 2) / 2


column = [(real(5, 3) / 2, real(5)), (real(6, 5) / 2, real(6)), (real(2, 6) / 2, real(2))]
rows = [(real(3, 5) / 2, real(5)), (real(5, 6) / 2, real(6)), (real(6, 2) / 2, real(2))]


def _perceptron(params, x, y):
    a, z = [x], []
    for W, b in params:
        z.append(W @ a[-1] + b)
        a.append(np.tanh(z[-1]))
    delta, grads = (a[-1] - y) * (1 - np.tanh(z[-1]) ** 2), []
    for i in reversed(range(len(params))):
        grads.insert(0, (np.outer(delta, a[i]), delta))
        if i:
            delta = (params[i][0].T @ delta) * (1 - np.tanh(z[i - 1]) ** 2)
    return grads


def _classifier(params, X, y):
    A, z = [X], []
    for W, b in params:
        z.append(A[-1] @ W + b)
        A.append(np.maximum(z[-1], 0))
    delta, grads = (softmax(z[-1]) - np.eye(z[-1].shape[1])[y]) / len(y), []
    for i in reversed(range(len(params))):
        grads.insert(0, (A[i].T @ delta, delta.sum(0)))
        if i:
            delta = (delta @ params[i][0].T) * (z[i - 1] > 0)
    return grads


def _shallow(p, x, y):
    z = p["W"] @ x + p["b"]
    e = p["v"] @ sigmoid(z) - y
    delta = e * p["v"] * sigmoid(z) * sigmoid(-z)
    return {"W": np.outer(delta, x), "b": delta, "v": e * sigmoid(z)}


def _autoencoder(p, X):
    H = sigmoid(X @ p["W"])
    R = H @ p["V"] - X
    return {"W": X.T @ ((R @ p["V"].T) * H * (1 - H)), "V": H.T @ R}


def _residual_network(Ws, x):
    xs = [x]
    for W in Ws:
        xs.append(xs[-1] + np.tanh(W @ xs[-1]))
    g, grads = xs[-1], []
    for i in reversed(range(len(Ws))):
        delta = g * (1 - np.tanh(Ws[i] @ xs[i]) ** 2)
        grads.insert(0, np.outer(delta, xs[i]))
        g = g + Ws[i].T @ delta
    return grads


def _gated(p, X, T):
    u, s = X @ p["U"], sigmoid(X @ p["V"])
    R = u * s - T
    return {"U": X.T @ (R * s), "V": X.T @ (R * u * s * (1 - s))}


def _embedding(E, tokens, W, T):
    hot = np.eye(len(E))[tokens]
    return hot.T @ (hot @ E @ W - T) @ W.T


ENTRIES = [
    Entry("perceptron of L layers", perceptron, (column, real(3), real(2)),
          "z_i = W_i a_{i−1} + b_i    (i = 1, …, L, a₀ = x)\n"
          "a_i = tanh(z_i)    (i = 1, …, L)\n"
          "δ_L = (a_L − y) ⊙ tanh′(z_L)\n"
          "δ_i = (W_{i+1}ᵀ δ_{i+1}) ⊙ tanh′(z_i)    (i = L−1, …, 1)\n"
          "∂f/∂W_i = δ_i a_{i−1}ᵀ    (i = 1, …, L)\n"
          "∂f/∂b_i = δ_i    (i = 1, …, L)",
          _perceptron, f"{GOODFELLOW}, algorithms 6.3 and 6.4"),
    Entry("classifier of L layers", classifier, (rows, real(9, 3), classes(9, 2)),
          "z_i = A_{i−1} W_i + 1 b_iᵀ    (i = 1, …, L, A₀ = X)\n"
          "A_i = relu(z_i)    (i = 1, …, L−1)\n"
          "δ_L = (1/N) (softmax(z_L) − onehot(y))\n"
          "δ_i = (δ_{i+1} W_{i+1}ᵀ) ⊙ [z_i > 0]    (i = L−1, …, 1)\n"
          "∂f/∂W_i = A_{i−1}ᵀ δ_i    (i = 1, …, L)\n"
          "∂f/∂b_i = δ_iᵀ 1    (i = 1, …, L)",
          _classifier, f"{GOODFELLOW}, algorithm 6.4, a batch as rows"),
    Entry("one hidden layer", shallow, ({"W": real(5, 3), "b": real(5), "v": real(5, seed=1)}, real(3), 0.5),
          "z = Wx + b\n"
          "e = vᵀσ(z) − y\n"
          "δ = e v ⊙ σ′(z)\n"
          "∂f/∂W = δxᵀ\n"
          "∂f/∂b = δ\n"
          "∂f/∂v = e σ(z)",
          _shallow, f"{BISHOP}, section 5.3.2"),
    Entry("autoencoder", autoencoder, ({"W": real(4, 3), "V": real(3, 4)}, real(9, 4)),
          "H = σ(XW)\n"
          "R = HV − X\n"
          "∂f/∂V = HᵀR\n"
          "∂f/∂W = Xᵀ (RVᵀ ⊙ H ⊙ (1 − H))",
          _autoencoder, f"{GOODFELLOW}, chapter 14, by the chain rule"),
    Entry("residual network", residual_network,
          ([real(4, 4) / 2, real(4, 4, seed=1) / 2, real(4, 4, seed=2) / 2], real(4)),
          "x_i = x_{i−1} + tanh(z_i)    (i = 1, …, L, x₀ = x)\n"
          "z_i = W_i x_{i−1}    (i = 1, …, L)\n"
          "g_L = x_L\n"
          "δ_i = g_i ⊙ tanh′(z_i)    (i = L, …, 1)\n"
          "g_{i−1} = g_i + W_iᵀ δ_i    (i = L, …, 2)\n"
          "∂f/∂W_i = δ_i x_{i−1}ᵀ    (i = 1, …, L)",
          _residual_network, "Prince, Understanding Deep Learning (2023), section 11.2, by the chain rule"),
    Entry("gated linear unit", gated_unit, ({"U": real(4, 3), "V": real(4, 3, seed=1)}, real(9, 4), real(9, 3)),
          "u = XU\n"
          "v = XV\n"
          "R = u ⊙ σ(v) − T\n"
          "∂f/∂U = Xᵀ (R ⊙ σ(v))\n"
          "∂f/∂V = Xᵀ (R ⊙ u ⊙ σ′(v))",
          _gated, "Dauphin et al., Language modeling with gated convolutional networks (2017), section 3"),
    Entry("cross-entropy by logits", cross_entropy, (real(9, 3), classes(9, 3)),
          "∇f = (1/N) (softmax(z) − onehot(y))",
          lambda z, y: (softmax(z) - np.eye(3)[y]) / 9, f"{MURPHY}, section 13.3.3"),
    Entry("distillation", distillation, (real(5), np.full(5, 0.2), 2.0),
          "∇f = (1/τ) (1ᵀq softmax(z/τ) − q)", lambda z, q, tau: (q.sum() * softmax(z / tau) - q) / tau,
          "Hinton, Vinyals & Dean, Distilling the knowledge in a neural network (2015), eq. 2, for 1ᵀq = 1"),
    Entry("binary cross-entropy by logits", logits, (real(9), classes(9, 2) * 1.0), "∇f = (1/N) (σ(z) − y)",
          lambda z, y: (sigmoid(z) - y) / 9, f"{MURPHY}, section 10.2"),
    Entry("embedding", embedding, (real(6, 4), classes(9, 6), real(4, 3), real(9, 3)),
          "P = onehot(tokens)\n∇f = Pᵀ (PEW − T) Wᵀ", _embedding, f"{MURPHY}, section 20.5, by the chain rule"),
]  # fmt: skip
