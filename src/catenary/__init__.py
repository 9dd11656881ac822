"""catenary: the calculus of compositions on JAX. Derive, plan and compute derivatives of your own program."""

from typing import TYPE_CHECKING, Any

from catenary._composition import Composition, compose, flatten
from catenary._derivative import LinearMap, derivative
from catenary._plan.plan import Plan
from catenary._planning import plan
from catenary._transforms import grad, hessian, jacfwd, jacobian, jacrev, jvp, linearize, value_and_grad, vjp

if TYPE_CHECKING:
    from catenary._derive import Derivation, derive

__all__ = [
    "Composition",
    "Derivation",
    "LinearMap",
    "Plan",
    "compose",
    "derivative",
    "derive",
    "flatten",
    "grad",
    "hessian",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "plan",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """The formulas are imported when first asked for."""
    if name in ("derive", "Derivation"):
        from catenary import _derive

        return getattr(_derive, name)
    raise AttributeError(f"module 'catenary' has no attribute {name!r}")
