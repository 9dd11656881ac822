"""Arguments of the transforms: argnums, has_aux, keyword arguments, functions that are returned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from tests.oracle import assert_same, in_each_order, in_every_order, same

X = jnp.array([0.3, -0.7, 1.1])
Y = jnp.array([[0.2, 0.5, -0.4], [0.9, -0.3, 0.6]])
Z = jnp.float64(0.8)


def scalar(x, y, z):
    return jnp.sum(jnp.tanh(y @ x) * z)


def vector(x, y, z):
    return jnp.sin(y @ x) * z


ARGNUMS = [0, 1, 2, -1, -2, (0,), (0, 1), (2, 0), (0, -1), [1, 2]]


@in_every_order
@pytest.mark.parametrize("argnums", ARGNUMS, ids=str)
def test_argnums_of_a_scalar_function(ad, argnums):
    argnums = tuple(argnums) if isinstance(argnums, list) else argnums
    same(ad, lambda d: d.grad(scalar, argnums)(X, Y, Z))
    same(ad, lambda d: d.value_and_grad(scalar, argnums=argnums)(X, Y, Z))


@pytest.mark.parametrize(
    "argnums", [np.int32(1), jnp.int32(-2), {0, 1}, np.array([0, 2]), (np.int64(1), 0), True], ids=str
)
def test_argnums_are_integers_of_any_kind(argnums):
    verbs = ("grad", "jacfwd") if np.ndim(argnums) == 0 and not isinstance(argnums, set) else ("grad", "hessian")
    for verb in verbs:
        assert_same(*(getattr(ad, verb)(scalar, argnums)(X, Y, Z) for ad in (ct, jax)))


@in_every_order
@pytest.mark.parametrize("name", ["jacobian", "jacfwd", "jacrev"])
@pytest.mark.parametrize("argnums", [0, -1, (0, 1), (2,), (1, -1)], ids=str)
def test_argnums_of_a_vector_function(ad, name, argnums):
    same(ad, lambda d: getattr(d, name)(vector, argnums)(X, Y, Z))


@in_every_order
@pytest.mark.parametrize("argnums", [0, (0, 2), (1,)], ids=str)
def test_argnums_of_the_hessian(ad, argnums):
    same(ad, lambda d: d.hessian(scalar, argnums)(X, Y, Z))


@in_every_order
def test_the_hessian_of_a_vector_function(ad):
    same(ad, lambda d: d.hessian(vector)(X, Y, Z))


@in_each_order
def test_auxiliary_data_is_handed_through(ad):
    def scalar_aux(x):
        return jnp.sum(x**2), {"y": jnp.sin(x), "n": 3, "s": None}

    def vector_aux(x):
        return x**2, (jnp.cos(x), 7)

    eagerly = lambda call: assert_same(call(ad), call(jax))  # a number stays a Python number
    eagerly(lambda d: d.grad(scalar_aux, has_aux=True)(X))
    eagerly(lambda d: d.value_and_grad(scalar_aux, has_aux=True)(X))
    eagerly(lambda d: d.jacobian(vector_aux, has_aux=True)(X))
    eagerly(lambda d: d.jacfwd(vector_aux, has_aux=True)(X))
    eagerly(lambda d: d.jacrev(vector_aux, has_aux=True)(X))
    eagerly(lambda d: d.hessian(scalar_aux, has_aux=True)(X))
    eagerly(lambda d: d.jvp(vector_aux, (X,), (jnp.ones(3),), has_aux=True))
    for name in ("vjp", "linearize"):
        y, product, aux = getattr(ad, name)(vector_aux, X, has_aux=True)
        expected, theirs, expected_aux = getattr(jax, name)(vector_aux, X, has_aux=True)
        assert_same((y, product(X), aux), (expected, theirs(X), expected_aux))


@in_each_order
def test_auxiliary_data_may_depend_on_the_input(ad):
    def fun(x):
        y = jnp.tanh(x)
        return jnp.sum(y), y

    value, aux = ad.grad(fun, has_aux=True)(X)
    np.testing.assert_allclose(aux, np.tanh(X))
    np.testing.assert_allclose(value, 1 - np.tanh(X) ** 2)


@in_every_order
def test_keyword_arguments_are_not_differentiated(ad):
    def fun(x, *, scale, shift=0.0):
        return jnp.sum(jnp.sin(x * scale) + shift)

    same(ad, lambda d: d.grad(fun)(X, scale=2.0))
    same(ad, lambda d: d.value_and_grad(fun)(X, scale=jnp.ones(3), shift=X))
    same(ad, lambda d: d.jacobian(fun)(X, scale=2.0))
    same(ad, lambda d: d.hessian(fun)(X, scale=2.0))


@in_each_order
def test_closures_are_constants(ad):
    def outer(w):
        return ad.grad(lambda x: jnp.sum(jnp.sin(x * w)))(X)

    np.testing.assert_allclose(outer(Z), np.cos(X * Z) * Z)


@in_every_order
def test_python_numbers_are_arguments(ad):
    same(ad, lambda d: d.grad(lambda x: x**3)(2.0))
    same(ad, lambda d: d.value_and_grad(lambda x, y: x * y, (0, 1))(2.0, 3.0))
    same(ad, lambda d: d.jacobian(lambda x: jnp.stack([x, x * x]))(2.0))
    same(ad, lambda d: d.hessian(lambda x: jnp.sin(x))(2.0))
    same(ad, lambda d: d.jvp(jnp.sin, (2.0,), (1.0,)))


@in_every_order
def test_numpy_arrays_are_arguments(ad):
    x = np.array([0.3, 0.4])
    same(ad, lambda d: d.grad(lambda x: jnp.sum(x**2))(x))
    same(ad, lambda d: d.jacobian(jnp.sin)(x))


@in_each_order
def test_a_pull_back_is_used_again(ad):
    y, pull = ad.vjp(vector, X, Y, Z)
    same(ad, lambda d: d.vjp(vector, X, Y, Z)[0])
    for w in (jnp.array([1.0, 0.0]), jnp.array([0.3, -2.0])):
        same(ad, lambda d, w=w: (pull if d is ad else d.vjp(vector, X, Y, Z)[1])(w))
    assert y.shape == (2,)


@in_each_order
def test_a_linearised_function_is_used_again_and_batched(ad):
    _, push = ad.linearize(vector, X, Y, Z)
    tangents = (jnp.ones((5, 3)), jnp.ones((5, 2, 3)), jnp.arange(5.0))
    same(ad, lambda d: jax.vmap(push if d is ad else d.linearize(vector, X, Y, Z)[1])(*tangents))
    for scale in (1.0, 2.0):
        same(ad, lambda d, s=scale: (push if d is ad else d.linearize(vector, X, Y, Z)[1])(s * X, s * Y, s * Z))


@in_every_order
def test_jvp_pushes_along_every_argument(ad):
    same(ad, lambda d: d.jvp(vector, (X, Y, Z), (X * 2, Y + 1, Z)))
    same(ad, lambda d: d.jvp(vector, [X, Y, Z], [X * 2, Y + 1, Z]))


@in_every_order
def test_an_argument_that_is_not_read_has_derivative_zero(ad):
    same(ad, lambda d: d.grad(lambda x, y: jnp.sum(x), (0, 1))(X, Y))
    same(ad, lambda d: d.jacobian(lambda x, y: x, (0, 1))(X, Y))
    same(ad, lambda d: d.hessian(lambda x, y: jnp.sum(x), (0, 1))(X, Y))
    same(ad, lambda d: d.vjp(lambda x, y: x, X, Y)[1](X))
    same(ad, lambda d: d.jvp(lambda x, y: x, (X, Y), (X, Y)))


@in_every_order
def test_a_constant_function_has_derivative_zero(ad):
    same(ad, lambda d: d.grad(lambda x: 3.0)(X))
    same(ad, lambda d: d.jacobian(lambda x: jnp.arange(2.0))(X))
    same(ad, lambda d: d.jvp(lambda x: jnp.ones(2), (X,), (X,)))


@in_every_order
def test_the_identity_and_an_argument_returned_twice(ad):
    same(ad, lambda d: d.jacobian(lambda x: x)(X))
    same(ad, lambda d: d.jacobian(lambda x: (x, x, jnp.sin(x)))(X))
    same(ad, lambda d: d.vjp(lambda x: (x, x), X)[1]((X, X)))
    same(ad, lambda d: d.grad(lambda x: x)(1.5))


@in_each_order
def test_names_and_documentation_come_from_the_function(ad):
    def loss(x):
        """How far."""
        return jnp.sum(x)

    assert "loss" in ad.grad(loss).__name__
    assert "How far" in ad.grad(loss).__doc__ or "loss" in ad.grad(loss).__doc__


BESIDE = {"rate": 0.1, "n": 3, "name": "a", "on": True, "numpy": np.ones(2), "scalar": np.float32(1.0), "none": None}


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: jnp.sum(jnp.sin(x)),
        jax.jit(lambda x: jnp.sum(jnp.sin(jnp.cos(jnp.tanh(x) * x) + x))),
        lambda x: jnp.sum(x) if x[0] > 0 else 1.0,
        lambda x: 2.0,
    ],
    ids=["plain", "jitted", "recorded", "a number"],
)
def test_what_is_no_array_of_jax_is_returned_as_it_was(fun):
    def with_aux(x):
        return fun(x), BESIDE | {"x": x * 2.0}

    for call in (
        lambda d: d.value_and_grad(with_aux, has_aux=True)(X),
        lambda d: d.jacrev(with_aux, has_aux=True)(X),
        lambda d: d.jvp(with_aux, (X,), (X,), has_aux=True),
        lambda d: d.vjp(with_aux, X, has_aux=True)[::2],
        lambda d: d.linearize(with_aux, X, has_aux=True)[::2],
        lambda d: d.value_and_grad(fun)(X),
        lambda d: d.jvp(lambda x: (fun(x), 3, np.ones(2)), (X,), (X,))[0],
    ):
        ours, theirs = call(ct), call(jax)
        assert jax.tree.map(type, ours) == jax.tree.map(type, theirs)
        assert str(ours) == str(theirs)
