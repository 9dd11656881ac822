"""Arrays with more than two axes: reshapes, batches and heads, each formula executed beside jax.grad."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import together

from .families import FAMILIES

NAMES = [fun.__name__ for fun, *_ in FAMILIES]


@pytest.mark.parametrize(("fun", "args", "argnums", "formula"), FAMILIES, ids=NAMES)
def test_a_family_of_matrices(fun, args, argnums, formula):
    made = ct.derive(fun, *args, argnums=argnums)
    assert made.index_free
    if formula:
        assert made.formula.replace(f"∇{fun.__name__}", "∇f") == formula
    source = made.python("gradient")
    assert "einsum" not in source
    scope = {}
    exec(source, scope)
    keys = iter(jax.random.split(jax.random.key(1), 100))
    args = jax.tree.map(lambda x: jax.random.normal(next(keys), x.shape, jnp.float64), args)
    got, wanted = together(scope["gradient"], jax.grad(fun, argnums), *args)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_what_needs_indices_contracts_by_einsum():
    made = ct.derive(lambda x, T: jnp.einsum("iij,j->", jnp.tanh(T), x) ** 2, jnp.ones(3), jnp.ones((3, 3, 3)))
    assert not made.index_free
    assert "jnp.einsum" in made.python()
