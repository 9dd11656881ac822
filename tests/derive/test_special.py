"""Special functions, activations by choices, and the constants that JAX computes before it traces."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import jax.scipy as jsp
import pytest

import catenary as ct
from catenary._derive.expressions.build import num, power
from catenary._derive.expressions.constants import PI, constant

from .test_stencil import agrees

x, y = jnp.full(6, 0.5), jnp.ones(6)


def of(f):
    return lambda x: jnp.sum(f(x))


ONE_ARGUMENT = [
    (jsp.special.erf, "∇f = (2/√π) exp(−x^∘2)"),
    (jsp.special.erfc, "∇f = −(2/√π) exp(−x^∘2)"),
    (jsp.special.gammaln, "∇f = digamma(x)"),
    (jsp.special.digamma, None),
    (jsp.special.erfinv, None),
    (jsp.special.expit, "∇f = σ′(x)"),
    (jsp.special.logit, "∇f = 1 ⊘ (1 − x) + 1 ⊘ x"),
    (jsp.special.entr, None),
    (jnp.sinc, None),
    (jsp.stats.norm.pdf, None),
    (jsp.stats.norm.cdf, None),
    (lambda x: jsp.stats.t.logpdf(x, 3.0), None),
    (jax.nn.gelu, None),
    (lambda x: jax.nn.gelu(x, approximate=False), None),
    (jax.nn.silu, "∇f = x ⊙ σ′(x) + σ(x)"),
    (jax.nn.elu, "∇f = exp(x) ⊙ [0 ≥ x] + [x > 0]"),
    (jax.nn.selu, None),
    (jax.nn.leaky_relu, None),
    (jax.nn.mish, None),
    (jax.nn.hard_tanh, "∇f = [x ≥ −1] ⊙ [1 ≥ x]"),
    (jax.nn.hard_sigmoid, None),
    (jax.nn.celu, None),
    (jax.nn.soft_sign, None),
    (jax.nn.squareplus, None),
]


@pytest.mark.parametrize(("function", "formula"), ONE_ARGUMENT)
def test_of_one_argument(function, formula):
    fun = of(function)
    made = ct.derive(fun, x)
    assert formula in (None, made.formula)
    agrees(made, fun, (x,))


SEVERAL = [
    (lambda x, y: jnp.sum(jsp.special.xlogy(x, y)), (x, y), "∇f = ln(y)"),
    (lambda q, p: jnp.sum(jsp.special.rel_entr(p, q)), (x, y), None),
    (lambda m, y, s: jnp.sum(jsp.stats.norm.logpdf(y, m, s)), (jnp.ones(()), y, jnp.ones(())), None),
    (lambda a, b: jsp.special.gammaln(a) - jsp.special.gammaln(a + b), (jnp.ones(()), jnp.ones(())), None),
    (lambda x, y: jnp.sum(jnp.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5)), (x, y), None),
    (lambda w, X, y: jnp.mean(jnp.maximum(0, 1 - y * (X @ w))), (jnp.ones(3), jnp.ones((6, 3)), y), None),
    (lambda w, X, y: -jnp.sum(y * jnp.log(jsp.stats.norm.cdf(X @ w))), (jnp.ones(3), jnp.ones((6, 3)), y), None),
]


@pytest.mark.parametrize(("fun", "args", "formula"), SEVERAL)
def test_of_several_arguments(fun, args, formula):
    made = ct.derive(fun, *args)
    assert formula in (None, made.formula)
    agrees(made, fun, args)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (math.pi, PI),
        (math.sqrt(2 / math.pi), None),
        (math.sqrt(2 * math.pi), None),
        (1 / math.sqrt(2), power(num(2), Fraction(-1, 2))),
        (math.log(2), None),
    ],
)
def test_constants_have_names(value, wanted):
    found = constant(value)
    assert found is not None and wanted in (None, found)


def test_a_decimal_is_a_decimal():
    assert constant(0.044715) is None
    assert constant(0.7978845608) is None
    assert constant(math.pi * (1 + 1e-14)) is None
