"""Each member of an axis differentiates its part, which reads what the others have: as in JAX, in direction too."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct
from tests.oracle import assert_same


@jax.custom_vjp
def sine(x):
    return jnp.sin(x)


sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))

W = jnp.arange(1.0, 7.0).reshape(1, 6) / 7
X = jnp.array([[0.3, -0.7], [1.1, 0.4]])
ORDINARY = {
    "relu": lambda x: jnp.sum(jax.nn.relu(x)),
    "an author's rule": lambda x: sine(x).sum(),
    "the last carry": lambda x: lax.scan(lambda c, u: (jnp.sin(c * u), c * u), x.sum(), x)[0],
    "the results of trips": lambda x: lax.scan(lambda c, u: (jnp.sin(c * u), c * u), x.sum(), x)[1].sum(),
    "a branch": lambda x: lax.cond(x[0] > 0, jnp.sin, jnp.cos, x).sum(),
    "sort": lambda x: jnp.sort(x).mean(),
    "cumsum": lambda x: jnp.cumsum(x).sum(),
    "take": lambda x: jnp.take(x, jnp.array([0, 1, 1])).sum(),
    "set": lambda x: jnp.zeros(3).at[jnp.array([0, 1])].set(x).sum(),
    "inv": lambda x: jnp.linalg.inv(jnp.outer(x, x) + jnp.eye(2)).sum(),
    "checkpoint": lambda x: jax.checkpoint(
        lambda x: jnp.tanh(jnp.sin(x[:, None] @ W)).sum(), policy=jax.checkpoint_policies.dots_saveable
    )(x),
}
EXCHANGED = {
    "psum": lambda x: jnp.sum((jnp.tanh(x) * lax.psum(jnp.sum(x), "i")) ** 2),
    "pmean": lambda x: jnp.sum((x - lax.pmean(x, "i")) ** 4),
    "all_gather": lambda x: jnp.sum(jnp.sin(lax.all_gather(x, "i"))) * x[0],
    "ppermute": lambda x: jnp.sum(lax.ppermute(x**2, "i", [(k, k) for k in range(lax.axis_size("i"))]) * x),
    "in a scan": lambda x: lax.scan(lambda c, u: (c * u + lax.psum(u * u * c, "i"), c), x[0], x)[0],
}


def sharded(fun):
    mesh, spec = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,)), jax.P("i")
    return jax.jit(jax.shard_map(fun, mesh=mesh, in_specs=spec, out_specs=spec))(X[0])


@pytest.mark.parametrize("name", ORDINARY | EXCHANGED)
def test_inside_a_shard_map(name):
    fun = (ORDINARY | EXCHANGED)[name]
    found = sharded(lambda x: (ct.grad(fun)(x), ct.hessian(fun)(x)))
    assert_same(found, sharded(lambda x: (jax.grad(fun)(x), jax.hessian(fun)(x))))


@pytest.mark.parametrize("name", EXCHANGED)
@pytest.mark.parametrize("verb", ["grad", "hessian"])
def test_of_one_number_inside_a_vmap(verb, name):
    ours, theirs = (jax.vmap(getattr(ad, verb)(EXCHANGED[name]), axis_name="i")(X) for ad in (ct, jax))
    assert_same(ours, theirs)


@pytest.mark.parametrize("verb", ["jacobian", "jacfwd", "jacrev"])
def test_of_several_numbers_inside_a_vmap(verb):
    fun = lambda x: jnp.concatenate([x, x * x]) * lax.psum(x[0] ** 2, "i")
    assert_same(*(jax.vmap(getattr(ad, verb)(fun), axis_name="i")(X) for ad in (ct, jax)))
