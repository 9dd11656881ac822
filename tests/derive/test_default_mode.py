"""A user's own process: float32, no flags, and no warning of JAX's that they did not cause."""

import os
import subprocess
import sys

PROGRAM = """
import jax, jax.numpy as jnp, catenary as ct
print(ct.derive(lambda x, A: jnp.sum(jax.nn.relu(A @ x)), jnp.ones(3), jnp.ones((4, 3))).formula)
print(ct.derive(lambda X: jnp.trace(jnp.linalg.inv(X)), jnp.eye(3)).formula)
"""


def test_derive_in_float32_without_a_warning():
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "CATENARY_"))}
    ran = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", PROGRAM],
        env=plain | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "∇f = Aᵀ [Ax > 0]\n∇f = −X⁻ᵀX⁻ᵀ\n", ran.stderr
    assert not ran.stderr
