"""Random programs, every order, against JAX in float64: the property that everything else serves.

A failure shrinks to few and simple stages and prints the code that reproduces it.
"""

import os

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary.testing import Program, Report, programs, random_program
from tests.once import once

ORDERS = ("reverse", "forward", "cross-country")  # and "auto", one of them, in every product
PARTS = 8  # tests, so that two cores share the work; each draws its own programs
#: .ci/run tests two versions of JAX, which share the parts: the newest compiles for twice as long.
MINE = range(2, PARTS) if jax.__version__.startswith("0.10") else range(2)
EXAMPLES = int(os.environ.get("CATENARY_EXAMPLES", "160")) // PARTS


def require(report: Report, program: Program) -> None:
    """Fail with the comparison and the program that it was made on."""
    if not report.ok:
        raise AssertionError(f"{report}\n\n{program}")


def like(tree, seed):
    """Random arrays of the shapes and dtypes of a pytree."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), tree)


def in_every_way(program, args):
    """The dense Jacobian in every order, a push, a pull and a gradient: ours and JAX's, compiled as one."""
    by = program.argnums
    v, w = like(args, 1), like(jax.eval_shape(program, *args), 2)

    def total(*args):
        return sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(program(*args)), jax.tree.leaves(w), strict=True))

    def products(d, *args):
        y, pull = d.vjp(program, *args)
        return {"push": d.jvp(program, args, v), "pull": (y, pull(w)), "grad": d.value_and_grad(total, by)(*args)}

    def compute(*args):
        jacobians = {order: ct.jacobian(program, by, order=order)(*args) for order in ORDERS}
        return jacobians, jax.jacrev(program, by)(*args), products(ct, *args), products(jax, *args)

    return jax.jit(compute)(*args)


def check_first_order(program):
    jacobians, oracle, ours, theirs = in_every_way(program, program.point())
    report = Report("catenary and JAX")
    for order in ORDERS:
        report.compare(f"jacobian, {order}", jacobians[order], oracle, 1e-9)
    report.compare("products", ours, theirs, 1e-9)
    require(report, program)


def check_second_order(program):
    args, by = program.point(), program.argnums

    def total(*args):
        return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(program(*args)))

    def compute(*args):
        ours = {order: ct.hessian(total, by, order=order)(*args) for order in ("auto", "cross-country")}
        return ours, jax.jacfwd(jax.grad(total, by), by)(*args)

    ours, oracle = jax.jit(compute)(*args)
    report = Report("catenary and JAX")
    for order, hessian in ours.items():
        report.compare(f"hessian, {order}", hessian, oracle, 1e-8)
    require(report, program)


def on_random_programs(check, part, max_stages, examples):
    """Run a check on programs that Hypothesis draws: the same ones for the same part."""

    @hypothesis.seed(part)
    @hypothesis.settings(max_examples=examples, derandomize=False, database=None)
    @hypothesis.given(program=programs(max_stages))
    def run(program):
        check(program)

    run()


@pytest.mark.parametrize("part", MINE)
def test_every_order_is_the_same_map(part):
    on_random_programs(check_first_order, part, max_stages=6, examples=EXAMPLES)


@pytest.mark.parametrize("part", MINE[:1])
def test_every_order_has_the_same_derivative(part):
    on_random_programs(check_second_order, part, max_stages=3, examples=EXAMPLES // 3)


@once
def test_programs_are_differentiable_where_they_are_drawn():
    """The oracle itself agrees with a numerical derivative: points are away from kinks, domains are kept."""
    for seed in range(12):
        program = random_program(seed)
        if "stop_gradient" in program.code:
            continue
        args, v = program.point(), like(program.point(), 1)
        ahead, behind = (program(*jax.tree.map(lambda x, t, h=h: x + h * t, args, v)) for h in (1e-6, -1e-6))
        report = Report("JAX and numerical")
        slope = jax.tree.map(lambda a, b: (a - b) / 2e-6, ahead, behind)
        report.compare("push", jax.jvp(program, args, v)[1], slope, 1e-5)
        require(report, program)


def test_a_program_is_its_text():
    program = random_program(7)
    again = {}
    exec(str(program), again)
    assert again["program"] == program
    for a, b in zip(
        jax.tree.leaves(program(*program.point())), jax.tree.leaves(again["program"](*again["args"])), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_programs_are_many():
    codes = {random_program(seed).code for seed in range(40)}
    assert len(codes) > 35
    assert random_program(3) == random_program(3)
