"""Which arguments are differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from catenary import errors

Argnums = int | Sequence[int]


def numbered(verb: str, fun: Any, argnums: Any) -> Argnums:
    """``argnums`` as an integer of Python's or a tuple of them, whatever integers they are."""
    name = errors.call(verb, fun)
    try:
        if hasattr(argnums, "__index__") and np.ndim(argnums) == 0:
            return index(argnums)
        numbers = tuple(map(index, argnums))
    except TypeError:
        raise TypeError(f"{name}: argnums must be an integer or a sequence of integers, got {argnums!r}.") from None
    if not numbers:
        raise ValueError(f"{name}: argnums={argnums!r} names no argument to differentiate.")
    return numbers


def positions(verb: str, fun: Callable[..., Any], argnums: Argnums, n: int) -> tuple[int, ...]:
    """``argnums`` as a tuple of positions, counted from the front."""
    name = errors.call(verb, fun)
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for k in numbers:
        if not -n <= k < n:
            kind = TypeError if verb in ("grad", "value_and_grad") and k >= 0 else ValueError
            raise kind(
                f"{name}: differentiating with respect to argnums={argnums} requires at least "
                f"{k + 1 if k >= 0 else -k} "
                f"positional arguments to be passed by the caller, but got only {n} positional arguments."
            )
    if len({k % n for k in numbers}) < len(numbers):
        raise TypeError(f"{name}: argnums={argnums} names an argument twice.")
    return tuple(k % n for k in numbers)
