"""The chain of the question, with one θ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct

PARTS = (jnp.ones((5, 4)), jnp.ones((6, 5)), jnp.ones((7, 6)), jnp.ones(7))
STAGES = (
    lambda W, x: jnp.tanh(W @ x),
    lambda W, x: jnp.tanh(W @ x),
    lambda W, x: jnp.tanh(W @ x),
    lambda w, x: w @ x,
)


@pytest.fixture(scope="module")
def made():
    return ct.derive(ct.compose(*STAGES), PARTS, jnp.ones(4))


def test_the_recursion(made):
    assert made.formula.splitlines() == [
        "z_i = W_i a_{i−1}    (i = 1, …, K, a₀ = x)",
        "a_i = tanh(z_i)    (i = 1, …, K)",
        "δ_K = w₄ ⊙ tanh′(z_K)",
        "δ_i = (W_{i+1}ᵀ δ_{i+1}) ⊙ tanh′(z_i)    (i = K−1, …, 1)",
        "∂L/∂W_i = δ_i a_{i−1}ᵀ    (i = 1, …, K, a₀ = x)",
        "∂L/∂w₄ = a_K",
    ]


def test_what_is_said_of_every_chain(made):
    said = " ".join(str(made).split())
    assert "L_θ(x) = (f_4 ∘ f_3 ∘ f_2 ∘ f_1)(x), θ = (θ_1, θ_2, θ_3, θ_4)" in said
    assert "dL/dθ = ∂f_N/∂θ_N · dθ_N/dθ + ∂f_N/∂f_{N−1} · (∂f_{N−1}/∂θ_{N−1} · dθ_{N−1}/dθ + " in said
    assert f"O(D²) a stage: D3·D2 + D2·D1 + D1·D0 = {7 * 6 + 6 * 5 + 5 * 4} multiplications" in said
    assert f"O(D³) a stage: D2·D1·D0 + D3·D2·D0 + D3·D0 = {6 * 5 * 4 + 7 * 6 * 4 + 7 * 4} multiplications" in said
    assert "N(N−1)/2 = 6 more stages, O(N²)" in said


def test_the_sizes_are_those_of_the_chain(made):
    assert {i.name: tuple(map(str, i.struct.shape)) for i in made.inputs} == {
        "W_1": ("D1", "D0"), "W_2": ("D2", "D1"), "W_3": ("D3", "D2"), "w_4": ("D3",), "x": ("D0",),
    }  # fmt: skip


def test_theta_as_one_vector(made):
    theta, rebuild = ct.flatten(PARTS)
    again = ct.derive(ct.compose(*STAGES, rebuild=rebuild), theta, jnp.ones(4))
    assert again.formula == made.formula


def test_the_source_is_the_gradient(made):
    scope = {}
    exec(made.python(), scope)
    keys = jax.random.split(jax.random.key(0), 5)
    parts = tuple(jax.random.normal(k, p.shape) for k, p in zip(keys, PARTS, strict=False))
    x = jax.random.normal(keys[4], (4,))
    wanted = jax.grad(ct.compose(*STAGES))(parts, x)
    for a, b in zip(scope["derivative"](parts, x), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_every_layer_of_a_long_chain_is_in_one_recursion():
    count = 8
    parts = tuple(jnp.ones((3, 3)) for _ in range(count))
    chain = ct.compose(*STAGES[:1] * count, lambda w, x: jnp.sum(x))
    made = ct.derive(chain, (*parts, None), jnp.ones(3))
    assert len(made.formula.splitlines()) == 5
