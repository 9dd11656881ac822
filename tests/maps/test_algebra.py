"""The algebra of explicit maps against its definition, on random maps: shifts, digits, masks, ties and all."""

from math import prod
from random import Random

import jax.numpy as jnp
import numpy as np
import pytest

from catenary._emit.basis import dense, total
from catenary._emit.einsum import Value, add_values, compose_values
from catenary._maps.add import add
from catenary._maps.compose import compose
from catenary._maps.dense import dense_term
from catenary._maps.restrict import diagonal, trace
from catenary._maps.term import Term, validate
from tests.maps.random_terms import random_shape, random_term, random_value, written_out
from tests.once import once

pytestmark = once

SEEDS = range(50)


def matrix(term: Term, value: Value) -> np.ndarray:
    """The map written out, as a matrix."""
    return written_out(term, value).reshape(prod(a.size for a in term.out), -1)


def arrays(value: Value) -> Value:
    return Value(*(None if x is None else jnp.asarray(x) for x in (value.core, value.mask)))


@pytest.mark.parametrize("seed", SEEDS)
def test_composition(seed):
    rng = Random(seed)
    first = random_term(rng, random_shape(rng))
    second = random_term(rng, tuple(a.size for a in first.out))
    a, b = random_value(rng, second), random_value(rng, first)
    expected = matrix(second, a) @ matrix(first, b)
    recipe = compose(second, first)
    if recipe is None:
        np.testing.assert_array_equal(expected, 0)
        return
    validate(recipe.term, [x.size for x in second.out], [x.size for x in first.inp])
    product = compose_values(recipe, arrays(a), arrays(b), jnp.float64)
    np.testing.assert_allclose(matrix(recipe.term, product), expected, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_dense_basis(seed):
    rng = Random(seed)
    term = random_term(rng, random_shape(rng))
    value = random_value(rng, term)
    expected = written_out(term, value)
    np.testing.assert_allclose(dense(term, arrays(value), jnp.float64), expected, atol=1e-14)
    whole = dense_term([x.size for x in term.out], [x.size for x in term.inp])
    np.testing.assert_allclose(written_out(whole, Value(np.squeeze(expected))), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_transpose(seed):
    rng = Random(seed)
    term = random_term(rng, random_shape(rng))
    value = random_value(rng, term)
    moved = np.moveaxis(written_out(term, value), range(len(term.out)), range(-len(term.out), 0))
    flipped = term.T  # its labels are numbered anew, the arrays keep their axes
    np.testing.assert_allclose(written_out(flipped, value), moved if term.out else written_out(term, value))
    assert term == flipped.T


@pytest.mark.parametrize("seed", range(25))
def test_addition(seed):
    rng = Random(seed)
    term = random_term(rng, random_shape(rng))
    other = Term(term.out, term.inp, term.sizes, *_another(rng, term))
    a, b = random_value(rng, term), random_value(rng, other)
    expected = written_out(term, a) + written_out(other, b)
    joined = add(term, other)
    value = add_values(joined.term, [(term, arrays(a)), (other, arrays(b))], jnp.float64)
    np.testing.assert_allclose(written_out(joined.term, value), expected, atol=1e-14)
    shape = expected.shape
    np.testing.assert_allclose(total([(term, arrays(a)), (other, arrays(b))], shape, jnp.float64), expected, atol=1e-14)


def _another(rng, term):
    """Another core, mask and scale for the same ties."""
    labels = range(len(term.sizes))
    core = tuple(rng.sample(labels, rng.randint(0, len(labels)))) if rng.random() < 0.6 else None
    return core, None, 1 if core is not None else rng.choice([1, -1, 2])


def test_terms_of_other_ties_stay_two():
    assert add(Term.of("a", "a", a=3), Term.of("a", "b", a=3, b=3)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_diagonal_and_trace(seed):
    rng = Random(seed)
    shape = random_shape(rng)
    term = next(t for t in iter(lambda: _square(rng, shape), None) if t is not None)
    value = random_value(rng, term)
    expected = np.diagonal(matrix(term, value)).reshape(shape)
    recipe = diagonal(term)
    got = 0 if recipe is None else written_out(recipe.term, _own(recipe, value))
    np.testing.assert_allclose(got, expected if recipe else 0 * expected, atol=1e-12)
    np.testing.assert_allclose(expected if recipe is None else 0, 0)
    recipe = trace(term)
    got = 0 if recipe is None else written_out(recipe.term, _own(recipe, value))
    np.testing.assert_allclose(got, expected.sum(), atol=1e-12)


def _own(recipe, value):
    return compose_values(recipe, arrays(value), arrays(value), jnp.float64)


def _square(rng, shape):
    """A map from arrays of a shape to the same: second ∘ firstᵀ of two random ones that meet, or a random one."""
    first = random_term(rng, shape)
    if tuple(a.size for a in first.out) == shape:
        return first
    recipe = compose(first.T, first)
    return None if recipe is None else recipe.term


@pytest.mark.parametrize("seed", range(25))
def test_three_maps_compose_in_either_order(seed):
    rng = Random(1000 + seed)
    one = random_term(rng, random_shape(rng))
    two = random_term(rng, tuple(a.size for a in one.out))
    three = random_term(rng, tuple(a.size for a in two.out))
    values = [arrays(random_value(rng, t)) for t in (three, two, one)]
    results = []
    for bracket in (((0, 1), 2), (0, (1, 2))):
        results.append(_evaluate(bracket, (three, two, one), values))
    (a, b), expected = results, matrix(three, values[0]) @ matrix(two, values[1]) @ matrix(one, values[2])
    for result in (a, b):
        np.testing.assert_allclose(0 * expected if result is None else matrix(*result), expected, atol=1e-11)


def _evaluate(bracket, terms, values):
    if isinstance(bracket, int):
        return terms[bracket], values[bracket]
    left, right = (_evaluate(part, terms, values) for part in bracket)
    if left is None or right is None:
        return None
    recipe = compose(left[0], right[0])
    return None if recipe is None else (recipe.term, compose_values(recipe, left[1], right[1], jnp.float64))


def test_structure_is_kept():
    """A batched product composed with an entrywise map stays block-diagonal in the batch, a diagonal stays diagonal."""
    w = Term.of("b m", "b n", core="m n", b=5, m=3, n=2)
    tanh = Term.of("b m", "b m", core="b m", b=5, m=3)
    assert compose(tanh, w).term == Term.of("b m", "b n", core="b m n", b=5, m=3, n=2)
    assert compose(tanh, tanh).term == tanh
    assert compose(Term.identity((5, 3)), w).term == w
    total = Term.of("m", "b m", b=5, m=3)
    assert compose(total, tanh).term == Term.of("m", "b m", core="b m", b=5, m=3)
    assert compose(total, total.T).term.scale == 5


def test_masks_select_and_do_not_multiply():
    """∞ under a mask that is False is 0, in a composition and in a basis."""
    picked = Term.of("a", "a", mask="a", a=3)
    slope = Term.of("a", "a", core="a", a=3)
    mask, core = Value(None, jnp.array([True, False, True])), Value(jnp.array([1.0, jnp.inf, 2.0]))
    for second, first, values in ((picked, slope, (mask, core)), (slope, picked, (core, mask))):
        recipe = compose(second, first)
        value = compose_values(recipe, *values, jnp.float64)
        np.testing.assert_array_equal(dense(recipe.term, value, jnp.float64), np.diag([1.0, 0.0, 2.0]))
