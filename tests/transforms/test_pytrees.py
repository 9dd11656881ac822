"""Pytrees in and out: dictionaries, tuples, None, named tuples, registered classes, nothing at all."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from tests.oracle import in_every_order, same


class Layer(NamedTuple):
    w: jax.Array
    b: jax.Array


@partial(jax.tree_util.register_dataclass, data_fields=["layers"], meta_fields=["depth"])
@dataclass
class Network:
    layers: list
    depth: int


W, B, X = jnp.array([[0.3, -0.2], [0.1, 0.8]]), jnp.array([0.5, -0.1]), jnp.array([1.2, 0.4])
POINTS = {
    "a dictionary": {"w": W, "b": B},
    "a tuple": (W, B),
    "a list of a named tuple": [Layer(W, B), Layer(W.T, B)],
    "None among the leaves": {"w": W, "none": None, "b": (None, B)},
    "a registered class": Network([Layer(W, B)], depth=1),
    "nested": {"a": [{"b": (W, {"c": B})}], "d": ()},
}


def total(tree):
    return sum(jnp.sum(jnp.sin(leaf) * leaf) for leaf in jax.tree.leaves(tree))


def several(tree):
    leaves = jax.tree.leaves(tree)
    return {"tanh": [jnp.tanh(leaves[0])], "both": (leaves[0] @ leaves[1], None), "same": leaves[-1]}


@in_every_order
@pytest.mark.parametrize("tree", POINTS.values(), ids=POINTS)
def test_a_pytree_in(ad, tree):
    same(ad, lambda d: d.grad(total)(tree))
    same(ad, lambda d: d.value_and_grad(total)(tree))


@in_every_order
@pytest.mark.parametrize("tree", POINTS.values(), ids=POINTS)
def test_a_pytree_in_and_out(ad, tree):
    same(ad, lambda d: d.jacobian(several)(tree))
    same(ad, lambda d: d.jvp(several, (tree,), (tree,)))
    same(ad, lambda d: d.vjp(several, tree)[1](several(tree)))
    same(ad, lambda d: d.linearize(several, tree)[1](tree))


@in_every_order
def test_the_hessian_of_a_pytree(ad):
    same(ad, lambda d: d.hessian(total)({"w": W, "b": B}))
    same(ad, lambda d: d.hessian(lambda p: jnp.sum(jnp.tanh(p.w @ p.b)))(Layer(W, B)))


@in_every_order
def test_several_pytrees(ad):
    def fun(layer, x, scale):
        return {"y": jnp.tanh(layer.w @ x + layer.b) * scale["s"]}

    args = (Layer(W, B), X, {"s": jnp.float64(2.0)})
    for argnums in (0, (0, 1), (2, 0), (0, 1, 2)):
        same(ad, lambda d, a=argnums: d.jacobian(fun, a)(*args))
    same(ad, lambda d: d.vjp(fun, *args)[1]({"y": X}))
    same(ad, lambda d: d.jvp(fun, args, args))


@in_every_order
def test_no_output_and_no_input(ad):
    same(ad, lambda d: d.grad(lambda t, x: jnp.sum(x))((), X))
    same(ad, lambda d: d.vjp(lambda x: (), X)[1](()))
