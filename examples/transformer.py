"""A transformer block that cleans digits: the eight rows of an image are eight tokens, noise is what it takes away.

catenary derive examples/transformer.py:loss --html block.html
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from digits import load
from jaxtyping import Array, Float

import catenary as ct


class Block(NamedTuple):
    """Attention with h heads of size k, and a perceptron with f hidden units, on tokens of size d."""

    g1: Float[Array, "d"]
    c1: Float[Array, "d"]
    Wq: Float[Array, "h d k"]
    Wk: Float[Array, "h d k"]
    Wv: Float[Array, "h d k"]
    Wo: Float[Array, "h k d"]
    g2: Float[Array, "d"]
    c2: Float[Array, "d"]
    W1: Float[Array, "d f"]
    b1: Float[Array, "f"]
    W2: Float[Array, "f d"]
    b2: Float[Array, "d"]


def layer_norm(x: Array, gain: Array, offset: Array) -> Array:
    """Each row with mean 0 and variance 1, then scaled and shifted."""
    mu = x.mean(axis=-1, keepdims=True)
    nu = x.var(axis=-1, keepdims=True)
    return (x - mu) / jnp.sqrt(nu + 1e-5) * gain + offset


def attention(U: Array, block: Block) -> Array:
    """Σ over heads of softmax(QKᵀ/√k) V Wₒ."""
    Q = jnp.einsum("nd,hdk->hnk", U, block.Wq)
    K = jnp.einsum("nd,hdk->hnk", U, block.Wk)
    V = jnp.einsum("nd,hdk->hnk", U, block.Wv)
    S = jnp.einsum("hnk,hmk->hnm", Q, K) / jnp.sqrt(block.Wq.shape[-1])
    P = jax.nn.softmax(S, axis=-1)
    return jnp.einsum("hnm,hmk,hkd->nd", P, V, block.Wo)


def transformer(block: Block, X: Array) -> Array:
    """Two residual steps, each behind a layer norm: attention, then a perceptron."""
    U = layer_norm(X, block.g1, block.c1)
    A = X + attention(U, block)
    M = layer_norm(A, block.g2, block.c2)
    Z = M @ block.W1 + block.b1
    return A + jax.nn.relu(Z) @ block.W2 + block.b2


def loss(block: Block, X: Float[Array, "N d"], Y: Float[Array, "N d"]) -> Float[Array, ""]:
    """Mean squared error of one image of N rows."""
    R = transformer(block, X) - Y
    return jnp.mean(R**2)


def start(seed: int = 0, d: int = 8, heads: int = 4, k: int = 4, f: int = 64) -> Block:
    """Random weights of variance 1/fan-in, gains 1, the rest zero."""
    draw = np.random.default_rng(seed)
    shapes = {"Wq": (heads, d, k), "Wk": (heads, d, k), "Wv": (heads, d, k), "Wo": (heads, k, d)}
    shapes |= {"W1": (d, f), "W2": (f, d)}
    drawn = {name: jnp.asarray(draw.standard_normal(s) / s[-2] ** 0.5, jnp.float32) for name, s in shapes.items()}
    return Block(jnp.ones(d), jnp.zeros(d), g2=jnp.ones(d), c2=jnp.zeros(d), b1=jnp.zeros(f), b2=jnp.zeros(d), **drawn)


def train(steps: int = 300, batch: int = 64, noise: float = 0.3, seed: int = 0) -> Iterator[tuple[float, float]]:
    """The error before and after the block, on images of its batch, every hundred steps."""
    draw = np.random.default_rng(seed)
    images = load().X.reshape(-1, 8, 8)

    def error(block: Block, noisy: Array, clean: Array) -> Array:
        return jnp.mean(jax.vmap(loss, (None, 0, 0))(block, noisy, clean))

    step = jax.jit(ct.value_and_grad(error))
    block = start(seed)
    for n in range(1, steps + 1):
        clean = jnp.asarray(images[draw.integers(len(images), size=batch)], jnp.float32)
        noisy = clean + noise * jnp.asarray(draw.standard_normal(clean.shape), jnp.float32)
        now, gradient = step(block, noisy, clean)
        block = jax.tree.map(lambda p, g: p - 0.3 * g, block, gradient)
        if n % 100 == 0:
            yield float(jnp.mean((noisy - clean) ** 2)), float(now)


def main() -> None:
    """Derive the block's gradient, then train it with `ct.grad`."""
    print(ct.derive(loss))
    for before, after in train():
        print(f"squared error {before:.4f} of noisy digits, {after:.4f} behind the block")


if __name__ == "__main__":
    main()
