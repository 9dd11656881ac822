"""Real programs in small: gradient or Jacobian in every order, the whole check, and the plan that is followed."""

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from catenary._plan.orders.choose import MARGIN
from catenary.testing import check_derivative
from tests.oracle import EVERY, assert_same
from tests.scenarios import SCENARIOS

each = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@each
def test_the_derivative_is_that_of_jax(scenario):
    name = "grad" if scenario.scalar else "jacobian"
    of = lambda d, args: getattr(d, name)(scenario.fun, scenario.argnums)(*args)
    ours, theirs = jax.jit(lambda *args: ([of(d, args) for d in EVERY], of(jax, args)))(*scenario.args)
    for order, found in zip(EVERY, ours, strict=True):
        assert_same(found, theirs, 1e-9, f"{name}, {order}")


@each
def test_the_check_agrees(scenario):
    assert check_derivative(scenario.fun, *scenario.args, argnums=scenario.argnums).ok


@each
def test_a_plan_is_an_order(scenario):
    """A plan made once, and used: the cheapest but for the margin, never costlier than both sweeps; the same result."""
    plan = ct.plan(scenario.fun, *scenario.args, argnums=scenario.argnums)
    ours = jax.jit(ct.jacobian(scenario.fun, scenario.argnums, order=plan))(*scenario.args)
    assert_same(ours, jax.jit(jax.jacrev(scenario.fun, scenario.argnums))(*scenario.args), 1e-9)
    assert plan.cost * (1 - MARGIN) <= min(plan.alternatives.values())
    assert plan.cost <= min(plan.alternatives[k] for k in ("reverse", "forward"))
    assert len(list(plan.rows())) == len(plan.order)
    assert len(str(plan).splitlines()) <= 12


@pytest.mark.parametrize("name", ["logistic regression", "perceptron", "GRU"])
def test_the_linear_map_is_the_jacobian(name):
    scenario = SCENARIOS[name]
    v = jax.tree.map(jnp.ones_like, scenario.args[0])

    @jax.jit
    def compute(x, *rest):
        D = ct.derivative(scenario.fun, scenario.argnums)(x, *rest)
        ours = D @ v, D.T @ jnp.float64(1.0)
        return ours, (jax.jvp(lambda x: scenario.fun(x, *rest), (x,), (v,))[1], jax.grad(scenario.fun)(x, *rest))

    ours, theirs = compute(*scenario.args)
    assert_same(ours, theirs, 1e-9)
