"""Logistic regression: is it a zero? The gradient is derived, then used.

catenary derive examples/logistic.py:J
"""

import jax
import jax.numpy as jnp
from digits import load
from jaxtyping import Array, Float

import catenary as ct


def J(w: Float[Array, "n"], X: Float[Array, "N n"], y: Float[Array, "N"]) -> Float[Array, ""]:
    """J(w) = (1/N) Σ ln(1 + exp(−yᵢ wᵀxᵢ)), labels y in ±1."""
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def main() -> None:
    digits = load()
    y, y_test = (jnp.where(labels == 0, 1.0, -1.0) for labels in (digits.y, digits.y_test))
    step = jax.jit(lambda w: w - 5.0 * ct.grad(J)(w, digits.X, y))
    w = jnp.zeros(64)
    print(ct.derive(J))
    for _ in range(200):
        w = step(w)
    print(f"test accuracy {jnp.mean(jnp.sign(digits.X_test @ w) == y_test):.1%}")


if __name__ == "__main__":
    main()
