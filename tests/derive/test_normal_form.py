"""One normal form: the order in which terms and factors were written leaves no trace."""

import itertools

import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catenary as ct
from catenary._derive.expressions.build import add, fn, mul, num, power, total
from catenary._derive.expressions.expr import Array, At, axis, temporary
from catenary._derive.expressions.rename import rename
from catenary._derive.expressions.value import DRAWS, same, spread

I, J = axis(0, "N"), axis(1, "m")
LEAVES = [
    At(Array("X", ("N", "m"), None, "real"), (I, J)),
    At(Array("u", ("N",), None, "real"), (I,)),
    At(Array("v", ("m",), None, "real"), (J,)),
    num(2),
    num(-1),
]


def summed(body):
    k = temporary("m")
    return total((k,), rename(body, {J: k}))


def expressions():
    return st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.one_of(
            st.tuples(st.just("add"), st.lists(inner, min_size=2, max_size=3)),
            st.tuples(st.just("mul"), st.lists(inner, min_size=2, max_size=3)),
            st.tuples(st.sampled_from(["exp", "tanh", "sigmoid", "square", "sum"]), st.tuples(inner)),
        ),
        max_leaves=8,
    )


def build(tree, backwards):
    """Build an expression from a drawn tree, its terms and factors in one order or the other."""
    if not isinstance(tree, tuple):
        return tree
    kind, parts = tree
    made = [build(p, backwards) for p in (reversed(parts) if backwards else parts)]
    match kind:
        case "add":
            return add(made)
        case "mul":
            return mul(made)
        case "square":
            return power(made[0], 2)
        case "sum":
            return summed(made[0])
    return fn(kind, made[0])


@given(expressions())
def test_order_leaves_no_trace(tree):
    assert build(tree, False) is build(tree, True)


@given(expressions())
def test_building_keeps_the_value(tree):
    import numpy as np

    expr = build(tree, False)
    for draw in DRAWS:
        wanted = evaluate(tree, draw)
        got = spread(draw(expr), (I, J))
        known = np.isfinite(wanted) & (abs(wanted) < 1e12)
        got = np.broadcast_to(got, wanted.shape)
        np.testing.assert_allclose(got[known], wanted[known], rtol=1e-7, atol=1e-9)


def evaluate(tree, draw):
    import numpy as np

    with np.errstate(all="ignore"):
        if not isinstance(tree, tuple):
            return np.broadcast_to(spread(draw(tree), (I, J)), (draw.size("N"), draw.size("m")))
        kind, parts = tree
        made = [evaluate(p, draw) for p in parts]
        match kind:
            case "add":
                return sum(made)
            case "mul":
                return np.prod(made, axis=0)
            case "square":
                return made[0] ** 2
            case "sum":
                return np.broadcast_to(made[0].sum(1, keepdims=True), made[0].shape)
            case "exp":
                return np.exp(made[0])
            case "tanh":
                return np.tanh(made[0])
        return 1 / (1 + np.exp(-made[0]))


def test_bound_indices_do_not_meet():
    # Σ_i x_i Σ_j A_ij x_j with the inner sum written out inside the outer one
    made = ct.derive(lambda x, A: x @ A @ x, jnp.ones(3), jnp.ones((3, 3)))
    assert "= xᵀAx" in str(made)


def test_nested_sums_of_one_size():
    x = At(Array("x", ("n",), None, "real"), (axis(0, "n"),))
    i, j = temporary("n"), temporary("n")
    a, b = rename(x, {axis(0, "n"): i}), rename(x, {axis(0, "n"): j})
    product = total((i,), mul((a, total((j,), mul((a, b))))))
    square = mul((total((i,), power(a, 2)), total((j,), b)))
    assert same(product, square)


WRITTEN = [
    lambda w, X, y: jnp.mean((X @ w - y) ** 2),
    lambda w, X, y: jnp.mean((y - X @ w) ** 2),
    lambda w, X, y: jnp.sum(jnp.square(-y + w @ X.T)) / y.shape[0],
    lambda w, X, y: ((X @ w - y) @ (X @ w - y)) / y.shape[0],
    lambda w, X, y: jnp.einsum("n,n->", X @ w - y, X @ w - y) / y.shape[0],
]


@pytest.mark.parametrize("fun", WRITTEN)
def test_one_formula_for_many_ways_to_write_it(fun):
    made = ct.derive(fun, jnp.ones(3), jnp.ones((5, 3)), jnp.ones(5))
    assert made.formula in ("∇f = (2/N) Xᵀ (Xw − y)", "∇f = −(2/N) Xᵀ (y − Xw)")


GRAPHS = {  # factors as edges between summed indices of one size
    "tr ABC": "Aij Bjk Cki",
    "tr A³": "Aij Ajk Aki",
    "tr A⁴": "Aij Ajk Akl Ali",
    "tr A² tr A²": "Aij Aji Akl Alk",
    "a path": "Aij Akl Ajk",
    "a star": "Aij Aik Ail",
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_summed_indices_of_one_size_have_no_order(graph):
    edges = graph.split()
    letters = sorted(set("".join(e[1:] for e in edges)))
    found = set()
    for order in itertools.permutations(range(len(letters))):
        for factors in (edges, edges[::-1], edges[1:] + edges[:1]):
            index = {c: temporary("n") for c in letters}
            body = mul(At(Array(a, ("n", "n"), None, "real"), (index[i], index[j])) for a, i, j in factors)
            found.add(total(tuple(index[letters[n]] for n in order), body))
    assert len(found) == 1
