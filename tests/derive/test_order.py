"""What depends on order: sort, argsort, the largest, quantiles, lookups, cumulations."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct

from .test_stencil import agrees

x, w, i = jnp.arange(9.0), jnp.ones(9), jnp.ones(4, int)

ORDERED = [
    (lambda x, w: jnp.sort(x) @ w, (x, w), "∇f = onehot(argsort(x))ᵀ w"),
    (lambda x, w: x[jnp.argsort(x)] @ w, (x, w), "∇f = onehot(argsort(x))ᵀ w"),
    (lambda x: jnp.max(x) ** 2, (x,), "∇f = 2 max(x) [x = max(x)]"),
    (lambda w, x: w[jnp.argmax(x)] ** 2, (w, x), None),
    (lambda x, w: w[jnp.argmin(x)] * (x @ w), (x, w), None),
    (lambda x: jnp.sum(lax.top_k(x, 3)[0] ** 2), (x,), None),
    (lambda x: jnp.median(x), (x,), "∇f = onehot(argsort(x)₄)"),
    (lambda E, i: jnp.sum(jnp.tanh(E[i])), (jnp.ones((5, 3)), i), "∇f = onehot(i)ᵀ tanh′(onehot(i) E)"),
    (lambda x, i: jnp.sum(jnp.take(x, i) ** 2), (x, i), None),
    (lambda x, i: jnp.sum(jax.ops.segment_sum(x, i, 5) ** 2), (jnp.ones(4), i), None),
    (lambda x: jnp.sum(lax.cumsum(x, reverse=True) ** 2), (x,), None),
    (lambda x: jnp.sum(jnp.cumsum(x) ** 2), (x,), None),
    (lambda x: jnp.sum(jnp.cumprod(x)), (x,), None),
    (lambda x: jnp.sum(lax.cumlogsumexp(x)), (x,), None),
    (lambda X: jnp.sum(jnp.sort(X, axis=0)[0] ** 2), (jnp.ones((4, 3)),), None),
]


@pytest.mark.parametrize(("fun", "args", "formula"), ORDERED)
def test_what_depends_on_order(fun, args, formula):
    made = ct.derive(fun, *args)
    assert made.index_free
    assert formula in (None, made.formula)
    agrees(made, fun, args)


@pytest.mark.parametrize(
    ("fun", "named"),
    [
        (lambda x: jnp.sum(lax.cummax(x)), "cummax"),
        (lambda x: jnp.sum(jnp.abs(jnp.fft.rfft(x)) ** 2), "fft"),
        (lambda x: jnp.sum(x[jnp.searchsorted(x, x)]), "searchsorted|call_hi_primitive"),  # the latter from JAX 0.12 on
    ],
)
def test_what_has_no_formula_is_refused_by_name(fun, named):
    with pytest.raises(NotImplementedError, match=named):
        ct.derive(fun, x)
