"""The lower bound is below the cost of every order: all orders of small programs are counted, in every model."""

import itertools
import random

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from catenary._call import plan_local
from catenary._plan.costs.bound import lower_bound
from catenary._plan.costs.cost import MODELS
from catenary._plan.orders.choose import candidates, count


def ones(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


PROGRAMS = {
    "chain": (lambda x, a, b: b @ jnp.tanh(a @ x), (ones(5), ones(3, 5), ones(4, 3)), 0),
    "loss": (lambda x, a, b: jnp.sum(jnp.tanh(b @ jnp.tanh(a @ x)) ** 2), (ones(5), ones(4, 5), ones(3, 4)), 0),
    "by all": (lambda x, a: jnp.sum(jnp.tanh(a @ x) ** 2), (ones(5), ones(4, 5)), (0, 1)),
    "waist": (lambda x, a, b, c: c @ jnp.tanh(b @ (a @ x)), (ones(6), ones(2, 6), ones(2, 2), ones(6, 2)), 0),
    "batch": (lambda x, a, b: jnp.tanh(x @ a) @ b, (ones(4, 3), ones(3, 5), ones(5, 2)), 0),
    "residual": (lambda x, a: x + a @ jnp.tanh(a @ x), (ones(4), ones(4, 4)), 0),
    "entries": (lambda x: jnp.tanh(jnp.sin(x) * x), (ones(4),), 0),
    "softmax": (jax.nn.softmax, (ones(3),), 0),
    "slices": (lambda x: jnp.sin(x[1:]) * jnp.cos(x[:-1]), (ones(5),), 0),
    "disjoint": (lambda x: jnp.pad(jnp.sin(x[:2]), (0, 2)) * jnp.cos(x), (ones(4),), 0),
    "pad": (lambda x, a: jnp.tanh(a @ jnp.pad(jnp.sin(x), 1)), (ones(3), ones(2, 5)), 0),
    "copies": (lambda x, b: jnp.tanh(x[None] * b[:, None]).sum(1), (ones(4), ones(3)), (0, 1)),
    "mean": (lambda x, a: (x - x.mean()) * jnp.exp(a @ x), (ones(4), ones(4, 4)), 0),
    "selected": (lambda x, y: (x * y, jnp.tanh(jax.nn.relu(x))), (ones(), ones()), (0, 1)),
    "picked": (lambda x: jnp.exp(jnp.sin(x) ** 3)[1], (ones(4),), 0),
    "loop": (lambda x, a: a @ jnp.cumsum(jnp.tanh(a @ x)), (ones(3), ones(3, 3)), 0),
    "two ends": (lambda x, y: (jnp.sin(x * y), jnp.exp(x * y) * y), (ones(), ones()), (0, 1)),
}
#: Where the bound is reached.
SHARP = {"chain", "loss", "batch"}


def cheapest(local):
    """The least cost of any order, in each model."""
    every = [count(local, "any", order, "time") for order in itertools.permutations(range(len(local.nodes)))]
    sums = {m: min(getattr(c.work, m) for c in every) for m in MODELS if m != "time"}
    return sums | {"time": min(c.rank for c in every)}


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_order_is_cheaper(name):
    fun, args, argnums = PROGRAMS[name]
    local = plan_local(fun, args, argnums)
    assert len(local.nodes) <= 6
    for model, best in cheapest(local).items():
        bound = lower_bound(local, model)
        assert 0 <= bound <= best * (1 + 1e-12), model
        if name in SHARP and model == "flops":
            assert bound == best


def test_random_scalar_programs():
    rng = random.Random(0)

    def program(seed):
        draw = random.Random(seed)

        def fun(x, y):
            values = [x, y]
            for _ in range(5):
                a, b = draw.choices(values[-3:], k=2)
                values.append(draw.choice([jnp.sin(a), a * b, jnp.exp(a) if draw.random() < 0.5 else a + b]))
            return values[-1], values[-2]

        return fun

    for _ in range(10):
        local = plan_local(program(rng.random()), (ones(), ones()), (0, 1))
        if len(local.nodes) <= 6:
            for model, best in cheapest(local).items():
                assert lower_bound(local, model) <= best * (1 + 1e-12)


def test_random_chains_of_matrices():
    rng = random.Random(1)
    for length in range(2, 9):
        sizes = [rng.randint(1, 9) for _ in range(length + 1)]
        maps = [ones(m, n) for n, m in itertools.pairwise(sizes)]

        def fun(x, *maps):
            for a in maps:
                x = a @ x
            return x

        local = plan_local(fun, (ones(sizes[0]), *maps), 0)
        for model in MODELS:
            assert lower_bound(local, model) <= candidates(local, "auto", model)[0].rank * (1 + 1e-12)


def test_a_plan_says_optimal():
    fun, args, argnums = PROGRAMS["loss"]
    plan = ct.plan(fun, *args, argnums=argnums, cost="flops")
    assert plan.cost == plan.lower_bound and plan.gap == 0 and "optimal" in str(plan)
    (D,) = jax.export.symbolic_shape("D")
    named = ct.plan(fun, ones(D), ones(D, D), ones(D, D), cost="flops")
    assert named.gap == 0 and "optimal" in str(named)
