"""Small real programs, each with the point at which it is differentiated: what the tests of every room draw from.

The functions are those that `benchmarks/` measures, at sizes that compile in a moment and in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import scenarios as programs
from benchmarks.structure import batched_perceptron, chain, row_softmax


@dataclass(frozen=True)
class Scenario:
    """A function, its arguments, and the argument by which it is differentiated; scalar if it is a loss."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    argnums: int | tuple[int, ...] = 0
    scalar: bool = True


def normal(*shape: int, seed: int = 0) -> jax.Array:
    """Float64 normal numbers, a half of them large."""
    return jnp.asarray(0.5 * np.random.default_rng((seed, *shape)).normal(size=shape))


def _double(tree: Any) -> Any:
    return jax.tree.map(lambda x: x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)


def _layers(*widths: int) -> list[tuple[jax.Array, jax.Array]]:
    return [(normal(n, m), normal(m)) for n, m in pairwise(widths)]


def roe_like_flux(left: jax.Array, right: jax.Array) -> jax.Array:
    """A numerical flux with square roots, divisions and a switch, written number by number as such codes are."""
    root_l, root_r = jnp.sqrt(1.0 + left[0] ** 2), jnp.sqrt(1.0 + right[0] ** 2)
    mean = (root_l * left[1] + root_r * right[1]) / (root_l + root_r)
    speed = jnp.sqrt(2.0 + mean**2)
    wave = jnp.where(mean > 0, jnp.abs(mean + speed), jnp.abs(mean - speed))
    jump = right - left
    return 0.5 * (left * mean + right * mean) - 0.5 * wave * jump


CNN = {
    "k1": normal(5, 5, 1, 2),
    "k2": normal(3, 3, 2, 2),
    "b1": normal(2),
    "b2": normal(2),
    "w": normal(8, 3),
    "b": normal(3),
}
GATES = {
    "wg": normal(2, 6),
    "ug": normal(3, 6),
    "bg": normal(6),
    "wc": normal(2, 3),
    "uc": normal(3, 3),
    "bc": normal(3),
}
FIELD = {"A": normal(2, 3), "a": normal(3), "B": normal(3, 2)}
SIGNS = jnp.where(jnp.arange(6.0) % 2 == 0, 1.0, -1.0)

SCENARIOS = {
    "logistic regression": Scenario(programs.logistic, (normal(3), normal(6, 3), SIGNS)),
    "perceptron": Scenario(programs.perceptron, (_layers(4, 3, 3, 2), normal(5, 4), jnp.arange(5) % 2)),
    "convolutional network": Scenario(programs.cnn, (CNN, normal(2, 8, 8, 1), jnp.arange(2))),
    "transformer block": Scenario(
        programs.transformer_block, (_double(programs.block_params(4)), normal(2, 3, 4), normal(2, 3, 4, seed=1))
    ),
    "GRU": Scenario(programs.gru, (GATES, normal(4, 2, 2), normal(2, 3))),
    "RK4": Scenario(partial(programs.rk4, steps=3), (FIELD, normal(2, 2), normal(2, 2, seed=1))),
    "batched perceptron": Scenario(batched_perceptron, (normal(5, 3), normal(3, 4), normal(4, 2)), scalar=False),
    "row softmax": Scenario(row_softmax, (normal(4, 3),), scalar=False),
    "hourglass": Scenario(chain, (normal(6), normal(5, 6), normal(1, 5), normal(6, 1)), scalar=False),
    "flux": Scenario(roe_like_flux, (normal(3), normal(3, seed=1)), (0, 1), scalar=False),
}
