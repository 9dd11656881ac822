"""The counter of flops agrees with XLA where there is no loop, and multiplies bodies by trips where there is one."""

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from benchmarks.flops import count, flops
from benchmarks.measure import compiled


def xla(program):
    analysis = program.cost_analysis()
    return analysis["flops"] + analysis.get("transcendentals", 0.0)


def perceptron(w, x):
    for _ in range(3):
        x = jnp.tanh(x @ w)
    return jnp.mean(jax.nn.log_softmax(x)[:, 0])


def convolution(w, x):
    return jnp.sin(jax.lax.conv_general_dilated(x, w, (1, 1), "VALID")).sum() + jax.nn.softmax(x).sum()


@pytest.mark.parametrize(
    ("fun", "shapes"), [(perceptron, [(32, 32), (64, 32)]), (convolution, [(16, 3, 3, 3), (4, 3, 8, 8)])]
)
def test_without_loops_it_is_what_xla_reports(fun, shapes):
    program = compiled(jax.grad(fun), [jnp.ones(shape, jnp.float32) for shape in shapes])
    assert flops(program) == xla(program)
    assert count(program.as_text(), trips=False) == pytest.approx(xla(program), rel=0.001)


@pytest.mark.parametrize("trips", [10, 1000])
def test_a_loop_body_counts_once_a_trip(trips):
    def loop(w, x):
        return jax.lax.fori_loop(0, trips, lambda _, y: jnp.tanh(w @ y), x)

    program = compiled(loop, (jnp.ones((64, 64), jnp.float32), jnp.ones((64, 64), jnp.float32)))
    assert flops(program) == pytest.approx(trips * (2 * 64**3 + 64**2), rel=0.001)


def test_nested_loops_multiply():
    def inner(y, _):
        return jnp.sin(y @ y), None

    def outer(y, _):
        return jax.lax.scan(inner, y, None, length=7)[0], None

    program = compiled(lambda y: jax.lax.scan(outer, y, None, length=11)[0], (jnp.ones((32, 32), jnp.float32),))
    assert flops(program) == pytest.approx(77 * (2 * 32**3 + 32**2), rel=0.01)


LOOPS = {
    "scan": lambda w, x: jax.lax.scan(lambda y, _: (jnp.tanh(y @ w), y), x, None, length=9),
    "while": lambda w, x: jax.lax.fori_loop(0, jnp.int32(9), lambda _, y: jnp.tanh(y @ w), x),
    "cond": lambda w, x: jax.lax.cond(x[0, 0] > 0, lambda w: jnp.tanh(x @ w), lambda w: jnp.sin(w @ w @ x), w),
    "checkpoint": jax.checkpoint(lambda w, x: jnp.tanh(jnp.tanh(x @ w) @ w)),
}


@pytest.mark.parametrize("fun", LOOPS.values(), ids=LOOPS)
def test_values_and_tangents_are_computed_in_one_pass(fun):
    at = (jnp.ones((32, 32), jnp.float32),) * 4
    ours, theirs = (flops(compiled(lambda w, x, *t: ad.jvp(fun, (w, x), t), at)) for ad in (ct, jax))  # noqa: B023
    assert ours <= 1.02 * theirs
