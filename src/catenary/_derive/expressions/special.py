"""Special functions by NumPy and the standard library, for checking numbers with."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

Function = Callable[..., np.ndarray]
UP = 24  # steps to where the asymptotic series are exact to the last digits


def digamma(x: np.ndarray) -> np.ndarray:
    """Return (ln Γ)′, by ψ(x) = ψ(x + n) − Σ 1/(x + k) and its series at infinity.

    >>> abs(float(digamma(np.asarray(1.0))) + 0.5772156649015329) < 1e-13
    True
    """
    y = x + UP
    series = np.log(y) - 1 / (2 * y) - 1 / (12 * y**2) + 1 / (120 * y**4) - 1 / (252 * y**6)
    return np.asarray(series - sum(1 / (x + k) for k in range(UP)))


def trigamma(x: np.ndarray) -> np.ndarray:
    """Return (ln Γ)″.

    >>> abs(float(trigamma(np.asarray(1.0))) - math.pi**2 / 6) < 1e-13
    True
    """
    y = x + UP
    series = 1 / y + 1 / (2 * y**2) + 1 / (6 * y**3) - 1 / (30 * y**5) + 1 / (42 * y**7)
    return np.asarray(series + sum(1 / (x + k) ** 2 for k in range(UP)))


def _lgamma(x: float) -> float:
    return math.lgamma(x) if x > 0 or x != int(x) else math.inf


def _erfinv(x: float) -> float:
    return NormalDist().inv_cdf((1 + x) / 2) / math.sqrt(2) if abs(x) < 1 else math.nan


def _each(function: Callable[[float], float]) -> Function:
    return np.vectorize(function, otypes=[float])


SPECIAL: dict[str, Function] = {
    "erf": _each(math.erf),
    "erfinv": _each(_erfinv),
    "lgamma": _each(_lgamma),
    "digamma": digamma,
    "trigamma": trigamma,
    "pi": lambda: np.asarray(math.pi),
}
