"""The same derivative in matrix form, in labelled axes and in classical indices."""

from dataclasses import replace

import jax.numpy as jnp
import pytest

import catenary as ct

from .examples import EXAMPLES, attention, column, data, labels, logistic, one, perceptron, softmax_of_labels

INDEX = [
    (logistic, data, "∂logistic/∂wᵢ = −(1/N) Σⱼ Xⱼᵢ yⱼ σ(−yⱼ Σₖ Xⱼₖ wₖ)"),
    (softmax_of_labels, labels, "∂softmax_of_labels/∂Wᵢⱼ = (1/N) Σₖ Xₖᵢ (softmaxⱼ zₖⱼ − [j = yₖ])"),
    (perceptron, (column, one(3), one(2)), "∂perceptron/∂W_{i,jk} = δ_{i,j} a_{i−1,k}    (i = 1, …, L, a₀ = x)"),
]
LABELS = [
    (logistic, data, "∂logistic/∂w[n] = −(1/|N|) Σ_N X[N n] y[N] σ(−y[N] Σₙ′ X[N n′] w[n′])"),
    (softmax_of_labels, labels, "∂softmax_of_labels/∂W[n m] = (1/|N|) Σ_N X[N n] (softmaxₘ z[N m] − [m = y[N]])"),
    (perceptron, (column, one(3), one(2)), "∂perceptron/∂W₂[k n] = δ₂[k] a₁[n]"),
]


@pytest.mark.parametrize(("fun", "args", "line"), INDEX)
def test_classical_indices(fun, args, line):
    assert line in ct.derive(fun, *args, form="index").steps


@pytest.mark.parametrize(("fun", "args", "line"), LABELS)
def test_labelled_axes(fun, args, line):
    assert line in ct.derive(fun, *args, form="labels").steps


def test_two_forms_side_by_side():
    fun, args, formula = EXAMPLES[0]
    made = ct.derive(fun, *args, form=("matrix", "index"))
    assert made.formula.splitlines() == [formula, INDEX[0][2]]
    assert made.formula in str(made).replace("\n  ", "\n")
    assert "| matrix | index |" in made.markdown()
    assert r"\nabla" in made.latex() and r"\sum_{j}" in made.latex()


def test_no_letter_means_two_things():
    def f(i, X, k):
        return jnp.sum((X @ i) ** 2) * k

    made = ct.derive(f, one(3), one((4, 3)), 2.0, form="index")
    assert made.formula == "∂f/∂iⱼ = 2 k Σₗ Xₗⱼ Σₘ Xₗₘ iₘ"


def test_an_unknown_form_is_named():
    with pytest.raises(ValueError, match="form='tensor'"):
        ct.derive(logistic, *data, form="tensor")


@pytest.mark.parametrize("form", ["labels", "index", ("matrix", "labels", "index")])
def test_every_form_fits_in_text(form):
    made = ct.derive(attention, one((4, 3)), one((4, 3)), one((4, 5)), one((9, 4)), form=form)
    assert max(map(len, str(made).splitlines())) <= 100
    assert made.latex().isascii()


def test_each_definition_has_its_derivative():
    steps = ct.derive(perceptron, column, one(3), one(2)).steps
    assert "dz_i = W_i da_{i−1} + dW_i a_{i−1} + db_i    (i = 2, …, L)" in steps
    assert "da_i = dz_i ⊙ tanh′(z_i)    (i = 1, …, L)" in steps
    assert "dperceptron = da_Lᵀ (a_L − y)" in steps


def test_what_does_not_vary_has_no_differential():
    steps = ct.derive(attention, one((4, 3)), one((4, 3)), one((4, 5)), one((9, 4)), argnums=1).steps
    assert "dA = A ⊙ (dS − (A ⊙ dS) 1 1ᵀ)" in steps
    assert not any(step.startswith("dV") for step in steps)


def test_local_derivatives_are_checked():
    made = ct.derive(perceptron, column, one(3), one(2))
    made.differentials[0] = replace(made.differentials[0], value=made.forward[0].value)
    assert not made.check() and "local derivatives" in str(made.check())


def centred(x):
    mu = jnp.mean(x)
    return x - mu


def test_what_a_function_returns_is_named_where_it_is_called():
    def f(x):
        u = centred(x)
        return jnp.sum(jnp.tanh(u) ** 2) + jnp.sum(u**4)

    assert any(step.startswith("u = x") for step in ct.derive(f, one(3)).steps)
