"""Values beside derivatives are the rule's own, at any depth; what meets a loop waits for it."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import catenary as ct
from tests.oracle import same

X = jnp.array([0.3, -0.7, 1.1])


@jax.custom_jvp
def doubled(x):
    return x


@doubled.defjvp
def _(primals, tangents):
    return 2.0 * primals[0], 3.0 * tangents[0]


@jax.custom_vjp
def tripled(x):
    return x


tripled.defvjp(lambda x: (3.0 * x, None), lambda _, g: (5.0 * g,))

AT_DEPTH = {
    "cond": lambda f: lambda x: lax.cond(x.sum() > 0, f, jnp.sin, x),
    "scan": lambda f: lambda x: lax.scan(lambda c, _: (f(c), c), x, None, length=3),
    "while": lambda f: lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, f(c[1])), (0, x))[1],
    "checkpoint": lambda f: jax.checkpoint(lambda x: jnp.sin(f(x))),
    "scan in a checkpoint": lambda f: jax.checkpoint(lambda x: lax.scan(lambda c, _: (f(c), c), x, None, length=3)),
    "vmap": jax.vmap,
}


@pytest.mark.parametrize("wrap", AT_DEPTH.values(), ids=AT_DEPTH)
@pytest.mark.parametrize("rule, reverse", [(doubled, False), (doubled, True), (tripled, True)])
def test_the_value_beside_a_derivative_is_its_rules(wrap, rule, reverse):
    fun = wrap(rule)
    if not reverse:
        same(ct, lambda d: d.jvp(fun, (X,), (X,)))
    elif wrap is not AT_DEPTH["while"]:
        same(ct, lambda d: (lambda y, pull: (y, pull(y)))(*d.vjp(fun, X)))


def test_a_checkpoint_calls_what_a_rule_computes_only_if_it_remembers():
    whole = jax.custom_vjp(jnp.tan)
    whole.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.cos(x) * g,), optimize_remat=True)
    for fun in (whole, jax.checkpoint(whole)):
        same(ct, lambda d: d.value_and_grad(fun)(0.3))  # noqa: B023


def test_what_nobody_reads_is_not_computed():
    pulled_only = jax.custom_vjp(jnp.sin)
    pulled_only.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.cos(x) * g,))
    fun = lambda x: (pulled_only(x), jnp.sum(x**2))[1]
    same(ct, lambda d: jax.jacfwd(d.grad(fun))(X))


MEETING = {
    "a factor": lambda f: lambda x: x * f(x),
    "two factors": lambda f: lambda x: jnp.sin(x) * f(x) * x,
    "a condition": lambda f: lambda x: (lambda y: jnp.where(y > 9.0, jnp.sin(x), jnp.cos(x)) * y)(f(x)),
}


@pytest.mark.parametrize("meets", MEETING.values(), ids=MEETING)
@pytest.mark.parametrize("name", ["cond", "scan", "while", "checkpoint"])
def test_what_meets_a_loop_waits_for_it(name, meets):
    fun = meets(lambda x: jax.tree.leaves(AT_DEPTH[name](doubled)(x))[0])
    same(ct, lambda d: d.jvp(fun, (X,), (X,)))
    same(ct, lambda d: d.jacfwd(fun)(X))
    pushed = str(jax.make_jaxpr(lambda x: ct.jvp(fun, (x,), (x,)))(X))
    assert name == "checkpoint" or pushed.count(f" {name}[") == 1


def test_errors_of_derivatives_are_raised_as_they_are_and_run_nothing_again():
    ran = []
    push = lambda x: ct.jvp(lambda x: (ran.append(1), tripled(x))[1], (x,), (x,))[1].sum()
    for act in (push, ct.grad(push), ct.jacfwd(push)):
        ran.clear()
        with pytest.raises(TypeError, match="custom_vjp"):
            act(X)
    ran.clear()
    with pytest.raises(TypeError, match="custom_vjp"):
        push(X)
    assert len(ran) == 1


def test_what_a_node_reads_is_computed_before_a_batch_of_it():
    def fun(x):
        v = jax.vmap(lambda t: jnp.imag(jnp.fft.ifft(t)))(jnp.expm1(jnp.sin(jnp.sqrt(0.1 + jnp.sum(x**2, 1)))))
        return jnp.linalg.slogdet(0.1 * jnp.tanh(v).T @ jnp.sin(v) + 2.0 * jnp.eye(v.shape[1]))[1]

    by_jax = jax.grad(lambda x: fun(x) ** 2)
    same(ct, lambda d: d.jacobian(by_jax)(jnp.full((1, 1, 3), 0.4)))
