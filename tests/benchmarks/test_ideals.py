"""The ideals of benchmarks/structure.py are reached by code written by hand, so they are neither dreams nor slack."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.flops import flops
from benchmarks.measure import compiled
from benchmarks.structure import (
    batched_perceptron,
    chain,
    ideal_batched_perceptron,
    ideal_chain,
    ideal_row_softmax,
    row_softmax,
)


def normal(*shape):
    return jnp.asarray(np.random.default_rng(shape).standard_normal(shape), jnp.float32)


def perceptron_by_hand(x, w1, w2):
    a = jnp.tanh(x @ w1)
    scaled = (1 - a * a)[:, :, None] * w2[None]
    return jnp.einsum("nh,bhm->bmn", w1, scaled)


def softmax_by_hand(x):
    p = jax.nn.softmax(x)
    return p[:, :, None] * (jnp.eye(x.shape[1]) - p[:, None, :])


def hourglass_by_hand(x, a1, a2, a3, a4):
    h1 = jnp.tanh(a1 @ x)
    h2 = jnp.tanh(a2 @ h1)
    h3 = jnp.tanh(a3 @ h2)
    up = a4 @ ((1 - h3 * h3)[:, None] * a3)
    down = (a2 * (1 - h1 * h1)) @ a1
    return (up * (1 - h2 * h2)) @ down


def blocks(dense):
    return jnp.einsum("bmbn->bmn", dense)


def test_batched_perceptron():
    args = normal(8, 5), normal(5, 7), normal(7, 3)
    np.testing.assert_allclose(
        perceptron_by_hand(*args), blocks(jax.jacrev(batched_perceptron)(*args)), rtol=1e-4, atol=1e-5
    )
    args = normal(256, 16), normal(16, 64), normal(64, 16)
    cost = flops(compiled(perceptron_by_hand, args))
    assert cost == pytest.approx(ideal_batched_perceptron(256, 16, 64, 16)["blocks"], rel=0.02)


def test_row_softmax():
    x = normal(6, 4)
    np.testing.assert_allclose(softmax_by_hand(x), blocks(jax.jacrev(row_softmax)(x)), rtol=1e-4, atol=1e-5)
    cost = flops(compiled(softmax_by_hand, (normal(128, 32),)))
    assert cost == pytest.approx(ideal_row_softmax(128, 32)["blocks"], rel=0.05)


def test_hourglass():
    args = normal(12), normal(12, 12), normal(2, 12), normal(12, 2), normal(12, 12)
    np.testing.assert_allclose(hourglass_by_hand(*args), jax.jacrev(chain)(*args), rtol=1e-3, atol=1e-3)
    d, k = 400, 4
    args = normal(d), normal(d, d), normal(k, d), normal(d, k), normal(d, d)
    cost = flops(compiled(hourglass_by_hand, args))
    assert cost == pytest.approx(ideal_chain(d, d, k, d, d)["dense"], rel=0.02)


def test_a_chain_from_the_cheap_end():
    assert ideal_chain(8, 64, 256, 1024) == {"dense": 2 * 64 * 8 + 2 * 256 * 64 + 3 * 320  # the values
        + 64 * (2 * 256 * 8 + 8) + 256 * (2 * 1024 * 8 + 8)}  # fmt: skip
