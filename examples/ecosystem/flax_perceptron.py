"""Flax NNX: a perceptron with dropout and batch statistics, its gradient by `ct.grad` with auxiliary state."""

import jax
import jax.numpy as jnp
import optax
from digits import load
from flax import nnx

import catenary as ct


class Perceptron(nnx.Module):
    def __init__(self, n, rngs):
        self.hidden, self.norm = nnx.Linear(n, 64, rngs=rngs), nnx.BatchNorm(64, rngs=rngs)
        self.dropout, self.out = nnx.Dropout(0.1, rngs=rngs), nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x):
        return self.out(self.dropout(nnx.relu(self.norm(self.hidden(x)))))


def main() -> float:
    """Train for a hundred steps; the accuracy on digits not seen."""
    X, y, X_test, y_test = load()
    graph, params, rest = nnx.split(Perceptron(X.shape[1], nnx.Rngs(0)), nnx.Param, ...)
    optimiser = optax.adam(1e-2)

    def loss(params, rest, X, y):
        model = nnx.merge(graph, params, rest, copy=True)
        value = optax.softmax_cross_entropy_with_integer_labels(model(X), y).mean()
        return value, nnx.split(model, nnx.Param, ...)[2]

    @jax.jit
    def step(params, rest, state, X, y):
        gradient, rest = ct.grad(loss, has_aux=True)(params, rest, X, y)
        updates, state = optimiser.update(gradient, state)
        return optax.apply_updates(params, updates), rest, state

    state = optimiser.init(params)
    for _ in range(100):
        params, rest, state = step(params, rest, state, X, y)
    model = nnx.merge(graph, params, rest, copy=True)
    model.eval()
    accuracy = float(jnp.mean(jnp.argmax(model(X_test), axis=1) == y_test))
    print(f"Flax NNX: test accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    assert main() > 0.95
