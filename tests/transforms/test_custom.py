"""Rules of the user's own are respected: custom_jvp, custom_vjp, stop_gradient, checkpoint."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import checkify, io_callback

import catenary as ct
from tests.oracle import EVERY, assert_same, in_every_order, in_reverse, same

X = jnp.array([0.3, -0.7, 1.1])


@jax.custom_jvp
def wrong_on_purpose(x, y):
    return jnp.sin(x) * y


@wrong_on_purpose.defjvp
def _(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    return wrong_on_purpose(x, y), 7.0 * dx * y + 3.0 * dy


@jax.custom_jvp
def by_parts(x):
    return jnp.log1p(jnp.exp(x))


by_parts.defjvps(lambda t, y, x: t * jax.nn.sigmoid(x) * 2.0)


@jax.custom_vjp
def clipped(x, y):
    return x * y


def _clipped_bwd(saved, w):
    x, y = saved
    return jnp.clip(w * y, -0.1, 0.1), jnp.clip(w * x, -0.1, 0.1)


clipped.defvjp(lambda x, y: (x * y, (x, y)), _clipped_bwd)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def scaled(x, factor):
    return {"y": x * factor, "n": jnp.int32(3)}


scaled.defvjp(lambda x, factor: (scaled(x, factor), jnp.shape(x)), lambda factor, shape, w: (w["y"] * factor * 100,))


@in_every_order
def test_custom_jvp(ad):
    same(ad, lambda d: d.grad(lambda x: jnp.sum(wrong_on_purpose(x, 2.0) ** 2))(X))
    same(ad, lambda d: d.jacobian(wrong_on_purpose, (0, 1))(X, X[::-1]))
    same(ad, lambda d: d.jvp(wrong_on_purpose, (X, X), (X, X)))
    same(ad, lambda d: d.hessian(lambda x: jnp.sum(wrong_on_purpose(x, x)))(X))
    same(ad, lambda d: d.jacobian(by_parts)(X))
    same(ad, lambda d: jax.vmap(d.grad(by_parts))(X))


@in_every_order
@pytest.mark.parametrize("fun", [jax.nn.relu, jax.nn.silu, jax.nn.gelu, jax.nn.softplus, jax.nn.logsumexp, jax.nn.relu6,
                                 jax.nn.elu, jax.nn.leaky_relu, jnp.logaddexp, jax.nn.softmax, jax.scipy.special.xlogy,
                                 jnp.sinc, jax.nn.standardize])  # fmt: skip
def test_the_custom_rules_that_jax_ships(ad, fun):
    binary = fun in (jnp.logaddexp, jax.scipy.special.xlogy)
    same(ad, lambda d: d.jacobian((lambda x: fun(jnp.abs(x), x**2)) if binary else fun)(X))


@in_reverse
def test_custom_vjp(ad):
    same(ad, lambda d: d.grad(lambda x: jnp.sum(clipped(x, jnp.sin(x)) * x))(X))
    same(ad, lambda d: d.vjp(clipped, X, X)[1](X))
    same(ad, lambda d: d.jacrev(clipped, (0, 1))(X, X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(scaled(x, 2.0)["y"]))(X))
    same(ad, lambda d: jax.jit(jax.vmap(d.grad(lambda x: clipped(x, x))))(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(lax.scan(lambda c, t: (clipped(c, t), c), x, jnp.ones((2, 3)))[0]))(X))


@jax.custom_vjp
def half(x):
    return x / 2


half.defvjp(lambda x: (x / 2 + 0.1, jnp.cos(x)), lambda c, w: (w * c,))


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: half(lax.pad(x, 0.0, [(2, -3, 0)])) * x[:2],
        lambda x: jnp.floor(half(x)) * x,
        lambda x: jnp.floor(lax.scan(lambda c, a: (half(c) + a, half(a)), 0.1, x)[1]) * x,
        lambda x: lax.cond(x[0] > 0, lambda x: jnp.floor(half(x)), jnp.floor, x) * x,
        lambda x: jnp.floor(jax.checkpoint(lambda x: half(jnp.sin(x)))(x)) * x,
        lambda x: lax.scan(lambda c, a: (c + jnp.floor(half(a)) * c, jnp.floor(half(c))), 0.1, x)[1] * x,
    ],
    ids=["cut", "floored", "scan", "cond", "checkpoint", "inside a scan"],
)
def test_what_has_no_part_in_a_derivative_has_its_authors_value_and_push(fun):
    """JAX can not push the function of a custom_vjp: left as it is, it would stop derivatives of ours."""

    def total(x):
        return jnp.sum(fun(x))

    same(EVERY[:2], lambda d: jax.jacfwd(d.grad(total))(X))
    same(EVERY[:2], lambda d: d.value_and_grad(total)(X))


@pytest.mark.parametrize("name", ["jacfwd", "jvp"])
def test_custom_vjp_has_no_push(name):
    import catenary as ct

    push = {"jacfwd": lambda: ct.jacobian(clipped, order="forward")(X, X),
            "jvp": lambda: ct.jvp(clipped, (X, X), (X, X))}[name]  # fmt: skip
    with pytest.raises(TypeError, match="custom_vjp"):
        push()


@jax.custom_vjp
def chosen(x):
    return jnp.sin(x) if x > 0 else jnp.cos(x)


chosen.defvjp(lambda x: (chosen(x), x), lambda x, w: (2 * w if x > 0 else 3 * w,))


@jax.custom_jvp
def signed(x):
    return x * jnp.sign(x)


@signed.defjvp
def _(primals, tangents):
    (x,), (t,) = primals, tangents
    return signed(x), 5 * t if x > 0 else 7 * t


@pytest.mark.parametrize("fun, verbs", [(chosen, ["grad", "jacrev"]), (signed, ["grad", "jacfwd", "jacobian"])])
def test_rules_may_ask_for_values(fun, verbs):
    """A rule is called where the function is, with the values that JAX gives it."""
    for verb in verbs:
        for x in (2.0, -2.0):
            loss = lambda x: fun(x) * fun(3 * x + 1)
            ours, theirs = (getattr(d, verb)(loss)(x) for d in (ct, jax))
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(*(d.grad(d.grad(lambda x: chosen(x) ** 2))(2.0) for d in (ct, jax)), rtol=1e-12)


def test_rules_may_close_over_an_outer_vmap():
    def fun(z, pushed):
        def one(x):
            @jax.custom_jvp
            def pushes(y):
                return x * y

            @jax.custom_vjp
            def pulls(y):
                return x * y

            pushes.defjvp(lambda primals, tangents: (x * primals[0], 2 * x * tangents[0]))
            pulls.defvjp(lambda y: (x * y, x), lambda x, w: (3 * x * w,))
            return pushes(z) if pushed else pulls(z)

        return jax.vmap(one)(X)

    for d in (ct, jax):
        np.testing.assert_allclose(d.jvp(lambda z: fun(z, True), (2.0,), (1.0,))[1], 2 * X)
        np.testing.assert_allclose(jax.jit(d.jacrev(lambda z: fun(z, True) + fun(z, False)))(2.0), 5 * X)


def test_rules_may_return_other_results_than_a_trace_of_the_function_has():
    """A constant has no batch until the rule, which is mapped by itself, is called; checks are in no rule."""

    @jax.custom_jvp
    def none(x):
        return np.zeros(x.shape, x.dtype)

    none.defjvp(lambda primals, tangents: (none(*primals), tangents[0]))
    same(EVERY[0], lambda d: d.grad(lambda x: jax.vmap(none)(x).sum())(X))
    checked = checkify.checkify(jax.nn.relu, errors=checkify.float_checks)
    same(EVERY[0], lambda d: d.grad(lambda x: checked(x)[1])(2.0))


def test_what_is_not_perturbed_is_said_to_be():
    """Outputs that nothing reads and inputs that are not differentiated are symbolic zeros to a rule."""
    seen = []

    @jax.custom_vjp
    def fun(x, y):
        return x * y, x + y

    def back(saved, w):
        seen.append([type(one).__name__ == "SymbolicZero" for one in w])
        return w[0] * saved[1], w[0] * saved[0]

    def forth(x, y):
        seen.append([x.perturbed, y.perturbed])
        return fun(x.value, y.value), (x.value, y.value)

    fun.defvjp(forth, back, symbolic_zeros=True)
    assert ct.grad(lambda x: fun(x, 2.0)[0])(3.0) == 2.0
    assert seen == [[True, False], [False, True]]


def test_a_rule_of_a_vmap_and_one_that_is_not_linear():
    """Values come together with tangents, or tangents are numbers: the rule is taken whole."""

    @jax.custom_batching.custom_vmap
    def mapped(x):
        return jnp.sin(x)

    mapped.def_vmap(lambda size, batched, x: (jnp.cos(x), batched[0]))

    @jax.custom_jvp
    def affine(x):
        return x**2

    affine.defjvp(lambda primals, tangents: (primals[0] ** 2, 2.0))
    same(EVERY[2], lambda d: jax.vmap(lambda x, t: d.jvp(mapped, (x,), (t,)))(X, X))
    same(EVERY[2], lambda d: d.jvp(affine, (3.0,), (5.0,)))
    same(EVERY[0], lambda d: d.grad(affine)(3.0))


RULES = {
    "a constant entry": lambda x, t: t.at[0].set(5.0),
    "a constant end": lambda x, t: jnp.concatenate([t[:2], jnp.ones(1)]),
    "a branch": lambda x, t: jnp.where(x > 0, t, 1.0),
    "a product": lambda x, t: t * t * x,
    "a quotient": lambda x, t: x / t,
    "an inner product": lambda x, t: jnp.dot(t, t) * jnp.ones_like(x),
    "linear": lambda x, t: jnp.concatenate([t[:2] * x[0], jnp.zeros(1)]).at[1].set(jnp.dot(x, t)),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rules_that_are_not_linear_are_taken_at_their_word(rule):
    fun = jax.custom_jvp(jnp.sin)
    fun.defjvp(lambda xs, ts: (jnp.sin(*xs), rule(*xs, *ts)))
    t = jnp.array([0.7, 0.2, -0.4])
    same(EVERY[0], lambda d: (d.jvp(fun, (X,), (t,)), d.linearize(fun, X)[1](t)))


def test_rules_that_apply_their_own_function_to_tangents():
    """Of a linear function: taken apart as that function is, and whole where it is not linear after all."""

    @jax.custom_jvp
    def ratio(x, y):
        return x / y

    ratio.defjvp(lambda primals, tangents: (ratio(*primals), ratio(tangents[0], primals[1])))

    def in_scan(x):
        return lax.scan(lambda c, _: (ratio(c, 3.0), None), x, None, length=3)[0]

    @jax.custom_jvp
    def line(x):
        return 2 * x + 1

    line.defjvp(lambda primals, tangents: (line(*primals), line(*tangents)))

    @jax.custom_jvp
    def curve(x):
        return x

    curve.defjvp(lambda primals, tangents: (curve(*primals), jnp.sin(*tangents)))
    same(EVERY[0], lambda d: d.vjp(lambda x: ratio(x, 2.0), 1.0)[1](1.0))
    same(EVERY[0], lambda d: d.grad(d.grad(lambda x: in_scan(x) ** 2))(1.0))
    same(EVERY[0], lambda d: d.jacrev(jax.vmap(ratio, (0, None)))(X, 2.0))
    same(EVERY[0], lambda d: d.grad(line)(1.0))
    for fun in (line, curve):
        same(EVERY[2], lambda d, fun=fun: d.jvp(fun, (1.0,), (2.0,)))
    with pytest.raises(NotImplementedError, match="Transpose rule"):
        ct.grad(curve)(1.0)


@in_every_order
def test_stop_gradient(ad):
    same(ad, lambda d: d.grad(lambda x: jnp.sum(lax.stop_gradient(x) * x))(X))
    same(ad, lambda d: d.jacobian(lambda x: lax.stop_gradient(jnp.sin(x)))(X))
    same(ad, lambda d: d.jacobian(lambda x: x + lax.stop_gradient({"a": x})["a"])(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(x + lax.stop_gradient(jnp.round(x) - x)))(X))


@in_every_order
def test_checkpoint(ad):
    block = jax.checkpoint(lambda x, w: jnp.tanh(x * w) @ jnp.sin(x))
    same(ad, lambda d: d.grad(block, (0, 1))(X, X))
    policy = jax.checkpoint(lambda x: jnp.sin(jnp.exp(x)), policy=jax.checkpoint_policies.dots_saveable)
    same(ad, lambda d: d.jacobian(policy)(X))


@in_reverse
def test_checkpoint_is_recomputed_backwards(ad):
    """The sines of a checkpointed block are computed twice: a barrier keeps XLA from merging them."""
    block = jax.checkpoint(lambda x: jnp.sum(jnp.sin(jnp.sin(x))))
    text = str(jax.make_jaxpr(ad.grad(block))(X))
    assert text.count("sin ") >= 2
    np.testing.assert_allclose(ad.grad(block)(X), jax.grad(block)(X))


def _printing(policy):
    @partial(jax.checkpoint, policy=policy)
    def fun(x):
        y = checkpoint_name(jnp.sin(x), "y")
        jax.debug.print("y: {}", y)
        return jnp.sum(jnp.exp(jnp.cos(y)))

    return fun


@pytest.mark.parametrize("policy", [
    None, jax.checkpoint_policies.everything_saveable, jax.checkpoint_policies.save_only_these_names("y"),
    jax.checkpoint_policies.save_anything_except_these_names("y"),
])  # fmt: skip
def test_policies_decide_what_is_computed_again(policy, capsys):
    """As often as in JAX, what is printed too."""
    counts = []
    for d in (ct, jax):
        text = str(jax.make_jaxpr(d.grad(_printing(policy)))(X))
        capsys.readouterr()
        d.grad(_printing(policy))(X)
        jax.effects_barrier()
        counts.append([capsys.readouterr().out.count("y:"), *(text.count(f"= {name} ") for name in ("sin", "exp"))])
    assert counts[0] == counts[1]
    ours, theirs = (jax.jit(d.hessian(_printing(policy)))(X) for d in (ct, jax))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.fixture
def newer_kind():
    jax.config.update("jax_remat3", True)
    yield
    jax.config.update("jax_remat3", False)


def test_checkpoints_of_the_newer_kind(newer_kind):
    """What is not saved by name is computed again, in a push too; in a loop, and a loop's plan."""
    plain = lambda x: jnp.sin(jnp.sin(x))
    twice = lambda block: lambda x: jnp.sum(lax.scan(lambda c, _: (block(c), None), x, None, length=2)[0])
    for policy, again in ((None, True), (jax.checkpoint_policies.save_only_these_names("kept"), False)):
        block = jax.checkpoint(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), "kept")), policy=policy)
        assert ("sin " in str(jax.make_jaxpr(ct.linearize(block, 2.0)[1])(1.0))) == again
        np.testing.assert_allclose(ct.hessian(twice(block))(X), jax.hessian(twice(plain))(X), rtol=1e-12)


def test_what_can_not_run_again_is_refused():
    @jax.checkpoint
    def fun(x):
        io_callback(lambda x: None, None, x)
        return x**2

    with pytest.raises(NotImplementedError, match="Effects not supported"):
        ct.grad(fun)(2.0)


@in_every_order
def test_linear_solve_root_and_numpy_linalg(ad):
    a = jnp.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.1]])
    for fun in (jnp.linalg.inv, jnp.linalg.det, jnp.linalg.slogdet, jnp.linalg.cholesky, jnp.linalg.norm):
        same(ad, lambda d, f=fun: jax.jit(d.jacobian(lambda a: jax.tree.leaves(f(a))[-1]))(a), rtol=1e-8)
    same(ad, lambda d: jax.jit(d.jacobian(jnp.linalg.solve, (0, 1)))(a, X), rtol=1e-8)
    root = lambda x: lax.custom_root(
        lambda y: y**3 + y - x, x, lambda f, y: lax.fori_loop(0, 20, lambda _, y: y - f(y) / (3 * y**2 + 1), y),
        lambda g, y: y / g(jnp.ones_like(y)))  # fmt: skip
    same(ad, lambda d: d.jacobian(root)(X), rtol=1e-8)


def test_a_linear_solve_that_also_counts():
    """Of a linear equation with an integer beside its result, the result alone is pulled."""

    def solve(multiply, b):
        return b / 2, jnp.int32(1)

    def fun(b):
        x, _ = lax.custom_linear_solve(
            lambda v: 2 * v, jnp.sin(b), solve, transpose_solve=solve, symmetric=True, has_aux=True
        )
        return jnp.sum(x**2)

    b = jnp.arange(3.0)
    np.testing.assert_allclose(ct.grad(fun)(b), jax.grad(fun)(b), rtol=1e-12)


def test_a_pullback_of_another_shape_is_handed_out_where_jax_was_told_not_to_check():
    @jax.custom_vjp
    def fun(x, y):
        return jnp.sum(x)

    fun.defvjp(lambda x, y: (fun(x, y), None), lambda _, g: (jnp.zeros(3), jnp.full(3, g)))
    with pytest.raises(ValueError, match="bwd rule"):
        ct.grad(fun, 1)(X, jnp.ones(4))
    jax.config.update("jax_disable_bwd_checks", True)
    try:
        np.testing.assert_array_equal(ct.grad(fun, 1)(X, jnp.ones(4)), jnp.ones(3))
    finally:
        jax.config.update("jax_disable_bwd_checks", False)


def test_what_a_rule_says_is_heard_before_its_function_runs():
    call = jax.ffi.ffi_call("not_registered", jax.ShapeDtypeStruct((), jnp.float64))
    with pytest.raises(ValueError, match="cannot be differentiated"):
        ct.jvp(call, (1.0,), (1.0,))


def test_a_checkpoint_may_save_complex_numbers():
    """JAX's raises TypeError: docs/found_in_jax.md."""
    plain = lambda x: jnp.sum(jnp.imag(jnp.log(lax.complex(1.5 + x, x))))
    fun = jax.checkpoint(plain, policy=jax.checkpoint_policies.everything_saveable)
    np.testing.assert_allclose(ct.grad(fun)(X), jax.grad(plain)(X), rtol=1e-12)
    np.testing.assert_allclose(ct.hessian(fun)(X), jax.hessian(plain)(X), rtol=1e-12)


#: tangent programs with loops, branches and checkpoints that make values beside tangents, (x, t) → the tangent
TOGETHER = {
    "a scan": lambda x, t: (lambda a, b: a * b)(
        *lax.scan(lambda c, _: ((c[0] * x, c[1] * c[0]), None), (x, t), length=3)[0]
    ),
    "a scan, half unused": lambda x, t: lax.scan(lambda c, _: ((c[0] * x, c[1] * c[0]), c[0]), (x, t), length=3)[0][1],
    "a scan, the last of many": lambda x, t: lax.scan(
        lambda c, _: ((c[0] * x, c[1] * c[0], c[2] + c[1], c[3] + c[2]), None), (x, t, 0.0, 0.0), length=3
    )[0][3],
    "a counter": lambda x, t: (lambda n, d: n * d)(*lax.fori_loop(0, 3, lambda i, c: (c[0] + 1, c[1] * x), (0, t))),
    "a cond": lambda x, t: jnp.sum(
        jnp.stack(lax.cond(x > 0, lambda x, t: (0.0, t * 3.0), lambda x, t: (0.0, t), x, t))
    ),
    "a cond, multiplied": lambda x, t: (lambda a, b: a * b)(
        *lax.cond(x > 0, lambda x, t: (x * 2.0, t * 3.0), lambda x, t: (x, t), x, t)
    ),
    "a checkpoint": lambda x, t: (lambda a, b: a * b)(*jax.checkpoint(lambda x, t: (jnp.cos(x), t))(x, t)),
}


@pytest.mark.parametrize("rule", TOGETHER.values(), ids=TOGETHER)
def test_a_rule_may_compute_values_together_with_tangents(rule):
    sine = jax.custom_jvp(jnp.sin)
    sine.defjvp(lambda p, t: (jnp.sin(p[0]), lax.convert_element_type(rule(p[0], t[0]), jnp.float64)))
    x, t = jnp.float64(1.5), jnp.float64(2.0)
    same(EVERY, lambda d: d.jacrev(lambda x: sine(x) * x)(x))
    same(ct, lambda d: d.jvp(sine, (x,), (t,)))
    same(ct, lambda d: d.linearize(sine, x)[1](t))


def test_the_tangent_of_a_number_is_an_array():
    for fun in (lambda x: (x, 2.0), lambda x: lax.cond(x > 0, lambda x: (x, 1.0), lambda x: (x, 2.0), x)):
        ours, theirs = ct.linearize(fun, 1.5)[1](1.0), jax.linearize(fun, 1.5)[1](1.0)
        assert all(isinstance(x, jax.Array) for x in ours)
        assert_same(ours, theirs)
