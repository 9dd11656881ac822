"""The question's chain: f_N ∘ … ∘ f_1 of stages of width D, from both ends, and with a narrow waist.

catenary plan examples/chain.py:loss
catenary plan examples/chain.py:hourglass
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import catenary as ct


def stage(W: Array, x: Array) -> Array:
    """f_i: R^D → R^D with its own part W_i of θ."""
    return jnp.tanh(W @ x)


def energy(W: Array, x: Array) -> Array:
    """f_N: R^D → R, ½‖Wx‖²."""
    return 0.5 * jnp.sum((W @ x) ** 2)


network = ct.compose(stage, stage, stage, energy)


def point(D: int) -> tuple[tuple[Array, ...], Array]:
    """A θ = (W_1, …, W_4) and an x for the network."""
    keys = jax.random.split(jax.random.key(0), 5)
    return tuple(jax.random.normal(key, (D, D)) / D**0.5 for key in keys[:4]), jax.random.normal(keys[4], (D,))


def loss(
    x: Float[Array, "D"],
    A1: Float[Array, "D D"],
    A2: Float[Array, "D D"],
    A3: Float[Array, "D D"],
    A4: Float[Array, "D D"],
) -> Float[Array, ""]:
    """½‖tanh(A₄ … tanh(A₁ x))‖²: one number at the end, so the output end is the cheap one, D² a stage."""
    for A in (A1, A2, A3, A4):
        x = jnp.tanh(A @ x)
    return 0.5 * jnp.sum(x * x)


def hourglass(
    x: Float[Array, "D"],
    A1: Float[Array, "D D"],
    A2: Float[Array, "4 D"],
    A3: Float[Array, "D 4"],
    A4: Float[Array, "D D"],
) -> Float[Array, "D"]:
    """D numbers in, 4 in the waist, D numbers out: either end costs D³, starting at the waist D²."""
    for A in (A1, A2, A3):
        x = jnp.tanh(A @ x)
    return A4 @ x


def main() -> None:
    print(ct.derive(network, *point(8)))
    D = 256
    square, flat, tall = jnp.ones((D, D)), jnp.ones((4, D)), jnp.ones((D, 4))
    print(ct.plan(loss, jnp.ones(D), square, square, square, square))
    print(ct.plan(hourglass, jnp.ones(D), square, flat, tall, square))


if __name__ == "__main__":
    main()
