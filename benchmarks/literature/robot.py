"""The forward kinematics of a robot arm of six joints, and the Tait-Bryan angles of its hand.

Lengths of links as in the source that Lohoff and Neftci cite (dergipark.org.tr/en/download/article-file/2289226).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

A1, A2, A3 = 175.0, 890.0, 50.0
D1, D4, D6 = 575.0, 1035.0, 185.0


def arm(t1: Any, t2: Any, t3: Any, t4: Any, t5: Any, t6: Any) -> Any:
    """Position and orientation of the hand from the six angles."""
    c1, c2, c4, c5, c6 = (jnp.cos(t) for t in (t1, t2, t4, t5, t6))
    c23 = jnp.cos(t2) * jnp.cos(t3) - jnp.sin(t2) * jnp.sin(t3)
    s1, s2, s4, s5, s6 = (jnp.sin(t) for t in (t1, t2, t4, t5, t6))
    s23 = jnp.cos(t2) * jnp.sin(t3) + jnp.sin(t2) * jnp.cos(t3)
    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    angles = jnp.arctan2(ay, ax), jnp.arctan2(jnp.sqrt(1.0 - az**2), az), jnp.arctan2(oz, -nz)
    x1 = D6 * (s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5)
    x2 = c1 * (A1 + A2 * c2 + A3 * c23 + D4 * s23)
    y1 = D6 * (s5 * (s1 * c23 * c4 + c1 * s4) + s1 * s23 * c5)
    y2 = s1 * (A1 + A2 * c2 + A3 * c23 + D4 * s23)
    z = A2 * s2 + D1 + A3 * s23 - D4 * c23 + D6 * (s23 * c4 * s5 - c23 * c5)
    return x1 + x2, y1 + y2, z, *angles
