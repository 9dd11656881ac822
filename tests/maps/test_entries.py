"""The entries of random maps, one by one, against their definition: alone, over a union of ranges, as one term."""

from functools import partial
from random import Random

import jax.numpy as jnp
import numpy as np
import pytest

from catenary._emit.einsum import Value
from catenary._emit.sparse import entries, fewer
from catenary._maps.pattern import gathered, pattern
from catenary._maps.term import Axis, Term, validate
from tests.maps.random_terms import random_shape, random_term, random_value, written_out
from tests.maps.test_algebra import arrays, computed


def sums(rng):
    """A map of several terms: a random one, the same with other numbers, and parts of the identity."""
    term = random_term(rng, random_shape(rng))
    terms = [term, term]
    shape = [a.size for a in (*term.out, *term.inp)]
    ends = tuple(Axis(n, n - 1) for n in shape)
    terms.append(Term(ends[: len(term.out)], ends[len(term.out) :], ()))
    return [(t, random_value(rng, t)) for t in terms]


def band(rng):
    """Pieces of a few diagonals over ranges that overlap."""
    n, terms = 7, []
    for _ in range(6):
        offset, start = rng.randint(-1, 1), rng.randint(1, 2)
        count = rng.randint(3, n - 1 - start)
        axes = (Axis(n, start, ((0, 1),)),), (Axis(n, start + offset, ((0, 1),)),)
        terms.append(Term(*axes, (count,), (0,) if rng.random() < 0.7 else None))
    return [(t, random_value(rng, t)) for t in terms]


@pytest.mark.parametrize("draw", [sums, band])
def test_the_entries_of_a_sum(draw):
    cases = [draw(Random(seed)) for seed in range(25)]
    plans = [gathered(tuple(t for t, _ in case)) for case in cases]
    shapes = [[a.size for a in (*case[0][0].out, *case[0][0].inp)] for case in cases]

    def write(case):
        return entries(case, pattern(tuple(t for t, _ in case)), jnp.float64)

    def placed(case, shape, data):
        found = pattern(tuple(t for t, _ in case))
        return np.bincount(found.positions, data, int(np.prod(shape))).reshape(shape)

    given = [[(t, arrays(v)) for t, v in case] for case in cases]
    joined = [fewer(case, jnp.float64) for case in given]
    assert draw is sums or sum(map(len, joined)) < sum(map(len, cases))
    plain, added = (computed([partial(write, c) for c in side]) for side in (given, joined))
    for case, union, plan, shape, x, y in zip(cases, joined, plans, shapes, plain, added, strict=True):
        expected = sum(written_out(t, v) for t, v in case)
        np.testing.assert_allclose(placed(case, shape, x), expected, atol=1e-12)
        np.testing.assert_allclose(placed(union, shape, y), expected, atol=1e-12)
        for term, _ in union:
            validate(term)
        if plan is not None:
            validate(plan.term)
            np.testing.assert_allclose(written_out(plan.term, Value(np.asarray(x))), expected, atol=1e-12)
