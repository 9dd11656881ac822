"""The algebra of explicit maps against its definition, on random maps: shifts, digits, masks, ties and all."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import prod
from random import Random
from typing import Any

import jax
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

SEEDS = range(50)


def matrix(term: Term, value: Value) -> np.ndarray:
    """The map written out, as a matrix."""
    return written_out(term, value).reshape(prod(a.size for a in term.out), -1)


def arrays(value: Value) -> Value:
    return Value(*(None if x is None else jnp.asarray(x) for x in (value.core, value.mask)))


def drawn(seeds: Iterable[int], draw: Callable[[Random], Any]) -> list[Any]:
    """One case a seed."""
    return [draw(Random(seed)) for seed in seeds]


def computed(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call gives, all of them compiled as one: a compilation an operation would take minutes."""

    def parts(result: Any) -> Any:
        return (result.core, result.mask) if isinstance(result, Value) else result

    found = jax.jit(lambda: [parts(call()) for call in calls])()
    return [Value(*x) if isinstance(x, tuple) else x for x in found]


def with_value(rng: Random, term: Term) -> tuple[Term, Value]:
    return term, random_value(rng, term)


def composable(rng: Random) -> tuple[tuple[Term, Value], tuple[Term, Value]]:
    first = random_term(rng, random_shape(rng))
    second = random_term(rng, tuple(a.size for a in first.out))
    return with_value(rng, second), with_value(rng, first)


def test_composition():
    cases = drawn(SEEDS, composable)
    recipes = [compose(second, first) for (second, _), (first, _) in cases]
    met = [k for k, recipe in enumerate(recipes) if recipe is not None]
    assert len(met) > len(SEEDS) // 2
    of = lambda k: compose_values(recipes[k], arrays(cases[k][0][1]), arrays(cases[k][1][1]), jnp.float64)
    products = dict(zip(met, computed([partial(of, k) for k in met]), strict=True))
    for k, (second, first) in enumerate(cases):
        expected = matrix(*second) @ matrix(*first)
        if recipes[k] is not None:
            term = recipes[k].term
            validate(term, [x.size for x in second[0].out], [x.size for x in first[0].inp])
            np.testing.assert_allclose(matrix(term, products[k]), expected, atol=1e-12, err_msg=f"seed {k}")
        else:
            np.testing.assert_array_equal(expected, 0, err_msg=f"seed {k}")


def a_map(rng: Random) -> tuple[Term, Value]:
    return with_value(rng, random_term(rng, random_shape(rng)))


def test_the_dense_basis():
    cases = drawn(SEEDS, a_map)
    found = computed([partial(dense, term, arrays(value), jnp.float64) for term, value in cases])
    for seed, ((term, value), got) in enumerate(zip(cases, found, strict=True)):
        expected = written_out(term, value)
        np.testing.assert_allclose(got, expected, atol=1e-14, err_msg=f"seed {seed}")
        whole = dense_term([x.size for x in term.out], [x.size for x in term.inp])
        np.testing.assert_allclose(written_out(whole, Value(np.squeeze(expected))), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_transpose(seed):
    term, value = a_map(Random(seed))
    moved = np.moveaxis(written_out(term, value), range(len(term.out)), range(-len(term.out), 0))
    flipped = term.T  # its labels are numbered anew, the arrays keep their axes
    np.testing.assert_allclose(written_out(flipped, value), moved if term.out else written_out(term, value))
    assert term == flipped.T


def addends(rng: Random) -> tuple[tuple[Term, Value], tuple[Term, Value]]:
    term = random_term(rng, random_shape(rng))
    other = Term(term.out, term.inp, term.sizes, *_another(rng, term))
    return with_value(rng, term), with_value(rng, other)


def test_addition():
    cases = drawn(range(25), addends)
    calls = []
    for (term, a), (other, b) in cases:
        parts, shape = [(term, arrays(a)), (other, arrays(b))], [x.size for x in (*term.out, *term.inp)]
        calls += [partial(add_values, add(term, other).term, parts, jnp.float64)]
        calls += [partial(total, parts, shape, jnp.float64)]
    found = computed(calls)
    for seed, ((term, a), (other, b)) in enumerate(cases):
        expected = written_out(term, a) + written_out(other, b)
        added = written_out(add(term, other).term, found[2 * seed])
        np.testing.assert_allclose(added, expected, atol=1e-14, err_msg=f"seed {seed}")
        np.testing.assert_allclose(found[2 * seed + 1], expected, atol=1e-14, err_msg=f"seed {seed}")


def _another(rng, term):
    """Another core, mask and scale for the same ties."""
    labels = range(len(term.sizes))
    core = tuple(rng.sample(labels, rng.randint(0, len(labels)))) if rng.random() < 0.6 else None
    return core, None, 1 if core is not None else rng.choice([1, -1, 2])


def test_terms_of_other_ties_stay_two():
    assert add(Term.of("a", "a", a=3), Term.of("a", "b", a=3, b=3)) is None


def square_map(rng: Random) -> tuple[Term, Value]:
    """A map from arrays of a shape to the same: firstᵀ ∘ first of a random one, or a random one."""
    shape = random_shape(rng)
    return with_value(rng, next(t for t in iter(lambda: _square(rng, shape), None) if t is not None))


def _square(rng, shape):
    first = random_term(rng, shape)
    if tuple(a.size for a in first.out) == shape:
        return first
    recipe = compose(first.T, first)
    return None if recipe is None else recipe.term


@pytest.mark.parametrize("restrict", [diagonal, trace])
def test_diagonal_and_trace(restrict):
    cases = drawn(SEEDS, square_map)
    recipes = [restrict(term) for term, _ in cases]
    own = lambda k: compose_values(recipes[k], arrays(cases[k][1]), arrays(cases[k][1]), jnp.float64)
    met = [k for k, recipe in enumerate(recipes) if recipe is not None]
    assert len(met) > len(SEEDS) // 2
    found = dict(zip(met, computed([partial(own, k) for k in met]), strict=True))
    for k, (term, value) in enumerate(cases):
        expected = np.diagonal(matrix(term, value))
        expected = expected.reshape([a.size for a in term.inp]) if restrict is diagonal else expected.sum()
        got = written_out(recipes[k].term, found[k]) if k in found else np.zeros_like(expected)
        np.testing.assert_allclose(got, expected, atol=1e-12, err_msg=f"seed {k}")


def three_maps(rng: Random) -> list[tuple[Term, Value]]:
    one = random_term(rng, random_shape(rng))
    two = random_term(rng, tuple(a.size for a in one.out))
    three = random_term(rng, tuple(a.size for a in two.out))
    return [with_value(rng, t) for t in (three, two, one)]


def test_three_maps_compose_in_either_order():
    cases = drawn(range(1000, 1025), three_maps)
    brackets = (((0, 1), 2), (0, (1, 2)))
    terms: dict[tuple[int, int], Term] = {}

    def bracketed(case: int, side: int) -> Any:
        found = _evaluate(brackets[side], [(t, arrays(v)) for t, v in cases[case]])
        if found is None:
            return None
        terms[case, side] = found[0]
        return found[1]

    keys = [(case, side) for case in range(len(cases)) for side in (0, 1)]
    values = dict(zip(keys, computed([partial(bracketed, *key) for key in keys]), strict=True))
    for case, side in keys:
        three, two, one = (matrix(*pair) for pair in cases[case])
        expected = three @ two @ one
        got = matrix(terms[case, side], values[case, side]) if (case, side) in terms else 0 * expected
        np.testing.assert_allclose(got, expected, atol=1e-11, err_msg=f"seed {1000 + case}")


def _evaluate(bracket, pairs):
    if isinstance(bracket, int):
        return pairs[bracket]
    left, right = (_evaluate(part, pairs) for part in bracket)
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
