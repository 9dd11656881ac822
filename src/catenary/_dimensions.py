"""Symbolic dimensions, as JAX exports programs with: their names, and their size where these are numbers.

They are public; that they tell their names and are evaluated is not, as what ``_jax.py`` takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def evaluated(size: Any, values: dict[str, int]) -> Any:
    """The number that a symbolic dimension is when its names have ``values``.

    >>> from jax.export import symbolic_shape
    >>> N, n = symbolic_shape("N, n")
    >>> evaluated(2 * N * n**2, {"N": 5, "n": 3})
    90
    """
    if not hasattr(size, "_evaluate"):
        return size
    # as floats: JAX's coefficients are int32 unless x64 is on, and a cost is soon larger
    return int(size._evaluate({name: float(value) for name, value in values.items()}))


def names(size: Any) -> set[str]:
    """The names in a symbolic dimension."""
    return set(size._get_vars()) if hasattr(size, "_get_vars") else set()


def typical(*sizes: Any) -> dict[str, int]:
    """For each name in symbolic dimensions a size of its own, as large as sizes that are ranked usually are.

    >>> from jax.export import symbolic_shape
    >>> typical(*symbolic_shape("N, n"))
    {'N': 64, 'n': 71}
    """
    found = sorted(set().union(*map(names, sizes)))
    return {name: 64 + 7 * k for k, name in enumerate(found)}


def of_text() -> Callable[[str], Any]:
    """A reader of symbolic dimensions, all in one scope.

    >>> size = of_text()
    >>> size("2*D^2 + 1") == 2 * size("D") ** 2 + 1
    True
    """
    scope = jax.export.SymbolicScope()
    return lambda text: jax.export.symbolic_shape(text, scope=scope)[0]
