"""Convolutions, correlations and pools: read as sums, written as a ∗ b, right at other strides and paddings."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct

from .test_stencil import agrees

one = jnp.ones


def window_sum(x, size):
    return lax.reduce_window(x, 0.0, lax.add, (1, *size), (1, *size), "VALID")


def window_max(x, size):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *size), (1, *size), "VALID")


VECTORS = [
    (
        lambda w, x, t: jnp.sum((jnp.convolve(x, w, mode="valid") - t) ** 2) / 2,
        (one(3), one(9), one(7)),
        "∇f = −reverse(x) ∗ (t − x ∗ w)",
    ),
    (
        lambda x, w, t: jnp.sum((jnp.convolve(x, w) - t) ** 2) / 2,
        (one(9), one(3), one(11)),
        "∇f = −(t − x ∗ w) ∗ reverse(w)",
    ),
    (lambda w, x, t: jnp.sum(jnp.tanh(jnp.convolve(x, w, mode="same") - t)), (one(3), one(9), one(9)), None),
    (lambda x, w, t: jnp.sum(jnp.tanh(jnp.convolve(x, w, mode="same") - t)), (one(9), one(3), one(9)), None),
    (lambda w, x: jnp.sum(jnp.correlate(x, w) ** 2), (one(3), one(9)), None),
]


@pytest.mark.parametrize(("fun", "args", "formula"), VECTORS)
def test_of_vectors(fun, args, formula):
    made = ct.derive(fun, *args)
    assert made.index_free
    assert formula in (None, made.formula)
    agrees(made, fun, args)


IMAGE, KERNEL = one((2, 3, 6, 5)), one((4, 3, 3, 2))
ARRAYS = [
    (lambda K, X: jnp.sum(lax.conv(X, K, (1, 1), "VALID") ** 2) / 2, (KERNEL, IMAGE)),
    (lambda X, K: jnp.sum(jnp.sin(lax.conv(X, K, (2, 1), "SAME"))), (IMAGE, KERNEL)),
    (
        lambda K, X: jnp.sum(jnp.sin(lax.conv_general_dilated(X, K, (1, 2), [(1, 0), (2, 1)], rhs_dilation=(2, 1)))),
        (KERNEL, IMAGE),
    ),
    (lambda x: jnp.sum(window_sum(x, (2, 2)) ** 2), (one((3, 6, 4)),)),
    (lambda x: jnp.sum(window_max(x, (2, 2)) ** 2), (one((3, 6, 4)),)),
]


@pytest.mark.parametrize(("fun", "args"), ARRAYS)
def test_of_arrays(fun, args):
    made = ct.derive(fun, *args)
    agrees(made, fun, args)
    assert ("lax.conv_general_dilated" in made.python()) == (len(args) == 2)


def test_groups_are_refused_by_name():
    with pytest.raises(NotImplementedError, match="convolution in groups"):
        ct.derive(
            lambda K, x: jnp.sum(lax.conv_general_dilated(x, K, (1, 1), "SAME", feature_group_count=3)),
            one((3, 1, 3, 3)), IMAGE,
        )  # fmt: skip


def test_a_layer_in_a_tree():
    def layer(p, X, G):
        return jnp.sum(G * jax.nn.relu(lax.conv(X, p["K"], (1, 1), "VALID") + p["b"][:, None, None]))

    made = ct.derive(layer, {"K": KERNEL, "b": one(4)}, IMAGE, one((2, 4, 4, 4)))
    assert made.checked
