"""Control flow of JAX inside the function and around the transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from tests.oracle import EVERY, assert_same, in_every_order, in_forward, in_reverse, same

X = jnp.array([0.3, -0.7, 1.1])
XS = jnp.array([[0.2, 0.5, -0.4], [0.9, -0.3, 0.6]])
W = jnp.array([[0.3, -0.2, 0.5], [0.1, 0.8, -0.6], [0.4, 0.2, 0.1]])


def cell(h, x):
    h = jnp.tanh(W @ h + x)
    return h, h * x


def carried(h, xs):
    return lax.scan(cell, h, xs)


INSIDE = {
    "jit": jax.jit(lambda x: jnp.sin(x) * x[0]),
    "vmap": jax.vmap(lambda x: jnp.tanh(x) * x),
    "vmap of a matrix": lambda x: jax.vmap(lambda w: jnp.tanh(w @ x))(W),
    "scan": lambda x: carried(x, XS),
    "scan, outputs alone": lambda x: carried(x, XS)[1],
    "scan in reverse": lambda x: lax.scan(cell, x, XS, reverse=True)[1],
    "scan over the argument": lambda x: lax.scan(lambda c, t: (jnp.sin(c) * t, c), jnp.float64(1.0), x),
    "scan with a constant argument": lambda x: lax.scan(lambda c, t: (jnp.sin(c * x) + t, c[0]), jnp.ones(3), XS),
    "scan with a counter": lambda x: lax.scan(lambda c, t: ((c[0] + 1, c[1] * t + c[0]), c[1]), (0, x), XS)[0][1],
    "scan with a flag": lambda x: lax.scan(lambda c, t: (jnp.where(t[1], c * t[0], c + 1), c), x, (XS, X[:2] > 0)),
    "scan of length 1": lambda x: carried(x, XS[:1]),
    "scan, unrolled": lambda x: lax.scan(cell, x, jnp.tile(XS, (2, 1)), unroll=2)[0],
    "scan in a scan": lambda x: lax.scan(lambda c, t: (carried(c, XS)[0] * t, None), x, XS)[0],
    "scan in a reversed scan": lambda x: lax.scan(lambda c, t: (carried(c * t, XS)[0], c), x, XS, reverse=True),
    "scan in a jit in a scan": lambda x: lax.scan(lambda c, t: (jax.jit(carried)(c, XS)[0], None), x, XS)[0],
    "scan of a cond": lambda x: lax.scan(lambda c, t: (lax.cond(t[0] > 0.5, jnp.sin, jnp.cos, c) * t, c), x, XS),
    "fori_loop": lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * (i + 1), x),
    "map": lambda x: lax.map(lambda t: jnp.exp(-t * x), XS),
    "associative_scan": lambda x: lax.associative_scan(jnp.multiply, x),
    "cond": lambda x: lax.cond(x[0] > 0, lambda x: x * x, lambda x: jnp.sin(x), x),
    "cond not taken": lambda x: lax.cond(x[0] < 0, lambda x: jnp.log(x), lambda x: jnp.sin(x), x),
    "cond of which a branch is constant": lambda x: lax.cond(x[0] > 0, lambda x: jnp.ones(3), jnp.sin, x),
    "cond of two": lambda x: lax.cond(x[1] > 0, lambda a, b: (a * b, a), lambda a, b: (a - b, b), x, x[::-1]),
    "switch": lambda x: lax.switch(jnp.int32(x[2]), [jnp.sin, jnp.cos, jnp.tanh], x),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)) * x[1]),
    "checkpoint of a scan": lambda x: lax.scan(jax.checkpoint(cell), x, XS),
    "scan in a checkpoint": jax.checkpoint(lambda x: carried(x, XS)[1]),
}  # fmt: skip


def by_platform(x):
    return lax.platform_dependent(
        x, cpu=lambda x: x @ x, default=lambda x: lax.scan(lambda c, t: (c + t * t, t), 0.0, x)[0]
    )


@pytest.mark.parametrize("call", [lambda x: ct.grad(by_platform)(x), lambda x: ct.jvp(by_platform, (x,), (x,))])
def test_a_choice_by_platform_stays_one(call):
    assert "while" not in jax.jit(call).lower(X).as_text("hlo")
    absent = lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=lambda x: jax.pure_callback(np.sin, x, x))
    assert ct.grad(absent)(0.0) == ct.jvp(absent, (0.0,), (1.0,))[1] == 1.0


@in_every_order
@pytest.mark.parametrize("fun", INSIDE.values(), ids=INSIDE)
def test_inside(ad, fun):
    same(ad, lambda d: jax.jit(d.jacobian(fun))(X))


@pytest.mark.parametrize("fun", INSIDE.values(), ids=INSIDE)
def test_inside_pushed_and_pulled(fun):
    y = fun(X)

    def products(d):
        return jax.jit(lambda x: (d.jvp(fun, (x,), (x,)), d.vjp(fun, x)[1](y), d.linearize(fun, x)[1](x)))(X)

    assert_same(products(ct), products(jax))


@in_every_order
def test_scan_by_all_that_it_reads(ad):
    def fun(h, xs, w):
        return lax.scan(lambda h, x: (jnp.tanh(w @ h + x), jnp.sum(h)), h, xs)

    same(ad, lambda d: jax.jit(d.jacobian(fun, (0, 1, 2)))(X, XS, W))


def count(c):
    return c[0] < 3


def body(c):
    return c[0] + 1, jnp.sin(c[1]) * X


@in_forward
def test_while_is_pushed(ad):
    fun = lambda x: lax.while_loop(count, body, (0, x))[1]
    np.testing.assert_allclose(ad.jacobian(fun)(X), jax.jacfwd(fun)(X), rtol=1e-10)
    same(ad, lambda d: d.jvp(fun, (X,), (XS[0],)))
    same(ad, lambda d: d.linearize(fun, X)[1](X))


@in_forward
def test_while_over_a_batch(ad):
    """Each member stops by itself."""
    one = lambda x: lax.while_loop(lambda c: jnp.sum(c**2) < 9.0, lambda c: c * 1.5 + x**2, x)
    two = lambda x, n: lax.fori_loop(0, n, lambda _, c: jnp.sin(c) * x, x)
    fun = lambda x: (jax.vmap(one)(x), jax.vmap(jax.vmap(two))(x, jnp.arange(x.size).reshape(x.shape)))
    x = jnp.array([[0.3, -0.7], [2.2, 1.4]])
    same(ad, lambda d: d.jacfwd(fun)(x))
    same(ad, lambda d: d.jvp(lambda x: d.jvp(fun, (x,), (x,))[1], (x,), (x,)))


def test_no_gradient_is_pulled_through_a_while():
    """One row is otherwise taken in reverse, without a count: not where reverse mode is impossible."""
    fun = lambda x: jnp.sum(lax.while_loop(count, body, (0, x))[1] ** 2)
    np.testing.assert_allclose(jax.jit(ct.jacobian(fun))(X), jax.jacfwd(fun)(X), rtol=1e-10)
    np.testing.assert_allclose(jax.jit(ct.hessian(fun))(X), jax.jacfwd(jax.jacfwd(fun))(X), rtol=1e-10)


@in_forward
def test_what_its_rule_only_pushes(ad):
    reduced = lambda x: lax.reduce_window(x, 0.0, lambda a, b: a + b * b, (2,), (1,), "SAME")
    same(ad, lambda d: d.jvp(reduced, (X,), (X,)))


@in_forward
def test_while_whose_length_depends_on_the_argument(ad):
    fun = lambda x: lax.while_loop(lambda c: jnp.sum(c**2) < 50.0, lambda c: c * 1.5 + x**2, x)
    np.testing.assert_allclose(ad.jacobian(fun)(X), jax.jacfwd(fun)(X), rtol=1e-10)


def square(s):
    return s * s, lambda g: (2 * g * s,)


WAYS = {
    "a checkpointed while": (jax.checkpoint(lambda x: lax.while_loop(count, body, (0, x))[1]), jax.jacfwd),
    "a while in a branch": (lambda x: lax.cond(x[0] > 9, jnp.sin, lambda x: lax.while_loop(count, body, (0, x))[1], x),
                            jax.jacfwd),
    "a pullback in a scan": (lambda x: lax.scan(lambda c, t: (jax.custom_gradient(square)(c * t), c), x, x * W)[1],
                             jax.jacrev),
}  # fmt: skip


@pytest.mark.parametrize(("fun", "oracle"), WAYS.values(), ids=WAYS)
def test_what_holds_something_of_one_way_has_that_way(fun, oracle):
    assert_same(jax.jit(ct.jacobian(fun))(X), jax.jit(oracle(fun))(X))
    assert_same(jax.jit(ct.jacobian(fun, order="cross-country"))(X), jax.jit(oracle(fun))(X))


@in_every_order
def test_while_beside_the_path_is_a_constant(ad):
    same(
        ad,
        lambda d: d.grad(lambda x: jnp.sum(x * lax.while_loop(count, lambda c: (c[0] + 1, c[1] * 2), (0, W[0]))[1]))(X),
    )


@in_reverse
def test_while_on_the_path_of_another_output_does_not_matter(ad):
    def fun(x):
        return jnp.sum(jnp.sin(x)), lax.while_loop(count, body, (0, x))[1]

    same(ad, lambda d: d.grad(fun, has_aux=True)(X))


def loss(x):
    return jnp.sum(jnp.tanh(W @ x) * x)


AROUND = {
    "jit": lambda d: jax.jit(d.grad(loss))(X),
    "jit of a jacobian": lambda d: jax.jit(d.jacobian(jnp.sin))(X),
    "vmap of grad": lambda d: jax.vmap(d.grad(loss))(XS),
    "vmap of value_and_grad": lambda d: jax.vmap(d.value_and_grad(loss))(XS),
    "vmap of jacobian": lambda d: jax.vmap(d.jacobian(lambda x: jnp.outer(x, x)))(XS),
    "vmap of hessian": lambda d: jax.vmap(d.hessian(loss))(XS),
    "vmap of a pull": lambda d: jax.vmap(d.vjp(jnp.sin, X)[1])(XS),
    "vmap over another argument": lambda d: jax.vmap(d.grad(lambda x, w: jnp.sum(jnp.sin(w @ x))), (None, 0))(X, W),
    "vmap of vmap": lambda d: jax.vmap(jax.vmap(d.grad(jnp.sin)))(XS),
    "jit of vmap of grad": lambda d: jax.jit(jax.vmap(d.grad(loss)))(XS),
    "scan of gradient steps": lambda d: lax.scan(lambda x, _: (x - 0.1 * d.grad(loss)(x), loss(x)), X, None, length=3),
    "fori_loop": lambda d: lax.fori_loop(0, 3, lambda i, x: x - 0.1 * d.grad(loss)(x), X),
    "while": lambda d: lax.while_loop(lambda x: loss(x) > 0.1, lambda x: x - 0.1 * d.grad(loss)(x), X),
    "cond": lambda d: lax.cond(X[0] > 0, d.grad(loss), lambda x: x, X),
    "map": lambda d: lax.map(d.grad(loss), XS),
    "make_jaxpr": lambda d: jax.make_jaxpr(d.grad(loss))(X).out_avals,
    "eval_shape": lambda d: jax.eval_shape(d.jacobian(jnp.sin), X).shape,
    "pull under jit": lambda d: jax.jit(lambda x, w: d.vjp(jnp.sin, x)[1](w))(X, X),
    "pull returned from jit": lambda d: jax.jit(lambda x: d.vjp(jnp.sin, x))(X)[1](X),
}  # fmt: skip


@pytest.mark.parametrize("call", AROUND.values(), ids=AROUND)
def test_around(call):
    """As a user calls it, and compiled in every order."""
    ours, theirs = call(ct), call(jax)
    if isinstance(theirs, jax.Array | tuple) and jax.tree.leaves(theirs) and hasattr(jax.tree.leaves(theirs)[0], "at"):
        assert_same(ours, theirs)
        same(EVERY, call)
    else:
        assert ours == theirs


def test_linearize_runs_no_loop_again():
    """What depends on no tangent is computed once: each push reads it."""
    step = lambda c, _: (jnp.sin(c), jnp.sin(c))
    fun = lambda x: lax.scan(step, lax.cond(x > 0, jnp.sin, lambda x: x, x), None, length=3)
    saved = jax.checkpoint(fun, policy=lambda prim, *_, **__: prim.name == "cos")
    for one, again in ((fun, False), (saved, False), (jax.checkpoint(fun), True)):
        push = ct.linearize(one, 2.0)[1]
        assert ("sin " in str(jax.make_jaxpr(push)(1.0))) == again
        jax.tree.map(np.testing.assert_allclose, push(1.0), jax.linearize(fun, 2.0)[1](1.0))


SHOWN = {
    "scan": lambda g: lambda x: lax.scan(lambda c, _: (g(c), None), x, None, length=3)[0],
    "while": lambda g: lambda x: lax.fori_loop(0, jnp.array(3), lambda _, c: g(c), x),
    "cond": lambda g: lambda x: lax.cond(x[0] > 0, g, jnp.sin, x),
    "checkpoint": lambda g: jax.checkpoint(g),
}


@pytest.mark.parametrize("wrap", SHOWN.values(), ids=SHOWN)
def test_what_a_body_tells_it_tells_once(wrap):
    def told(d):
        heard = []
        fun = wrap(lambda c: (jax.debug.callback(heard.append, c[0]), jnp.sin(c))[1])
        d.linearize(fun, X)
        jax.effects_barrier()
        once = len(heard)
        d.jvp(fun, (X,), (X,))
        jax.effects_barrier()
        return once, len(heard)

    assert told(ct) == told(jax)


@pytest.mark.parametrize("inner", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("outer", SHOWN.values(), ids=SHOWN)
def test_what_a_body_in_a_body_tells_it_tells_once(outer, inner):
    def told(d, name):
        heard = []
        fun = outer(inner(lambda c: (jax.debug.callback(heard.append, c[0]), jnp.sin(c))[1]))
        d.jvp(fun, (X,), (X,)) if name == "jvp" else getattr(d, name)(fun)(X)
        jax.effects_barrier()
        return len(heard)

    for name in ("jvp", "jacfwd") if SHOWN["while"] in (outer, inner) else ("jvp", "jacfwd", "jacrev"):
        assert told(ct, name) == told(jax, name), name


def test_the_linear_program_of_linearize_stands_where_jaxs_does():
    """Its effects are those of the push alone."""
    fun = lambda x: (jax.debug.print("{}", x), jnp.sin(x) ** 2)[1]
    for ad in (ct, jax):
        _, push = ad.linearize(fun, 0.3)
        linear = push.func.fun.args[0]
        assert not linear.effects and len(linear.out_avals) == 1


def test_effects_keep_their_order():
    heard = []

    def tell(what, x):
        jax.debug.callback(lambda _: heard.append(what), x[0], ordered=True)

    def body(what):
        return lambda c, _: ((tell(what, c), jnp.sin(c))[1], None)

    def fun(x):
        tell("before", x)
        y, _ = lax.scan(body("in"), x, None, length=2)
        tell("between", y)
        return lax.scan(body("again"), jnp.cos(y), None, length=2)[0]

    for name in ("jvp", "jacfwd", "jacrev", "vjp"):
        orders = []
        for d in (ct, jax):
            act = {"jvp": lambda x: d.jvp(fun, (x,), (x,)), "vjp": lambda x: d.vjp(fun, x)[0]}.get(name)  # noqa: B023
            jax.block_until_ready(jax.jit(act or getattr(d, name)(fun))(X))
            jax.effects_barrier()
            orders.append(list(heard))
            heard.clear()
        assert orders[0] == orders[1], name


@jax.custom_jvp
def untouched(x):
    return x * 1.0


@untouched.defjvp
def _(primals, tangents):
    raise RuntimeError("no tangent comes here")


def _added(x, y):
    """Sums with x; y reaches x, and nothing reaches y."""
    return x * untouched(y), y + 1.0


BESIDE = {
    "scan": lambda x, y: lax.scan(lambda c, _: (_added(*c), untouched(c[1]) * 2.0), (x, y), length=3),
    "of no trips": lambda x, y: lax.scan(lambda c, _: (_added(*c), untouched(c[1]) * 2.0), (x, y), length=0),
    "fori": lambda x, y: lax.fori_loop(0, 3, lambda i, c: _added(*c), (x, y)),
    "while": lambda x, y: lax.while_loop(lambda c: c[1][0] < 2.0, lambda c: _added(*c), (x, y)),
    "cond": lambda x, y: lax.cond(y[0] > 0, _added, lambda x, y: (x, y), x, y),
    "checkpoint": lambda x, y: jax.checkpoint(_added)(x, y),
    "jit": lambda x, y: jax.jit(_added)(x, y),
    "cond in a scan": lambda x, y: lax.scan(
        lambda c, _: (lax.cond(c[1][0] > 0, _added, lambda x, y: (x, y), *c), None), (x, y), length=3
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_no_tangent_reaches_is_not_differentiated(name):
    def fun(x):
        return BESIDE[name](x, jnp.abs(lax.stop_gradient(x)))

    same(ct, lambda d: d.jvp(fun, (X,), (X,)))
    same([EVERY, EVERY[::2]][name == "while"], lambda d: d.jacfwd(lambda x: jax.tree.leaves(fun(x))[0])(X))


def _by_closure(c):
    """y·c, whose rule reads c."""
    fun = jax.custom_vjp(lambda y: y * c)
    fun.defvjp(lambda y: (y * c, c), lambda c, g: (7.0 * g * c,))
    return fun


def _in_a_rule(c):
    """A rule that calls another function whose rule reads c."""
    inner = _by_closure(c)
    fun = jax.custom_vjp(lambda y: inner(y))
    fun.defvjp(lambda y: (inner(y), None), lambda _, g: (5.0 * g,))
    return fun


def _pushed_by_closure(c):
    fun = jax.custom_jvp(lambda y: y * c)
    fun.defjvp(lambda p, t: (p[0] * c, 7.0 * t[0] * c))
    return fun


@pytest.mark.parametrize("made", [_by_closure, _in_a_rule, _pushed_by_closure])
@pytest.mark.parametrize(
    "cut",
    [
        lax.stop_gradient,
        jnp.floor,
        lambda x: x.astype(int),
        lambda x: jnp.sum(x > 0),
        lambda x: lax.cond(x > 0, lambda x: (1.0, x), lambda x: (2.0, x), x)[0],
        lambda x: jax.checkpoint(lambda x: (x, jnp.floor(x)))(x)[1],
        lambda x: lax.while_loop(lambda c: c[1] < 5, lambda c: (c[0] * 2, c[1] + 1), (x, 1.0))[1],
    ],
)
def test_a_rule_in_a_recording_may_close_over_what_no_tangent_reaches(made, cut):
    """As bisection does, whose bounds are computed from the argument and stopped."""

    def fun(x):
        return made(cut(x) * 2)(x) if x > 0 else x

    for call in (
        lambda d: d.grad(fun)(1.5),
        lambda d: d.grad(lambda x: d.value_and_grad(fun)(x)[0])(1.5),
        lambda d: d.grad(lambda x: jax.value_and_grad(fun)(x)[0])(1.5),
        lambda d: jax.grad(lambda x: d.value_and_grad(fun)(x)[0])(1.5),
    ):
        assert_same(call(ct), call(jax))
