"""Figures that textbooks give, reproduced by the planner's count of multiplications."""

from itertools import pairwise, permutations
from random import Random

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from benchmarks.literature import SCALARS
from benchmarks.order import chain_plan, textbook
from catenary._call import plan_local
from catenary._plan.orders.bare import Bare, markowitz
from catenary._plan.orders.chain import chain as bracketed
from catenary._plan.orders.chain import cuts_of
from catenary._plan.orders.exact import exact
from catenary._plan.orders.local_search import improve, total
from catenary._plan.orders.search import Counted


def chain(x, *maps):
    for a in maps:
        x = a @ x
    return x


def test_the_matrix_chain_of_the_textbook():
    """Cormen, Leiserson, Rivest, Stein, Introduction to Algorithms, 15.2: 30×35, 35×15, 15×5, 5×10, 10×20, 20×25.

    From the output the product takes 40,500 multiplications, from the input 47,500; 15,125 is the optimum.
    """
    widths = (25, 20, 10, 5, 15, 35, 30)
    maps = [jnp.ones((m, n)) for n, m in pairwise(widths)]
    plan = ct.plan(chain, jnp.ones(25), *maps, cost="multiplications")
    assert plan.alternatives["reverse"] == 40_500
    assert plan.alternatives["forward"] == 47_500
    assert plan.cost == 15_125


@pytest.mark.parametrize("n", [3, 5, 8, 13])
def test_speelpennings_product(n):
    """∇(x₁ x₂ ⋯ xₙ), the example of Speelpenning's thesis (1980): 2(n − 2) multiplications against n(n − 1)/2 − 1."""

    def product(*xs):
        y = xs[0]
        for x in xs[1:]:
            y = y * x
        return y

    point = [jnp.float64(k + 1) for k in range(n)]
    plan = ct.plan(product, *point, argnums=tuple(range(n)), cost="multiplications")
    assert plan.alternatives["reverse"] == 2 * (n - 2)
    assert plan.alternatives["forward"] == n * (n - 1) // 2 - 1


@pytest.mark.parametrize("width", [8, 32])
def test_the_two_ends_of_the_questions_chain(width):
    """A chain of square stages: D² a stage for a scalar loss from the output end, D³ from the input end."""
    stages = 5

    def loss(x, *maps):
        for a in maps:
            x = jnp.tanh(a @ x)
        return jnp.sum(x)

    maps = [jnp.ones((width, width))] * stages
    plan = ct.plan(loss, jnp.ones(width), *maps, cost="multiplications")
    reverse, forward = plan.alternatives["reverse"], plan.alternatives["forward"]
    assert stages * width**2 <= reverse <= (stages + 1) * width**2
    assert (stages - 1) * width**3 <= forward <= (stages + 1) * width**3


@pytest.mark.parametrize("name", SCALARS)
def test_the_counts_that_are_published_and_the_best_orders(name):
    """Lohoff and Neftci, NeurIPS 2024: forward, reverse and Markowitz exactly, and no more than their best search."""
    task = SCALARS[name]
    local = plan_local(task.fun, task.point(), tuple(range(len(task.shapes))))
    bare, n = Bare.of(local), len(local.nodes)
    forward, reverse, markowitz_ = range(n), range(n)[::-1], markowitz(bare, n, last=False)
    counts = tuple(total(bare, order) for order in (forward, reverse, markowitz_))
    if name != "Black-Scholes greeks":  # the gradient is a program of ours, not of theirs
        assert counts == (task.forward, task.reverse, task.markowitz)
    best = improve(bare, markowitz(bare, n), 4_000)
    assert sorted(best) == list(range(n))
    assert total(bare, best) <= task.best


def test_the_exact_search_agrees_with_every_order_tried():
    """Of a small graph, dynamic programming over sets against all 5040 orders."""

    def fun(x, y):
        a, b = jnp.sin(x * y), jnp.cos(x + y)
        c = a * b
        return c * jnp.exp(a), c / b, b

    bare = Bare.of(plan_local(fun, (1.0, 2.0), (0, 1)))
    best = min(total(bare, order) for order in permutations(range(7)))
    assert total(bare, exact(bare, range(7))) == best < total(bare, range(7))


@pytest.mark.parametrize("length", [3, 6, 11])
def test_random_chains_are_bracketed_as_the_textbook_does(length):
    draw = Random(length)
    sizes = tuple(draw.randint(2, 60) for _ in range(length + 1))
    assert chain_plan(sizes) == textbook(sizes)


def test_a_long_chain_stays_near_the_bracketing_of_a_shorter_one():
    """Chin's order, for chains too long for dynamic programming: at most 16 % above the least cost."""
    draw = Random(0)
    sizes = tuple(draw.randint(2, 60) for _ in range(61))
    assert textbook(sizes) <= chain_plan(sizes) <= 1.16 * textbook(sizes)


def test_blocks_of_a_chain_are_pushed_and_pulled_through():
    """Residual blocks between waists: no order of all 5040 is cheaper than the bracketing of the blocks."""

    def fun(x, a, b, c, d):
        y = b @ (a @ x)
        z = y + jnp.tanh(y)
        return d @ (c @ z)

    shapes = (5,), (2, 5), (4, 2), (3, 4), (6, 3)
    local = plan_local(fun, [jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes], 0)
    cuts, n = cuts_of(local), len(local.nodes)
    assert 0 < len(cuts) < n
    state = Counted(local, "flops", "cpu")
    order = bracketed(local, cuts, "flops", "cpu")
    assert sorted(order) == list(range(n))
    assert total(state, order) == total(state, exact(state, range(n))) < total(state, range(n))
