"""Large and odd programs: planned and computed sensibly, in bounded time and memory."""

import resource
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from tests.oracle import assert_same

X = jnp.array([0.3, -0.7, 1.1])
ORDERS = ("auto", "reverse", "forward", "cross-country")


def deep(x, n):
    """A chain of n equations."""
    for _ in range(n // 2):
        x = lax.mul(lax.sin(x), lax.cos(X))
    return x


def wide(x, n):
    """A fan: n equations, all of them read x."""
    return sum((lax.sin(lax.add(x, x)) for _ in range(n // 3)), x)


def tangled(x, n):
    """Numbers that read each other: every vertex has two parents and outlives many others."""
    v = [x[k % 3] for k in range(8)]
    for k in range(n // 2):
        v[k % 8] = lax.sin(lax.mul(v[k % 8], v[(k + 3) % 8]))
    return jnp.stack(v)


def stages(x, n):
    """A chain of n layers."""
    w = jnp.eye(3) + 0.01
    for _ in range(n):
        x = lax.tanh(lax.dot(w, x))
    return x


@pytest.mark.parametrize(("fun", "n"), [(deep, 4000), (wide, 3000), (tangled, 3000), (stages, 1000)])
def test_the_time_of_a_plan_grows_with_the_program(fun, n):
    """Processor time and memory, generous: what is quadratic takes minutes here, what recurses fails."""
    ct.plan(lambda x: fun(x, 20), X)  # warm
    began, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plan = ct.plan(lambda x: fun(x, n), X)
    assert time.process_time() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 1_000_000  # kB
    assert len(plan.order) >= n / 2
    assert plan.cost <= min(plan.alternatives["reverse"], plan.alternatives["forward"])
    assert len(str(plan).splitlines()) <= 12


def test_a_long_chain_is_differentiated():
    """Two thousand stages: emitted without recursion, as long as the program and no longer."""
    fun = lambda x: jnp.sum(stages(x, 2000))
    assert len(jax.make_jaxpr(ct.grad(fun))(X).eqns) < 7 * 2000


def shifted(x):
    """More diagonals than a map may have terms."""
    return sum(0.1 * k * jnp.roll(x, k) * x for k in range(1, 14))


def late(x):
    """An output that does not depend on the input, one that does, and a number."""
    return jnp.arange(3.0), jnp.sin(x), 2.0


EMPTY = jnp.zeros((0, 3))
ODD = {
    "more terms than the cap": (shifted, (jnp.linspace(-1.0, 1.0, 20),)),
    "a number": (lambda x: x * jnp.sin(x), (jnp.float64(0.3),)),
    "a number to an array": (lambda x: x * X, (jnp.float64(0.3),)),
    "outputs that do not depend": (late, (X,)),
    "an input that is not read": (lambda x, y: jnp.sin(y), (X, X)),
    "no derivative at all": (lambda x: jnp.floor(x), (X,)),
    "the input itself": (lambda x: x, (X,)),
    "no rows": (lambda x: jnp.tanh(x @ jnp.ones((3, 2))), (EMPTY,)),
    "no columns": (lambda x: jnp.tanh(x.T @ jnp.ones((0, 2))), (EMPTY,)),
    "nothing summed": (lambda x: jnp.sum(jnp.sin(x), 0) + X, (EMPTY,)),
    "nothing concatenated": (lambda x, y: jnp.sin(jnp.concatenate([x, y[None]])), (EMPTY, X)),
    "no steps": (lambda x: lax.scan(lambda c, t: (jnp.sin(c) * t, c), x, EMPTY), (X,)),
    "nothing gathered": (lambda x: x[jnp.zeros(0, int)] * 2, (X,)),
    "nothing sorted": (lambda x: jnp.sort(x, 0), (EMPTY,)),
    "nothing convolved": (
        lambda x: lax.conv_general_dilated(x, jnp.ones((2, 1, 2)), (1,), "SAME"),
        (jnp.ones((0, 1, 4)),),
    ),
    "axes of size 1": (lambda x: jnp.tanh(x.T + x[:, :1]) @ x, (X[None, :1],)),
}


@pytest.mark.parametrize(("fun", "args"), ODD.values(), ids=ODD)
def test_an_odd_program(fun, args):
    by = tuple(range(len(args)))

    def compute(*args):
        return [ct.jacobian(fun, by, order=o)(*args) for o in ORDERS], jax.jacrev(fun, by)(*args)

    ours, theirs = jax.jit(compute)(*args)
    for order, found in zip(ORDERS, ours, strict=True):
        assert_same(found, theirs, 1e-10, order)
    plan = ct.plan(fun, *args, argnums=by)
    assert np.isfinite(plan.cost) and plan.cost >= 0
    assert str(plan)
    D = ct.derivative(fun, by)(*args)
    assert str(D)
    jax.eval_shape(lambda *a: (ct.derivative(fun, by)(*a).dense(), ct.derivative(fun, by)(*a).blocks()), *args)
