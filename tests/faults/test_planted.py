"""Tests of the tests: a fault planted in any rule is caught by `check_rule`, and one in a map by the validator."""

import os
from contextlib import contextmanager
from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from catenary._local import tied
from catenary._maps.term import Axis, StructureError, Term, validate
from catenary._rules import LINEAR, RULES, Piece
from catenary.testing import EXAMPLES, check_derivative, check_rule
from tests.oracle import EVERY, same

FACTOR = 1.001
X = jnp.array([0.3, -0.7, 1.1])


def scaled(piece):
    """A local derivative that is 0.1 % too large: its core if it has one, the number in front if not."""
    row, term = piece.row, piece.term
    if row.core is not None:
        return replace(piece, row=replace(row, core=lambda *values: FACTOR * row.core(*values)))
    return Piece(replace(term, scale=FACTOR * term.scale), row)


def blind(piece):
    """A selection that selects everything."""
    row = piece.row
    return replace(piece, row=replace(row, mask=lambda *values: jnp.ones_like(row.mask(*values))))


@contextmanager
def planted(primitive, fault):
    """The rule of a primitive with a fault in the last factor of each of its local derivatives."""
    rule = RULES[primitive]

    def faulty(site, operand):
        answer = rule(site, operand)
        return answer and {k: wrong(path) for k, path in answer.items()}

    def wrong(path):
        """A path, or each of several that are added."""
        return [wrong(one) for one in path] if isinstance(path, list) else (*path[:-1], fault(path[-1]))

    RULES[primitive] = faulty
    try:
        yield
    finally:
        RULES[primitive] = rule


def examples(primitive):
    """The first example is enough to see a fault; the first reshape is one that no rule of ours takes."""
    return EXAMPLES[primitive.name][: 2 if primitive.name == "reshape" else 1]


# the derivative of a sign is 0, and of a complex one JAX's: there is nothing to scale
@pytest.mark.parametrize("primitive", sorted((p for p in RULES if p.name != "sign"), key=str), ids=str)
def test_a_fault_in_a_rule_is_caught(primitive):
    with planted(primitive, scaled), pytest.raises(AssertionError, match=str(primitive)):
        check_rule(primitive, examples(primitive))


@pytest.mark.parametrize("name", ["select_n", "clamp"])
def test_a_selection_that_selects_everything_is_caught(name):
    primitive = next(p for p in RULES if p.name == name)
    with planted(primitive, blind), pytest.raises(AssertionError, match=name):
        check_rule(primitive, examples(primitive))


@pytest.mark.parametrize("name", ["cumsum", "reduce_window_sum"])
def test_a_tie_too_many_is_caught(name, monkeypatch):
    """An implicit map that claims to leave alone the axis that it acts on."""
    primitive = next(p for p in LINEAR if p.name == name)
    row = LINEAR[primitive]
    claimed = lambda site: (*row.ties(site), ((0, *(None,) * (len(site.ins) - 1)), 0))
    monkeypatch.setitem(LINEAR, primitive, replace(row, ties=claimed))
    with pytest.raises((AssertionError, TypeError, ValueError), match=r"."):  # wrong numbers, or axes that do not fit
        check_rule(primitive, examples(primitive))


def test_an_axis_that_a_loop_acts_on_is_caught(monkeypatch):
    """Where every map were taken to leave every axis alone, a loop's body would be tied along its features."""
    monkeypatch.setattr(tied, "moved", lambda term, place, size: place)
    loop = lambda x: jax.lax.scan(lambda h, _: (jnp.tanh(jnp.outer(X, X) @ h), None), x, length=2)[0]
    with pytest.raises(AssertionError, match="JAX"):
        same((EVERY[1],), lambda d: d.jacrev(loop)(X))


def test_a_fault_is_seen_in_the_users_own_program():
    """Orders agree on a wrong rule, the numerical derivative does not."""
    tanh = next(p for p in RULES if p.name == "tanh")
    with planted(tanh, scaled), pytest.raises(AssertionError, match="numerical derivative"):
        check_derivative(lambda x: jnp.sum(jnp.tanh(x) ** 2), X)


def test_no_fault_is_seen_where_there_is_none():
    report = check_derivative(lambda x, w: {"y": jnp.tanh(w @ x), "z": jnp.max(x)}, X, jnp.outer(X, X), argnums=(0, 1))
    assert report.ok
    assert len(report.rows) >= 8
    check_derivative(lambda x: jnp.sum(x.astype(jnp.float32) ** 3), X.astype(jnp.float32))


def test_a_wrong_custom_rule_is_caught():
    @jax.custom_jvp
    def fun(x):
        return jnp.sin(x)

    fun.defjvps(lambda t, y, x: t * jnp.cos(x) * FACTOR)
    with pytest.raises(AssertionError, match=r"(?s)1 of .*numerical derivative"):
        check_derivative(fun, X)


def test_the_report_names_what_differs():
    def fun(p):
        return {"good": p["a"] * 2, "bad": jax.lax.stop_gradient(p["b"]) * p["b"]}

    with pytest.raises(AssertionError, match=r"numerical derivative +\['bad'\] +differ by"):
        check_derivative(fun, {"a": X, "b": X})


BROKEN = {
    "a core label on neither side": (replace(Term.of("a", "a", core="a", a=3), core=(1,)), (3,), (3,)),
    "a repeated core label": (replace(Term.of("a", "a", core="a", a=3), core=(0, 0)), (3,), (3,)),
    "an array of another shape": (Term.identity((3, 2)), (2, 3), (3, 2)),
    "a position outside": (replace(Term.identity((3,)), out=(Axis(3, 1, ((0, 1),)),)), (3,), (3,)),
    "a size too few": (replace(Term.identity((3, 2)), sizes=(3,)), (3, 2), (3, 2)),
}


@pytest.mark.parametrize(("term", "out", "inp"), BROKEN.values(), ids=BROKEN)
def test_a_broken_map_is_caught(term, out, inp):
    with pytest.raises(StructureError, match=r"label|axes|positions"):
        validate(term, out, inp)


def test_the_validator_is_on():
    assert os.environ["CATENARY_VALIDATE"] == "1"
    assert ct.grad(jnp.sin)(0.3) == jnp.cos(0.3)
