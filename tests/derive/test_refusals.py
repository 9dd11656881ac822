"""What cannot be derived says so: never a guess, never a silent omission."""

import jax.numpy as jnp
import pytest

import catenary as ct

one = jnp.ones


@pytest.mark.parametrize(
    ("fun", "args", "error", "message"),
    [
        (3, (), TypeError, "expected a function, got int"),
        (lambda x: jnp.sum(x), (one(3, int),), TypeError, "argument x has dtype int.*leave it out with argnums"),
        (lambda x: (x.sum(), x), (one(3),), TypeError, "returns 2 arrays"),
        (lambda x: jnp.linalg.qr(x)[1].sum(), (one((3, 3)),), NotImplementedError, "no formula yet for the primitive"),
        (lambda x, i: jnp.sum(x.at[i].set(x[:3])), (one(4), one(3, int)), NotImplementedError, "two may be the same"),
        (lambda x: jnp.sum(x > 0), (one(4),), TypeError, "dtype int"),
    ],
)
def test_the_error_names_what_was_found(fun, args, error, message):
    with pytest.raises(error, match=message):
        ct.derive(fun, *args)


def test_an_argument_out_of_range():
    with pytest.raises(ValueError, match=r"argnums=2 requires at least 3 .*got only 1"):
        ct.derive(lambda x: jnp.sum(x), one(3), argnums=2)


def test_no_derivative_outside_the_domain():
    from catenary._derive.check import FormulaError

    with pytest.raises(FormulaError, match="no finite derivative"):
        ct.derive(lambda x: jnp.sum(jnp.log(-jnp.abs(x))), one(3))


def test_without_a_matrix_form_it_says_so():
    made = ct.derive(lambda x, T: jnp.einsum("iij,j->", T, x) ** 2, one(3), one((3, 3, 3)))
    assert not made.index_free
    assert "written with indices" in str(made)
    assert made.checked


def test_a_constant_has_no_derivative():
    assert ct.derive(lambda x: 3.0, one(3)).formula == "∇f = 0"


def test_single_entries():
    made = ct.derive(lambda x: x[0] * x[-1], one(3))
    assert made.index_free
    assert made.checked
