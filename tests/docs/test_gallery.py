"""The gallery: its textbooks' formulas are right, ours are too and as short, and its pages are as generated."""

from statistics import median

import jax
import numpy as np
import pytest

from docs.gallery.outcome import ours
from docs.gallery.page import FOLDER, LENGTH, index, page
from docs.gallery.programs import FAMILIES, gallery

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


LONGEST, MEDIAN = 2.5, 1.3


@pytest.mark.parametrize("family", FAMILIES)
def test_our_formulas_are_right_and_short_and_the_page_is_as_generated(family):
    derived = [ours(entry) for entry in gallery()[family]]
    made = dict(zip((entry.name for entry in gallery()[family]), derived, strict=True))
    short = {name: o.trouble or o.ratio for name, o in made.items() if not o.right or o.ratio > LONGEST}
    assert not short, short
    text = page(family, gallery()[family], derived)
    assert (FOLDER / f"{family}.md").read_text() == text, "run: python -m docs.gallery"


def test_the_index_is_as_generated():
    pages = {family: (FOLDER / f"{family}.md").read_text() for family in FAMILIES}
    assert (FOLDER / "README.md").read_text() == index(pages), "run: python -m docs.gallery"
    assert median(float(n) for text in pages.values() for n, _ in LENGTH.findall(text)) <= MEDIAN
