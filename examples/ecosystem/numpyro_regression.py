"""NumPyro: a regression sampled by NUTS, whose gradient of the potential is `ct.value_and_grad`."""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import initialize_model

import catenary as ct


def differentiated(fun):
    """`fun`, for which whoever asks JAX for the gradient gets catenary's."""

    @jax.custom_vjp
    def wrapped(x):
        return fun(x)

    wrapped.defvjp(ct.value_and_grad(fun), lambda gradient, c: (jax.tree.map(lambda g: c * g, gradient),))
    return wrapped


def model(X, y):
    """y = X w + noise."""
    w = numpyro.sample("w", dist.Normal(0, 3).expand([X.shape[1]]).to_event(1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    numpyro.sample("y", dist.Normal(X @ w, sigma), obs=y)


def main() -> float:
    """Sample the posterior; how far its mean is from the weights that made the data."""
    keys = jax.random.split(jax.random.key(0), 4)
    w, X = jnp.array([1.0, -2.0, 0.5]), jax.random.normal(keys[0], (200, 3))
    y = X @ w + 0.3 * jax.random.normal(keys[1], (200,))
    start, potential, transform, _ = initialize_model(keys[2], model, model_args=(X, y))
    sampler = MCMC(NUTS(potential_fn=differentiated(potential)), num_warmup=200, num_samples=300, progress_bar=False)
    sampler.run(keys[3], init_params=start.z)
    error = float(jnp.max(jnp.abs(transform(sampler.get_samples())["w"].mean(axis=0) - w)))
    print(f"NumPyro: posterior mean within {error:.2f} of the truth")
    return error


if __name__ == "__main__":
    assert main() < 0.1
