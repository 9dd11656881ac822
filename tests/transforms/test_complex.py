"""Complex numbers, with JAX's conventions: no conjugation in a transpose, gradients of real losses conjugated."""

import jax.numpy as jnp
import pytest
from jax import lax

from tests.oracle import in_every_order, same

Z = jnp.array([0.3 + 0.4j, -0.7 + 0.2j, 1.1 - 0.6j])
X = jnp.array([0.3, -0.7, 1.1])
M = jnp.array([[0.1 + 0.2j, 0.5, -0.3j], [1.0, 0.2 - 0.1j, 0.4]])

HOLOMORPHIC = {
    "sin": jnp.sin,
    "product": lambda z: z * z[::-1] / (z + 3),
    "matrix": lambda z: M @ jnp.exp(z),
    "power": lambda z: z**3 + jnp.log(z + 2),
    "fft": lambda z: jnp.fft.fft(z) * z,
}
GENERAL = {
    "conj": lambda z: jnp.conj(z) * z,
    "abs": lambda z: jnp.abs(z),
    "sign": lambda z: lax.sign(z) * z,  # its derivative is 0 in JAX 0.10
    "real": lambda z: jnp.real(z) + 1j * jnp.imag(z) ** 2,
    "mixed": lambda z: lax.complex(jnp.sin(z.real), z.imag * z.real) @ jnp.conj(z),
}
REAL_LOSS = {
    "norm": lambda z: jnp.sum(jnp.abs(M @ z) ** 2),
    "real part": lambda z: jnp.sum(jnp.real(jnp.exp(z) * 1j)),
    "angle": lambda z: jnp.sum(jnp.arctan2(z.imag, z.real + 2)),
}


@in_every_order
@pytest.mark.parametrize("fun", HOLOMORPHIC.values(), ids=HOLOMORPHIC)
def test_holomorphic_functions(ad, fun):
    same(ad, lambda d: d.jacobian(fun, holomorphic=True)(Z))
    same(ad, lambda d: d.jacfwd(fun, holomorphic=True)(Z))
    same(ad, lambda d: d.jacrev(fun, holomorphic=True)(Z))
    same(ad, lambda d: d.grad(lambda z: jnp.sum(fun(z)), holomorphic=True)(Z))
    same(ad, lambda d: d.hessian(lambda z: jnp.sum(fun(z)), holomorphic=True)(Z))


@in_every_order
@pytest.mark.parametrize("fun", (HOLOMORPHIC | GENERAL).values(), ids=HOLOMORPHIC | GENERAL)
def test_pushes_and_pulls_of_complex_functions(ad, fun):
    same(ad, lambda d: d.jvp(fun, (Z,), (1j * Z + 1,)))
    y = fun(Z)
    w = y * (0.3 + 1j if jnp.iscomplexobj(y) else 0.3) + 0.2
    same(ad, lambda d: d.vjp(fun, Z)[1](w))
    same(ad, lambda d: d.linearize(fun, Z)[1](1j * Z + 1))


@in_every_order
@pytest.mark.parametrize("fun", REAL_LOSS.values(), ids=REAL_LOSS)
def test_gradients_of_real_losses_of_complex_arguments(ad, fun):
    same(ad, lambda d: d.grad(fun)(Z))
    same(ad, lambda d: d.value_and_grad(fun)(Z))
    same(ad, lambda d: d.jacrev(fun)(Z))


@in_every_order
def test_real_arguments_through_complex_intermediates(ad):
    def spectrum(x):
        return jnp.abs(jnp.fft.fft(x) * (1 + 2j)) ** 2

    same(ad, lambda d: d.jacobian(spectrum)(X))
    same(ad, lambda d: d.grad(lambda x: jnp.sum(spectrum(x)))(X))
    same(ad, lambda d: d.hessian(lambda x: jnp.sum(jnp.real(lax.complex(x, x * x) ** 3)))(X))


@in_every_order
def test_real_and_complex_arguments_together(ad):
    fun = lambda x, z: jnp.sum(jnp.real(z * x) + jnp.abs(z) ** 2 * x)
    same(ad, lambda d: d.grad(fun, (0, 1))(X, Z))
    same(ad, lambda d: d.vjp(lambda x, z: z * x, X, Z)[1](Z))
    same(ad, lambda d: d.jvp(lambda x, z: z * x, (X, Z), (X, Z)))
