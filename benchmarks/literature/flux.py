"""Roe's approximate Riemann solver for the Euler equations (P. L. Roe, J. Comput. Phys. 43, 357–372, 1981).

The flux between two cells from the conserved quantities on its left and its right, with Roe's averages; the entropy
constant and the treatment of the eigenvalues follow the programs whose counts Lohoff and Neftci published.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

GAMMA = 0.5


def flux_1d(density_l: Any, momentum_l: Any, energy_l: Any, density_r: Any, momentum_r: Any, energy_r: Any) -> Any:
    """The flux of (density, momentum, energy) in one dimension."""
    jump = density_r - density_l
    root = jnp.sqrt(density_l * density_r)
    weight = jnp.sqrt(density_l) + jnp.sqrt(density_r)
    left, right = (density_l, momentum_l, energy_l), (density_r, momentum_r, energy_r)
    (v_l, p_l, h_l), (v_r, p_r, h_r) = _state_1d(*left), _state_1d(*right)
    jump_p, jump_v = p_r - p_l, v_r - v_l
    u = _average(density_l, v_l, density_r, v_r) / weight
    h = _average(density_l, h_l, density_r, h_r) / weight
    square = u**2
    sound2 = (GAMMA - 1.0) * (h - 0.5 * square)
    sound = jnp.sqrt(sound2)
    fastest, middle, slowest = jnp.abs(u + sound), jnp.abs(u), jnp.abs(u)
    scaled = sound * root
    a0 = (jump - jump_p / sound2) * middle
    a1 = (jump_v + jump_p / scaled) * fastest
    a2 = (jump_v - jump_p / scaled) * slowest
    f_l, f_r = _euler_1d(*left, p_l), _euler_1d(*right, p_r)
    sums = [x + y for x, y in zip(f_l, f_r, strict=True)]
    c = 0.5 * root / sound
    waves = [
        a0 + c * a1 - c * a2,
        a0 * u + c * a1 * (u + sound) - c * a2 * (u - sound),
        a0 * 0.5 * square + c * a1 * (h + u * sound) - c * a2 * (h - u * sound),
    ]
    return tuple(0.5 * (s - w) for s, w in zip(sums, waves, strict=True))


def _average(density_l: Any, x: Any, density_r: Any, y: Any) -> Any:
    return jnp.sqrt(density_l) * x + jnp.sqrt(density_r) * y


def _state_1d(density: Any, momentum: Any, energy: Any) -> tuple[Any, Any, Any]:
    """Velocity, pressure, enthalpy."""
    velocity = momentum / density
    pressure = (GAMMA - 1.0) * (energy - 0.5 * momentum**2 / density)
    return velocity, pressure, (energy + pressure) / density


def _euler_1d(density: Any, momentum: Any, energy: Any, pressure: Any) -> tuple[Any, Any, Any]:
    velocity = momentum / density
    return momentum, pressure + momentum * velocity, velocity * (pressure + energy)


def flux_3d(density_l: Any, momentum_l: Any, energy_l: Any, density_r: Any, momentum_r: Any, energy_r: Any) -> Any:
    """The flux in the first of three directions; density and energy of shape [1], momentum of shape [3]."""
    jump, jumps, jump_e = density_r - density_l, momentum_r - momentum_l, energy_r - energy_l
    jump_1, jump_2, jump_3 = jumps[0:1], jumps[1:2], jumps[2:]
    v_l, v_r = momentum_l / density_l, momentum_r / density_r
    weight = jnp.sqrt(density_l) + jnp.sqrt(density_r)
    velocity = _average(density_l, v_l, density_r, v_r) / weight
    u, v, w = velocity[0:1], velocity[1:2], velocity[2:]
    p_l, h_l = _state_3d(density_l, momentum_l, energy_l)
    p_r, h_r = _state_3d(density_r, momentum_r, energy_r)
    h = _average(density_l, h_l, density_r, h_r) / weight
    square = jnp.sum(velocity**2)
    sound2 = (GAMMA - 1.0) * (h - 0.5 * square)
    sound = jnp.sqrt(sound2)
    fastest, slowest = u + sound, u - sound
    a3 = ((GAMMA - 1.0) / sound2 * ((h - square) * jump + jnp.dot(velocity, jumps) - jump_e)) * u
    a2 = (jump_3 / w - jump_1) * u
    a1 = (jump_2 / v - jump) * u
    k1, k2 = jump - a3, (jump_1 - u * jump) / sound
    a0, a4 = 0.5 * (k1 - k2) * slowest, 0.5 * (k1 + k2) * fastest
    f_l = _euler_3d(density_l, momentum_l, v_l, energy_l, p_l)
    f_r = _euler_3d(density_r, momentum_r, v_r, energy_r, p_r)
    sums = [x + y for x, y in zip(f_l, f_r, strict=True)]
    waves = [
        a0 + a3 + a4 * fastest,
        a0 * slowest + a3 * u + a4 * fastest,
        a0 * v + a1 * v + a3 * v + a4 * v,
        a0 * w + a2 * w + a3 * w + a4 * w,
        a0 * (h - u * sound) + a1 * v**2 + a2 * w**2 + a3 * 0.5 * square + a4 * (h + u * sound),
    ]
    waves = [waves[0], jnp.concatenate(waves[1:4]), waves[4]]
    return tuple(0.5 * (s - w) for s, w in zip(sums, waves, strict=True))


def _state_3d(density: Any, momentum: Any, energy: Any) -> tuple[Any, Any]:
    pressure = (GAMMA - 1.0) * (energy - 0.5 * jnp.sum(momentum**2) / density)
    return pressure, (energy + pressure) / density


def _euler_3d(density: Any, momentum: Any, velocity: Any, energy: Any, pressure: Any) -> tuple[Any, Any, Any]:
    first = velocity[0:1]
    normal = jnp.concatenate([pressure, jnp.zeros(2, pressure.dtype)])
    return momentum[0:1], normal + momentum * velocity, first * (pressure + energy)
