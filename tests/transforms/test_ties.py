"""What acts along other axes leaves a batch alone: the derivative is block-diagonal in it, and right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from catenary._emit.program import local_of
from catenary._graph import trace
from catenary._maps.restrict import tied_axes
from catenary._maps.term import Term
from catenary._plan.costs.count import Count
from catenary._plan.elimination.eliminate import eliminate
from catenary._plan.elimination.ports import passes
from catenary._plan.orders.choose import MODES, SWEEPS
from catenary.testing import EXAMPLES
from tests.once import once
from tests.oracle import EVERY, same

BATCH = 7


def normal(*shape):
    return jnp.asarray(np.random.default_rng(shape).standard_normal(shape))


def structure(fun, args, order):
    """(ties, output shape, input shape) of each map ∂output/∂input that is not zero; None where a sweep cannot be."""
    graph = trace(fun, args).graph
    local = local_of(graph, graph.inputs, graph.outputs)
    count = Count(local, mode=MODES[order])
    rows = eliminate(local, SWEEPS[order](local), count)
    cells = [(w, u, [term for term, _ in cell]) for w, row in zip(local.outputs, rows, strict=True)
             for u, cell in zip(local.inputs, row, strict=True)]  # fmt: skip
    shapes = [(terms, local.shape(w), local.shape(u)) for w, u, terms in cells if terms]
    return None if count.impossible else [(tied_axes(*shape), *shape[1:]) for shape in shapes]


@once
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_vmap_of_any_primitive_is_tied_in_its_batch(name):
    """Structure alone: nothing is compiled."""
    for example in EXAMPLES[name]:
        args = [jax.ShapeDtypeStruct((BATCH, *shape), jnp.float64) for shape in example.shapes]
        for order in set(example.orders) & set(MODES):
            for ties, out, inp in structure(jax.vmap(example.fun), args, order) or ():
                assert (0, 0) in ties, f"{name}, {order}: {out} by {inp} is tied along {ties}"


W, U = normal(3, 3), normal(3, 3, 1)[..., 0]
KERNEL = normal(2, 2, 3, 3) / 3
TIMES = normal(4, BATCH, 3)


def convolve(x):
    return lax.conv_general_dilated(x, KERNEL, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def residual(x):
    h = jnp.tanh(convolve(x)) + x
    return (jnp.sin(convolve(h)) + h).reshape(len(x), -1) @ jnp.ones((12, 2))


def cell(carry, x):
    h, c = carry
    h = jnp.tanh(h @ W + x @ U)
    c = jnp.sin(c) * h + c
    return (h, c), h * c


def recurrent(x):
    (_, c), ys = lax.scan(cell, (x, jnp.cos(x)), TIMES)
    return c + jnp.moveaxis(ys, 0, 1).sum(1)


def by_time(x):
    return jax.vmap(lambda x: lax.scan(lambda h, x: (jnp.tanh(W @ h + x),) * 2, x[0], x)[1][-1])(x)


def attention(x):
    b, n, d = x.shape
    q, k, v = (jnp.tanh(x * s).reshape(b, n, 2, d // 2) for s in (1.0, 0.5, 2.0))
    weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k))
    return jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(b, n, d).sum(1)


def branches(x):
    return lax.cond(jnp.sum(x) > 0, lambda x: jnp.tanh(x @ W), lambda x: x[:, ::-1] * 2, x)


def linear_algebra(x):
    a = jnp.einsum("bi,bj->bij", x, x) + 3 * jnp.eye(3)
    return jnp.linalg.solve(a, jnp.cos(x)[..., None])[..., 0] + jnp.linalg.cholesky(a)[:, -1]


def spectrum(x):
    return jnp.sort(jnp.abs(jnp.fft.rfft(jnp.cumprod(x, 1)))) + x[:, jnp.argsort(x[0])][:, :2]


@jax.custom_vjp
def author(x):
    return jnp.tanh(x @ W)


author.defvjp(lambda x: (author(x), x), lambda x, ct: (((1 - jnp.tanh(x @ W) ** 2) * ct) @ W.T,))


PROGRAMS = {
    "a residual block of convolutions": (residual, normal(BATCH, 2, 2, 3)),
    "a scan over time with two carries": (recurrent, normal(BATCH, 3)),
    "a scan over time, vmapped": (by_time, normal(BATCH, 2, 3)),
    "attention with split heads": (attention, normal(BATCH, 2, 4)),
    "a map over the examples": (lambda x: lax.map(lambda x: jnp.tanh(W @ x) * x.sum(), x), normal(BATCH, 3)),
    "a branch": (branches, normal(BATCH, 3)),
    "a checkpointed block": (jax.checkpoint(lambda x: jnp.tanh(x @ W) @ U), normal(BATCH, 3)),
    "a factorisation and a solve": (linear_algebra, normal(BATCH, 3)),
    "products, spectrum and sort": (spectrum, normal(BATCH, 3)),
}


def test_a_kernel_that_a_batch_shares_is_pulled_example_by_example():
    """The kernel has no batch, the images do: one pull for all examples, each by itself."""
    fun = lambda k: jnp.sum(jnp.tanh(convolve(normal(BATCH, 2, 2, 3)) @ k[0, 0] + images(k)), (1, 2))
    images = lambda k: lax.conv_general_dilated(
        normal(BATCH, 2, 2, 3), k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    graph = trace(fun, [KERNEL]).graph
    local = local_of(graph, graph.inputs, graph.outputs)
    (node,) = (n.implicit for n in local.nodes if n.implicit)
    square = Term.of("b c", "b h w c", "b h w", b=BATCH, h=2, w=2, c=3)
    ((one,),) = [list(passes(local.graph, node, [[(square, None)]], "inp"))]
    assert (one.plan.count, one.plan.each) == (1, (0,))
    same(EVERY[1:3], lambda d: d.jacobian(fun)(KERNEL))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_batch_stays_a_batch(name):
    fun, x = PROGRAMS[name]
    for order in MODES:
        for ties, _, _ in structure(fun, [x], order):
            assert (0, 0) in ties, order
    same(EVERY[1:3], lambda d: d.jacobian(fun)(x))


def test_a_loop_that_is_pushed_alone():
    fun = lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.tanh(c[1] @ W)), (0, x))[1]
    ((ties, _, _),) = structure(fun, [normal(BATCH, 3)], "forward")
    assert ties == [(0, 0)]
    same((EVERY[2],), lambda d: d.jacfwd(fun)(normal(BATCH, 3)))


def test_an_authors_pullback_that_leaves_the_batch_alone():
    ((ties, _, _),) = structure(author, [normal(BATCH, 3)], "reverse")
    assert ties == [(0, 0)]
    same((EVERY[1],), lambda d: d.jacrev(author)(normal(BATCH, 3)))


def test_an_authors_pullback_that_looks_at_the_whole_batch_ties_nothing():
    """As a gradient clipped by its norm does: several cotangents pulled as one would be clipped together."""

    @jax.custom_vjp
    def clipped(x):
        return 2 * x

    clipped.defvjp(lambda x: (2 * x, None), lambda _, ct: (jnp.where(jnp.sum(ct**2) > 0.5, 0.5, 1) * ct,))
    ((ties, _, _),) = structure(clipped, [normal(BATCH, 3)], "reverse")
    assert ties == []
    same((EVERY[1],), lambda d: d.jacrev(clipped)(normal(3, 2)))


def test_what_mixes_the_batch_is_not_tied_in_it():
    def mixing(x):
        def step(carry, t):
            h, m = carry
            return (jnp.tanh(h @ W) + m, h.mean(0)), h[::-1]

        (h, m), ys = lax.scan(step, (x, x[0]), None, length=2)
        return h + m + ys[0]

    turning = lambda x: lax.scan(lambda h, _: (jnp.sin(h.T) + h, None), x, None, length=3)[0]
    x = normal(3, 3)
    for fun in (mixing, turning):
        for ties, _, _ in structure(fun, [x], "reverse"):
            assert ties == []
        same(EVERY[1:3], lambda d, fun=fun: d.jacobian(fun)(x))


def test_a_gradient_takes_one_pass():
    """Weights have no batch; of one cotangent nothing is tied, and both are pulled together."""
    fun = lambda w, x: jnp.sum(lax.scan(lambda h, x: (jnp.tanh(h @ w + x),) * 2, x, TIMES)[1] ** 2)
    text = str(jax.make_jaxpr(ct.grad(fun, (0, 1)))(W, normal(BATCH, 3)))
    assert text.count("scan[") == 2
