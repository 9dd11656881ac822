"""The table of derivatives: every row is reached by a program, and a corrupted row is caught by the check."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special

import catenary as ct
from catenary._derive.calculus import derivatives
from catenary._derive.check import FormulaError
from catenary._derive.expressions.build import ONE, add, mul, num

one = jnp.ones


def entries(f, **options):
    return lambda: ct.derive(lambda x: jnp.sum(f(x) * x), one(4), **options)


def pairs(f):
    return lambda: ct.derive(lambda x, y: jnp.sum(f(x, y) * x), one(4), one(4), argnums=(0, 1))


def square(f):
    return lambda: ct.derive(lambda A: jnp.sum(f(A @ A.T + jnp.eye(3))), one((3, 3)))


# name: a program whose formula needs the row; the last number of a name is the argument that is corrupted
PROGRAMS = {
    **{n: entries(getattr(jnp, n)) for n in "exp log tanh sin cos tan sinh cosh floor ceil round".split()},
    **{f"a{n}": entries(getattr(jnp, f"arc{n}")) for n in "sin cos tan sinh cosh tanh".split()},
    "tanh_prime": entries(jnp.tanh, order=2),
    "sigmoid": entries(jax.nn.sigmoid),
    "sigmoid_prime": entries(jax.nn.sigmoid, order=2),
    "softplus": entries(jax.nn.softplus),
    "erf": entries(special.erf),
    "erfinv": entries(lambda x: special.erfinv(jnp.tanh(x))),
    "lgamma": entries(lambda x: special.gammaln(jnp.exp(x))),
    "digamma": entries(lambda x: special.digamma(jnp.exp(x))),
    "abs": entries(jnp.abs),
    "relu": entries(jax.nn.relu),
    "sign": entries(jnp.sign),
    "gt": entries(lambda x: x > 0.3),
    "ge": entries(lambda x: x >= 0.3),
    "stop": entries(lax.stop_gradient),
    "atan2 0": pairs(jnp.arctan2),
    "atan2 1": pairs(jnp.arctan2),
    "max 0": pairs(jnp.maximum),
    "max 1": pairs(jnp.maximum),
    "min 0": pairs(jnp.minimum),
    "min 1": pairs(jnp.minimum),
    "pow 0": pairs(jnp.power),
    "pow 1": pairs(jnp.power),
    "rem 0": pairs(jnp.fmod),
    "rem 1": pairs(jnp.fmod),
    "where 1": pairs(lambda x, y: jnp.where(x > y, jnp.sin(x), y)),
    "where 2": pairs(lambda x, y: jnp.where(x > y, jnp.sin(x), y)),
}
WHOLE = {
    "sum": lambda: ct.derive(lambda x: jnp.sum(x**2), one(4)),
    "max": lambda: ct.derive(lambda x: jnp.max(x) ** 2, one(4)),
    "min": lambda: ct.derive(lambda x: jnp.min(x) ** 2, one(4)),
    "prod": lambda: ct.derive(lambda x: jnp.prod(x) ** 2, one(4)),
    "logsumexp": lambda: ct.derive(lambda x: jax.nn.logsumexp(x) ** 2, one(4)),
    "softmax": entries(jax.nn.softmax),
    "cumsum": entries(jnp.cumsum),
    "reverse": entries(lambda x: jnp.sin(x)[::-1]),
    "inv": square(jnp.linalg.inv),
    "det": square(jnp.linalg.det),
    "logdet": square(lambda A: jnp.linalg.slogdet(A)[1]),
    "cholesky": square(lambda A: one(3) @ jnp.linalg.cholesky(A) @ one(3)),
    "eigenvalues": square(lambda A: jnp.linalg.eigvalsh(A) ** 2),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_corrupted_partial_is_caught(name, monkeypatch):
    function, _, place = name.partition(" ")
    row = list(derivatives.PARTIALS[function])
    right, reached = row[int(place or 0)], []

    def wrong(*args):
        reached.append(args)
        return add((ONE, right(*args)))

    row[int(place or 0)] = wrong
    monkeypatch.setitem(derivatives.PARTIALS, function, tuple(row))
    with pytest.raises((FormulaError, NotImplementedError)):
        PROGRAMS[name]()
    assert reached


@pytest.mark.parametrize("name", WHOLE)
def test_a_corrupted_pull_is_caught(name, monkeypatch):
    table = derivatives.REDUCTIONS if name in derivatives.REDUCTIONS else derivatives.PULLBACKS
    right, reached = table[name], []

    def wrong(*args):
        reached.append(args)
        return mul((num(2), right(*args)))

    monkeypatch.setitem(table, name, wrong)
    with pytest.raises(FormulaError):
        WHOLE[name]()
    assert reached


@pytest.mark.parametrize("name", PROGRAMS | WHOLE)
def test_the_row_as_it_is_is_right(name):
    assert (PROGRAMS | WHOLE)[name]().checked


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("argnums", [-1, (0, -1), [1, 0], np.int32(1)], ids=str)
def test_the_arguments_are_counted_and_ordered_as_by_jax(argnums, order):
    """From the end, in another order, by any integer: the source returns what JAX's transform does."""
    fun = lambda x, y: jnp.sum(jnp.sin(x) * y**2)
    x, y = jnp.array([0.3, 1.2, -0.4]), jnp.array([1.0, -0.5, 2.0])
    scope = {}
    exec(ct.derive(fun, x, y, argnums=argnums, order=order).python("derivative"), scope)
    theirs = (jax.grad if order == 1 else jax.hessian)(fun, argnums if np.ndim(argnums) else int(argnums))(x, y)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), *map(
        jax.tree.leaves, (scope["derivative"](x, y), theirs)))  # fmt: skip
