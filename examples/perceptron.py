"""A perceptron of three layers, trained on the digits with momentum, all epochs inside jit.

catenary derive examples/perceptron.py:loss
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from digits import Digits, load, one_hot
from jaxtyping import Array, Float

import catenary as ct


class Weights(NamedTuple):
    """Three layers: n inputs, h and k hidden units, K classes."""

    W1: Float[Array, "n h"]
    b1: Float[Array, "h"]
    W2: Float[Array, "h k"]
    b2: Float[Array, "k"]
    W3: Float[Array, "k K"]
    b3: Float[Array, "K"]


def logits(theta: Weights, X: Float[Array, "N n"]) -> Float[Array, "N K"]:
    """Two layers tanh(XW + b), then a linear one."""
    A1 = jnp.tanh(X @ theta.W1 + theta.b1)
    A2 = jnp.tanh(A1 @ theta.W2 + theta.b2)
    return A2 @ theta.W3 + theta.b3


def loss(theta: Weights, X: Float[Array, "N n"], Y: Float[Array, "N K"]) -> Float[Array, ""]:
    """Mean cross-entropy −(1/N) Σ Y ⊙ log softmax(logits)."""
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(logits(theta, X)), axis=1))


def start(seed: int = 0, widths: tuple[int, ...] = (64, 64, 32, 10)) -> Weights:
    """Random weights of variance 1/fan-in, biases zero."""
    draw = np.random.default_rng(seed)
    layers = []
    for n, m in pairwise(widths):
        layers += [jnp.asarray(draw.standard_normal((n, m)) / n**0.5, jnp.float32), jnp.zeros(m)]
    return Weights(*layers)


def train(
    gradient: Callable[..., Weights], digits: Digits, epochs: int = 40, batch: int = 48, seed: int = 0
) -> Iterator[float]:
    """Test accuracy after each epoch of stochastic gradient descent with momentum 0.9, rate 0.05."""

    @jax.jit
    def epoch(state: tuple[Weights, Weights], batches: tuple[Array, Array]) -> tuple[Weights, Weights]:
        def step(state: tuple[Weights, Weights], one: tuple[Array, Array]) -> tuple[tuple[Weights, Weights], None]:
            theta, momentum = state
            momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient(theta, *one))
            return (jax.tree.map(lambda p, m: p - 0.05 * m, theta, momentum), momentum), None

        return jax.lax.scan(step, state, batches)[0]

    accuracy = jax.jit(lambda theta: jnp.mean(jnp.argmax(logits(theta, digits.X_test), axis=1) == digits.y_test))
    draw, Y = np.random.default_rng(seed), one_hot(digits.y)
    theta = start(seed)
    state = (theta, jax.tree.map(jnp.zeros_like, theta))
    steps = len(Y) // batch
    for _ in range(epochs):
        order = draw.permutation(len(Y))[: steps * batch].reshape(steps, batch)
        state = epoch(state, (digits.X[order], Y[order]))
        yield float(accuracy(state[0]))


def main() -> None:
    for number, accuracy in enumerate(train(ct.grad(loss), load()), start=1):
        print(f"epoch {number:2}  test accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
