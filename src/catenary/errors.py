"""What catenary raises: JAX's exception classes, with the argument, what was found and expected, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PlanError(ValueError):
    """A plan that does not belong to the program it is used on.

    >>> raise PlanError("made for another program")
    Traceback (most recent call last):
    catenary.errors.PlanError: made for another program
    """


class NotArrays(TypeError):
    """A program with values that are no arrays of numbers: references, or types that a library adds to JAX.

    The transforms hand such a call to JAX. A plan, a formula or a linear map of it there is none.

    >>> raise NotArrays("float32[] behind a reference")
    Traceback (most recent call last):
    catenary.errors.NotArrays: float32[] behind a reference
    """


class NoPush(TypeError):
    """A tangent to be pushed through a function whose author gave a pullback only.

    >>> raise NoPush  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    catenary.errors.NoPush: can't apply forward-mode autodiff (jvp) to a custom_vjp function. ...
    """

    def __init__(self) -> None:
        super().__init__(
            "can't apply forward-mode autodiff (jvp) to a custom_vjp function. "
            "Its author gave a pullback only: use order='reverse'; jvp and linearize then push by its transpose."
        )


def name_of(fun: Any) -> str:
    """How a message calls a function.

    >>> name_of(abs)
    'abs'
    """
    return getattr(fun, "__name__", None) or type(fun).__name__


def call(verb: str, fun: Callable[..., Any]) -> str:
    """How a message calls a transform of a function.

    >>> call("grad", abs)
    'ct.grad(abs)'
    """
    return f"ct.{verb}({name_of(fun)})"
