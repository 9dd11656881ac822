"""The numerical check: it says what differs, and a formula that fails it is not shown."""

import jax.numpy as jnp
import pytest

import catenary as ct
from catenary._derive import face as room
from catenary._derive.check import FormulaError, compare

one = jnp.ones


@pytest.fixture(scope="module")
def least_squares():
    def loss(x, A, b):
        return jnp.sum((A @ x - b) ** 2)

    return ct.derive(loss, one(3), one((5, 3)), one(5))


def test_the_right_formula_passes(least_squares):
    assert least_squares.check("2*A.T @ (A @ x - b)")
    assert "agrees" in str(least_squares.check())


@pytest.mark.parametrize(
    ("formula", "difference"),
    [
        ("2*A.T @ (b - A @ x)", "sign"),
        ("A.T @ (A @ x - b)", "factor: it should be 2 times"),
        ("2*A.T @ (A @ x)", "of the largest entry"),
        ("A @ x", "shape"),
    ],
)
def test_it_says_what_differs(least_squares, formula, difference):
    outcome = least_squares.check(formula)
    assert not outcome
    assert difference in str(outcome)


def test_a_transpose_is_seen():
    made = ct.derive(lambda X, A: jnp.sum(A * X), one((3, 4)), one((3, 4)))
    assert "its transpose" in str(made.check("A.T"))


def test_the_sign_of_the_exponent_in_the_question():
    # the text that started the project has exp(-y w x) in the denominator
    def J(w, X, y):
        return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))

    made = ct.derive(J, one(3), one((5, 3)), one(5))
    assert made.check("-X.T @ (y / (1 + exp(y * (X @ w)))) / N")
    assert not made.check("-X.T @ (y / (1 + exp(-y * (X @ w)))) / N")


def test_a_wrong_formula_is_not_shown(monkeypatch):
    define = room.define

    def corrupted(program):
        parts = define(program)
        parts.gradients = [(n, parts.value) for n, _ in parts.gradients]
        return parts

    monkeypatch.setattr(room, "define", corrupted)
    with pytest.raises(FormulaError, match="not shown, because it differs"):
        ct.derive(lambda x: jnp.sum(x**3), one(4))


def test_a_wrong_value_is_not_shown(monkeypatch):
    define = room.define

    def corrupted(program):
        parts = define(program)
        parts.value = parts.gradients[0][1]
        return parts

    monkeypatch.setattr(room, "define", corrupted)
    with pytest.raises(FormulaError, match="the value is off"):
        ct.derive(lambda x: x**3, 1.0)


def test_compare_sees_nan():
    import numpy as np

    assert not compare([np.array([np.nan])], [np.array([1.0])], ["x"], {})


def test_negative_numbers_out_of_the_domain():
    assert ct.derive(lambda x: jnp.sum(jnp.log(x)), one(4)).formula.endswith("= 1 ⊘ x")


@pytest.mark.parametrize(
    ("fun", "point"),
    [
        (lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0)), [-1.0, 4.0]),
        (lambda x: jnp.sum(jnp.where(x > 0, jnp.log(x), x) * x), [0.0, -2.0, 3.0]),
        (lambda x: jnp.sum(jnp.sinc(x)), [0.0, 0.5]),
    ],
)
def test_an_indicator_selects_and_never_multiplies(fun, point):
    made = ct.derive(fun, one(len(point)))
    scope = {}
    exec(made.python(), scope)
    found = scope["derivative"](jnp.asarray(point))
    wanted = ct.grad(fun)(jnp.asarray(point))
    assert jnp.isfinite(found).all()
    assert jnp.allclose(found, wanted, atol=1e-12)
