"""The derivative as one linear map: products, bases and printing, against JAX's dense Jacobian."""

import jax
import jax.numpy as jnp
import pytest

import catenary as ct
from tests.oracle import assert_same

X = jnp.array([0.3, -0.7, 1.1])
W = jnp.array([[0.3, -0.2, 0.5], [0.1, 0.8, -0.6], [0.4, 0.2, 0.1]])
BATCH = jnp.arange(12.0).reshape(4, 3) / 10


def square(x):
    return jnp.sin(W @ x) * x


def batched(x):
    return jnp.tanh(x @ W) @ W[:, :2]


def tree(p):
    return {"y": jnp.tanh(p["w"] @ p["x"]), "s": (jnp.sum(p["x"] ** 2),)}


def test_products_with_vectors():
    D, J = ct.derivative(square)(X), jax.jacobian(square)(X)
    assert_same(D @ X, J @ X)
    assert_same(D.T @ X, X @ J)
    assert_same(D.dense(), J)
    assert_same(D.T.dense(), J.T)
    assert_same(D.T.T.dense(), J)


def test_products_of_maps():
    D, J = ct.derivative(square)(X), jax.jacobian(square)(X)
    E, K = ct.derivative(jnp.exp)(X), jnp.diag(jnp.exp(X))
    assert_same((D.T @ D).dense(), J.T @ J)
    assert_same((D @ D.T).dense(), J @ J.T)
    assert_same((D @ E @ D.T).dense(), J @ K @ J.T)
    assert_same((D @ E @ D.T) @ X, J @ (K @ (J.T @ X)))
    assert_same((D @ E).T @ X, (J @ K).T @ X)
    assert_same((D @ E).diagonal(), jnp.diagonal(J @ K))
    assert_same((D.T @ D).trace(), jnp.trace(J.T @ J))


def test_the_gauss_newton_matrix_and_the_tangent_kernel_of_a_batch():
    D, J = ct.derivative(batched)(BATCH), jax.jacobian(batched)(BATCH)
    assert_same((D.T @ D).dense(), jnp.einsum("abij,abkl->ijkl", J, J))
    assert_same((D @ D.T).dense(), jnp.einsum("abij,cdij->abcd", J, J))
    assert_same((D.T @ D).diagonal(), jnp.einsum("abij,abij->ij", J, J))


def test_parts_of_a_square_map():
    D, J = ct.derivative(square)(X), jax.jacobian(square)(X)
    assert_same(D.diagonal(), jnp.diagonal(J))
    assert_same(D.trace(), jnp.trace(J))
    H = ct.derivative(ct.grad(lambda x: jnp.sum(square(x) ** 2)))(X)
    hessian = jax.hessian(lambda x: jnp.sum(square(x) ** 2))(X)
    assert_same(H.trace(), jnp.trace(hessian))
    assert_same(H.diagonal(), jnp.diagonal(hessian))
    fun = lambda x: x @ W  # a map tied in the batch and full besides
    D, J = ct.derivative(fun)(BATCH), jax.jacobian(fun)(BATCH)
    assert_same(D.diagonal(), jnp.einsum("ijij->ij", J))
    assert_same(D.trace(), jnp.einsum("ijij->", J))
    assert_same(ct.derivative(lambda x: x[::-1])(X).diagonal(), jnp.array([0.0, 1.0, 0.0]))
    assert_same(ct.derivative(jnp.cumsum)(X).trace(), jnp.float64(3.0))


def test_blocks_keep_a_batch_once():
    D, J = ct.derivative(batched)(BATCH), jax.jacobian(batched)(BATCH)
    assert_same(D.blocks(), jnp.einsum("abac->abc", J))
    assert_same(ct.derivative(jnp.sin)(BATCH).blocks(), jnp.cos(BATCH))


def test_pytrees():
    p = {"w": W, "x": X}
    D, J = ct.derivative(tree)(p), jax.jacobian(tree)(p)
    assert_same(D.dense(), J)
    assert_same(D @ p, jax.jvp(tree, (p,), (p,))[1])
    y = tree(p)
    assert_same(D.T @ y, jax.vjp(tree, p)[1](y)[0])
    gauss_newton = (D.T @ D).dense()
    rows = jnp.concatenate([J["y"]["x"], J["s"][0]["x"][None]])
    assert_same(gauss_newton["x"]["x"], rows.T @ rows)


def test_several_arguments():
    fun = lambda x, y: x * y[0]
    D, J = ct.derivative(fun, (0, 1))(X, X), jax.jacobian(fun, (0, 1))(X, X)
    assert_same(D.dense(), J)
    assert_same(D @ (X, X), jax.jvp(fun, (X, X), (X, X))[1])


def test_under_jit_and_vmap():
    assert_same(jax.jit(lambda x: ct.derivative(square)(x).dense())(X), jax.jacobian(square)(X))
    assert_same(
        jax.vmap(lambda x: ct.derivative(square)(x).trace())(BATCH),
        jax.vmap(lambda x: jnp.trace(jax.jacobian(square)(x)))(BATCH),
    )
    grad_of_trace = lambda d: d.grad(lambda x: jnp.trace(jax.jacobian(square)(x)))(X)
    assert_same(ct.grad(lambda x: ct.derivative(square)(x).trace())(X), grad_of_trace(jax))


def test_it_prints_its_structure():
    text = str(ct.derivative(batched)(BATCH))
    assert "(4, 2) ← (4, 3)" in text
    assert "24 of 96" in text
    assert "3 of 9" in str(ct.derivative(jnp.sin)(X))
    assert "Dᵀ @ D" in str(ct.derivative(square)(X).T @ ct.derivative(square)(X))


def test_what_does_not_fit_is_an_error():
    D = ct.derivative(batched)(BATCH)
    with pytest.raises(ValueError, match=r"\(2,\).*\(4, 3\)"):
        D @ X[:2]
    with pytest.raises(TypeError, match="structure"):
        D @ (X, X)
    with pytest.raises(ValueError, match="agree"):
        D @ D
    with pytest.raises(ValueError, match="same shapes"):
        D.diagonal()
    with pytest.raises(ValueError, match="same shapes"):
        D.trace()
    with pytest.raises(TypeError, match=r"argument 0.*int"):
        ct.derivative(square)(jnp.arange(3))
