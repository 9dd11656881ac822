"""Linear algebra: the formulas to the letter, and that their source is the gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary._derive.expressions.assume import FACTS, free_part, obeying
from tests.oracle import together

from .linalg_examples import EXAMPLES, A, a, log_determinant, mahalanobis, one

NAMES = [fun.__name__ + "".join(f"-{f}" for f in facts.values()) for fun, _, facts, _ in EXAMPLES]
_made = {}


def derived(fun, args, facts):
    name = fun, str(facts)
    if name not in _made:
        _made[name] = ct.derive(fun, *args, assume=facts)
    return _made[name]


@pytest.mark.parametrize(("fun", "args", "facts", "formula"), EXAMPLES, ids=NAMES)
def test_the_formula(fun, args, facts, formula):
    made = derived(fun, args, facts)
    assert made.formula == formula
    assert made.checked


@pytest.mark.parametrize(("fun", "args", "facts", "formula"), EXAMPLES, ids=NAMES)
def test_the_source_is_the_gradient(fun, args, facts, formula):
    made = derived(fun, args, facts)
    source = made.python("gradient")
    assert [line for line in source.splitlines() if "import" in line] == ["import jax.numpy as jnp"]
    assert "einsum" not in source and "grad(" not in source and "vjp" not in source
    scope = {}
    exec(source, scope)
    rng = np.random.default_rng(3)
    leaves, structure = jax.tree.flatten(args)
    args = jax.tree.unflatten(structure, [_drawn(rng, i, x) for i, x in zip(made.inputs, leaves, strict=True)])
    got, wanted = map(jax.tree.leaves, together(scope["gradient"], jax.grad(fun), *args))
    for i, g, w in zip([i for i in made.inputs if i.chosen], got, wanted, strict=True):
        np.testing.assert_allclose(g, free_part(i.fact, np.asarray(w)), rtol=1e-8, atol=1e-10)


def _drawn(rng, leaf, x):
    """Draw an array that obeys its fact; a matrix of which none is known is well conditioned, and its symmetric part
    definite."""
    x = jnp.asarray(x)
    drawn = rng.uniform(0.5, 1.5, x.shape) if x.ndim == 0 else rng.normal(size=x.shape)
    if x.ndim == 2 and x.shape[0] == x.shape[1] and not leaf.fact:
        drawn = drawn / 4 + 3 * np.eye(len(drawn))
    return jnp.asarray(obeying(leaf.fact, drawn))


def test_facts_are_stated():
    made = ct.derive(mahalanobis, a, a, A, assume={"S": "symmetric"})
    assert "S is symmetric" in str(made)
    assert "entries as independent" not in str(made)
    made = ct.derive(log_determinant, A, assume={"X": "positive definite"})
    assert "X is symmetric and positive definite" in str(made)
    assert "the symmetric part is given" in " ".join(str(made).split())


@pytest.mark.parametrize(
    ("fun", "facts", "formula"),
    [
        (lambda x: jnp.sum(jnp.sqrt(x**2)), {"x": "positive"}, "1"),
        (lambda x: jnp.sum(jnp.abs(x)), {"x": "positive"}, "1"),
    ],
)
def test_what_is_positive(fun, facts, formula):
    made = ct.derive(fun, one(4), assume=facts)
    assert made.formula.endswith(f"= {formula}")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"B": "symmetric"}, r"assume names 'B', but the arguments are X"),
        ({"X": "pretty"}, r"expected one of 'symmetric', 'positive definite'"),
        ({"X": "unit"}, r"X has shape \(4, 4\); 'unit' is a fact of a vector"),
    ],
)
def test_what_cannot_be_assumed(facts, message):
    with pytest.raises(ValueError, match=message):
        ct.derive(log_determinant, A, assume=facts)


@pytest.mark.parametrize("fact", FACTS)
def test_random_values_obey_their_fact(fact):
    x = np.random.default_rng(0).normal(size=(5,) if fact == "unit" else (5, 5))
    x = obeying(fact, x)
    held = {
        "symmetric": lambda: (x == x.T).all(),
        "positive definite": lambda: np.linalg.eigvalsh(x).min() > 0 and (x == x.T).all(),
        "orthonormal": lambda: np.allclose(x.T @ x, np.eye(5)),
        "positive": lambda: (x > 0).all(),
        "one-hot": lambda: (x.sum(1) == 1).all() and set(x.ravel()) == {0.0, 1.0},
        "unit": lambda: np.isclose(x @ x, 1),
    }
    assert held[fact]()
    assert np.allclose(free_part(fact, x), x) or fact not in ("symmetric", "positive definite")


def test_a_call_of_ones_own_with_a_known_name_is_read_for_what_it_is():
    @jax.jit
    def inv(x):
        return 2 * x

    assert ct.derive(lambda x: jnp.sum(inv(x)), one((3, 3))).formula.endswith("= 2 1 1ᵀ")
