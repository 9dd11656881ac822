"""Python control flow on the values of arguments, outside jit: the program is recorded as it runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse

import catenary as ct


def branch(x):
    return jnp.sin(x) * x if x > 0 else x**3


def loop(x):
    trips = 0
    while x < 10 and trips < 20:
        x, trips = x * x + 1, trips + 1
    return x * float(trips)


def length(x):
    return jnp.cumsum(x[: int(x.sum())] ** 2)


def refusing(x):
    """As libraries do that want a size: their own error where they are traced."""
    try:
        return x[: int(x.sum())] ** 2
    except jax.errors.ConcretizationTypeError as error:
        raise ValueError("give a size") from error


@jax.custom_vjp
def tenfold(x):
    return x * x


tenfold.defvjp(lambda x: (x * x, x), lambda x, c: (10 * c * x,))


@jax.custom_jvp
def halved(x):
    return jnp.tanh(x)


halved.defjvp(lambda xs, ts: (halved(xs[0]), 0.5 * ts[0]))


@pytest.mark.parametrize(
    "fun", [branch, loop, lambda x: tenfold(x) if x > 0 else x, lambda x: halved(3 * x) if x else x]
)
@pytest.mark.parametrize("x", [0.5, -2.0])
def test_gradients(fun, x):
    assert np.array_equal(ct.grad(fun)(x), jax.grad(fun)(x))
    (y, t), (z, s) = ct.value_and_grad(fun)(x), jax.value_and_grad(fun)(x)
    assert np.array_equal(y, z) and np.array_equal(t, s)


def test_every_transform_records():
    assert np.array_equal(ct.jvp(branch, (2.0,), (1.0,)), jax.jvp(branch, (2.0,), (1.0,)))
    assert np.array_equal(ct.vjp(branch, 2.0)[1](1.0), jax.vjp(branch, 2.0)[1](1.0))
    assert np.array_equal(ct.linearize(branch, 2.0)[1](3.0), jax.linearize(branch, 2.0)[1](3.0))
    x = jnp.array([1.0, 2.5, 3.0])
    assert np.array_equal(ct.jacobian(length)(x), jax.jacobian(length)(x))


@pytest.mark.parametrize("outer, inner", [(ct, ct), (jax, ct), (ct, jax)])
def test_recordings_nest(outer, inner):
    np.testing.assert_allclose(outer.grad(inner.grad(branch))(2.0), jax.grad(jax.grad(branch))(2.0), rtol=1e-12)


def test_what_it_prints_is_printed_once(capfd):
    def talks(x):
        jax.debug.print("at {}", x)
        return x * x if x > 0 else x

    ct.grad(talks)(3.0)
    jax.effects_barrier()
    assert capfd.readouterr().out.count("at 3.0") == 1


@pytest.mark.parametrize("wrap", [jax.jit, lambda f: lambda x: jax.vmap(f)(jnp.stack([x, x]))])
def test_inside_jit_and_vmap_it_is_jaxs_error(wrap):
    with pytest.raises(jax.errors.TracerBoolConversionError, match="boolean") as caught:
        wrap(ct.grad(branch))(jnp.ones(()))
    assert "lax.cond" in caught.value.__notes__[0]


def test_a_recorded_value_that_escapes_is_jaxs_error():
    kept = []

    def leaks(x):
        kept.append(x)
        return x if x > 0 else -x

    ct.grad(leaks)(1.0)
    with pytest.raises(jax.errors.UnexpectedTracerError):
        kept[-1] + 1


def test_what_is_not_computed_here_raises_where_the_function_may_catch_it():
    algorithm = jax.lax.DotAlgorithmPreset.F16_F16_F32  # no CPU has it

    def fun(x):
        try:
            return jax.lax.dot(x, x, precision=algorithm)
        except ValueError:
            return 3 * jnp.sum(x)

    np.testing.assert_allclose(ct.grad(fun)(jnp.ones(2)), [3, 3])
    with pytest.raises(ValueError, match="not supported"):
        ct.grad(lambda x: jax.lax.dot(x, x, precision=algorithm))(jnp.ones(2))


def test_what_refuses_a_tracer_is_recorded_and_refuses_it_under_jit():
    x = jnp.array([1.5, 0.25, 0.5])
    np.testing.assert_allclose(ct.jacobian(refusing)(x), jax.jacobian(refusing)(x), rtol=1e-12)
    with pytest.raises(ValueError, match="give a size"):
        jax.jit(ct.jacobian(refusing))(x)


def test_a_sparse_array_without_a_size_is_summed_where_values_are_known():
    x, places = jnp.array([1.0, 2.0, 3.0]), jnp.array([[0, 1], [2, 0], [0, 1]])

    def fun(x):
        return sparse.BCOO((x, places), shape=(3, 2)).sum_duplicates().data ** 2

    for ours, theirs in ((ct.jacobian, jax.jacobian), (ct.jacfwd, jax.jacfwd), (ct.hessian, jax.hessian)):
        np.testing.assert_allclose(ours(fun)(x), theirs(fun)(x), rtol=1e-12)
    with pytest.raises(ValueError, match="nse must be specified"):
        jax.jit(ct.jacobian(fun))(x)


def test_a_loop_that_starts_at_a_numpy_array_is_recorded():
    start = np.array([0.5])

    def fun(x):
        y, _ = jax.lax.scan(lambda c, _: (c * x, None), start, None, length=3)
        return y[0] if y[0] > 0 else x

    np.testing.assert_allclose(ct.grad(fun)(2.0), jax.grad(fun)(2.0), rtol=1e-12)
