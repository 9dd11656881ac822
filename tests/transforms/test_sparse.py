"""D.sparse(): every structural nonzero and, at a generic point, nothing else; the same numbers as JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import catenary as ct
from benchmarks import sparse as problems

EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2], [3, 4]])
CELLS = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4]])
ROWS = np.array([3, 0, 3, 5])


def point(*shape):
    return jnp.asarray(np.random.default_rng(shape).uniform(0.5, 1.5, size=shape))


def graph_laplacian(u):
    """Σ over the edges of a mesh, gathered and scattered: u [5] → [5]."""
    flow = jnp.sinh(u[EDGES[:, 0]] - u[EDGES[:, 1]])
    return jnp.zeros_like(u).at[EDGES[:, 0]].add(flow).at[EDGES[:, 1]].add(-flow)


def message_passing(h):
    """A layer of a graph network: h [5, 3] → [5, 3]."""
    messages = jnp.tanh(h[EDGES[:, 0]] @ point(3, 3)) * h[EDGES[:, 1]]
    return h + jax.ops.segment_sum(messages, jnp.asarray(EDGES[:, 1]), 5)


def elements(u):
    """The energy of triangles, two gathers of a table of indices: u [5] → number."""
    return jnp.sum(jnp.prod(u[CELLS], axis=1) ** 2)


def stencil(u):
    """Differences along every axis, with walls: u [a, b, c] → the same."""
    v = u.at[0].set(0.0)
    for k in range(u.ndim):
        v = v.at[(slice(None),) * k + (slice(1, -1),)].add(
            jnp.diff(u, 2, axis=k) * u[(slice(None),) * k + (slice(1, -1),)]
        )
    return v


def written_over(u):
    """Rows overwritten by others, a window moved, one entry read out of bounds: u [6, 3] → [6, 3]."""
    u = u.at[jnp.array([1, 4])].set(u[jnp.array([2, 0])] ** 2)
    u = jax.lax.dynamic_update_slice(u, jnp.sin(u[:2, :2]), (3, 1))
    return u.at[ROWS, 1].add(u.at[jnp.array([0, 9, 1, 2]), 0].get(mode="fill", fill_value=0.0) ** 2)


def reshaped(u):
    """Axes that have no common digits: u [4, 9] → [6, 6]."""
    return u.reshape(6, 6) * jnp.sin(u).T.reshape(6, 6)


def twice(u):
    """Two steps of a stencil: its square."""
    return problems.burgers(problems.burgers(u))


PROGRAMS = {
    "mesh": (graph_laplacian, (5,)),
    "graph network": (message_passing, (5, 3)),
    "elements, Hessian": (ct.grad(elements), (5,)),
    "stencil 1-D": (stencil, (6,)),
    "stencil 2-D": (stencil, (4, 5)),
    "stencil 3-D": (stencil, (3, 4, 3)),
    "written over": (written_over, (6, 3)),
    "reshaped": (reshaped, (4, 9)),
    "stencil squared": (twice, (9,)),
    "scalars": (lambda u: jnp.stack([u[0] * u[3], jnp.sin(u[1]) / u[0], u[2]]) * u[:3], (5,)),
    "number": (lambda u: u[1] * u[4], (6,)),
    "nothing": (lambda u: jnp.zeros(3), (4,)),
    "no entries": (lambda u: u[jnp.zeros(0, int)] ** 2, (4,)),
    "dense": (lambda u: jnp.exp(point(3, 4) @ u), (4,)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_entries_are_those_of_the_structure(name):
    fun, shape = PROGRAMS[name]
    u = point(*shape)
    expected = np.asarray(jax.jit(jax.jacrev(fun))(u))
    found = ct.derivative(fun)(u).sparse()
    assert isinstance(found, BCOO) and found.shape == expected.shape
    indices = np.asarray(found.indices)
    flat = np.ravel_multi_index(tuple(indices.T), found.shape) if found.shape else np.zeros(len(indices))
    assert (np.diff(flat) > 0).all()
    np.testing.assert_allclose(np.asarray(found.todense()), expected, rtol=1e-10, atol=1e-12)
    assert found.nse == (expected != 0).sum()


@pytest.mark.parametrize("problem", problems.PROBLEMS, ids=lambda p: p.name)
def test_the_problems_of_the_benchmark(problem):
    shape = tuple(n if n == 2 else 6 for n in problem.shape)
    u = point(*shape)
    expected = np.asarray((jax.hessian if problem.hessian else jax.jacobian)(problem.fun)(u))
    found = jax.jit(lambda u: ct.derivative(problem.derived)(u).sparse())(u)
    np.testing.assert_allclose(np.asarray(found.todense()), expected, rtol=1e-10, atol=1e-10)
    assert found.nse == (expected != 0).sum()
    np.testing.assert_allclose(problem.by_hand(u), found.data, rtol=1e-10, atol=1e-10)


def test_blocks_of_pytrees_and_products():
    def fun(x, y):
        return {"a": x[1:] * y, "b": x[::2] ** 2}

    x, y = point(5), point(4)
    D = ct.derivative(fun, (0, 1))(x, y)
    dense, sparse = D.dense(), D.sparse()
    assert sparse["b"][1].nse == 0 and sparse["a"][0].nse == 4
    for block, expected in zip(
        jax.tree.leaves(sparse, is_leaf=lambda b: isinstance(b, BCOO)), jax.tree.leaves(dense), strict=True
    ):
        np.testing.assert_allclose(block.todense(), expected)
    E = ct.derivative(problems.burgers)(point(7))
    gram = (E.T @ E).sparse()
    np.testing.assert_allclose(gram.todense(), (E.T @ E).dense(), atol=1e-12)
    assert gram.nse == 7 * 5


def test_the_diagonal_of_a_large_map_is_cheap():
    n = 100_000
    D = ct.derivative(problems.burgers)(jnp.ones(n))
    assert D.diagonal().shape == (n,) and float(D.trace()) == pytest.approx(-0.2 * n)


def test_symbolic_sizes_are_refused():
    (n,) = jax.export.symbolic_shape("n")

    def entries(u):
        return ct.derivative(jnp.sin)(u).sparse().data

    with pytest.raises(ValueError, match=r"D\.sparse\(\): .* has symbolic sizes"):
        jax.export.export(jax.jit(entries))(jax.ShapeDtypeStruct((n,), jnp.float32))
