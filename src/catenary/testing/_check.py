"""Checks of a derivative: every order against every other, against a numerical derivative, and a rule against JAX."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Primitive

import catenary as ct

from ._examples import EXAMPLES, Example
from ._report import Report

ORDERS = ("reverse", "forward", "cross-country", "auto")
DENSE = 10**6  # entries of a Jacobian that is compared as a whole; a larger one only along random directions


def check_derivative(
    fun: Callable,
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    orders: Sequence[str] = ORDERS,
    rtol: float | None = None,
    seed: int = 0,
) -> Report:
    """Compare the derivative of `fun` at `args` in every order, and with a numerical one.

    Any two orders are independent computations of the same linear map J. Compared are the whole Jacobian in each of
    the `orders` (if it is real and has no more than 10⁶ entries), J v with a central difference along a random
    direction v, and ⟨w, J v⟩ with ⟨Jᵀ w, v⟩ for a random w. The point must be away from kinks and poles.

    Args:
        fun: from arrays or pytrees of arrays to the same.
        *args: the point; float64 (with `jax_enable_x64`) makes the check sharp.
        argnums: the arguments to differentiate by.
        orders: those to compare; leave "reverse" out for a function with a while loop.
        rtol: allowed difference between orders, relative to the largest entry; by default for the coarsest dtype.
        seed: of the random directions.

    Returns:
        A Report: `print` it, or read its `rows`.

    Raises:
        AssertionError: with a table of what differs, where, and by how much.

    Cost: one Jacobian an order, three evaluations of `fun`, one push and one pull.

    >>> import catenary as ct, jax.numpy as jnp
    >>> print(ct.testing.check_derivative(lambda x: jnp.tanh(x) * x[0], jnp.array([0.3, 0.7])))
    check_derivative(<lambda>): 5 comparisons, all within tolerance
    """
    argnums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    args = jax.tree.map(jnp.asarray, args)
    report = Report(f"check_derivative({getattr(fun, '__name__', repr(fun))})")
    of_chosen, chosen = _only(fun, argnums, args)
    _compare_orders(report, of_chosen, chosen, orders, rtol)
    _compare_directions(report, of_chosen, chosen, orders, rtol, np.random.default_rng(seed))
    return report.require()


def check_rule(primitive: Primitive | str, examples: Sequence[Example] | None = None) -> Report:
    """Compare the derivative of one primitive with JAX's and with a numerical one.

    Every example is differentiated bare and inside sin ∘ p ∘ (x + sin x / 100), so that its map is composed from
    both sides, in every order, and with complex numbers where the example allows them.

    Args:
        primitive: a primitive, or its name.
        examples: how to call it; by default those in `EXAMPLES`.

    Raises:
        KeyError: if there is no example of the primitive.
        AssertionError: with the primitive's name and a table of what differs.

    Cost: about half a second an example, most of it compilation.

    >>> print(check_rule("tanh"))
    check_rule(tanh): ... all within tolerance
    """
    name = str(primitive)
    report = Report(f"check_rule({name})")
    for number, example in enumerate(EXAMPLES[name] if examples is None else examples):
        _compare_example(report, f"example {number}", name, example)
    return report.require()


def _only(fun: Callable, argnums: tuple[int, ...], args: tuple) -> tuple[Callable, tuple]:
    """`fun` as a function of the chosen arguments alone."""

    def of_chosen(*chosen: Any) -> Any:
        full = list(args)
        for i, x in zip(argnums, chosen, strict=True):
            full[i] = x
        return fun(*full)

    return of_chosen, tuple(args[i] for i in argnums)


def _compare_orders(report: Report, fun: Callable, args: tuple, orders: Sequence[str], rtol: float | None) -> None:
    """The whole Jacobian, each order against the first."""
    out = jax.eval_shape(fun, *args)
    size = sum(x.size for x in jax.tree.leaves(out)) * sum(jnp.size(x) for x in jax.tree.leaves(args))
    if size > DENSE or _is_complex((out, args)):
        return
    first, *rest = orders
    jacobians = _in_each_order(fun, args, orders)
    for order in rest:
        report.compare(f"{order} and {first}", jacobians[order], jacobians[first], rtol or _tolerance(args, 1e6))


def _in_each_order(fun: Callable, args: tuple, orders: Sequence[str]) -> dict[str, Any]:
    """Jacobians by all arguments, order → pytree, compiled as one."""
    everything = tuple(range(len(args)))
    return jax.jit(lambda *a: {order: ct.jacobian(fun, everything, order=order)(*a) for order in orders})(*args)


def _compare_directions(
    report: Report, fun: Callable, args: tuple, orders: Sequence[str], rtol: float | None, rng: np.random.Generator
) -> None:
    """J v against a central difference along v; ⟨w, J v⟩ against ⟨Jᵀ w, v⟩."""
    tangents = jax.tree.map(partial(_direction, rng), args)
    (y, pushed), numerical = jax.jit(lambda x, v: (ct.jvp(fun, x, v), numerical_push(fun, x, v)))(args, tangents)
    report.compare("J v and the numerical derivative", pushed, numerical, _tolerance(args, 1e10))
    if "reverse" not in orders:
        return
    cotangents = jax.tree.map(partial(_direction, rng), y)
    pulled = jax.jit(lambda w, *a: ct.vjp(fun, *a)[1](w))(cotangents, *args)
    left, right = _inner(cotangents, pushed), _inner(pulled, tangents)
    report.compare("⟨w, J v⟩ and ⟨Jᵀ w, v⟩", left, right, rtol or _tolerance(args, 1e6))


def _compare_example(report: Report, label: str, name: str, example: Example) -> None:
    args = example.args()
    found = set(_primitives(jax.make_jaxpr(example.fun)(*args).jaxpr))
    if name not in found:
        raise AssertionError(f"{report.title}, {label}: the function traces to {sorted(found)}, not to {name}")
    if _is_complex(jax.eval_shape(example.fun, *args)):
        _compare_products(report, label, example, args)
    else:
        _compare_jacobians(report, label, example, args)
    if example.complex:
        _compare_products(report, f"{label} complex", example, example.args(dtype=np.complex128))


def _compare_jacobians(report: Report, label: str, example: Example, args: tuple) -> None:
    """Bare and composed from both sides, each order against JAX; and JAX against the numerical derivative."""

    def inside(*args: Any) -> Any:
        return jax.tree.map(jnp.sin, example.fun(*(x + jnp.sin(x) / 100 for x in args)))

    everything = tuple(range(len(args)))
    oracle = jax.jacrev if "reverse" in example.orders else jax.jacfwd
    direction = jax.tree.map(partial(_direction, np.random.default_rng(1)), args)

    @jax.jit
    def compute(*a: Any) -> Any:
        theirs = [oracle(fun, everything)(*a) for fun in (example.fun, inside)]
        ours = [{o: ct.jacobian(fun, everything, order=o)(*a) for o in example.orders} for fun in (example.fun, inside)]
        return ours, theirs, numerical_push(example.fun, a, direction)

    ours, theirs, numerical = compute(*args)
    for where, by_order, jacobian in zip(("bare", "composed"), ours, theirs, strict=True):
        for order, ours in by_order.items():
            report.compare(f"{label} {where}, {order} and JAX", ours, jacobian, example.rtol)
    if example.numerical:
        pushed = _along(theirs[0], jax.eval_shape(example.fun, *args), direction)
        report.compare(f"{label}, JAX and numerical", pushed, numerical, 1e-6)


def _along(jacobian: Any, out: Any, direction: tuple) -> Any:
    """J v, from a dense Jacobian by all arguments."""

    def contract(leaf: jax.ShapeDtypeStruct, blocks: tuple) -> np.ndarray:
        pairs = zip(blocks, direction, strict=True)
        return np.asarray(sum(np.tensordot(np.asarray(block), v, axes=v.ndim) for block, v in pairs)).astype(leaf.dtype)

    return jax.tree.map(contract, out, jacobian)


def _compare_products(report: Report, label: str, example: Example, args: tuple) -> None:
    """A push and a pull against JAX's: complex numbers have no one dense Jacobian."""
    rng = np.random.default_rng(2)
    v = jax.tree.map(partial(_direction, rng), args)
    w = jax.tree.map(partial(_direction, rng), jax.eval_shape(example.fun, *args))

    @jax.jit
    def compute(v: Any, w: Any, *a: Any) -> Any:
        return [(t.jvp(example.fun, a, v), t.vjp(example.fun, *a)[1](w)) for t in (ct, jax)]

    (push, pull), (jax_push, jax_pull) = compute(v, w, *args)
    report.compare(f"{label}, J v and JAX", push, jax_push, example.rtol)
    report.compare(f"{label}, Jᵀ w and JAX", pull, jax_pull, example.rtol)


def _primitives(jaxpr: Jaxpr) -> Iterator[str]:
    """Names of all primitives of a jaxpr and of those in its parameters."""

    def nested(value: Any) -> Iterator[str]:
        if hasattr(value, "eqns"):
            yield from _primitives(value)
        elif hasattr(value, "jaxpr"):
            yield from nested(value.jaxpr)
        elif isinstance(value, tuple | list):
            for item in value:
                yield from nested(item)

    for equation in jaxpr.eqns:
        yield equation.primitive.name
        yield from nested(list(equation.params.values()))


def numerical_push(fun: Callable, args: tuple, tangents: tuple, part: float = 1.0) -> Any:
    """The derivative of t ↦ f(x + t v) at 0 by five points, ``part`` as far apart as two for the least error."""
    step = part * max(float(jnp.finfo(x.dtype).eps) for x in jax.tree.leaves(args)) ** (1 / 3)

    def at(t: float) -> Any:
        return fun(*jax.tree.map(lambda x, v: (x + t * v).astype(x.dtype), args, tangents))

    return jax.tree.map(
        lambda a, b, c, d: ((8 * (a - b) - (c - d)) / (12 * step)).astype(a.dtype),
        *(at(k * step) for k in (1, -1, 2, -2)),
    )


def _direction(rng: np.random.Generator, x: Any) -> np.ndarray:
    """A random array of x's shape and dtype."""
    drawn = rng.normal(size=x.shape)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        drawn = drawn + 1j * rng.normal(size=x.shape)
    return drawn.astype(x.dtype)


def _inner(x: Any, y: Any) -> float:
    """Re Σ x·y over the leaves: the pairing that JAX's transposes keep, without conjugation."""
    pairs = zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True)
    return float(sum(np.real(np.sum(np.asarray(a) * np.asarray(b))) for a, b in pairs))


def _is_complex(tree: Any) -> bool:
    return any(jnp.issubdtype(x.dtype, jnp.complexfloating) for x in jax.tree.leaves(tree) if hasattr(x, "dtype"))


def _tolerance(args: tuple, factor: float) -> float:
    """Roundings allowed between two orders; a numerical derivative loses a third of the digits more."""
    eps = max(float(jnp.finfo(jnp.result_type(x)).eps) for x in jax.tree.leaves(args))
    return min(factor * eps, 0.05) if factor <= 1e6 else min(1e2 * eps ** (2 / 3), 0.1)
