"""Softmax regression: which digit is it, from a linear map.

catenary derive examples/softmax.py:loss
"""

import jax
import jax.numpy as jnp
from digits import load, one_hot
from jaxtyping import Array, Float

import catenary as ct


def loss(W: Float[Array, "n K"], X: Float[Array, "N n"], Y: Float[Array, "N K"]) -> Float[Array, ""]:
    """J(W) = −(1/N) Σ Y ⊙ log softmax(XW), the rows of Y one-hot."""
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(X @ W), axis=1))


def main() -> None:
    digits = load()
    Y = one_hot(digits.y)
    step = jax.jit(lambda W: W - 2.0 * ct.grad(loss)(W, digits.X, Y))
    W = jnp.zeros((64, 10))
    for _ in range(200):
        W = step(W)
    print(f"test accuracy {jnp.mean(jnp.argmax(digits.X_test @ W, axis=1) == digits.y_test):.1%}")


if __name__ == "__main__":
    main()
