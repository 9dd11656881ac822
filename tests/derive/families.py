"""Programs with more than two axes as practitioners write them, with the formula a careful author would write."""

import jax
import jax.numpy as jnp

one = jnp.ones


def flat_images(W, x, y):
    z = x.reshape(x.shape[0], -1) @ W
    return jnp.sum((z - y) ** 2)


def flattened_and_back(x, w):
    z = jnp.tanh(x).reshape(x.shape[0], -1)
    return jnp.sum(z.reshape(x.shape) ** 2 * w)


def gradient_of_images(x, W):
    return jnp.sum(jnp.tanh(x.reshape(x.shape[0], -1) @ W))


def merged_and_squared(q):
    r = q.reshape(q.shape[0], -1)
    return jnp.sum(r * r) + jnp.sum(jnp.exp(r))


def elementwise(A, B):
    return jnp.sum(jnp.tanh(A) * B**2)


def norm(A):
    return jnp.sqrt(jnp.sum(A**2))


def bilinear(x, T, y):
    return jnp.einsum("i,ijk,k->j", x, T, y) @ y


def contracted(T, A, B):
    return jnp.sum(jnp.tensordot(T, A, axes=([1, 2], [0, 1])) * B)


def batched_products(A, B):
    return jnp.sum(jnp.matmul(A, B) ** 2)


def examples_one_by_one(w, X, y):
    def loss(w, x, y):
        return (jnp.dot(x, w) - y) ** 2

    return jnp.mean(jax.vmap(loss, (None, 0, 0))(w, X, y))


def heads_by_reshape(params, x):
    T = x.shape[0]
    q, k, v = ((x @ params[w]).reshape(T, 4, -1) for w in ("Wq", "Wk", "Wv"))
    S = jnp.einsum("thd,shd->hts", q, k) / jnp.sqrt(q.shape[-1])
    P = jax.nn.softmax(S, axis=-1)
    O = jnp.einsum("hts,shd->thd", P, v).reshape(T, -1)
    y = O @ params["Wo"]
    return jnp.sum(y**2)


def heads_by_transposes(Wq, Wk, Wv, Wo, x):
    T = x.shape[0]

    def heads(z):
        return z.reshape(T, 4, -1).transpose(1, 0, 2)

    q, k, v = heads(x @ Wq), heads(x @ Wk), heads(x @ Wv)
    P = jax.nn.softmax(q @ k.swapaxes(-1, -2) / jnp.sqrt(q.shape[-1]), axis=-1)
    O = (P @ v).transpose(1, 0, 2).reshape(T, -1)
    return jnp.sum((O @ Wo) ** 2)


def heads_of_arrays(Wq, Wk, Wv, Wo, x):
    q, k, v = (jnp.einsum("tn,nhd->htd", x, W) for W in (Wq, Wk, Wv))
    S = jnp.einsum("htd,hsd->hts", q, k) / jnp.sqrt(q.shape[-1])
    P = jax.nn.softmax(S, axis=-1)
    O = P @ v
    y = jnp.einsum("htd,hdn->tn", O, Wo)
    return jnp.sum(y**2)


def causal(Wq, Wk, Wv, x):
    T = x.shape[0]
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    S = q @ k.T / jnp.sqrt(q.shape[-1])
    P = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((T, T))) > 0, S, -jnp.inf), axis=-1)
    return jnp.sum((P @ v) ** 2)


def batch_of_sequences(W, X):
    Z = jnp.tanh(jnp.einsum("btn,nm->btm", X, W))
    return jnp.sum(jnp.einsum("btm,bsm->bts", Z, Z) ** 2)


square = (one((8, 8)),) * 4
split = (one((6, 2, 3)),) * 3
FAMILIES = [
    (flat_images, (one((12, 5)), one((7, 3, 4)), one((7, 5))), 0, "z = reshape(x) W\n∇f = 2 reshape(x)ᵀ (z − y)"),
    (flattened_and_back, (one((3, 4)), one((3, 4))), 0, None),
    (gradient_of_images, (one((7, 3, 4)), one((12, 5))), 0, None),
    (merged_and_squared, (one((3, 4, 2)),), 0, None),
    (elementwise, (one((2, 3, 4)), one((2, 3, 4))), 0, "∇f = tanh′(A) ⊙ B^∘2"),
    (norm, (one((2, 3, 4)),), 0, None),
    (bilinear, (one(3), one((3, 4, 4)), one(4)), 0, None),
    (contracted, (one((2, 3, 4)), one((3, 4, 5)), one((2, 5))), (0, 1, 2), None),
    (batched_products, (one((2, 3, 4)), one((2, 4, 5))), (0, 1), None),
    (examples_one_by_one, (one(4), one((9, 4)), one(9)), 0, "∇f = (2/N) Xᵀ (Xw − y)"),
    (heads_by_reshape, (dict(zip(("Wq", "Wk", "Wv", "Wo"), square, strict=True)), one((5, 8))), (0, 1), None),
    (heads_by_transposes, (*square, one((5, 8))), (0, 1, 2, 3), None),
    (heads_of_arrays, (*split, one((2, 3, 6)), one((5, 6))), (0, 1, 2, 3), None),
    (causal, (*(one((6, 3)),) * 3, one((5, 6))), (0, 1, 2), None),
    (batch_of_sequences, (one((4, 3)), one((2, 5, 4))), 0, None),
]
