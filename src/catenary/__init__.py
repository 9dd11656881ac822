"""catenary: the calculus of compositions on JAX. Derive, plan and compute derivatives of your own program."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catenary._composition import Composition, compose, flatten
    from catenary._derivative import LinearMap, derivative
    from catenary._derive import Derivation, derive
    from catenary._plan.plan import Plan
    from catenary._planning import plan
    from catenary._transforms import grad, hessian, jacfwd, jacobian, jacrev, value_and_grad
    from catenary._vectors import jvp, linearize, vjp

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

#: room → the names that it gives; a room is entered when a name of it is first asked for
_ROOMS = {
    "_composition": ("Composition", "compose", "flatten"),
    "_derivative": ("LinearMap", "derivative"),
    "_derive": ("Derivation", "derive"),
    "_plan.plan": ("Plan",),
    "_planning": ("plan",),
    "_transforms": ("grad", "hessian", "jacfwd", "jacobian", "jacrev", "value_and_grad"),
    "_vectors": ("jvp", "linearize", "vjp"),
}


def __getattr__(name: str) -> Any:
    """A public name, the first time it is asked for."""
    room = next((room for room, names in _ROOMS.items() if name in names), None)
    if room is None:
        raise AttributeError(f"module 'catenary' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"catenary.{room}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
