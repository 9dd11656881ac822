"""An entry of the gallery: a program, and the derivative that a textbook states for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Entry:
    """A function as practitioners write it, and its derivative as a careful author does.

    Attributes:
        name: what it is called in tables.
        fun: the function, and ``args``, at which it is differentiated by ``argnums``, ``order`` times.
        textbook: the textbook's formula with the definitions it needs, in the notation of our text output.
        python: the same formula as NumPy code in the layout of JAX, a function of ``args``: tests compare it with JAX.
        source: where a textbook states it.
        assume: what the textbook takes for granted of an argument.
    """

    name: str
    fun: Callable[..., Any]
    args: tuple[Any, ...]
    textbook: str
    python: Callable[..., Any]
    source: str
    argnums: int | tuple[int, ...] = 0
    order: int = 1
    assume: dict[str, str] | None = None


def real(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers, the same every time."""
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def definite(n: int) -> np.ndarray:
    """A symmetric positive definite matrix."""
    half = real(n, n)
    return half @ half.T / n + np.eye(n)


def signs(n: int) -> np.ndarray:
    """Labels −1 and 1."""
    return np.where(np.arange(n) % 3, 1.0, -1.0)


def classes(n: int, k: int) -> np.ndarray:
    """Labels 0, …, k−1."""
    return np.arange(n) % k
