"""The table of rewrites: each row applies, keeps the value, and a corrupted row is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import catenary as ct
from catenary._derive.defining import define
from catenary._derive.derivation import Derivation
from catenary._derive.expressions import build
from catenary._derive.expressions.build import ONE, add, along_axis, fn, mul, num, power, total
from catenary._derive.expressions.expr import Add, Array, At, Fn, axis, temporary
from catenary._derive.expressions.rename import rename
from catenary._derive.expressions.value import DRAWS, spread
from catenary._derive.rewrites import rewrite

from .examples import EXAMPLES
from .families import FAMILIES
from .linalg_examples import EXAMPLES as LINALG

I, K = axis(0, "N"), axis(1, "m")
X = At(Array("X", ("N", "m"), None, "real"), (I, K))
u = At(Array("u", ("N",), None, "real"), (I,))
v = At(Array("v", ("N",), None, "real"), (I,))
minus = num(-1)


@pytest.fixture(autouse=True)
def forget():
    for memory in (build._rewritten, define._expanded):
        memory.clear()
    yield
    for memory in (build._rewritten, define._expanded):
        memory.clear()


def summed(body):
    k = temporary("m")
    return total((k,), rename(body, {K: k}))


def test_every_row_is_used_by_some_program(monkeypatch):
    monkeypatch.setattr(Derivation, "check", lambda self: True)  # numbers are compared elsewhere
    used = set()
    rules = list(rewrite.RULES)

    def watched(rule):
        def apply(node):
            new = rule.apply(node)
            if new is not None and new is not node:
                used.add(rule.name)
            return new

        return rule._replace(apply=apply)

    rewrite.RULES[:] = map(watched, rules)
    try:
        for program in PROGRAMS:
            ct.derive(program, jnp.ones(4))
        for fun, args, _ in EXAMPLES:
            ct.derive(fun, *args)
        for fun, args, facts, _ in LINALG:
            if fun.__name__ in ALONE:
                ct.derive(fun, *args, assume=facts)
        for fun, args, argnums, _ in FAMILIES:
            if fun.__name__ in ALONE:
                ct.derive(fun, *args, argnums=argnums)
        ct.derive(lambda x: jax.nn.softmax(x) * x, jnp.ones(4))
    finally:
        rewrite.RULES[:] = rules
    assert {r.name for r in rules} - used <= SELDOM


#: Those of the many programs of matrices that alone use some row: to derive all takes half a minute.
ALONE = frozenset(
    "log_of_determinant determinant_of_inverse scaled inverse_twice of_diagonal by_lower_cho_solve sum_of_eigenvalues "
    "unit merged_and_squared heads_by_reshape causal".split()
)
SELDOM = {  # tested alone below
    "sign(x) / |x| = 1 / x",
    "f (a + b / f) = a f + b",
    "(1 - t)(1 + t) = 1 - t²",
    "logsumexp(v + c) = c + logsumexp(v)",
    "softmax(v + c) = softmax(v)",
}
PROGRAMS = [
    lambda x: jnp.sum(jax.nn.elu(x)),
    lambda x: jnp.sum(jnp.where(x > 0, jnp.sin(jnp.abs(x)), 0.0)),
    lambda x: jnp.sum(jax.scipy.special.xlogy(x, x)),
    lambda x: jnp.sum(jnp.triu(jnp.outer(x, x)) ** 2),
    lambda x: jnp.sum(jnp.log1p(jnp.exp(x))),
    lambda x: jnp.sum(jax.nn.softplus(x)),
    lambda x: jax.nn.logsumexp(x),
    lambda x: -jnp.sum(x * jax.nn.log_softmax(x)),
    lambda x: jnp.sum(jnp.log(jax.nn.softmax(x))),
    lambda x: jnp.sum(jnp.tanh(x)) + jnp.sum(jax.nn.sigmoid(x)),
    lambda x: jnp.sum(jax.nn.relu(jax.nn.relu(x))),
    lambda x: jnp.sum(jnp.maximum(x, 0)),
    lambda x: jnp.sum(jnp.where(jax.nn.relu(x) > 0, x**2, 0)),
    lambda x: jnp.sum(jnp.where(jnp.tril(jnp.outer(jnp.ones_like(x), jnp.ones_like(x))) > 0, x, 0) ** 2),
    lambda x: jnp.sum(jnp.where(x > 0, x, 0)),
    lambda x: jnp.sum(jnp.where(x > 0, 0, x)),
    lambda x: jnp.mean(-x * jnp.log(jax.nn.sigmoid(x)) - (1 - x) * jnp.log(1 - jax.nn.sigmoid(x))),
    lambda x: jnp.sum(jax.nn.softmax(x)) + x @ x + x @ jnp.exp(x),
    lambda x: jax.nn.softmax(x + 1.0) @ x,
    lambda x: jnp.sum(1 / (1 + jnp.exp(-x))) + jnp.sum(jnp.exp(x) / (1 + jnp.exp(x))),
    lambda x: jnp.sum(jnp.exp(jax.nn.log_softmax(x)) * x**3),
    lambda x: jnp.sum(jnp.log(jnp.cosh(x))) + jnp.log(jnp.cumsum(jnp.exp(x)[::-1])[::-1]) @ x,
    lambda x: jnp.var(x) + jax.nn.softmax(x) @ (x - jnp.sum(x)),
    lambda x: jnp.sum(x**2) / x.shape[0] - jnp.sum(x) ** 2 / x.shape[0] ** 2,
    lambda x: jnp.exp(jnp.sum(x)) * jnp.cos(x[0]) + jnp.exp(jnp.sum(x)) * jnp.sin(x[1]) + x[2],
]


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda: fn("log", add((ONE, fn("exp", u)))), lambda: fn("softplus", u)),
        (lambda: mul((fn("exp", u), power(add((ONE, fn("exp", u))), -1))), lambda: fn("sigmoid", u)),
        (lambda: add((ONE, mul((minus, power(fn("tanh", u), 2))))), lambda: fn("tanh_prime", u)),
        (
            lambda: mul((add((ONE, fn("tanh", u))), add((ONE, mul((minus, fn("tanh", u))))))),
            lambda: fn("tanh_prime", u),
        ),
        (lambda: add((mul((u, v)), mul((u, fn("exp", v))))), lambda: mul((u, add((v, fn("exp", v)))))),
        (lambda: mul((fn("exp", X), power(summed(fn("exp", X)), -1))), lambda: along_axis("softmax", K, X)),
        (lambda: along_axis("softmax", K, add((X, u))), lambda: along_axis("softmax", K, X)),
        (lambda: summed(along_axis("softmax", K, X)), lambda: ONE),
        (lambda: summed(fn("exp", add((X, u)))), lambda: mul((fn("exp", u), summed(fn("exp", X))))),
        (lambda: mul((fn("sign", u), power(fn("abs", u), -1))), lambda: power(u, -1)),
        (lambda: mul((u, add((v, mul((X, power(u, -1))))))), lambda: add((mul((u, v)), X))),
        (lambda: fn("log", summed(fn("exp", add((X, u))))), lambda: add((u, fn("log", summed(fn("exp", X)))))),
    ],
)
def test_a_rewrite(made, wanted):
    assert made() is wanted()


def planted(name, result):
    """Replace one row's outcome."""
    rows = [
        r._replace(apply=lambda node, r=r: _corrupt(r, node, result)) if r.name == name else r for r in rewrite.RULES
    ]
    return rows


def _corrupt(rule, node, result):
    new = rule.apply(node)
    return None if new is None else result(new)


BUILDERS = [
    lambda: fn("log", add((ONE, fn("exp", u)))),
    lambda: fn("log", summed(fn("exp", add((X, u))))),
    lambda: fn("exp", add((u, mul((minus, fn("softplus", v)))))),
    lambda: mul((fn("exp", u), power(add((ONE, fn("exp", u))), -1))),
    lambda: add((ONE, mul((minus, power(fn("tanh", u), 2))))),
    lambda: mul((fn("exp", X), power(summed(fn("exp", X)), -1))),
    lambda: fn("where", fn("gt", u, num(0)), u, num(0)),
    lambda: fn("not", fn("gt", u, v)),
    lambda: fn("max", u, num(0)),
    lambda: add((fn("max", u, v), fn("softplus", mul((minus, fn("abs", add((u, mul((minus, v)))))))))),
    lambda: add((mul((u, v)), mul((u, fn("exp", v))))),
    lambda: summed(along_axis("softmax", K, X)),
]


def value(expr):
    return spread(DRAWS[1](expr), (I, K))


@pytest.mark.parametrize("rule", rewrite.RULES, ids=lambda r: r.name)
def test_a_corrupted_row_changes_no_value(rule, monkeypatch):
    wanted = [value(build_()) for build_ in BUILDERS]
    build._rewritten.clear()
    monkeypatch.setattr(rewrite, "RULES", planted(rule.name, lambda new: mul((num(2), new))))
    for build_, number in zip(BUILDERS, wanted, strict=True):
        assert np.allclose(value(build_()), number, rtol=1e-9)


@pytest.mark.parametrize("rule", rewrite.RULES, ids=lambda r: r.name)
def test_a_corrupted_row_leaves_a_program_right(rule, monkeypatch):
    monkeypatch.setattr(rewrite, "RULES", planted(rule.name, lambda new: Add((num(1), new))))
    for fun, args, _ in EXAMPLES[:1] + EXAMPLES[14:15]:
        assert ct.derive(fun, *args).checked


def test_a_corrupted_row_is_refused(monkeypatch):
    name = "log(1 + exp u) = softplus(u)"
    monkeypatch.setattr(rewrite, "RULES", planted(name, lambda new: mul((num(2), new))))
    node = fn("log", add((ONE, fn("exp", u))))
    assert isinstance(node, Fn) and node.name == "log"
    made = ct.derive(
        lambda w, X, y: jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w)))), jnp.ones(3), jnp.ones((5, 3)), jnp.ones(5)
    )
    assert made.checked
    assert "softplus" not in str(made)
