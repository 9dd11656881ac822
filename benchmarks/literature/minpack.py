"""Two systems of equations of the MINPACK-2 test problem collection.

B. M. Averick, R. G. Carter, J. J. Moré, G.-L. Xue, Argonne National Laboratory, MCS-P153-0692, 1992: combustion of
propane, full formulation, and the human-heart dipole.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

PRESSURE, RATIO = 40.0, 10.0


def propane(*x: Any) -> Any:
    """The residuals of eleven equations of chemical equilibrium."""
    x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 = x
    root = jnp.sqrt(PRESSURE / x11)
    return (
        x1 + x4 - 3.0,
        2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - RATIO,
        2 * x2 + 2 * x5 + x6 + x7 - 8.0,
        2 * x3 + x9 - 4 * RATIO,
        x2 * x4 - x1 * x5,
        jnp.sqrt(x2 * x4) - jnp.sqrt(x1) * root * x6,
        jnp.sqrt(x1 * x2) - jnp.sqrt(x4) * x7 * root,
        x1 - x4 * x8 * PRESSURE / x11,
        x1 * jnp.sqrt(x3) - x4 * x9 * root,
        x1**2 - x4**2 * x10 * PRESSURE / x11,
        x11 - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10,
    )


def dipole(a: Any, b: Any, c: Any, d: Any, t: Any, u: Any, v: Any, w: Any) -> Any:
    """The residuals of eight equations for the dipole's moments; every measured moment is 1."""
    tv, uw = t**2 - v**2, u**2 - w**2
    ttv, vvt = t * (t**2 - 3 * v**2), v * (v**2 - 3 * t**2)
    uuw, wwu = u * (u**2 - 3 * w**2), w * (w**2 - 3 * u**2)
    return (
        a + b - 1.0,
        c + d - 1.0,
        t * a + u * b - v * c - w * d - 1.0,
        v * a + w * b + t * c + u * d - 1.0,
        a * tv - 2 * c * t * v + b * uw - 2 * d * u * w - 1.0,
        c * tv - 2 * a * t * v + d * uw - 2 * b * u * w - 1.0,
        a * ttv + c * vvt + b * uuw + d * wwu - 1.0,
        c * ttv - a * vvt + d * uuw - b * wwu - 1.0,
    )
