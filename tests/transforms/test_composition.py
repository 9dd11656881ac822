"""The chain of the question: one θ, the factors, and their product in any bracketing."""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import assert_same, in_each_order, same

X = jnp.array([0.3, -0.7])
PARTS = (
    {"w": jnp.array([[0.3, -0.2], [0.1, 0.8], [0.4, 0.2]]), "b": jnp.array([0.1, 0.2, 0.3])},
    jnp.array([0.5, -0.4, 0.9]),
    (jnp.array([[0.3, -0.2, 0.5], [0.1, 0.8, -0.6]]),),
)
STAGES = (
    lambda p, x: jnp.tanh(p["w"] @ x + p["b"]),
    lambda scale, a: scale * jnp.sin(a),
    lambda p, a: jnp.sum((p[0] @ a) ** 2),
)
L = ct.compose(*STAGES)


def plain(parts, x):
    for stage, part in zip(STAGES, parts, strict=True):
        x = stage(part, x)
    return x


def test_the_value_and_what_is_remembered():
    assert_same(L(PARTS, X), plain(PARTS, X))
    values = L.forward(PARTS, X)
    assert [jnp.shape(v) for v in values] == [(2,), (3,), (3,), ()]
    assert_same(values[-1], plain(PARTS, X))


@in_each_order
def test_its_derivatives_are_those_of_the_plain_function(ad):
    assert_same(ad.grad(L)(PARTS, X), jax.grad(plain)(PARTS, X))
    assert_same(ad.grad(L, 1)(PARTS, X), jax.grad(plain, 1)(PARTS, X))
    same(ad, lambda d: d.hessian(L if d is ad else plain, 1)(PARTS, X))


def left(maps):
    """(… (A B) C) …"""
    return reduce(lambda a, b: a @ b, maps)


def right(maps):
    """A (B (C …))"""
    return reduce(lambda a, b: b @ a, reversed(maps))


@pytest.mark.parametrize("bracket", [left, right], ids=["from the output", "from the input"])
@pytest.mark.parametrize("stage", range(3))
def test_the_product_of_the_factors_is_the_gradient(bracket, stage):
    factors = L.factors(PARTS, X)
    by_input = [by_x for by_x, _ in factors]
    chain = [*reversed(by_input[stage + 1 :]), factors[stage][1]]
    expected = jax.grad(plain)(PARTS, X)[stage]
    assert_same(bracket(chain).dense(), expected)
    assert_same(bracket(chain).T @ jnp.float64(1.0), expected)
    assert_same(bracket(list(reversed(by_input))).dense(), jax.grad(plain, 1)(PARTS, X))


@in_each_order
def test_theta_is_one_vector(ad):
    theta, rebuild = ct.flatten(PARTS)
    assert theta.shape == (18,)
    assert_same(rebuild(theta), PARTS)
    whole = ct.compose(*STAGES, rebuild=rebuild)
    gradient = ad.grad(whole)(theta, X)
    assert_same(gradient, ct.flatten(jax.grad(plain)(PARTS, X))[0])
    assert_same(rebuild(gradient), jax.grad(plain)(PARTS, X))
    assert jax.tree.structure(whole.split(theta)) == jax.tree.structure(PARTS)


def test_flatten_keeps_what_is_not_differentiable_aside():
    tree = {"w": jnp.ones((2, 3), jnp.float32), "n": jnp.arange(3), "act": jnp.tanh, "name": "layer", "none": None}
    theta, rebuild = ct.flatten(tree)
    again = rebuild(2 * theta)
    assert theta.shape == (6,)
    assert again["act"] is jnp.tanh
    assert again["name"] == "layer"
    np.testing.assert_array_equal(again["n"], tree["n"])
    assert_same(again["w"], 2 * tree["w"])
    assert ct.flatten({})[0].shape == (0,)


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="2 parts; expected 3"):
        L(PARTS[:2], X)
    with pytest.raises(TypeError, match="stage 2 is 3"):
        ct.compose(jnp.sin, 3)
    with pytest.raises(TypeError, match="no stages"):
        ct.compose()
    with pytest.raises(ValueError, match=r"\(3,\); expected \(18,\)"):
        ct.flatten(PARTS)[1](jnp.ones(3))
