"""The gallery: its textbooks' formulas are right."""

import jax
import numpy as np
import pytest

from docs.gallery.programs import gallery

ENTRIES = [(family, entry) for family, entries in gallery().items() for entry in entries]
IDS = [f"{family}: {entry.name}" for family, entry in ENTRIES]


def assert_derivative(entry, formula):
    """Compare a formula with JAX's derivative at the entry's own arguments."""
    transform = jax.hessian if entry.order == 2 else jax.jacrev
    wanted = jax.jit(transform(entry.fun, argnums=entry.argnums))(*entry.args)
    got = formula(*entry.args)
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("entry", [entry for _, entry in ENTRIES], ids=IDS)
def test_the_textbook_is_right(entry):
    assert_derivative(entry, entry.python)


def test_a_wrong_textbook_is_caught():
    entry = ENTRIES[2][1]
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_derivative(entry, lambda *args: 1.001 * entry.python(*args))
