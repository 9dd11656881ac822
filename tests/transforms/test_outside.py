"""Calls outside jit: what they compile, hold in memory and compute at once; and what may leave jit."""

import functools
import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import core, monitoring
from jax._src import linear_util as lu

import catenary as ct
from tests.oracle import assert_same
from tests.transforms.test_values import tenfold

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


@functools.cache
def mask(n):
    return jnp.tril(jnp.ones((n, n))) - 0.5


class Noise:
    """A random state that every call changes."""

    def __init__(self):
        self.key, self.calls = jax.random.key(0), jnp.zeros(())

    def __call__(self, x):
        self.key, key = jax.random.split(self.key)
        self.calls += 1
        return jnp.sum(mask(3) @ jnp.sin(x * jax.random.normal(key, x.shape)) ** 2)


VERBS = {
    "grad": lambda ad, f: ad.grad(f),
    "jacfwd": lambda ad, f: ad.jacfwd(f),
    "hessian": lambda ad, f: ad.hessian(f),
    "jvp": lambda ad, f: lambda x: ad.jvp(f, (x,), (x,)),
    "vjp": lambda ad, f: lambda x: ad.vjp(f, x)[1](1.0),
    "linearize": lambda ad, f: lambda x: ad.linearize(f, x)[1](x),
    "gradient of a gradient": lambda ad, f: ad.grad(lambda x: jnp.sum(ad.grad(f)(x) ** 2)),
    "gradient of JAX's": lambda ad, f: ad.grad(lambda x: jnp.sum(jax.grad(f)(x) ** 2)),
    "JAX's of a gradient": lambda ad, f: jax.grad(lambda x: jnp.sum(ad.grad(f)(x) ** 2)),
    "in vmap": lambda ad, f: lambda x: jax.vmap(ad.grad(f))(jnp.stack([x, 2 * x])),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_reads_no_argument_may_be_kept(verb):
    """As in JAX's derivatives: a table is cached, a random state goes on."""
    x, found = jnp.arange(1.0, 4.0), []
    for ad in (ct, jax):
        mask.cache_clear()
        noise = Noise()
        found.append([VERBS[verb](ad, noise)(x) for _ in range(3)] + [noise.calls, jax.random.key_data(noise.key)])
        assert not isinstance(mask(3), jax.core.Tracer)
    assert_same(*found)


def test_under_jit_it_is_a_tracer_as_jaxs_is():
    kept = []

    def fun(x):
        kept.append(jnp.ones(3) * 2)
        return jnp.sum(x * kept[-1])

    jax.jit(ct.grad(fun))(jnp.ones(3))
    assert isinstance(kept[0], jax.core.Tracer)


def test_what_says_something_is_heard_once_and_in_its_place(capfd):
    """Also where Python asks for a value after it, and the function is run a second time."""

    def fun(x):
        jax.debug.print("at {}", x, ordered=True)
        jax.debug.print("a table {}", jnp.ones(2), ordered=True)
        jax.jit(lambda y: jax.debug.print("jitted {}", y, ordered=True))(jnp.zeros(2))
        return x * x if x > 0 else x

    ct.grad(fun)(3.0)
    jax.effects_barrier()
    heard = capfd.readouterr().out
    assert heard.split("\n") == ["at 3.0", "a table [1. 1.]", "jitted [0. 0.]", ""]


def test_a_reference_read_between_is_changed_once():
    def run(ad):
        count = jax.new_ref(jnp.zeros(()))

        def fun(x):
            count[...] = count[...] + 1
            return x * count[...] if x > 0 else x

        return ad.grad(fun)(3.0), count[...]

    assert_same(run(ct), run(jax))


def test_what_reads_an_outer_argument_alone_is_the_outer_derivatives():
    def outer(ad, a):
        table = []

        def inner(x):
            table.append(tenfold(a) + jnp.sin(a))
            return x**2 * table[-1]

        return ad.grad(inner)(a) * table[0]  # alive here, where a is

    at = jnp.array([1.5, 0.5])
    for batched in (lambda f: f(at[0]), lambda f: jax.vmap(f)(at)):
        expected = batched(jax.grad(lambda a: outer(jax, a)))
        for over in (jax, ct):
            np.testing.assert_allclose(batched(over.grad(lambda a: outer(ct, a))), expected, rtol=1e-12)


@pytest.mark.skipif(not hasattr(core, "CallPrimitive"), reason="JAX 0.12 has no such primitive")
@pytest.mark.parametrize("asks", [False, True])
def test_a_call_of_jaxs_core_may_close_over_an_argument(asks):
    def fun(x):
        if asks and x[1] > 0:
            x = 1 * x
        body = lu.wrap_init(lambda y: [jnp.sin(y) * x], debug_info=core.DebugInfo("test", "body", ("y",), None))
        return jnp.sum(core.call_p.bind(jnp.ones(3), subfuns=(body,))[0] ** 2)

    x = jnp.arange(3.0)
    np.testing.assert_allclose(ct.grad(fun)(x), jax.grad(lambda x: jnp.sum((jnp.sin(1.0) * x) ** 2))(x), rtol=1e-12)


@pytest.mark.parametrize("asks", [False, True])
def test_so_may_a_shard_map(asks):
    mesh = jax.make_mesh((2,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("i")
    mapped = lambda f: jax.shard_map(f, mesh=mesh, in_specs=spec, out_specs=spec)

    def fun(x):
        if asks and x[1] > 0:
            x = 1 * x
        table = mapped(lambda c: jnp.cos(c))(jnp.arange(4.0))
        return jnp.sum(mapped(lambda y: jnp.sin(y) * jnp.sum(x))(x) * table)

    x = jnp.arange(4.0)
    np.testing.assert_allclose(ct.grad(fun)(x), jax.grad(fun)(x), rtol=1e-12)
