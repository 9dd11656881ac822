"""Products of derivatives and derivatives of gradients: flops against the ideal, plain JAX and the special tool.

    python -m benchmarks.products
    python -m benchmarks.products --only Laplacian

Each `ideal_…` derives what an expert would spend who writes the product by hand. A row may spend 1.1 times that; a
Laplacian as much as `folx`, in flops and in XLA's temporary memory. Only counts: nothing is run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

import catenary as ct
from benchmarks.measure import counts, human
from benchmarks.scenarios import normal

try:
    import folx
except ImportError:
    folx = None

LIMIT = 1.10
Program = Callable[..., Any]


@dataclass(frozen=True)
class Product:
    """One product, programs of the same arguments.

    ideal   what it must cost: flops, or a program by hand whose flops are counted
    peer    whether ``ideal`` is the function itself, whose Laplacian by folx is to be reached, in flops and in bytes
    """

    name: str
    args: tuple[Any, ...]
    ours: Program
    plain: Program
    ideal: float | Program
    peer: bool = False


# --- programs --------------------------------------------------------------------------------------------------------


def perceptron(layers: Any, x: jax.Array) -> jax.Array:
    """Layers tanh(x W + b), the last one linear. x [B, n]."""
    for w, b in layers[:-1]:
        x = jnp.tanh(x @ w + b)
    return x @ layers[-1][0] + layers[-1][1]


def weights(*widths: int) -> list[tuple[jax.Array, jax.Array]]:
    return [(normal(a, b, seed=i), jnp.zeros(b)) for i, (a, b) in enumerate(pairwise(widths))]


def embedded(params: Any, words: jax.Array) -> jax.Array:
    """A perceptron of three embedded words an example. words [B, 3]."""
    table, layers = params
    return perceptron(layers, table[words].reshape(len(words), -1))


def convolutional(params: Any, images: jax.Array) -> jax.Array:
    """Two convolutions 3 × 3, tanh, the mean over the image, and a linear layer. images [B, H, W, C]."""
    first, second, last = params
    for kernel in (first, second):
        layout = ("NHWC", "HWIO", "NHWC")
        images = jnp.tanh(jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=layout))
    return images.mean((1, 2)) @ last


def logistic(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """The loss of logistic regression. w [d], x [N, d], y [N] of ±1."""
    return jnp.mean(jnp.log1p(jnp.exp(-y * (x @ w))))


def quartic(x: jax.Array) -> jax.Array:
    """Σ x⁴ + (Σ x²)²: its Hessian is a diagonal plus rank one."""
    return jnp.sum(x**4) + jnp.sum(x**2) ** 2


def oscillators(x: jax.Array, coupling: jax.Array) -> jax.Array:
    """A step of n coupled oscillators, positions and speeds. x [2, n]."""
    position, speed = x
    speed = speed - 0.01 * (jnp.sin(position) + coupling @ position)
    return jnp.stack([position + 0.01 * speed, speed])


def wavefunction(*widths: int) -> tuple[Program, jax.Array]:
    """log |ψ| as a perceptron of all coordinates."""
    layers = weights(*widths, 1)
    return lambda x: perceptron(layers, x[None])[0, 0], normal(widths[0], seed=9)


def equivariant(electrons: int, width: int) -> tuple[Program, jax.Array]:
    """log |ψ| of features an electron, summed over the electrons: permutation invariant."""
    one, two, top = weights(3, width, width), weights(width, width, 1), normal(width, width, seed=7)

    def fun(x: jax.Array) -> jax.Array:
        h = jnp.tanh(perceptron(one, x.reshape(electrons, 3)))
        return perceptron(two, jnp.tanh(h.sum(0, keepdims=True) @ top))[0, 0]

    return fun, normal(3 * electrons, seed=9)


def attentive(electrons: int, width: int) -> tuple[Program, jax.Array]:
    """log |ψ| with one layer of attention between the electrons."""
    query, key, value = (normal(3, width, seed=k) for k in range(3))

    def fun(x: jax.Array) -> jax.Array:
        x = x.reshape(electrons, 3)
        scores = jax.nn.softmax((x @ query) @ (x @ key).T / width**0.5)
        return jnp.tanh(scores @ (x @ value)).sum()

    return fun, normal(3 * electrons, seed=9)


# --- what they must cost ---------------------------------------------------------------------------------------------


def values_and_rows(batch: int, *widths: int) -> int:
    """Forward values of a perceptron, slopes 1 − a², and δ = ∂y/∂z of every layer, a row for each output."""
    hidden, outs = widths[1:-1], widths[-1]
    values = sum(2 * batch * a * b + batch * b for a, b in pairwise(widths)) + sum(3 * batch * h for h in hidden)
    return (
        values + sum(2 * batch * outs * a * b for a, b in pairwise(widths[2:])) + sum(batch * outs * h for h in hidden)
    )


def ideal_kernel(batch: int, *widths: int) -> int:
    """K = Σ_l (δ_l δ_lᵀ) ⊙ (a_l a_lᵀ + 1), the tangent kernel of a perceptron, [B, o, B, o].

    A layer takes its Gram matrix a aᵀ, 2 B² n, one more for the bias, the inner products of δ, 2 B² o² h, and one
    product and one sum for each entry of the kernel; δ of the last layer is the identity: B² o.
    """
    outs, total = widths[-1], values_and_rows(batch, *widths)
    for layer, (n, h) in enumerate(pairwise(widths)):
        total += batch**2 * (2 * n + 1)
        total += batch**2 * (outs if layer == len(widths) - 2 else 2 * outs**2 * h + 2 * outs**2)
    return total


def ideal_gauss_newton(batch: int, *widths: int) -> int:
    """G_lk[m n, m′ n′] = Σ_b (Σ_o δ_l δ_k)[b, m, m′] a_l[b, n] a_k[b, n′]: two flops an entry and example, 2 B P²."""
    size = sum(a * b + b for a, b in pairwise(widths))
    return 2 * batch * size**2 + values_and_rows(batch, *widths)


def ideal_logistic(n: int, d: int) -> int:
    """Xᵀ diag(s) X / N: the products, 2 N d², the scaled X, and about ten operations a row for s and X w."""
    return 2 * n * d**2 + n * d + 2 * n * d + 10 * n


def ideal_covariance(n: int) -> int:
    """F = [[1 + dt² A, dt], [dt A, 1]] with one full block A of n × n.

    With A P₁ of the first half of P's rows, 2 n³ for each of two blocks, F P is made of sums; so is (F P) Fᵀ with two
    blocks more: 8 n³, and some ten operations an entry of n × n for the sums and for A.
    """
    return 8 * n**3 + 40 * n**2


# --- the rows --------------------------------------------------------------------------------------------------------


def kernel(fun: Program) -> tuple[Program, Program]:
    """The tangent kernel D Dᵀ of fun(θ, x): ours, and JAX's Jacobian contracted with itself."""

    def ours(theta: Any, x: Any) -> Any:
        D = ct.derivative(fun)(theta, x)
        return (D @ D.T).dense()

    def plain(theta: Any, x: Any) -> Any:
        jacobian = jax.jacrev(fun)(theta, x)
        return sum(jnp.tensordot(j, j, (tuple(range(2, j.ndim)),) * 2) for j in jax.tree.leaves(jacobian))

    return ours, plain


def by_example(fun: Program) -> Program:
    """The tangent kernel by a Jacobian an example: what the structure of a batch gives by hand."""

    def kernel(theta: Any, x: Any) -> Any:
        one = lambda example: jax.jacrev(lambda t: fun(t, example[None])[0])(theta)
        jacobian = jax.vmap(one)(x)
        return sum(jnp.tensordot(j, j, (tuple(range(2, j.ndim)),) * 2) for j in jax.tree.leaves(jacobian))

    return kernel


def gauss_newton(fun: Program) -> tuple[Program, Program]:
    """Dᵀ D of fun(θ, x): ours, and Jᵀ J of JAX's Jacobian by θ as one vector."""

    def ours(theta: Any, x: Any) -> Any:
        D = ct.derivative(fun)(theta, x)
        return (D.T @ D).dense()

    def plain(theta: Any, x: Any) -> Any:
        vector, rebuild = ravel_pytree(theta)
        jacobian = jax.jacrev(lambda t: fun(rebuild(t), x))(vector).reshape(-1, vector.size)
        return jacobian.T @ jacobian

    return ours, plain


def as_vector(fun: Program, theta: Any) -> tuple[Program, jax.Array]:
    """The same function of θ as one vector, sliced and reshaped inside."""
    vector, rebuild = ravel_pytree(theta)
    return (lambda t, x: fun(rebuild(t), x)), vector


def laplacian(name: str, fun: Program, x: jax.Array) -> Product:
    """tr ∇² fun: ours, the trace of JAX's Hessian, and folx's forward Laplacian."""
    plain = lambda x: jnp.trace(jax.hessian(fun)(x))
    return Product(f"Laplacian, {name}", (x,), lambda x: ct.derivative(ct.grad(fun))(x).trace(), plain, fun, True)


#: The peer as it comes, and with its sparse Jacobians switched on.
FOLX: dict[str, Callable[[Program], Program]] = {
    "": lambda fun: lambda x: folx.forward_laplacian(fun)(x).laplacian,
    ", sparse": lambda fun: lambda x: folx.forward_laplacian(fun, sparsity_threshold=6)(x).laplacian,
}


def covariances() -> tuple[Program, Program]:
    """F P Fᵀ of a step of oscillators: ours, and JAX's Jacobian multiplied."""

    def ours(x: jax.Array, coupling: jax.Array, covariance: jax.Array) -> Any:
        F = ct.derivative(oscillators)(x, coupling)
        return (F @ covariance @ F.T).dense()

    def plain(x: jax.Array, coupling: jax.Array, covariance: jax.Array) -> Any:
        jacobian = jax.jacfwd(oscillators)(x, coupling).reshape(x.size, x.size)
        return jacobian @ covariance.reshape(x.size, x.size) @ jacobian.T

    return ours, plain


def quartic_by_hand(x: jax.Array) -> jax.Array:
    """∇² quartic = diag(12 x² + 4 Σ x²) + 8 x xᵀ."""
    return jnp.diag(12 * x**2 + 4 * x @ x) + jnp.outer(8 * x, x)


def hessian(fun: Program) -> tuple[Program, Program]:
    """The Hessian of fun: ours, and JAX's."""
    return ct.hessian(fun), jax.hessian(fun)


def products() -> Iterator[Product]:
    """The products of this file."""
    widths, batch = (32, 64, 64, 10), 64
    theta, x = weights(*widths), normal(batch, widths[0], scale=1.0)
    flat, vector = as_vector(perceptron, theta)
    ideal = ideal_kernel(batch, *widths)
    yield Product("tangent kernel", (theta, x), *kernel(perceptron), ideal)
    yield Product("the same, θ one vector", (vector, x), *kernel(flat), ideal)
    words = jax.random.randint(jax.random.key(0), (batch, 3), 0, 50)
    tables = normal(50, 8), weights(24, 64, 10)
    yield Product("with an embedding", (tables, words), *kernel(embedded), by_example(embedded))
    images, filters = normal(8, 12, 12, 3), (normal(3, 3, 3, 8), normal(3, 3, 8, 8, seed=1), normal(8, 4, seed=2))
    yield Product("of a convolutional net", (filters, images), *kernel(convolutional), by_example(convolutional))
    widths = (12, 16, 16, 5)
    theta, x = weights(*widths), normal(batch, widths[0], scale=1.0)
    flat, vector = as_vector(perceptron, theta)
    ideal = ideal_gauss_newton(batch, *widths)
    yield Product("Gauss-Newton", (theta, x), *gauss_newton(perceptron), ideal)
    yield Product("the same, θ one vector", (vector, x), *gauss_newton(flat), ideal)
    state, coupling, covariance = normal(2, 64), normal(64, 64), normal(2, 64, 2, 64)
    yield Product("covariance F P Fᵀ", (state, coupling, covariance), *covariances(), ideal_covariance(64))
    yield Product(
        "Hessian, logistic", (normal(30), normal(500, 30), normal(500)), *hessian(logistic), ideal_logistic(500, 30)
    )
    yield Product("Hessian, diagonal + rank 1", (normal(300),), *hessian(quartic), quartic_by_hand)
    yield laplacian("perceptron", *wavefunction(30, 128, 128, 128))
    yield laplacian("equivariant", *equivariant(10, 64))
    yield laplacian("attention", *attentive(8, 32))


# --- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Flops of one product, bytes of temporaries for a Laplacian: ours, what is allowed 1 or 1.1 times, and JAX's."""

    name: str
    quantity: str
    ours: float
    ideal: float | None
    plain: float
    limit: float

    @property
    def ok(self) -> bool:
        """Whether ours is within the limit."""
        return self.ideal is None or round(self.ours / self.ideal, 3) <= self.limit

    def __str__(self) -> str:
        """The printed row."""
        verdict = "not installed" if self.ideal is None else "ok" if self.ok else "FALLS SHORT"
        ideal = f"{human(self.ideal):>9} {self.ours / self.ideal:7.3f}" if self.ideal else f"{'–':>9} {'–':>7}"
        gain = f"{human(self.plain):>9} {self.plain / self.ours:7.1f} ×"
        return f"{self.name:<31} {self.quantity:<6} {human(self.ours):>9} {ideal}  ≤ {self.limit:.2f} {gain}  {verdict}"


def measure(product: Product) -> Iterator[Row]:
    """The rows of one product."""
    ours, plain = counts(product.ours, product.args), counts(product.plain, product.args)
    if not product.peer:
        ideal = product.ideal if not callable(product.ideal) else counts(product.ideal, product.args)[0]
        yield Row(product.name, "flops", ours[0], ideal, plain[0], LIMIT)
        return
    for name, peer in FOLX.items():
        theirs = counts(peer(product.ideal), product.args) if folx else (None, None)
        for k, quantity in enumerate(("flops", "bytes")):
            yield Row(f"{product.name}{name}", quantity, ours[k], theirs[k], plain[k], 1.0)


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows whose name contains WORD")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args(arguments)
    print(f"JAX {jax.__version__}: products of derivatives, against the ideal (Laplacians: folx) and plain JAX")
    if folx is None:
        print("folx: left out, not installed")
    print(f"{'product':<31} {'':<6} {'ours':>9} {'ideal':>9} {'ratio':>7}  limit {'plain':>11} plain/ours")
    rows = []
    for product in products():
        if not asked.only or any(word.lower() in product.name.lower() for word in asked.only):
            for row in measure(product):
                print(row, flush=True)
                rows.append(row)
    if asked.json:
        asked.json.write_text(json.dumps([vars(row) | {"ok": row.ok} for row in rows], indent=1))
    short = sum(not row.ok for row in rows)
    print(f"{len(rows) - short} of {len(rows)} rows within their limits")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
