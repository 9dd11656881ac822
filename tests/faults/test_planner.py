"""A fault planted in the algebra, in a passage through an implicit map, an order, a search or a cost model is seen."""

from collections import OrderedDict
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from catenary._call import plan_local
from catenary._emit import algebra, loops
from catenary._maps.term import StructureError, Term
from catenary._plan.costs import count
from catenary._plan.costs.cost import DEVICES, MODELS
from catenary._plan.elimination import eliminate, ports
from catenary._plan.orders import cache, choose, search
from catenary.errors import PlanError
from catenary.testing import check_derivative

X = jnp.array([[0.3, -0.7, 1.1], [0.9, 0.4, -0.2], [0.5, -0.6, 0.8]])
SEEN = (AssertionError, TypeError, ValueError)  # wrong numbers, an array that does not fit, axes that do not


def explicit(x):
    """A product and a sum of several paths."""
    y = jnp.sin(x @ X)
    return y * jnp.cos(x @ X.T) + y[:, :1]


def implicit(x):
    return jnp.cumsum(jnp.sin(x @ X), 0) * x


def looped(x):
    return lax.scan(lambda c, t: (jnp.sin(c * t), c + t), x[0], x)


def check(fun):
    return check_derivative(fun, X, orders=("reverse", "forward"))


def larger(term):
    """A map that is 0.1 % too large: a number in front that nothing asked for."""
    return replace(term, scale=1.001 * term.scale)


def larger_recipe(act):
    """A step of the algebra whose result is 0.1 % too large."""
    return lambda *args: (found := act(*args)) and replace(found, term=larger(found.term))


def larger_passes(act):
    return lambda *args: replace(found := act(*args), terms=tuple(map(larger, found.terms)))


def larger_array(act):
    return lambda *args: 1.001 * act(*args)


def turned(act):
    """An array with its axes the other way round: of the right shape where they are as long as each other."""

    def fault(*args):
        value = act(*args)
        return type(value)(None if value.core is None else value.core.T, value.mask)

    return fault


def first_alone(act):
    return lambda term, parts, dtype: act(term, parts[:1], dtype)


def the_other_way(act):
    return lambda self, trip, carry, xs, reverse: act(self, trip, carry, xs, not reverse)


def undone(act):
    """A loop that forgets what its pull starts from."""
    return lambda self, cotangents, ports: act(self, [None, *cotangents[1:]], ports)


FAULTS = {
    "a product": (eliminate, "compose", larger_recipe, explicit),
    "a sum": (eliminate, "add", larger_recipe, explicit),
    "the arrays of a product": (algebra, "compose_values", turned, explicit),
    "the arrays of a sum": (algebra, "add_values", first_alone, explicit),
    "what comes back from an implicit map": (ports, "through", larger_passes, implicit),
    "what is handed to an implicit map": (algebra.Compute, "_handed", larger_array, implicit),
    "the direction of a loop": (loops.Scan, "_loop", the_other_way, looped),
    "the pull of a loop": (loops.Scan, "pull", undone, looped),
}


@pytest.mark.parametrize(("place", "name", "fault", "fun"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_algebra_is_seen(monkeypatch, place, name, fault, fun):
    monkeypatch.setattr(place, name, fault(getattr(place, name)))
    with pytest.raises(SEEN):
        check(fun)


@pytest.mark.parametrize("fun", [explicit, implicit, looped])
def test_without_a_fault_nothing_is_seen(fun):
    assert check(fun).ok


def test_a_transpose_that_does_not_turn_is_seen(monkeypatch):
    fun = lambda x: x @ jnp.sin(X)  # of which input and output have one shape

    def turned_dense():
        compute = lambda x: (ct.derivative(fun)(x).T.dense(), jnp.transpose(jax.jacobian(fun)(x), (2, 3, 0, 1)))
        np.testing.assert_allclose(*jax.jit(compute)(X), atol=1e-12)

    turned_dense()
    monkeypatch.setattr(Term, "T", property(lambda term: term))
    with pytest.raises(SEEN):
        turned_dense()


def test_an_array_that_does_not_fit_its_term_is_seen(monkeypatch):
    act = algebra.compose_values

    def fault(*args):
        value = act(*args)
        return type(value)(None if value.core is None else value.core[..., None], value.mask)

    monkeypatch.setattr(algebra, "compose_values", fault)
    with pytest.raises(StructureError, match="an array of shape"):
        jax.eval_shape(ct.jacobian(explicit), X)


@pytest.fixture
def fresh(monkeypatch):
    """A process that has planned nothing yet, and whose plans are forgotten."""
    monkeypatch.setattr(cache, "_kept", OrderedDict())


def chain(x, *maps):
    """Layers of widths that no simple sweep suits."""
    for a in maps:
        x = jnp.tanh(a @ x)
    return x


CHAIN = [jnp.ones(shape) for shape in ((9,), (4, 9), (8, 4), (2, 8), (9, 2))]


@pytest.mark.parametrize("name", choose.ORDERS)
def test_an_order_that_forgets_a_vertex_is_seen(name):
    find, local = choose.ORDERS[name], plan_local(chain, CHAIN, 0)
    order = find(local) or choose.reverse(local)  # some are for products alone
    with pytest.raises(StructureError, match="no order of"):
        choose.count(local, name, order[:-1], "flops")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("name", search.SEARCHES)
def test_a_search_that_forgets_a_vertex_is_seen(monkeypatch, name):
    monkeypatch.setitem(search.SEARCHES, name, lambda problem: problem.best[1:])
    with pytest.raises(StructureError, match="no order of"):
        ct.plan(chain, *CHAIN)


@pytest.mark.usefixtures("fresh")
def test_a_search_that_finds_a_worse_order_is_not_followed(monkeypatch):
    plan = ct.plan(chain, *CHAIN, cost="flops")
    monkeypatch.setattr(cache, "_kept", OrderedDict())
    monkeypatch.setattr(search, "SEARCHES", {"worst": lambda problem: tuple(range(len(problem.best)))[::-1]})
    assert ct.plan(chain, *CHAIN, cost="flops").cost <= min(plan.alternatives[k] for k in ("reverse", "forward"))


def test_a_plan_whose_order_forgets_a_vertex_is_refused():
    plan = ct.plan(explicit, X)
    with pytest.raises(PlanError, match="none of its"):
        ct.jacobian(explicit, order=replace(plan, order=plan.order[1:]))(X)


def priced(model):
    """Of one product, (20 × 30)(30 × 10), counted by hand, and the writing of its result."""
    cpu = DEVICES["cpu"]
    moved = 8 * (20 * 30 + 30 * 10 + 20 * 10 + 20 * 10)
    by_hand = {"flops": 12_000, "multiplications": 6_000, "products": 6_000, "time": moved / cpu.bandwidth + 2e-6}
    fun = lambda x, a, b: b @ (a @ x)
    plan = ct.plan(fun, jnp.ones(10), jnp.ones((30, 10)), jnp.ones((20, 30)), order="forward", cost=model)
    assert plan.cost == pytest.approx(by_hand[model])


@pytest.mark.parametrize("model", MODELS)
def test_a_cost_model_that_miscounts_is_seen(monkeypatch, model):
    monkeypatch.setattr(cache, "_kept", OrderedDict())
    priced(model)
    act = count.composed
    monkeypatch.setattr(cache, "_kept", OrderedDict())
    monkeypatch.setattr(count, "composed", lambda *args: act(*args).times(2))
    with pytest.raises(AssertionError):
        priced(model)
