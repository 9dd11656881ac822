"""The formulas of known programs, to the letter; and that they are right, in every form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import together

from .examples import EXAMPLES, attention, one

NAMES = [fun.__name__ for fun, _, _ in EXAMPLES]
_made = {}


def derived(fun, args):
    if fun not in _made:
        _made[fun] = ct.derive(fun, *args)
    return _made[fun]


@pytest.mark.parametrize(("fun", "args", "formula"), EXAMPLES, ids=NAMES)
def test_the_formula(fun, args, formula):
    made = derived(fun, args)
    assert made.formula == formula
    assert made.index_free
    assert made.checked


@pytest.mark.parametrize(("fun", "args", "formula"), EXAMPLES, ids=NAMES)
def test_the_source_is_the_gradient(fun, args, formula):
    source = derived(fun, args).python("gradient")
    imports = [line for line in source.splitlines() if line.startswith("import") or " import " in line]
    assert imports == ["import jax.numpy as jnp"]
    assert "einsum" not in source and "grad(" not in source and "vjp" not in source
    scope = {}
    exec(source, scope)
    keys = iter(jax.random.split(jax.random.key(1), 100))
    args = jax.tree.map(lambda x: _random(next(keys), x), args)
    got, wanted = together(scope["gradient"], jax.grad(fun), *args)
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def _random(key, x):
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jax.random.randint(key, x.shape, 0, 3)
    return jax.random.normal(key, x.shape, jnp.float64)


@pytest.mark.parametrize(("fun", "args", "formula"), EXAMPLES, ids=NAMES)
def test_the_latex_is_balanced(fun, args, formula):
    made = derived(fun, args)
    source = made.latex()
    assert source.count("{") == source.count("}")
    assert source.count(r"\left") == source.count(r"\right")
    assert source.startswith(r"\begin{aligned}") and source.endswith(r"\end{aligned}")
    assert source.isascii()
    assert "$$" in made.markdown()


@pytest.mark.parametrize(("fun", "args", "formula"), EXAMPLES, ids=NAMES)
def test_the_text_fits(fun, args, formula):
    assert max(map(len, str(derived(fun, args)).splitlines())) <= 100


def test_the_latex_of_logistic_regression():
    fun, args, _ = EXAMPLES[0]
    wanted = (
        r"\nabla \mathrm{logistic} &= -\tfrac{1}{N} {X}^{\top} \left(y \odot \sigma\left(-y \odot X w\right)\right)"
    )
    assert wanted in derived(fun, args).latex()


def test_the_python_of_logistic_regression():
    fun, args, _ = EXAMPLES[0]
    assert "return -(X.T @ (y * sigmoid(-(y * (X @ w))))) / N" in derived(fun, args).python()


def test_attention():
    made = ct.derive(attention, one((4, 3)), one((4, 3)), one((4, 5)), one((9, 4)))
    assert made.formula.splitlines()[-1] == "∇attention = (2/√m) Xᵀ (A ⊙ (AVVᵀ − (A ⊙ AVVᵀ) 1 1ᵀ)) X Wk"


def test_several_arguments():
    fun, args, _ = EXAMPLES[0]
    made = ct.derive(fun, *args, argnums=(0, 1))
    assert made.formula.splitlines() == [
        "∂logistic/∂w = −(1/N) Xᵀ (y ⊙ σ(−y ⊙ Xw))",
        "∂logistic/∂X = −(1/N) (y ⊙ σ(−y ⊙ Xw)) wᵀ",
    ]


def test_derive_is_fast():
    import time

    fun, args, _ = EXAMPLES[0]
    start = time.perf_counter()
    ct.derive(fun, *args)
    assert time.perf_counter() - start < 5.0  # 0.1 s alone on a machine; tests share theirs
