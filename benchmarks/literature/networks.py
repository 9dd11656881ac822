"""A perceptron and an encoder of two blocks, both with layer norms and a softmax cross entropy.

The architectures that Lohoff and Neftci count, at their sizes; every argument is differentiated.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def cross_entropy(logits: Any, labels: Any) -> Any:
    """−Σ labels · log softmax(logits) along the last axis."""
    return -jnp.sum(labels * jnp.log(jax.nn.softmax(logits, axis=-1)), axis=-1)


def layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    """x along its last axis."""
    mean = jnp.mean(x, axis=-1)
    n = x.shape[-1]
    variance = jnp.sum((x - mean) ** 2, axis=-1) / n
    return (x - mean) / jnp.sqrt(variance + 1e-6) * gamma + beta


def perceptron(x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any, gamma: Any, beta: Any) -> Any:
    """The loss of a batch."""

    def one(x: Any, y: Any) -> Any:
        hidden = layer_norm(jnp.tanh(w1 @ x + b1), gamma, beta)
        return cross_entropy(jnp.tanh(w2 @ hidden + b2), y)

    return jax.vmap(one)(x, y)


def encoder(x: Any, y: Any, *weights: Any) -> Any:
    """The loss of a sequence: weights are Q, K, V of both blocks by turns, then W and b of both, then γ and β."""
    q1, q2, k1, k2, v1, v2, w1, w2, b1, b2, gamma1, beta1, gamma2, beta2 = weights
    z = _block(x, q1, k1, v1, w1, b1, gamma1, beta1)
    return cross_entropy(_block(z, q2, k2, v2, w2, b2, gamma2, beta2), y)


def _block(x: Any, wq: Any, wk: Any, wv: Any, w: Any, b: Any, gamma: Any, beta: Any) -> Any:
    q, k, v = wq @ x, wk @ x, wv @ x
    attended = x + jax.nn.softmax(q.T @ k, axis=1) @ v
    z = w @ layer_norm(attended, gamma, beta) + b
    return z * (1.0 / (1.0 + jnp.exp(-z)))
