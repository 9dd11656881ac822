"""Recurrences by scan."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..entry import Entry, real
from .networks import GOODFELLOW


def recurrent(params, xs, ys):
    def step(h, xy):
        x, y = xy
        h = jnp.tanh(params["W"] @ h + params["U"] @ x + params["b"])
        e = params["V"] @ h - y
        return h, e @ e / 2

    _, losses = lax.scan(step, jnp.zeros(params["b"].shape), (xs, ys))
    return jnp.sum(losses)


def last_state(W, h0, xs, y):
    def step(h, x):
        return jnp.tanh(W @ h + x), None

    h, _ = lax.scan(step, h0, xs)
    return jnp.sum((h - y) ** 2) / 2


def linear_system(A, x0, ys):
    def step(x, y):
        x = A @ x
        return x, jnp.sum((x - y) ** 2) / 2

    return jnp.sum(lax.scan(step, x0, ys)[1])


def control(us, x0, A, B, Q, R):
    def step(x, u):
        cost = x @ Q @ x + u @ R @ u
        return A @ x + B @ u, cost

    x, costs = lax.scan(step, x0, us)
    return jnp.sum(costs) + x @ Q @ x


def power_of_matrix(A, x):
    return jnp.sum(lax.fori_loop(0, 5, lambda i, x: A @ x, x))


def _recurrent(p, xs, ys):
    h, hs = np.zeros(p["b"].shape), []
    for x in xs:
        hs.append(h)
        h = np.tanh(p["W"] @ h + p["U"] @ x + p["b"])
    hs.append(h)
    grads = {k: np.zeros(v.shape) for k, v in p.items()}
    delta = np.zeros(p["b"].shape)
    for t in reversed(range(len(xs))):
        e = p["V"] @ hs[t + 1] - ys[t]
        delta = (p["V"].T @ e + p["W"].T @ delta) * (1 - hs[t + 1] ** 2)
        grads["W"] += np.outer(delta, hs[t])
        grads["U"] += np.outer(delta, xs[t])
        grads["b"] += delta
        grads["V"] += np.outer(e, hs[t + 1])
    return grads


def _last_state(W, h0, xs, y):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + x))
    g, total = hs[-1] - y, np.zeros(W.shape)
    for t in reversed(range(len(xs))):
        delta = g * (1 - hs[t + 1] ** 2)
        total += np.outer(delta, hs[t])
        g = W.T @ delta
    return total


def _linear_system(A, x0, ys):
    xs = [x0]
    for _ in ys:
        xs.append(A @ xs[-1])
    lam, total = np.zeros(x0.shape), np.zeros(A.shape)
    for t in reversed(range(len(ys))):
        lam = xs[t + 1] - ys[t] + A.T @ lam
        total += np.outer(lam, xs[t])
    return total


def _control(us, x0, A, B, Q, R):
    xs = [x0]
    for u in us:
        xs.append(A @ xs[-1] + B @ u)
    lam, grads = (Q + Q.T) @ xs[-1], np.zeros(us.shape)
    for t in reversed(range(len(us))):
        grads[t] = (R + R.T) @ us[t] + B.T @ lam
        lam = (Q + Q.T) @ xs[t] + A.T @ lam
    return grads


def _power(A, x):
    xs = [x]
    for _ in range(5):
        xs.append(A @ xs[-1])
    g, total = np.ones(len(x)), np.zeros(A.shape)
    for t in reversed(range(5)):
        total += np.outer(g, xs[t])
        g = A.T @ g
    return total


weights = {"W": real(4, 4) / 2, "U": real(4, 3), "b": real(4), "V": real(2, 4)}

ENTRIES = [
    Entry("recurrent network", recurrent, (weights, real(6, 3), real(6, 2)),
          "h_t = tanh(z_t)    (t = 1, …, T)\n"
          "z_t = W h_{t−1} + U x_t + b    (t = 1, …, T, h₀ = 0)\n"
          "e_t = V h_t − y_t    (t = 1, …, T)\n"
          "δ_t = (Vᵀ e_t + Wᵀ δ_{t+1}) ⊙ tanh′(z_t)    (t = T, …, 1, δ_{T+1} = 0)\n"
          "∂f/∂W = Σ_t δ_t h_{t−1}ᵀ\n"
          "∂f/∂U = Σ_t δ_t x_tᵀ\n"
          "∂f/∂b = Σ_t δ_t\n"
          "∂f/∂V = Σ_t e_t h_tᵀ",
          _recurrent, f"{GOODFELLOW}, section 10.2.2"),
    Entry("last state", last_state, (real(4, 4) / 2, real(4), real(6, 4), real(4, seed=1)),
          "h_t = tanh(z_t)    (t = 1, …, T)\n"
          "z_t = W h_{t−1} + x_t    (t = 1, …, T)\n"
          "δ_T = (h_T − y) ⊙ tanh′(z_T)\n"
          "δ_t = Wᵀ δ_{t+1} ⊙ tanh′(z_t)    (t = T−1, …, 1)\n"
          "∇f = Σ_t δ_t h_{t−1}ᵀ",
          _last_state, f"{GOODFELLOW}, section 10.2.2"),
    Entry("linear dynamical system", linear_system, (real(4, 4) / 2, real(4), real(6, 4)),
          "x_t = A x_{t−1}    (t = 1, …, T)\n"
          "δ_t = x_t − y_t + Aᵀ δ_{t+1}    (t = T, …, 1, δ_{T+1} = 0)\n"
          "∇f = Σ_t δ_t x_{t−1}ᵀ",
          _linear_system, "Bryson & Ho, Applied Optimal Control (1975), section 2.2: the adjoint of a discrete system"),
    Entry("linear-quadratic control", control,
          (real(6, 2), real(4), real(4, 4) / 2, real(4, 2), real(4, 4, seed=1), real(2, 2)),
          "x_{t+1} = A x_t + B u_t    (t = 1, …, T)\n"
          "λ_{T+1} = (Q + Qᵀ) x_{T+1}\n"
          "λ_t = (Q + Qᵀ) x_t + Aᵀ λ_{t+1}    (t = T, …, 1)\n"
          "∂f/∂u_t = (R + Rᵀ) u_t + Bᵀ λ_{t+1}",
          _control, "Bertsekas, Nonlinear Programming (2016), section 2.6, for symmetric Q and R"),
    Entry("power of a matrix", power_of_matrix, (real(4, 4) / 2, real(4)),
          "x_t = A x_{t−1}    (t = 1, …, T)\n"
          "δ_T = 1\n"
          "δ_t = Aᵀ δ_{t+1}    (t = T−1, …, 1)\n"
          "∇f = Σ_t δ_t x_{t−1}ᵀ",
          _power, "Petersen & Pedersen, The Matrix Cookbook (2012), section 2.4.1, as a recurrence"),
]  # fmt: skip
