"""Diffrax: the length and the friction of a pendulum, found from its path by gradients through the solver."""

import diffrax
import jax
import jax.numpy as jnp
import optax

import catenary as ct

TIMES = jnp.linspace(0.0, 4.0, 20)


def path(theta):
    """The angle at each time, by an adaptive solver."""
    field = lambda t, y, theta: jnp.stack([y[1], -theta[0] * jnp.sin(y[0]) - theta[1] * y[1]])
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, 4.0, 0.1, jnp.array([1.0, 0.0]), args=theta,
        saveat=diffrax.SaveAt(ts=TIMES), stepsize_controller=diffrax.PIDController(rtol=1e-4, atol=1e-6),
    ).ys[:, 0]  # fmt: skip


def main() -> float:
    """Fit; how far the parameters are from those that made the path."""
    truth = jnp.array([3.0, 0.4])
    seen = path(truth)
    loss = lambda theta: jnp.mean((path(theta) - seen) ** 2)
    optimiser = optax.adam(0.1)

    @jax.jit
    def step(theta, state):
        updates, state = optimiser.update(ct.grad(loss)(theta), state)
        return optax.apply_updates(theta, updates), state

    theta = jnp.array([2.0, 0.1])
    state = optimiser.init(theta)
    for _ in range(150):
        theta, state = step(theta, state)
    error = float(jnp.max(jnp.abs(theta - truth)))
    print(f"Diffrax: parameters within {error:.3f} of the truth")
    return error


if __name__ == "__main__":
    assert main() < 0.05
