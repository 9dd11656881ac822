"""Products of derivatives, planned together, against products of JAX's dense Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from catenary import _derivative
from catenary._emit.algebra import Compute
from catenary._plan.elimination.eliminate import eliminate
from catenary._plan.orders.choose import candidates
from catenary._plan.orders.known import MIRRORED, ORDERS
from catenary.testing import random_program
from tests.oracle import assert_same

RNG = np.random.default_rng(0)
W = jnp.asarray(RNG.normal(size=(3, 4)))
X = jnp.asarray(RNG.normal(size=(5, 3)))
P = jnp.asarray(RNG.normal(size=(5, 3, 5, 3)))


def matrix(jacobian, outs, ins):
    """A pytree of blocks as one matrix."""
    rows = jax.tree.leaves(jacobian)
    cells = [[rows[i * len(ins) + j].reshape(o.size, x.size) for j, x in enumerate(ins)] for i, o in enumerate(outs)]
    return jnp.block(cells) if cells else jnp.zeros((0, 0))


def scanned(x):
    return lax.scan(lambda c, row: (jnp.tanh(c * row), c), x[0], x)[1]


def convolved(x):
    return jnp.tanh(jax.vmap(lambda row: jnp.convolve(row, W[0, :2], mode="valid"))(x))


FUNCTIONS = {
    "perceptron": lambda x: jnp.tanh(x @ W) @ W.T,
    "scan": scanned,
    "cumsum and sort": lambda x: jnp.sort(jnp.cumsum(jnp.sin(x), 0), 1),
    "convolution": convolved,
    "softmax": lambda x: jax.nn.softmax(x, 1),
    "slices": lambda x: jnp.concatenate([x[1:, :2] * x[:-1, :2], x[:1, 1:] ** 2]),
    "branch": lambda x: lax.cond(x[0, 0] > 0, lambda x: jnp.sin(x), lambda x: x**2, x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_products_of_a_function(name):
    fun = FUNCTIONS[name]

    @jax.jit
    def ours(x):
        D = ct.derivative(fun)(x)
        E = D.T @ D
        n, d = x.size, (D @ D.T).domain.size
        return (
            E.dense().reshape(n, n),
            (D @ D.T).dense().reshape(d, d),
            (D @ P @ D.T).dense().reshape(d, d),
            E.diagonal().ravel(),
            E.trace(),
            (E @ x).ravel(),
            (D @ P @ D.T).trace(),
        )

    @jax.jit
    def theirs(x):
        J = jax.jacobian(fun)(x).reshape(-1, x.size)
        Q = P.reshape(x.size, x.size)
        E = J.T @ J
        return E, J @ J.T, J @ Q @ J.T, jnp.diagonal(E), jnp.trace(E), E @ x.ravel(), jnp.trace(J @ Q @ J.T)

    for a, b in zip(ours(X), theirs(X), strict=True):
        assert_same(a, b)


@pytest.mark.parametrize("seed", range(100, 106))
def test_products_of_random_programs(seed):
    program = random_program(seed)
    args = program.point()
    ins, outs = jax.tree.leaves(args), jax.tree.leaves(program(*args))

    @jax.jit
    def both(*args):
        D, J = (d(program, program.argnums)(*args) for d in (ct.derivative, jax.jacobian))
        J = matrix(J, outs, ins)
        E, G = D.T @ D, D @ D.T
        diagonal = jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(E.diagonal())])
        ours = matrix(E.dense(), ins, ins), matrix(G.dense(), outs, outs), diagonal, G.trace()
        return ours, (J.T @ J, J @ J.T, jnp.diagonal(J.T @ J), jnp.trace(J @ J.T))

    ours, theirs = both(*args)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * float(jnp.max(jnp.abs(b), initial=1e-3)))


def test_complex_factors_are_multiplied_one_by_one():
    fun = lambda x: jnp.exp(1j * x) * x[0]
    D, J = ct.derivative(fun)(X[0]), jax.jacfwd(fun)(X[0])
    assert_same((D @ D.T).dense(), J @ J.T)


def residual(p):
    a = jnp.tanh(p["x"] @ p["w"])
    return (a + jnp.sin(p["x"] @ p["w"] ** 2)) @ p["w"].T + p["x"], a[:, :1]


def test_every_order_gives_the_same_product(monkeypatch):
    point = {"w": W, "x": X[:2]}
    leaves, outs = [W, X[:2]], jax.tree.leaves(residual(point))

    def ours(point):
        D = ct.derivative(residual)(point)
        found = []
        for name in ("reverse", *MIRRORED):
            monkeypatch.setattr(_derivative, "pick", lambda local, *_, name=name, **__: (ORDERS[name](local), ()))
            E, G = D.T @ D, D @ D.T
            found.append((matrix(E.dense(), leaves, leaves), matrix(G.dense(), outs, outs), E.trace(), G.trace()))
        return found

    J = matrix(jax.jacobian(residual)(point), outs, leaves)
    for found in jax.jit(ours)(point):
        for a, b in zip(found, (J.T @ J, J @ J.T, jnp.trace(J.T @ J), jnp.trace(J.T @ J)), strict=True):
            assert_same(a, b)


def test_a_plan_counts_what_is_done():
    """What is made once for both halves is charged once."""
    done = []

    class Charged(Compute):
        def compose(self, recipe, *rest):
            done.append(recipe.flops)
            return super().compose(recipe, *rest)

        def add(self, recipe, *rest):
            done.append(recipe.flops)
            return super().add(recipe, *rest)

    D = ct.derivative(lambda x: jnp.tanh(jnp.tanh(x @ W) @ W.T))(X[0])
    for product in (D.T @ D, D @ D.T):
        point = product._point()
        for candidate in candidates(point.local, "auto", "flops"):
            done.clear()
            eliminate(
                point.local, candidate.order, Charged(point.local.graph, point.env, point.handlers, lambda _: False)
            )
            assert sum(done) == candidate.cost, candidate.name


def test_a_matrix_must_fit():
    D = ct.derivative(jnp.sin)(X)
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        D @ jnp.ones(5)
    with pytest.raises(ValueError, match="codomain"):
        jnp.ones((5, 5)) @ D
