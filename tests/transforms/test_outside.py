"""Calls outside jit: what they compile, what they hold in memory, and what they may leave jit with."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import monitoring

import catenary as ct
from tests.oracle import assert_same

TABLE = jnp.sin(jnp.arange(40.0)).reshape(10, 4)
RNG = np.random.default_rng(0)
LOOKED_UP = {
    "an argument": lambda: ct.grad(lambda t, k: jnp.sum(t[k] ** 2))(TABLE, jnp.array(RNG.integers(0, 10, 5))),
    "of NumPy": lambda: ct.grad(lambda t, k: jnp.sum(t[k] ** 2))(TABLE, RNG.integers(0, 10, 5)),
    "closed over": lambda: (lambda k: ct.vjp(lambda t: t[k] ** 2, TABLE)[1](jnp.ones((5, 4))))(
        jnp.array(RNG.integers(0, 10, 5))
    ),
    "a number": lambda: ct.grad(lambda t, k: jnp.sum(jax.lax.dynamic_slice(t, (k, 0), (3, 4)) ** 2))(
        TABLE, int(RNG.integers(0, 7))
    ),
    "a mask": lambda: ct.jacrev(lambda t, m: jnp.where(m, t, 0.0).sum(0))(TABLE, RNG.random((10, 4)) > 0.5),
    "segments": lambda: ct.jacfwd(lambda w, s: jax.ops.segment_sum(jnp.tanh(TABLE @ w), s, 3))(
        TABLE[0], RNG.integers(0, 3, 10)
    ),
}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_other_indices_compile_nothing(name):
    compiled = []

    def heard(event, *_, **__):
        compiled.extend([event] if "backend_compile" in event else [])

    for _ in range(3):
        LOOKED_UP[name]()
    monitoring.register_event_duration_secs_listener(heard)
    try:
        for _ in range(5):
            LOOKED_UP[name]()
        assert not compiled
        jax.jit(lambda x: x * 1.0625)(1.0)
        assert compiled  # it hears
    finally:
        monitoring.unregister_event_duration_listener(heard)


def test_what_no_derivative_reads_is_let_go():
    held = []

    @jax.custom_vjp
    def probe(x):
        return x

    def looked(_, cotangent):
        held.append(sum(x.nbytes for x in jax.live_arrays() if x.shape == cotangent.shape))
        return (cotangent,)

    probe.defvjp(lambda x: (x, None), looked)

    def fun(x):
        for _ in range(5):
            x = jnp.tanh(2 * x + 1)
        return jnp.sum(probe(x))

    x = jnp.ones(12_345)
    ct.grad(fun)(x)
    assert held[0] <= 8 * x.nbytes  # the argument, five results of tanh, a cotangent or two
    line, y = jnp.ones(1234), jnp.ones(1234)
    gone = weakref.ref(line)
    pull = ct.vjp(lambda x: jnp.sum(x) * 2, line)[1]
    del line
    gc.collect()
    assert gone() is None and pull(1.0)[0].shape == y.shape


def test_a_pull_leaves_with_what_its_function_closes_over():
    W, X = jnp.ones((4, 4)) / 3, jnp.sin(jnp.arange(24.0)).reshape(6, 4)

    def found(ad):
        made = lambda x: ad.vjp(lambda W: jnp.tanh(W @ x), W)
        y, pull = jax.jit(made)(X[0])
        ys, pulls = jax.vmap(made)(X)
        _, stacked = jax.lax.scan(lambda c, x: (c, made(x)[1]), 0.0, X)
        return pull(y), jax.vmap(lambda p, c: p(c))(pulls, ys), jax.lax.map(lambda p: p(X[0]), stacked)

    assert_same(found(ct), found(jax))


@pytest.mark.parametrize("verb", ["grad", "jacrev", "hessian"])
def test_with_jit_off_a_loop_is_pythons(verb):
    fun = lambda x: jax.lax.while_loop(lambda c: c < 10, lambda c: c * c, x)
    with jax.disable_jit():
        assert_same(*(getattr(ad, verb)(fun)(2.0) for ad in (ct, jax)))
        assert_same(*(jax.grad(lambda x, ad=ad: x * ad.grad(fun)(x))(2.0) for ad in (ct, jax)))


@pytest.mark.parametrize("verb", ["grad", "jacfwd", "hessian"])
def test_a_loop_of_a_length_with_a_name_is_exported(verb):
    def fun(w, X):
        return jnp.sum(jax.lax.scan(lambda c, x: (jnp.tanh(c * w + x), c), jnp.zeros(5), X)[1])

    (b,) = jax.export.symbolic_shape("b")
    shapes = jax.ShapeDtypeStruct((5,), jnp.float64), jax.ShapeDtypeStruct((b, 5), jnp.float64)
    exported = jax.export.export(jax.jit(getattr(ct, verb)(fun)))(*shapes)
    w, X = jnp.arange(5.0) / 5, jnp.cos(jnp.arange(15.0)).reshape(3, 5)
    assert_same(exported.call(w, X), getattr(jax, verb)(fun)(w, X))


@pytest.mark.parametrize("verb", ["jvp", "jacfwd", "linearize", "jacrev"])
@pytest.mark.parametrize("filled", [None, -1.0])
def test_what_is_taken_beyond_the_end_has_no_tangent(filled, verb):
    """Whatever the value is that stands for it, and though the indices are not known."""
    fun = lambda x, k: x.at[k].get(mode="fill", fill_value=filled)
    x, k = jnp.arange(1.0, 4.0), jnp.array([1, 7])

    def of(ad, k):
        at = lambda x: fun(x, k)
        if verb == "jvp":
            return ad.jvp(at, (x,), (x,))[1]
        return ad.linearize(at, x)[1](x) if verb == "linearize" else getattr(ad, verb)(at)(x)

    for wrap in (lambda f: f, jax.jit):
        np.testing.assert_array_equal(wrap(lambda k: of(ct, k))(k), wrap(lambda k: of(jax, k))(k))
