"""Lineax: the source of a Poisson equation, found from its solution by gradients through a linear solve."""

import jax
import jax.numpy as jnp
import lineax as lx
import optax

import catenary as ct

N = 50


def solved(log_k, source):
    """−(k u′)′ = source on a line, u = 0 at its ends."""
    k = jnp.exp(log_k)
    diagonal, beside = (k[:-1] + k[1:]) * N**2, -k[1:-1] * N**2
    operator = lx.TridiagonalLinearOperator(diagonal, beside, beside)
    return lx.linear_solve(operator, source).value


def main() -> float:
    """Descend; how much of the first misfit is left."""
    source = jnp.ones(N)
    seen = solved(jnp.sin(jnp.linspace(0, 3, N + 1)), source)
    loss = lambda log_k: jnp.mean((solved(log_k, source) / seen - 1) ** 2)
    optimiser = optax.adam(0.05)

    @jax.jit
    def step(log_k, state):
        value, gradient = ct.value_and_grad(loss)(log_k)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(log_k, updates), state, value

    log_k = jnp.zeros(N + 1)
    state, first = optimiser.init(log_k), float(loss(log_k))
    for _ in range(200):
        log_k, state, value = step(log_k, state)
    left = float(value) / first
    print(f"Lineax: {left:.2%} of the first misfit left")
    return left


if __name__ == "__main__":
    assert main() < 0.02
