"""Bad input: JAX's class of exception, and a message that names the argument, what was found and what to do."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct

X = jnp.array([0.3, -0.7, 1.1])
N = jnp.array([1, 2, 3])
Z = jnp.array([0.3 + 1j])


def loss(x):
    return jnp.sum(x**2)


def vector(x):
    return jnp.sin(x)


def by_while(x):
    return jnp.sum(lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x))[1])


SHAPES = r"[(\[](2\b.*[(\[]3|3\b.*[(\[]2)\b"  # (2,) and (3,), or f64[2] and f64[3], in either order

# What is done, the words that our message must have (a regular expression, any case), in order.
BAD = {
    # dtypes
    "grad by integers": (lambda d: d.grad(loss)(N), "argument 0.*int.*allow_int"),
    "grad by integers in a pytree": (lambda d: d.grad(lambda p: loss(p["w"]))({"w": N}), r"argument 0.*\['w'\].*int"),
    "grad by the second argument": (lambda d: d.grad(lambda x, n: jnp.sum(x * n), 1)(X, N), "argument 1.*int"),
    "grad by booleans": (lambda d: d.grad(loss)(X > 0), "argument 0.*bool"),
    "jacrev by integers": (lambda d: d.jacrev(vector)(N), "argument 0.*int"),
    "jacfwd by integers": (lambda d: d.jacfwd(vector)(N), "argument 0.*int"),
    "hessian by integers": (lambda d: d.hessian(loss)(N), "argument 0.*int"),
    "jacfwd by complex numbers": (lambda d: d.jacfwd(vector)(Z), "argument 0.*complex.*holomorphic"),
    "holomorphic by real numbers": (lambda d: d.grad(loss, holomorphic=True)(X), "argument 0.*float.*complex"),
    "holomorphic jacfwd": (lambda d: d.jacfwd(vector, holomorphic=True)(X), "argument 0.*float.*complex"),
    # outputs
    "grad of a vector": (lambda d: d.grad(vector)(X), r"scalar.*\(3,\)"),
    "grad of a matrix": (lambda d: d.grad(lambda x: jnp.outer(x, x))(X), r"scalar.*\(3, 3\)"),
    "grad of a tuple": (lambda d: d.grad(lambda x: (jnp.sum(x), 1.0))(X), "scalar.*has_aux"),
    "grad of an integer output": (lambda d: d.grad(lambda x: jnp.sum(x).astype(int))(X), "output.*int"),
    "grad of a complex output": (lambda d: d.grad(lambda x: jnp.sum(x) * 1j)(X), "output.*complex.*holomorphic"),
    "grad of None": (lambda d: d.grad(lambda x: None)(X), "scalar.*None"),
    "grad of a string": (lambda d: d.grad(lambda x: "loss")(X), "lambda.*grad.*'loss'.*str"),
    "jacrev of an object": (lambda d: d.jacrev(lambda x: {"loss": object()})(X), "lambda.*jacrev.*object"),
    "jacrev of integers": (lambda d: d.jacrev(lambda x: x.astype(int))(X), "output.*int"),
    "jacrev of complex numbers": (lambda d: d.jacrev(lambda x: x * 1j)(X), "output.*complex"),
    "has_aux without auxiliary data": (lambda d: d.grad(loss, has_aux=True)(X), "has_aux.*pair"),
    "has_aux with three": (lambda d: d.grad(lambda x: (1.0, 2, 3), has_aux=True)(X), "has_aux.*pair"),
    # arguments
    "argnums out of range": (lambda d: d.grad(loss, 1)(X), "argnums.*1.*1 positional"),
    "argnums negative out of range": (lambda d: d.grad(loss, -2)(X), "argnums.*-2.*1 positional"),
    "argnums of a jacobian out of range": (lambda d: d.jacfwd(vector, (0, 3))(X), "argnums.*3.*1 positional"),
    "argnums no integer": (lambda d: d.grad(loss, argnums="x"), "argnums.*integer.*'x'"),
    "argnums a float": (lambda d: d.grad(loss, argnums=1.0), "argnums.*integer.*1.0"),
    "argnums of nothing": (lambda d: d.grad(loss, argnums=())(X), "argnums.*no argument"),
    "argnums twice": (lambda d: d.hessian(lambda x, y: loss(x * y), (0, -2))(X, X), "argnums.*twice"),
    "no function": (lambda d: d.grad(3), "callable.*3"),
    "no function to jvp": (lambda d: d.jvp(3, (X,), (X,)), "callable.*3"),
    "a string": (lambda d: d.grad(loss)("x"), "argument 0.*str"),
    "an object in a pytree": (lambda d: d.grad(lambda p: loss(p["w"]))({"w": X, "name": "w"}), r"0.*\['name'\].*str"),
    "an object to jacobian": (lambda d: d.jacobian(vector)(object()), "argument 0.*object"),
    "an array of objects": (lambda d: d.grad(loss)(np.array(["a"])), "argument 0"),
    # values
    "a value inside jit": (lambda d: jax.jit(d.grad(lambda p: p["w"] if p["w"] > 0 else 0.0))({"w": 1.0}), "'w'"),
    # jvp
    "tangents of another structure": (lambda d: d.jvp(vector, (X,), (X, X)), "tangents.*primals|primals.*tangents"),
    "tangents no tuple": (lambda d: d.jvp(vector, X, X), "tuple"),
    "tangents of another shape": (lambda d: d.jvp(vector, (X,), (X[:2],)), "tangent.*" + SHAPES),
    "tangents of another dtype": (lambda d: d.jvp(vector, (X,), (N,)), "tangent.*int.*float"),
    "tangents of integers": (lambda d: d.jvp(lambda n: n, (N,), (N,)), "tangent.*int.*float0"),
    # vjp and linearize
    "cotangents of another structure": (lambda d: d.vjp(vector, X)[1]((X, X)), "cotangent|tree"),
    "cotangents of another shape": (lambda d: d.vjp(vector, X)[1](X[:2]), "cotangent.*" + SHAPES),
    "cotangents of another dtype": (lambda d: d.vjp(vector, X)[1](N), "cotangent.*int.*float|float.*int"),
    "two cotangents": (lambda d: d.vjp(lambda x: (x, x), X)[1](X, X), "one argument.*found 2"),
    "linearised at another structure": (lambda d: d.linearize(vector, X)[1]((X, X)), "tree|structure"),
    "linearised along another shape": (lambda d: d.linearize(vector, X)[1](X[:2]), SHAPES),
    "linearised along too many": (lambda d: d.linearize(vector, X)[1](X, X), "argument|tree|structure"),
    # what has no derivative
    "while in reverse": (lambda d: d.jacrev(by_while)(X), "while.*forward"),
    "a primitive without a rule": (lambda d: d.grad(lambda x: lax.zeta(2.0, x))(1.5), "zeta"),
    "a function applied in place": (lambda d: d.jacobian(lambda x: x.at[1].apply(jnp.sin))(X), "scatter_apply"),
    "a callback": (lambda d: d.grad(lambda x: jax.pure_callback(np.sin, x, x))(1.0), "pure_callback|callback"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_the_class_is_that_of_jax_and_the_message_is_ours(call, words):
    with pytest.raises(Exception) as theirs:
        call(jax)
    with pytest.raises(Exception) as ours:
        call(ct)
    assert isinstance(ours.value, _public_class(theirs.type)), f"{ours.type} is not {theirs.type}: {ours.value}"
    if not re.search(words, str(ours.value), re.IGNORECASE | re.DOTALL):
        pytest.fail(f"no {words!r} in: {ours.value}", pytrace=False)


def _public_class(cls: type[Exception]) -> type[Exception]:
    """The built-in exception that a class of JAX's stands on."""
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jacobian", "jacfwd", "jacrev", "hessian"])
def test_an_unknown_order(name):
    with pytest.raises(ValueError, match=r"order='cross'.*auto.*reverse.*forward.*cross-country.*Plan"):
        getattr(ct, name)(loss, order="cross")(X)
    with pytest.raises((TypeError, ValueError), match=r"order.*3"):
        getattr(ct, name)(loss, order=3)(X)


def test_an_unknown_order_of_a_product():
    with pytest.raises(ValueError, match=r"order='cross'.*auto"):
        ct.jvp(vector, (X,), (X,), order="cross")
    with pytest.raises(ValueError, match=r"order='cross'.*auto"):
        ct.vjp(vector, X, order="cross")
    with pytest.raises(ValueError, match=r"order='cross'.*auto"):
        ct.linearize(vector, X, order="cross")


def test_a_plan_made_for_another_program():
    plan = ct.plan(vector, X)
    np.testing.assert_allclose(ct.jacobian(vector, order=plan)(X), jax.jacobian(vector)(X))
    with pytest.raises(ValueError, match=r"[Pp]lan.*another program"):
        ct.jacobian(lambda x: jnp.cos(x) * x, order=plan)(X)
    with pytest.raises(ValueError, match=r"[Pp]lan.*another program"):
        ct.jacobian(vector, order=plan)(X[:2])


def test_memory_is_not_an_argument_yet():
    with pytest.raises(TypeError, match="memory"):
        ct.grad(loss, memory="1 GiB")


def test_while_in_reverse_says_where_and_what_to_do():
    with pytest.raises(ValueError, match=r"(?s)while.*(forward.*scan|scan.*forward)"):
        ct.grad(by_while, order="reverse")(X)


def test_errors_inside_the_function_come_through_unchanged():
    def broken(x):
        raise KeyError("the user's own")

    with pytest.raises(KeyError, match="the user's own"):
        ct.grad(broken)(X)


@pytest.mark.parametrize("name", ["grad", "jacobian", "hessian"])
def test_no_arguments_at_all(name):
    with pytest.raises((TypeError, ValueError), match=r"argnums|argument"):
        getattr(ct, name)(lambda: 1.0)()
