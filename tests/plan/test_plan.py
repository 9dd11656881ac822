"""A plan is an object: a pure function of the program, saved and loaded, and refused where it does not belong."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary._plan.costs.cost import Work
from catenary._plan.orders.candidate import Candidate
from catenary._plan.orders.choose import plainest
from catenary.errors import PlanError
from tests.house.source import ROOT


def f32(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def net(x, W):
    return jnp.tanh(W @ x) ** 2


def loop(x, W):
    return jax.lax.scan(lambda h, _: (jnp.sin(W @ h), None), x, None, length=3)[0]


def branches(x, W):
    y = jax.lax.cond(True, lambda v: jnp.sin(v), lambda v: jnp.cos(v), W @ x)
    return jax.nn.softmax(y)[np.array([2, 0])]


PROGRAMS = [net, loop, branches]


def plan_of(fun):
    return ct.plan(fun, f32(3), f32(3, 3))


def elsewhere(seed):
    """The plans of PROGRAMS as a fresh process makes them."""
    code = "from tests.plan.test_plan import *\nprint(*(plan_of(f).to_json() for f in PROGRAMS), sep='---')"
    env = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=ROOT, check=True)
    return done.stdout.strip().split("---")


def test_every_process_makes_the_same_plan():
    here = [plan_of(fun).to_json() for fun in PROGRAMS]
    assert here == elsewhere(1) == elsewhere(2)


@pytest.mark.parametrize("fun", PROGRAMS)
def test_a_plan_survives_the_disk_and_is_followed(fun, tmp_path):
    plan = plan_of(fun)
    plan.save(tmp_path / "plan.json")
    loaded = ct.Plan.load(tmp_path / "plan.json")
    assert loaded == plan and str(loaded) == str(plan)
    x, W = jnp.linspace(0, 1, 3), jnp.linspace(-1, 1, 9).reshape(3, 3)
    x, W = x.astype(jnp.float32), W.astype(jnp.float32)
    # planned on shapes, followed with arrays closed over, and with tracers
    for ours in (ct.jacobian(fun, order=loaded), jax.jit(ct.jacobian(fun, order=loaded))):
        assert jnp.allclose(ours(x, W), jax.jacobian(fun)(x, W), atol=1e-6)


def test_symbolic_costs_are_saved_as_formulas():
    (D,) = jax.export.symbolic_shape("D")
    plan = ct.plan(lambda x, A: jnp.sum(jnp.tanh(A @ x)), f32(D), f32(D, D))
    loaded = ct.Plan.from_json(plan.to_json())
    assert str(loaded) == str(plan) and str(loaded.cost) == str(plan.cost) and "D^2" in plan.to_json()


OTHERS = {
    "array 0 was float32 of shape \\(3,\\), here it is float32 of shape \\(4,\\)": (net, f32(4), f32(4, 4)),
    "vertex 1 is a tanh of shape \\(3,\\), here a sin": (lambda x, W: jnp.sin(W @ x) ** 2, f32(3), f32(3, 3)),
    "it has 3 vertices, this one 4": (lambda x, W: -net(x, W), f32(3), f32(3, 3)),
    "not their parameters": (lambda x, W: jnp.tanh(W @ x) ** 3, f32(3), f32(3, 3)),
}


@pytest.mark.parametrize("said", OTHERS)
def test_another_program_is_refused_and_told_why(said):
    fun, *shapes = OTHERS[said]
    with pytest.raises(PlanError, match=said):
        jax.eval_shape(ct.jacobian(fun, order=plan_of(net)), *shapes)


def test_indices_may_be_known_or_traced():
    """A plan made where indices are arrays holds for others, and inside jit."""

    def picked(E, i):
        return jnp.tanh(E[i]).sum(1)

    E, i = jnp.arange(14.0).reshape(7, 2), jnp.array([1, 2, 2])
    follow = ct.jacobian(picked, order=ct.plan(picked, E, i))
    for k in (i, i[::-1]):
        expected = jax.jacobian(picked)(E, k)
        assert jnp.allclose(follow(E, k), expected) and jnp.allclose(jax.jit(follow)(E, k), expected)


def test_what_stands_inside_counts():
    """Bodies of loops, numbers written into the program, the direction of a loop: each makes another program."""

    def scan(body, **options):
        return lambda x, W: jax.lax.scan(lambda h, _: (body(W @ h), None), x, None, length=3, **options)[0]

    programs = [scan(jnp.sin), scan(jnp.cos), scan(jnp.sin, reverse=True), *(lambda x, W, c=c: c * x for c in (2, 3))]
    assert len({plan_of(fun).program for fun in programs}) == len(programs)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"catenary plan": 0}', '{"catenary plan": 1, "name": "x"}'])
def test_a_file_that_is_no_plan_is_refused(text):
    with pytest.raises(PlanError, match="this is no plan"):
        ct.Plan.from_json(text)


def test_a_plan_is_looked_for_once(monkeypatch, tmp_path):
    """In the process, and on disk where a folder is named; what is damaged there is made again."""
    from catenary._plan.orders import cache, choose

    counted = []
    monkeypatch.setattr(choose, "count", lambda *a, _count=choose.count, **k: counted.append(a[1]) or _count(*a, **k))
    monkeypatch.setenv("CATENARY_CACHE_DIR", str(tmp_path / "plans"))
    monkeypatch.setattr(cache, "_kept", cache.OrderedDict())
    first = plan_of(net)
    assert counted
    counted.clear()
    jax.eval_shape(ct.jacobian(net), f32(3), f32(3, 3))
    assert not counted and plan_of(net) == first
    cache._kept.clear()
    assert plan_of(net) == first and not counted, "read from disk"
    (path,) = (tmp_path / "plans").iterdir()
    path.write_text('[["reverse", [7], 1, [], 1, []]]')
    cache._kept.clear()
    assert plan_of(net) == first and counted
    monkeypatch.setattr(cache, "MOST", 1)
    plan_of(loop)
    assert len(cache._kept) == 1


def test_a_plan_is_drawn_whatever_its_size():
    def deep(x):
        for _ in range(70):
            x = jnp.sin(x) * x
        return x

    for plan in (plan_of(net), ct.plan(deep, f32(4), cost="flops", order="reverse")):
        page = plan.html()
        assert page.count("<svg") == 1 and plan.function in page and len(page) < 500_000
        assert "http" not in page.replace("http://www.w3.org", ""), "nothing is loaded"


def test_a_plan_is_measured():
    plan = plan_of(net)
    assert plan.measure().measured > 0 and "measured" in str(plan.measure())
    with pytest.raises(PlanError, match="has no function"):
        ct.Plan.from_json(plan.to_json()).measure()
    (D,) = jax.export.symbolic_shape("D")
    with pytest.raises(PlanError, match="sizes with names"):
        ct.plan(jnp.sin, f32(D)).measure()


def test_a_linear_map_says_what_it_is():
    """One or two lines: shapes, structure, entries, and what it takes instead of one vector after the other."""
    X, W = jnp.ones((8, 4)), jnp.ones((4, 3))
    D = ct.derivative(lambda x: jnp.tanh(x @ W))(X)
    E = ct.derivative(lambda x: jnp.ones((2, 9)) @ x)(jnp.ones(9))
    both = ct.derivative(lambda p: (p["a"] * 2, p["b"].sum()))({"a": jnp.ones(3), "b": jnp.ones(2)})
    said = {
        repr(D): "LinearMap (8, 3) ← (8, 4): block-diagonal, 8 blocks of 3 × 4; 96 of 768 entries",
        repr(D.T @ D): "LinearMap (8, 4) ← (8, 4) = Dᵀ @ D: block-diagonal, 8 blocks of 4 × 4; 128 of 1,024 entries",
        repr(E.T @ E): "dense 9 × 9 of rank 2 at most",
        repr(ct.derivative(lambda x: x[2:] - 2 * x[1:-1] + x[:-2])(jnp.ones(9))): "3 diagonals, offsets −2, −1, 0",
        repr(ct.derivative(lambda x: x[np.array([4, 2, 2])])(jnp.ones(9))): "selection of 3 entries; 3 of 27 entries",
        repr(both): "2 · identity, ",
    }
    for text, part in said.items():
        assert part in text and text.count("\n") <= 1
    assert "96 FLOP; 24 reverse passes would take 5.18 kFLOP" in repr(D)


def test_a_plan_holds_inside_jit_and_outside():
    """Indices among the arguments have a value outside and none inside: a plan takes no notice of it."""
    fun = lambda w, labels, rows: jnp.sin(w @ w.T)[rows, labels] * w[labels, 0]
    args = jnp.arange(6.0).reshape(3, 2) / 5, jnp.array([0, 2]), jnp.array([1, 1])
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), args)
    expected = jax.jacobian(fun)(*args)
    for plan in (ct.plan(fun, *args), ct.plan(fun, *shapes)):
        jacobian = ct.jacobian(fun, order=plan)
        np.testing.assert_allclose(jacobian(*args), expected, atol=1e-12)
        np.testing.assert_allclose(jax.jit(jacobian)(*args), expected, atol=1e-12)
    assert ct.plan(fun, *args).measure().measured > 0


def test_an_order_must_beat_the_sweeps_by_more_than_the_model_can_tell():
    known = [Candidate(name, (), rank, frozenset(), rank, Work()) for name, rank in (("a", 1.0), ("b", 1.02))]
    sweep = lambda rank: Candidate("reverse", (), rank, frozenset(), rank, Work())
    assert [c.name for c in plainest([*known, sweep(1.04)])] == ["reverse", "a", "b"]
    assert [c.name for c in plainest([*known, sweep(1.06)])] == ["a", "b", "reverse"]
