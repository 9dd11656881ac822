"""The cost models: what a step costs in each, and that time is a pure function of work and device."""

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from benchmarks.flops import flops
from benchmarks.structure import batched_perceptron, chain, row_softmax
from catenary._call import plan_local
from catenary._plan.costs.cost import DEVICES, MODELS, Price, Work, device
from catenary._plan.costs.count import Count
from catenary._plan.costs.predict import predicted_flops
from catenary._plan.costs.tally import Table, counted
from catenary._plan.elimination.eliminate import eliminate
from catenary._plan.orders.known import ORDERS
from tests.scenarios import SCENARIOS


def f32(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def hourglass(x, a, b, c, d):
    return d @ jnp.tanh(c @ jnp.tanh(b @ jnp.tanh(a @ x)))


HOURGLASS = f32(512), f32(512, 512), f32(4, 512), f32(512, 4), f32(512, 512)


def test_the_literature_charges_ones_and_we_do_not():
    """v = x + y, w = v · v, u = −w: three eliminations, every pair of partials counts, ±1 or not."""

    def fun(x, y):
        v = x + y
        return -(v * v)

    plans = {cost: ct.plan(fun, 1.0, 2.0, argnums=(0, 1), order="reverse", cost=cost).cost for cost in MODELS}
    assert plans["multiplications"] == 1 + 2  # −w∘w∘v; v has one edge to w, the sum of two
    assert plans["products"] == 0


def test_every_model_finds_the_waist():
    for cost in MODELS:
        plan = ct.plan(hourglass, *HOURGLASS, cost=cost)
        assert plan.name == "chain"
        assert plan.alternatives["reverse"] > 10 * plan.cost


def test_time_is_a_roofline():
    cpu = DEVICES["cpu"]
    assert cpu.seconds(Work(flops=6 * 10**10, bytes=1, kernels=1)) == pytest.approx(1 + cpu.kernel)
    assert cpu.seconds(Work(flops=1, bytes=int(cpu.bandwidth), kernels=1)) == pytest.approx(1 + cpu.kernel)
    assert cpu.seconds(Work(flops=8, kernels=1), width=8) > cpu.seconds(Work(flops=8, kernels=1))
    assert device("NVIDIA H100 80GB HBM3") is DEVICES["h100"]
    assert device("an accelerator of next year") is DEVICES["gpu"]


def test_symbolic_sizes_count_at_typical_values_and_stay_in_the_formula():
    (n,) = jax.export.symbolic_shape("n")
    work = Work(flops=n * n)
    assert Price("flops", [(n,)])(work) == 64**2
    assert ct.plan(lambda x, a: jnp.tanh(a @ x).sum(), f32(n), f32(n, n), cost="time").formula == "2*n^2"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_looked_up_is_what_would_be_counted(name):
    """The table of products changes nothing: the same maps, the same work, the same price, in every order."""
    scenario = SCENARIOS[name]
    local = plan_local(scenario.fun, scenario.args, scenario.argnums)
    table = Table()
    for order in ("reverse", "forward", "markowitz"):
        sequence = ORDERS[order](local)
        fresh, looked_up = Count(local), Count(local)
        maps = eliminate(local, sequence, fresh)
        assert counted(local, sequence, looked_up, table) == maps
        assert looked_up.work == fresh.work
        assert looked_up.total == pytest.approx(fresh.total)


PREDICTED = {
    "chain": (chain, (f32(30), f32(40, 30), f32(4, 40), f32(50, 4))),
    "batched perceptron": (batched_perceptron, (f32(32, 8), f32(8, 16), f32(16, 8))),
    "row softmax": (row_softmax, (f32(32, 16),)),
    "gradient": (lambda w, x: jnp.mean(jnp.tanh(x @ w) ** 2), (f32(64, 16), f32(32, 64))),
    "loop": (lambda h, w: jax.lax.fori_loop(0, 20, lambda _, y: jnp.tanh(y @ w), h), (f32(4, 16), f32(16, 16))),
}


@pytest.mark.parametrize("name", PREDICTED)
def test_predicted_flops_are_those_that_xla_counts(name):
    fun, shapes = PREDICTED[name]
    plan = ct.plan(fun, *shapes)
    counted = flops(jax.jit(ct.jacobian(fun, order=plan)).lower(*shapes).compile())
    assert predicted_flops(plan_local(fun, shapes, 0), plan) == pytest.approx(counted, rel=0.1)
