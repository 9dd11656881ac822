"""JAX as the oracle: the same call made with catenary and with JAX, and the results compared to the letter.

    @in_every_order
    def test_grad_of_a_pytree(ad):
        same(ad, lambda d: d.grad(loss)(params))

`d` is catenary with each of the orders chosen, and JAX.  A test that calls `ad.grad` itself is marked `in_each_order`:
it runs once an order.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import pytest

import catenary as ct
from catenary.testing import Report

TRANSFORMS = ("grad", "value_and_grad", "jacobian", "jacfwd", "jacrev", "hessian", "jvp", "vjp", "linearize")
ORDERS = ("auto", "reverse", "forward", "cross-country")


class Ordered:
    """catenary's transforms with `order` chosen once."""

    def __init__(self, order: str):
        self.order = order
        for name in TRANSFORMS:
            setattr(self, name, functools.partial(getattr(ct, name), order=order))

    def __repr__(self) -> str:
        return self.order


EVERY = tuple(Ordered(order) for order in ORDERS)

in_each_order = pytest.mark.parametrize("ad", EVERY, ids=repr)
in_every_order = pytest.mark.parametrize("ad", [EVERY], ids=["every order"])
in_reverse = pytest.mark.parametrize("ad", EVERY[:2], ids=repr)
in_forward = pytest.mark.parametrize("ad", [EVERY[0], EVERY[2]], ids=repr)


def same(ad: Ordered | tuple[Ordered, ...], call: Callable[[Any], Any], rtol: float = 1e-10) -> Any:
    """Call with catenary and with JAX: equal pytrees, shapes, dtypes, weak types, and values. Returns ours.

    The calls are compiled as one: operation by operation and order by order XLA would take most of the tests' time.
    """
    orders = ad if isinstance(ad, tuple) else (ad,)
    ours, theirs = jax.jit(lambda: ([call(one) for one in orders], call(jax)))()
    for one, found in zip(orders, ours, strict=True):
        assert_same(found, theirs, rtol, f"value, {one}")
    return ours[0]


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-10, what: str = "value") -> None:
    """Equal pytrees, shapes, dtypes, weak types; values within `rtol` of the largest entry."""
    report = Report("catenary and JAX")
    report.compare(what, ours, theirs, rtol)
    report.require()
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert weakly_typed(a) == weakly_typed(b), f"{what}: weak type: {a!r}, {b!r}"


def weakly_typed(x: Any) -> bool:
    """Whether a value is as weakly typed as a Python number."""
    return isinstance(x, int | float | complex) or getattr(x, "weak_type", False)


def together(ours, theirs, *args):
    """What two functions give, compiled as one: half of the time of a test is compilation."""
    return jax.jit(lambda *args: (ours(*args), theirs(*args)))(*args)
