"""Equal layers: one recursion in the layer, however they are held and however many there are."""

import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct

one = jnp.ones
n, N = 4, 6


@jax.tree_util.register_dataclass
@dataclass
class Layer:
    weight: jax.Array
    bias: jax.Array


def perceptron(params, x, y):
    for p in params:
        z = x @ p["W"] + p["b"]
        x = jnp.tanh(z)
    return jnp.mean((x - y) ** 2)


def residual(params, x, y):
    for p in params:
        x = x + jnp.tanh(x @ p["W"] + p["b"])
    return jnp.mean((x - y) ** 2)


def of_dataclasses(params, x, y):
    h = x
    for layer in params:
        h = jax.nn.relu(layer.weight @ h + layer.bias)
    return jnp.sum((h - y) ** 2)


def shared(W, x, y, count):
    for _ in range(count):
        x = jnp.tanh(x @ W)
    return jnp.sum((x - y) ** 2)


def stack(count):
    return [{"W": one((n, n)), "b": one(n)} for _ in range(count)]


def lines(made, start):
    return [row for row in made.formula.splitlines() if row.startswith(start)]


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_perceptron(count):
    made = ct.derive(perceptron, stack(count), one((N, n)), one((N, n)))
    assert lines(made, "∂") == [
        "∂perceptron/∂W_i = x_{i−1}ᵀ δ_i    (i = 1, …, L, x₀ = x)",
        "∂perceptron/∂b_i = δ_iᵀ 1    (i = 1, …, L)",
    ]
    assert lines(made, "δ_i") == ["δ_i = (δ_{i+1} W_{i+1}ᵀ) ⊙ tanh′(z_i)    (i = L−1, …, 1)"]
    assert f"L = {count}" in str(made)


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_residual_network(count):
    made = ct.derive(residual, stack(count), one((N, n)), one((N, n)))
    assert lines(made, "x̄_i") == ["x̄_i = z̄_{i+1} W_{i+1}ᵀ + x̄_{i+1}    (i = L−1, …, 1)"]
    assert lines(made, "∂residual/∂W") == ["∂residual/∂W_i = x_{i−1}ᵀ z̄_i    (i = 1, …, L, x₀ = x)"]


@pytest.mark.parametrize("count", [2, 5])
def test_parameters_in_dataclasses(count):
    layers = [Layer(one((n, n)), one(n)) for _ in range(count)]
    made = ct.derive(of_dataclasses, layers, one(n), one(n))
    assert lines(made, "∂of_dataclasses/∂W") == ["∂of_dataclasses/∂W_i = δ_i h_{i−1}ᵀ    (i = 1, …, L, h₀ = x)"]


@pytest.mark.parametrize("count", [3, 5, 10])
def test_weights_that_layers_share(count):
    def f(W, x, y):
        return shared(W, x, y, count)

    made = ct.derive(f, one((n, n)), one((N, n)), one((N, n)))
    assert lines(made, "∇f") == ["∇f = Σᵢ x_{i−1}ᵀ z̄_i    (i = 1, …, L, x₀ = x)"]
    scope = {}
    exec(made.python("gradient"), scope)
    args = [jax.random.normal(jax.random.key(k), s, jnp.float64) for k, s in enumerate([(n, n), (N, n), (N, n)])]
    np.testing.assert_allclose(scope["gradient"](*args), jax.grad(f)(*args), rtol=1e-9, atol=1e-12)


def test_ten_layers_are_fast():
    start = time.perf_counter()
    ct.derive(residual, stack(10), one((N, n)), one((N, n)))
    assert time.perf_counter() - start < 15.0  # 2 s alone on a machine; tests share theirs
