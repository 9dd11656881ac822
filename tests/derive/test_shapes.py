"""Symbolic dimensions: from arrays, annotations and names given by the user."""

import jax
import jax.numpy as jnp

import catenary as ct

one = jnp.ones


def loss(w, X, y):
    return jnp.mean((X @ w - y) ** 2)


def shapes(made):
    return {i.name: tuple(map(str, i.struct.shape)) for i in made.inputs}


def test_equal_numbers_may_be_coincidence():
    made = ct.derive(loss, one(5), one((5, 5)), one(5))
    assert shapes(made) == {"w": ("n",), "X": ("N", "n"), "y": ("N",)}


def test_structs_will_do():
    S = jax.ShapeDtypeStruct
    made = ct.derive(loss, S((4,), "float32"), S((9, 4), "float32"), S((9,), "float32"))
    assert made.formula == "∇loss = (2/N) Xᵀ (Xw − y)"


def test_the_users_names():
    made = ct.derive(loss, one(4), one((9, 4)), one(9), dims={"X": "M d"})
    assert made.formula == "∇loss = (2/M) Xᵀ (Xw − y)"


def test_names_without_arrays():
    assert ct.derive(loss, dims={"w": "d", "X": "M d", "y": "M"}).formula == "∇loss = (2/M) Xᵀ (Xw − y)"


def test_jaxtyping_annotations():
    from jaxtyping import Array, Float

    def annotated(w: Float[Array, "d"], X: Float[Array, "B d"], y: Float[Array, "B"]):
        return jnp.mean((X @ w - y) ** 2)

    assert ct.derive(annotated).formula == "∇annotated = (2/B) Xᵀ (Xw − y)"


def test_a_trace_shares_its_sizes():
    made = ct.derive(lambda A: jnp.trace(A @ A), one((3, 3)))
    assert made.index_free


def test_the_size_of_a_square_root():
    assert "(1/√n)" in ct.derive(lambda x: jnp.sum(x**2) / jnp.sqrt(x.shape[0]), one(5)).formula.replace("2/√n", "1/√n")


def test_a_length_is_a_number():
    made = ct.derive(lambda x: jnp.sum(x) / len(x), one(9))
    assert made.formula == "∇f = (1/9) 1"
    assert "sizes given" in str(made)


def test_a_name_that_a_parameter_has_taken():
    made = ct.derive(lambda n, X: jnp.sum(X @ n), one(4), one((9, 4)))
    assert shapes(made)["n"] != ("n",)
