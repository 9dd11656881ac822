"""Random programs × random orders: any order, any implicit map pushed or pulled, in any basis, is the same map.

The orders are permutations that no search would choose, the directions a coin's.
"""

import os
from dataclasses import replace
from random import Random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from catenary._call import plan_local
from catenary._emit.einsum import Value
from catenary._plan.costs.count import Count
from catenary._plan.costs.passes import closed
from catenary._plan.elimination.eliminate import eliminate
from catenary._plan.orders.choose import directed, pick
from catenary.testing import Report
from catenary.testing._operations import FAMILIES, PULLED, PUSHED
from catenary.testing._programs import draw_program
from tests.maps.random_terms import written_out

KINDS = {"both": FAMILIES, "pulled": (*FAMILIES, PULLED, PULLED), "pushed": (*FAMILIES, PUSHED, PUSHED)}
PARTS = 2
SEEDS = int(os.environ.get("CATENARY_EXAMPLES", "8"))
HALF = 0 if jax.__version__.startswith("0.10") else 1  # as in test_programs: each JAX takes its own programs


def random_plan(rng, local, plan):
    """The plan with another order: a permutation, and implicit nodes pushed or pulled as a coin falls."""
    order = rng.sample(range(len(local.nodes)), len(local.nodes))
    pushed = {k for k, n in enumerate(local.nodes) if n.implicit is not None and rng.random() < 0.5}
    for k, node in enumerate(local.nodes):
        if node.implicit is not None:
            pushed -= {k} if "push" in closed(node.implicit) else set()
            pushed |= {k} if "pull" in closed(node.implicit) else set()
    return replace(plan, order=tuple(order), pushed=frozenset(pushed))


def drawn(part, kind, seeds=SEEDS):
    """Programs of which every order is admitted: none with complex values inside."""
    for seed in range(part, PARTS * seeds, PARTS):
        rng = Random(f"{kind} {seed}")
        program = draw_program(rng, 5, KINDS[kind])
        args = program.point()
        local = plan_local(program, args, program.argnums)
        if directed(local) is None:
            yield rng, program, args, local


def require(report, program):
    assert report.ok, f"{report}\n\n{program}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(HALF, PARTS, 2))
def test_any_order_is_the_same_map(part, kind):
    oracle = jax.jacfwd if kind == "pushed" else jax.jacrev
    for rng, program, args, local in drawn(part, kind):
        by = program.argnums
        plan = ct.plan(program, *args, argnums=by, order="forward" if kind == "pushed" else "reverse")
        plans = [random_plan(rng, local, plan) for _ in range(2)]

        def compute(*args, f=program, by=by, plans=plans):
            return [ct.jacobian(f, by, order=p)(*args) for p in plans], oracle(f, by)(*args)

        ours, theirs = jax.jit(compute)(*args)
        report = Report("catenary and JAX")
        for p, jacobian in zip(plans, ours, strict=True):
            report.compare(f"order {p.order}, pushed {sorted(p.pushed)}", jacobian, theirs, 1e-9)
        require(report, program)


def matrix(jacobian, out, inp):
    """A dense Jacobian of pytrees, as one matrix."""
    cells = iter(jax.tree.leaves(jacobian))
    rows = [[next(cells).reshape(o.size, i.size) for i in jax.tree.leaves(inp)] for o in jax.tree.leaves(out)]
    return jnp.block(rows)


def vector(tree):
    return jnp.concatenate([x.ravel() for x in jax.tree.leaves(tree)])


def in_every_basis(program, args):
    """Bases of D, and of DᵀD and DDᵀ: ours and the same from JAX's dense Jacobian."""
    rng = np.random.default_rng(0)
    draw = lambda tree: jax.tree.map(lambda x: rng.normal(size=x.shape), tree)
    by = program.argnums
    out, inp = jax.eval_shape(program, *args), args
    v, w = draw(inp), draw(out)

    def compute(*args):
        D, J = ct.derivative(program, by)(*args), matrix(jax.jacrev(program, by)(*args), out, inp)
        normal, kernel = D.T @ D, D @ D.T
        ours = {
            "dense": matrix(D.dense(), out, inp),
            "transposed": matrix(D.T.dense(), inp, out),
            "pushed": vector(D @ v),
            "pulled": vector(D.T @ w),
            "blocks": vector(D.blocks()),
            "DᵀD": matrix(normal.dense(), inp, inp),
            "DᵀD v": vector(normal @ v),
            "diagonal of DᵀD": vector(normal.diagonal()),
            "trace of DDᵀ": kernel.trace(),
            "diagonal of DDᵀ": vector(kernel.diagonal()),
        }
        theirs = {
            "dense": J,
            "transposed": J.T,
            "pushed": J @ vector(v),
            "pulled": J.T @ vector(w),
            "DᵀD": J.T @ J,
            "DᵀD v": J.T @ (J @ vector(v)),
            "diagonal of DᵀD": jnp.sum(J * J, 0),
            "trace of DDᵀ": jnp.sum(J * J),
            "diagonal of DDᵀ": jnp.sum(J * J, 1),
        }
        return ours, theirs

    return jax.jit(compute)(*args)


def pattern(term):
    """Which entries of a map a term can make differ from zero: [out…, inp…]."""
    ones = lambda labels, dtype: None if labels is None else np.ones([term.sizes[i] for i in labels], dtype)
    return written_out(replace(term, scale=1), Value(ones(term.core, float), ones(term.mask, bool))) != 0


def structural(local):
    """The structural nonzeros of a program's Jacobian, as one matrix."""
    terms = eliminate(local, pick(local, "auto")[0], Count(local))
    size = lambda vertices: [int(np.prod(local.shape(v))) for v in vertices]
    rows = []
    for cells, n in zip(terms, size(local.outputs), strict=True):
        row = [np.zeros((n, m), bool) for m in size(local.inputs)]
        for block, cell in zip(row, cells, strict=True):
            for term, _ in cell:
                block |= pattern(term).reshape(block.shape)
        rows.append(row)
    return np.block(rows)


@pytest.mark.parametrize("part", range(HALF, PARTS, 2))
def test_any_basis_is_the_same_map(part):
    for _, program, args, local in drawn(part, "both", SEEDS // 2):
        ours, theirs = in_every_basis(program, args)
        report = Report("catenary and JAX")
        blocks = ours.pop("blocks")
        for name, array in ours.items():
            report.compare(name, array, theirs[name], 1e-9)
        nonzero = lambda x: np.sort(np.abs(x[np.abs(x) > 1e-12]))
        report.compare("entries of the blocks", nonzero(blocks), nonzero(np.ravel(theirs["dense"])), 1e-9)
        require(report, program)
        missed = (np.abs(theirs["dense"]) > 0) & ~structural(local)
        assert not missed.any(), f"nonzero outside of the structure: {np.argwhere(missed)}\n\n{program}"


V, M = jnp.linspace(0.3, 1.7, 12), jnp.linspace(0.3, 1.7, 24).reshape(6, 4)
EDGES = np.array([0, 1, 2, 3, 4, 4]), np.array([1, 2, 3, 4, 0, 2])

#: Programs whose Jacobians have no accidental zeros: at a generic point every structural nonzero is one.
SHARP = {
    "entry by entry": (lambda x: jnp.sin(x) * x, V),
    "a batch": (lambda x: jnp.tanh(x @ M.T[:, :3]), M),
    "a batch, mixed and read again": (lambda x: jnp.sum(x, 1, keepdims=True) * jnp.sin(x), M),
    "the heat equation": (lambda x: x[2:] - 2 * x[1:-1] + x[:-2], V),
    "Burgers' equation, periodic": (lambda x: x * (jnp.roll(x, 1) - jnp.roll(x, -1)), V),
    "two steps of a stencil": (lambda x: jnp.sin(x[2:] * x[:-2])[1:] * jnp.cos(x[1:-2]), V),
    "a plane": (lambda x: jnp.sin(jnp.pad(x, 1)[2:, 1:-1] + jnp.pad(x, 1)[1:-1, :-2] + x), M),
    "strides": (lambda x: x[::2] * x[1::2], V),
    "reversal": (lambda x: jnp.sin(x[::-1]), V),
    "heads": (lambda x: jnp.einsum("nhd,nhe->nde", x.reshape(6, 2, 2), x.reshape(6, 2, 2)), M),
    "concatenation": (lambda x: jnp.concatenate([x[:5] ** 2, jnp.sin(x)]), V),
    "a graph": (lambda x: jnp.sin(jnp.zeros_like(x).at[EDGES[1]].add(x[EDGES[0]]) + x), M),
    "a mesh": (lambda x: x[EDGES[0]] - jnp.sin(x[EDGES[1]]), V),
    "a loop over a batch": (lambda x: lax.fori_loop(0, 2, lambda i, y: jnp.sin(y) * x, x), M),
}


def test_structural_nonzeros_are_the_numerical_ones():
    jacobians = jax.jit(lambda: {name: jax.jacrev(fun)(x) for name, (fun, x) in SHARP.items()})()
    for name, (fun, x) in SHARP.items():
        found = structural(plan_local(fun, (x,), 0))
        np.testing.assert_array_equal(np.abs(jacobians[name]).reshape(found.shape) > 0, found, err_msg=name)
