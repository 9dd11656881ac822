"""The programs whose gradient is measured: plain JAX code, from logistic regression to loops of thousands of steps.

A scenario is data: a name, a function with a scalar value, and its arguments; argument 0 is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Scenario:
    """A function of JAX arrays and the arguments at which it is differentiated, by argument 0."""

    name: str
    fun: Callable[..., Any]
    args: tuple[Any, ...]

    def fresh(self) -> Callable[..., Any]:
        """The same function as a new object, so that no cache of JAX's or ours knows it."""
        fun = self.fun
        return lambda *args: fun(*args)


def normal(*shape: int, seed: int = 0, scale: float | None = None) -> jax.Array:
    """Float32 normal numbers; the default scale, 1/√(second-to-last size), keeps a layer's output of order 1."""
    fan_in = shape[-2] if len(shape) > 1 else 1
    values = np.random.default_rng((seed, *shape)).standard_normal(shape)
    return jnp.asarray(values * (fan_in**-0.5 if scale is None else scale), jnp.float32)


# --- losses ------------------------------------------------------------------------------------------------------


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean negative log-likelihood. logits [..., K], labels [...] integers."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], axis=-1)
    return -jnp.mean(chosen)


def logistic(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Logistic regression: (1/N) Σ ln(1 + exp(−y ⊙ Xw)). w [n], x [N, n], y [N] in ±1."""
    return jnp.mean(jnp.log1p(jnp.exp(-y * (x @ w))))


def perceptron(params: list[tuple[jax.Array, jax.Array]], x: jax.Array, labels: jax.Array) -> jax.Array:
    """Layers tanh(x W + b), the last one linear, and the cross-entropy."""
    for weight, bias in params[:-1]:
        x = jnp.tanh(x @ weight + bias)
    weight, bias = params[-1]
    return cross_entropy(x @ weight + bias, labels)


def cnn(params: dict[str, jax.Array], images: jax.Array, labels: jax.Array) -> jax.Array:
    """Two convolutions with ReLU and 2×2 max-pooling, one dense layer. images [N, 28, 28, 1]."""
    x = images
    for kernel, bias in (("k1", "b1"), ("k2", "b2")):
        x = jax.lax.conv_general_dilated(x, params[kernel], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + params[bias])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return cross_entropy(x.reshape(x.shape[0], -1) @ params["w"] + params["b"], labels)


# --- transformer -------------------------------------------------------------------------------------------------


def layer_norm(x: jax.Array, gain: jax.Array, bias: jax.Array) -> jax.Array:
    """(x − mean) / √(var + ε) · gain + bias, along the last axis."""
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + 1e-5) * gain + bias


def attention(p: dict[str, jax.Array], x: jax.Array, heads: int) -> jax.Array:
    """Causal self-attention with `heads` heads. x [B, T, d]."""
    batch, time, width = x.shape
    q, k, v = jnp.split((x @ p["qkv"]).reshape(batch, time, heads, 3 * width // heads), 3, axis=-1)
    scores = jnp.einsum("bthd,bshd->bhts", q, k) / (width / heads) ** 0.5
    scores = jnp.where(jnp.tril(jnp.ones((time, time), bool)), scores, -1e9)
    mixed = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), v)
    return mixed.reshape(batch, time, width) @ p["out"]


def block(p: dict[str, jax.Array], x: jax.Array, heads: int = 4) -> jax.Array:
    """A pre-norm transformer block: attention, then a GELU perceptron, each added to its input."""
    x = x + attention(p, layer_norm(x, p["g1"], p["c1"]), heads)
    hidden = jax.nn.gelu(layer_norm(x, p["g2"], p["c2"]) @ p["up"] + p["b1"])
    return x + hidden @ p["down"] + p["b2"]


def block_params(width: int, seed: int = 0) -> dict[str, jax.Array]:
    """Parameters of one transformer block of the given width, its perceptron four times as wide."""
    ones, zeros = jnp.ones(width), jnp.zeros(width)
    return {
        "qkv": normal(width, 3 * width, seed=seed), "out": normal(width, width, seed=seed),
        "up": normal(width, 4 * width, seed=seed), "down": normal(4 * width, width, seed=seed),
        "b1": jnp.zeros(4 * width), "b2": zeros, "g1": ones, "c1": zeros, "g2": ones, "c2": zeros,
    }  # fmt: skip


def transformer_block(params: dict[str, jax.Array], x: jax.Array, target: jax.Array) -> jax.Array:
    """One block and a mean squared error."""
    return jnp.mean((block(params, x) - target) ** 2)


def transformer(params: dict[str, Any], tokens: jax.Array, labels: jax.Array) -> jax.Array:
    """Embedding, a stack of blocks unrolled in Python, final norm, tied output layer, cross-entropy."""
    x = params["embed"][tokens]
    for p in params["blocks"]:
        x = block(p, x)
    x = layer_norm(x, params["gain"], params["bias"])
    return cross_entropy(x @ params["embed"].T, labels)


# --- loops -------------------------------------------------------------------------------------------------------


def gru(p: dict[str, jax.Array], xs: jax.Array, target: jax.Array) -> jax.Array:
    """A gated recurrent unit scanned over time. xs [T, B, n], target [B, h]."""

    def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
        update, reset = jnp.split(jax.nn.sigmoid(x @ p["wg"] + h @ p["ug"] + p["bg"]), 2, axis=-1)
        candidate = jnp.tanh(x @ p["wc"] + (reset * h) @ p["uc"] + p["bc"])
        return (1 - update) * h + update * candidate, None

    last, _ = jax.lax.scan(step, jnp.zeros_like(target), xs)
    return jnp.mean((last - target) ** 2)


def rk4(p: dict[str, jax.Array], y0: jax.Array, target: jax.Array, steps: int = 2_000) -> jax.Array:
    """A neural differential equation y′ = tanh(y A + a) B, by the classical Runge-Kutta rule. y0 [B, n]."""
    dt = 2.0 / steps

    def slope(y: jax.Array) -> jax.Array:
        return jnp.tanh(y @ p["A"] + p["a"]) @ p["B"]

    def step(_: int, y: jax.Array) -> jax.Array:
        k1 = slope(y)
        k2 = slope(y + dt / 2 * k1)
        k3 = slope(y + dt / 2 * k2)
        k4 = slope(y + dt * k3)
        return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return jnp.mean((jax.lax.fori_loop(0, steps, step, y0) - target) ** 2)


def gradient_scenarios() -> dict[str, Scenario]:
    """The seven programs of `benchmarks/gradient.py`, by name, sized for two cores."""
    labels = jnp.arange(128) % 10
    sizes = (784, 256, 256, 256, 256, 10)
    layers = [(normal(n, m), jnp.zeros(m)) for n, m in pairwise(sizes)]
    kernels = {"k1": normal(5, 5, 1, 8, scale=0.2), "k2": normal(3, 3, 8, 16, scale=0.1)}
    conv = kernels | {"b1": jnp.zeros(8), "b2": jnp.zeros(16), "w": normal(784, 10), "b": jnp.zeros(10)}
    deep = {"embed": normal(97, 64), "gain": jnp.ones(64), "bias": jnp.zeros(64)}
    deep["blocks"] = [block_params(64, seed) for seed in range(12)]
    tokens = jnp.arange(4 * 33).reshape(4, 33) % 97
    gates = {"wg": normal(16, 64), "ug": normal(32, 64), "bg": jnp.zeros(64)}
    gates |= {"wc": normal(16, 32), "uc": normal(32, 32), "bc": jnp.zeros(32)}
    field = {"A": normal(8, 32), "a": jnp.zeros(32), "B": normal(32, 8)}
    rows = [
        Scenario("logistic regression", logistic, (normal(100), normal(20_000, 100), jnp.sign(normal(20_000)))),
        Scenario("perceptron, 5 layers", perceptron, (layers, normal(128, 784, scale=1), labels)),
        Scenario("CNN", cnn, (conv, normal(32, 28, 28, 1, scale=1), labels[:32])),
        Scenario("transformer block", transformer_block, (block_params(128), normal(4, 64, 128), normal(4, 64, 128))),
        Scenario("transformer, 12 blocks", transformer, (deep, tokens[:, :-1], tokens[:, 1:])),
        Scenario("GRU, 1,000 steps", gru, (gates, normal(1_000, 8, 16, scale=1), normal(8, 32, scale=1))),
        Scenario("RK4, 2,000 steps", rk4, (field, normal(8, 8, scale=1), normal(8, 8, seed=1, scale=1))),
    ]
    return {row.name: row for row in rows}
