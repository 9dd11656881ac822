"""Random programs: a formula that is right, or an error that says what is missing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary.testing import random_program
from tests.oracle import together

SEEDS = range(30)


def scalar(program):
    def total(*args):
        leaves = [x for x in jax.tree.leaves(program(*args)) if jnp.issubdtype(x.dtype, jnp.floating)]
        return sum(jnp.sum(x) * (1.0 + n) for n, x in enumerate(leaves))

    return total


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_program(seed):
    program = random_program(seed, 4)
    fun, args = scalar(program), program.point()
    argnums = tuple(range(len(args)))
    try:
        made = ct.derive(fun, *args, argnums=argnums)
    except NotImplementedError as error:
        assert "ct.derive" in str(error) or "no Python form" in str(error)
        return
    scope = {}
    exec(made.python(), scope)
    got, wanted = map(jax.tree.leaves, together(scope["derivative"], jax.grad(fun, argnums), *args))
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
    assert max(map(len, str(made).splitlines())) <= 100
    assert made.latex().count("{") == made.latex().count("}")


def test_most_random_programs_have_a_formula():
    found = 0
    for seed in SEEDS:
        program = random_program(seed, 2)
        try:
            ct.derive(scalar(program), *program.point())
            found += 1
        except NotImplementedError:
            pass
    assert found >= len(SEEDS) // 2
