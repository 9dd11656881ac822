"""The price of a European call (F. Black, J. Pol. Econ. 81, 1973; by way of the forward, J. Fin. Econ. 3, 1976).

The program counted is its gradient, swept in reverse, so that its Jacobian holds the second-order greeks.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy.special import erf

import catenary as ct


def call(spot: Any, strike: Any, rate: Any, volatility: Any, maturity: Any) -> Any:
    """The price."""
    forward = jnp.exp(rate * maturity) * spot
    d1 = (jnp.log(forward / strike) + volatility**2 / 2.0 * maturity) / (volatility * jnp.sqrt(maturity))
    d2 = d1 - volatility * jnp.sqrt(maturity)
    return jnp.exp(-rate * maturity) * (forward * _normal(d1) - strike * _normal(d2))


def _normal(z: Any) -> Any:
    """The distribution function of the normal distribution."""
    return (1.0 + erf(z / jnp.sqrt(2.0))) / 2


greeks = ct.jacobian(call, argnums=(0, 1, 2, 3, 4), order="reverse")
