"""JAX as the oracle: the same call made with catenary and with JAX, and the results compared to the letter.

    @in_each_order
    def test_grad_of_a_pytree(ad):
        same(ad, lambda d: d.grad(loss)(params))

`d` is first catenary with an order chosen, then JAX.
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


in_each_order = pytest.mark.parametrize("ad", [Ordered(order) for order in ORDERS], ids=repr)
in_reverse = pytest.mark.parametrize("ad", [Ordered("auto"), Ordered("reverse")], ids=repr)
in_forward = pytest.mark.parametrize("ad", [Ordered("auto"), Ordered("forward")], ids=repr)


def same(ad: Any, call: Callable[[Any], Any], rtol: float = 1e-10) -> Any:
    """Call with catenary and with JAX: equal pytrees, shapes, dtypes, weak types, and values. Returns ours."""
    ours, theirs = call(ad), call(jax)
    assert_same(ours, theirs, rtol)
    return ours


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-10) -> None:
    """Equal pytrees, shapes, dtypes, weak types; values within `rtol` of the largest entry."""
    report = Report("catenary and JAX")
    report.compare("value", ours, theirs, rtol)
    report.require()
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert getattr(a, "weak_type", False) == getattr(b, "weak_type", False), f"weak type: {a!r}, {b!r}"
