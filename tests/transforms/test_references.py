"""Values that are no arrays: references, and types that a library adds to JAX. Such a call is JAX's own."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import hijax

import catenary as ct
from catenary.errors import NotArrays


def inside(x):
    ref = jax.new_ref(jnp.sin(x))
    ref[...] = ref[...] * x
    return jax.freeze(ref)


def asked(x):
    ref = jax.new_ref(jnp.sin(x))
    if x > 0:
        ref[...] = ref[...] * x
    return jax.freeze(ref)


def in_a_loop(x):
    return jax.lax.scan(lambda c, _: (inside(c), None), x, None, length=2)[0]


CALLS = {
    "grad": lambda ad: ad.grad(inside)(1.5),
    "jacrev": lambda ad: ad.jacrev(inside)(1.5),
    "jvp": lambda ad: ad.jvp(inside, (1.5,), (2.0,)),
    "linearize": lambda ad: ad.linearize(inside, 1.5)[1](2.0),
    "vjp": lambda ad: ad.vjp(inside, 1.5)[1](2.0),
    "asked": lambda ad: ad.value_and_grad(asked)(1.5),
    "loop": lambda ad: ad.grad(in_a_loop)(1.5),
    "keywords": lambda ad: ad.value_and_grad(lambda x, *, k: (k * inside(x), k), has_aux=True)(1.5, k=3.0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_reference_inside(call):
    jax.tree.map(np.testing.assert_array_equal, call(ct), call(jax))


@pytest.mark.parametrize("asks", [False, True])
def test_a_reference_outside_is_written_once(asks):
    """A place closed over: written by the call as by JAX's, whether or not the program is run to be recorded."""

    def fun(x, count):
        count[...] += 1.0
        return x**2 if not asks or x > 0 else x

    counts = []
    for ad in (ct, jax):
        counts.append(jax.new_ref(0.0))
        assert ad.grad(fun)(1.5, counts[-1]) == 3.0
    assert counts[0][...] == counts[1][...] == 1.0


def test_nothing_is_planned_by_a_reference():
    """A plan, a map and an order that was planned are of arrays."""
    plan = ct.plan(jnp.sin, 1.5)
    grad = ct.grad(inside, order=plan)
    for call in (lambda: ct.plan(inside, 1.5), lambda: ct.derivative(inside)(1.5), lambda: grad(1.5)):
        with pytest.raises(NotArrays, match="no array"):
            call()


Primitive = getattr(hijax, "HiPrim", None) or hijax.VJPHiPrimitive  # its name until JAX 0.11


class Square(Primitive):
    """x², its pullback alone given."""

    def __init__(self, aval):
        self.in_avals, self.out_aval, self.params = (aval,), aval, {}
        super().__init__()

    def expand(self, x):
        return x**2

    def vjp_fwd(self, nonzero, x):
        return self(x), x

    def vjp_bwd_retval(self, x, g):
        return (2 * x * g,)


def test_a_primitive_with_a_pullback_alone():
    def fun(x):
        return jnp.sum(jnp.sin(Square(jax.typeof(x))(2 * x)))

    x = jnp.arange(3.0)
    np.testing.assert_allclose(ct.grad(fun)(x), jax.grad(fun)(x), rtol=1e-6)
    with pytest.raises(NotImplementedError):
        ct.jvp(fun, (x,), (x,))


class LargestRules:
    """Of a dtype that exists inside jit: floats whose sum is the larger."""

    allow_conversion = True

    @staticmethod
    def physical_element_aval(dtype):
        return jax.core.ShapedArray((), jnp.dtype("float32"))

    @staticmethod
    def add(dtype, x, y):
        plain = [jax.lax.convert_element_type(v, jnp.float32) for v in (x, y)]
        return jax.lax.convert_element_type(jax.lax.max(*plain), dtype)

    @staticmethod
    def zero(dtype):
        return jax.lax.convert_element_type(jnp.float32(-jnp.inf), dtype)


class largest(jax.dtypes.extended):
    pass


@dataclass(frozen=True)
class Largest(type(jax.random.key(0).dtype).__base__):
    name: str = "largest"
    _rules: type = LargestRules
    type: type = largest


def test_cotangents_of_a_dtype_with_a_sum_of_its_own():
    """Two cotangents of 2 and 3 are added as their dtype says, by JAX."""

    @partial(jax.custom_vjp, nondiff_argnums=(1,))
    def weighed(x, c):
        return x

    weighed.defvjp(lambda x, c: (x, None), lambda c, _, w: (jax.lax.convert_element_type(c * w, Largest()),))

    @jax.custom_vjp
    def plain(x):
        return x

    plain.defvjp(lambda x: (x, None), lambda _, w: (jax.lax.convert_element_type(w, jnp.float32),))

    @jax.jit
    def fun(x):
        x = plain(x)
        return weighed(x, 2.0) + weighed(x, 3.0)

    assert ct.grad(fun)(jnp.float32(1.5)) == jax.grad(fun)(jnp.float32(1.5)) == 3.0
