"""Random matrix programs: a formula without indices, right, of one form however the program is written."""

import functools
import operator
import re

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import catenary as ct
from tests.oracle import together

SHAPES = {"A": (4, 3), "B": (3, 3), "b": (4,), "x": (3,), "y": (3,)}
ENTRIES = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "exp": jnp.exp,
    "square": jnp.square,
    "softplus": jax.nn.softplus,
    "softmax": jax.nn.softmax,
    "centred": lambda v: v - jnp.mean(v),
}
TOTALS = {
    "sum": jnp.sum,
    "mean": jnp.mean,
    "square": lambda v: v @ v,
    "norm": lambda v: jnp.sum(v**2),
    "logsumexp": jax.nn.logsumexp,
    "var": jnp.var,
}


def vectors(size, depth):
    """Draw a vector of a size: a tree of (operation, operands), an input's name at a leaf."""
    leaves = st.sampled_from(["x", "y"] if size == "n" else ["b"])
    if depth == 0:
        return leaves
    same = vectors(size, depth - 1)
    choices = [
        leaves,
        st.tuples(st.sampled_from(["add", "subtract", "times"]), same, same),
        st.tuples(st.sampled_from(sorted(ENTRIES)), same),
        st.tuples(st.just("A" if size == "m" else "At"), vectors("n" if size == "m" else "m", depth - 1)),
    ]
    if size == "n":
        choices.append(st.tuples(st.sampled_from(["B", "Bt"]), same))
    return st.one_of(choices)


def numbers():
    """Draw a number made of one or two vectors."""
    v, w = vectors("n", 2), vectors("m", 1)
    return st.one_of(
        st.tuples(st.sampled_from(sorted(TOTALS)), st.one_of(v, w)),
        st.tuples(st.just("dot"), v, vectors("n", 1)),
        st.tuples(st.just("dot"), w, st.tuples(st.just("A"), vectors("n", 1))),
    )


PROGRAMS = st.lists(numbers(), min_size=1, max_size=2)


def evaluate(tree, scope, backwards):
    """Return the value of a drawn tree, operands that commute in one order or the other."""
    if isinstance(tree, str):
        return scope[tree]
    kind, *parts = tree
    return combined(kind, [evaluate(p, scope, backwards) for p in parts], scope, backwards)


def combined(kind, values, scope, backwards):
    """Return one operation on its operands."""
    if kind in ("A", "B", "At", "Bt"):
        turned = kind.endswith("t")
        if backwards:
            return values[0] @ (scope[kind[0]] if turned else scope[kind[0]].T)
        return (scope[kind[0]].T if turned else scope[kind[0]]) @ values[0]
    if kind == "subtract":
        return -values[1] + values[0] if backwards else values[0] - values[1]
    if backwards and len(values) == 2:
        values.reverse()
    match kind:
        case "add":
            return values[0] + values[1]
        case "times":
            return values[0] * values[1]
        case "dot":
            return values[0] @ values[1]
    return (TOTALS if len(jnp.shape(values[0])) == 1 and kind in TOTALS and kind not in ENTRIES else ENTRIES)[kind](
        *values
    )


def function(program, backwards=False):
    """Return a program as a function of its five inputs."""

    def f(A, B, b, x, y):
        return total(program, {"A": A, "B": B, "b": b, "x": x, "y": y}, backwards)

    return f


def renamed(program):
    """Return the program with its inputs called otherwise, in the same alphabetical order."""

    def f(G, H, a, o, w):
        return total(program, {"A": G, "B": H, "b": a, "x": o, "y": w}, False)

    return f


def total(program, scope, backwards):
    """Return the sum of the numbers of a program."""
    return functools.reduce(
        operator.add,
        (
            TOTALS[t[0]](evaluate(t[1], scope, backwards)) if t[0] in TOTALS else evaluate(t, scope, backwards)
            for t in (reversed(program) if backwards else program)
        ),
    )


def arguments():
    """Return values for the inputs."""
    rng = np.random.default_rng(3)
    return [jnp.asarray(rng.normal(size=shape) * 0.5) for shape in SHAPES.values()]


ALL = tuple(range(5))


@settings(max_examples=15, deadline=None)
@given(PROGRAMS)
def test_the_formula_is_right_and_needs_no_index(program):
    args = arguments()
    made = ct.derive(function(program), *args, argnums=ALL)
    assert made.checked and made.check(seed=5)
    assert made.index_free
    assert max(map(len, str(made).splitlines())) <= 100
    scope = {}
    exec(made.python(), scope)
    found, wanted = together(scope["derivative"], jax.grad(function(program), ALL), *args)
    for got, exact in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-8, atol=1e-11)


@settings(max_examples=12, deadline=None)
@given(PROGRAMS)
def test_the_order_of_operands_leaves_no_trace(program):
    forwards, backwards = (ct.derive(function(program, b), *arguments(), argnums=ALL).formula for b in (False, True))
    assert forwards == backwards


@settings(max_examples=8, deadline=None)
@given(PROGRAMS)
def test_names_leave_no_trace(program):
    source, other = (ct.derive(f(program), *arguments(), argnums=ALL).python() for f in (function, renamed))
    back = dict(zip("GHaow", "ABbxy", strict=True))
    assert re.sub(r"(?<![A-Za-z])[GHaow]\b", lambda m: back[m[0]], other) == source
