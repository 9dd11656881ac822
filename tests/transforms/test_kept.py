"""A jitted function differentiated outside jit runs compiled, as in JAX, and is compiled once."""

import gc
import weakref
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary._graph.kept import COMPILED
from tests.oracle import assert_same, in_reverse

X, B = jnp.array([0.3, -0.7, 1.1]), jnp.array([1.5, 0.2, -0.4])


def deep(x, b):
    for _ in range(4):
        x = jnp.sin(x) * b + jnp.tanh(x)
    return x


@jax.custom_vjp
def tripled(x):
    return x


tripled.defvjp(lambda x: (x, x), lambda x, w: (3.0 * w + 0 * x,))
rows = jax.jit(deep)
total = jax.jit(lambda x, b: jnp.sum(deep(x, b)))
ruled = jax.jit(lambda x: jnp.sum(jnp.sin(tripled(x)) ** 2 * jnp.cos(x)))
powers = jax.jit(lambda x, n: jnp.sum(jnp.sin(x) ** n), static_argnums=1)

switched = jax.jit(lambda x: jax.lax.switch(jnp.int32(jnp.sum(x) // 1), [jnp.sin, jnp.cos], x) * jnp.argsort(x))

CALLS = {
    "grad": lambda d: d.grad(total, (0, 1))(X, B),
    "closed over": lambda d: d.grad(lambda x: total(x, B))(X),
    "a number": lambda d: d.value_and_grad(lambda x: total(x, 0.5))(X),
    "static": lambda d: d.grad(powers)(X, 3),
    "keywords": lambda d: d.grad(total)(X, b=B),
    "with aux": lambda d: d.value_and_grad(jax.jit(lambda x: (x.sum(), {"n": jnp.int32(3), "x": x})), has_aux=True)(X),
    "pytree": lambda d: d.grad(jax.jit(lambda t: jnp.sum(deep(t["x"], t["b"]) ** 2)))({"x": X, "b": B}),
    "beside": lambda d: d.grad(lambda x: jnp.mean((rows(x, B) - 2.0) ** 2))(X),
    "custom_vjp": lambda d: d.grad(ruled)(X),
    "jvp": lambda d: d.jvp(rows, (X, B), (B, X)),
    "vjp": lambda d: d.vjp(rows, X, B)[1](B),
    "linearize": lambda d: d.linearize(rows, X, B)[1](B, X),
    "vjp that remembers whole numbers": lambda d: d.vjp(switched, X)[1](B),
    "linearize that does": lambda d: d.linearize(switched, X)[1](B),
    "vjp returned from jit": lambda d: jax.jit(lambda x: d.vjp(switched, x)[1])(X)(B),
    "jacobian": lambda d: d.jacobian(rows, 1)(X, B),
    "jacfwd": lambda d: d.jacfwd(rows)(X, B),
    "hessian": lambda d: d.hessian(total)(X, B),
    "twice": lambda d: d.grad(lambda x: jnp.sum(d.grad(total)(x, B) * B))(X),
    "a pull inside": lambda d: d.grad(lambda x: jnp.sum(d.vjp(rows, x, B)[1](B)[0] * B))(X),
    "a push inside": lambda d: d.grad(lambda x: jnp.sum(d.linearize(rows, x, B)[1](B, X) * B))(X),
    "vmap": lambda d: jax.vmap(d.grad(total), (0, None))(jnp.stack([X, B]), B),
    "inside JAX's": lambda d: jax.jacfwd(d.grad(total))(X, B),
    "inside jit": lambda d: jax.jit(lambda x: d.grad(total)(x, B))(X),
    "numpy": lambda d: d.grad(total)(np.asarray(X), np.asarray(B)),
    "a whole number": lambda d: d.grad(jax.jit(lambda x, n: jnp.sum(x * n)))(X, 3),
    "float0": lambda d: d.vjp(jax.jit(lambda x, n: x * n), X, 3)[1](X),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_values_and_types_are_jaxs(call):
    theirs = call(jax)
    assert_same(call(ct), theirs)
    assert_same(call(ct), theirs)  # found again


@in_reverse
def test_in_an_order_of_choice(ad):
    assert_same(CALLS["closed over"](ad), CALLS["closed over"](jax))
    assert_same(CALLS["vjp"](ad), CALLS["vjp"](jax))


@pytest.mark.parametrize("name", ["grad", "closed over", "beside", "jvp", "vjp", "linearize", "hessian", "twice"])
def test_is_compiled_once_whatever_the_numbers(name):
    """Values closed over and numbers written in the program are arguments."""
    fun = jax.jit(lambda x, b: jnp.sum(deep(x, b)) ** 2)
    calls = {
        "grad": lambda x, b, c: ct.grad(fun, (0, 1))(x, b),
        "closed over": lambda x, b, c: ct.value_and_grad(lambda x: fun(x, b))(x),
        "beside": lambda x, b, c: ct.grad(lambda x: c * fun(x, c) + c)(x),
        "jvp": lambda x, b, c: ct.jvp(fun, (x, b), (b, x)),
        "vjp": lambda x, b, c: ct.vjp(fun, x, b)[1](jnp.asarray(c)),
        "linearize": lambda x, b, c: ct.linearize(fun, x, b)[1](b, x),
        "hessian": lambda x, b, c: ct.hessian(fun)(x, b),
        "twice": lambda x, b, c: ct.grad(lambda x: c * ct.grad(fun)(x, b).sum())(x),
    }

    def known():
        return [entry.run._cache_size() for found in COMPILED.values() for entry in found.values()]

    calls[name](X, B, 0.5)
    before = known()
    calls[name](2 * X, X, 0.7)
    assert known() == before


def test_the_function_is_not_held_on_to():
    fun = jax.jit(lambda x: jnp.sum(jnp.sin(x) * total(x, B)))
    ct.grad(fun)(X), ct.hessian(fun)(X), ct.vjp(fun, X)[1](1.0), ct.linearize(fun, X)[1](X)
    gone, known = weakref.ref(fun), len(COMPILED)
    del fun
    gc.collect()
    assert gone() is None and len(COMPILED) < known


def test_what_is_another_program_each_time_is_not_compiled_for_ever(monkeypatch):
    monkeypatch.setattr("catenary._graph.kept.ENOUGH", 2)
    fun, before = jax.jit(lambda x: jnp.sum(deep(x, x))), sum(map(len, COMPILED.values()))
    for n in range(4):
        found = ct.grad(lambda x, n=n: fun(x) + jnp.sum(jax.lax.slice(x, (n % 3,), (3,)) ** (n + 2)))(X)
        np.testing.assert_allclose(found, jax.grad(lambda x, n=n: fun(x) + jnp.sum(x[n % 3 :] ** (n + 2)))(X))
    assert sum(map(len, COMPILED.values())) == before + 2


def test_arrays_closed_over_inside_are_not_held_on_to():
    def weighed():
        w = B + 1.0
        fun = jax.jit(lambda x: jnp.sum(deep(x, x) * w))
        ct.vjp(fun, X)[1](1.0), ct.linearize(fun, X)[1](X), ct.grad(fun)(X)
        return weakref.ref(w)

    known = [weighed() for _ in range(3)]
    gc.collect()
    assert [one() for one in known] == [None] * 3


@jax.tree_util.register_pytree_node_class
@dataclass
class Noted:
    """Its note is no part of what makes two of them equal, and belongs to the call all the same."""

    x: jax.Array
    note: object

    def tree_flatten(self):
        return (self.x,), self.note

    @classmethod
    def tree_unflatten(cls, note, leaves):
        return cls(*leaves, note)


def test_what_is_no_array_is_that_of_the_call():
    def fun(t):
        return total(t.x, B)

    def with_aux(t):
        return fun(t), Noted(rows(t.x, B), t.note)

    for note in (1, True, 1.0):
        assert type(ct.grad(fun)(Noted(X, note)).note) is type(note)
        assert type(ct.vjp(fun, Noted(X, note))[1](1.0)[0].note) is type(note)
        value, aux = ct.grad(with_aux, has_aux=True)(Noted(X, note))
        assert type(value.note) is type(aux.note) is type(note)
    with pytest.raises(TypeError, match="scalar"):
        ct.grad(lambda x: (total(x, B),))(X)  # as wrong after a call of the same program that was right


def test_an_auxiliary_result_of_nothing():
    """The program is the same, what is asked of it is not."""
    assert_same(ct.jacobian(rows)(X, B), jax.jacobian(rows)(X, B))
    beside = ct.jacobian(lambda x: (rows(x, B), None), has_aux=True)(X)
    assert_same(beside, jax.jacrev(lambda x: (rows(x, B), None), has_aux=True)(X))


def test_calls_on_several_devices():
    here, there = (jax.device_put(B, device) for device in jax.devices()[:2])

    def call(d):
        return d.vjp(lambda x, y: (rows(x, here), rows(y, there)), here, there)[1]((B, B))

    assert_same(call(ct), call(jax))


def test_mistakes_are_told_as_outside_jit():
    with pytest.raises(TypeError, match=r"scalar-output functions.*ct\.grad\(deep\)"):
        ct.grad(rows)(X, B)
    with pytest.raises(TypeError, match="custom_vjp"):
        ct.jvp(ruled, (X,), (X,))
    with pytest.raises(FloatingPointError), jax.debug_nans(True):
        ct.grad(jax.jit(lambda x: jnp.sum(jnp.sqrt(x) * jnp.sin(x))))(0 * X)


def test_effects_are_shown_once(capsys):
    @jax.jit
    def told(x):
        jax.debug.print("here")
        return jnp.sum(jnp.sin(x) * x)

    ct.grad(told)(X)
    ct.grad(told)(X)
    jax.effects_barrier()
    assert capsys.readouterr().out.count("here") == 2


@partial(jax.jit, static_argnames="n")
def _named(x, n):
    return jnp.sum(deep(x, n))


def test_static_names():
    assert_same(ct.grad(_named)(X, n=2.0), jax.grad(_named)(X, n=2.0))
