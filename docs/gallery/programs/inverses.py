"""Traces and inverses."""

import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real
from .forms import COOKBOOK


def trace_product(X, A, B):
    return jnp.trace(A @ X @ B)


def trace_quadratic(X, A):
    return jnp.trace(X.T @ A @ X)


def trace_cube(X):
    return jnp.trace(X @ X @ X)


def procrustes(X, A, B, C):
    return jnp.sum((A @ X @ B - C) ** 2)


def inverse_form(X, a, b):
    return a @ jnp.linalg.inv(X) @ b


def inverse_trace(X, A, B):
    return jnp.trace(A @ jnp.linalg.inv(X) @ B)


def shifted_trace(X, A):
    return jnp.trace(jnp.linalg.inv(X + A))


def adjoint(A, b, c):
    x = jnp.linalg.solve(A, b)
    return c @ x


def observed(b, A, y):
    x = jnp.linalg.solve(A, b)
    return jnp.sum((x - y) ** 2) / 2


X, A, B, a, b = real(4, 4), real(4, 4, seed=1), real(4, 4, seed=2), real(4), real(4, seed=1)
inv = np.linalg.inv

ENTRIES = [
    Entry("trace of a product", trace_product, (real(3, 4), real(5, 3), real(4, 5)), "∇f = AᵀBᵀ",
          lambda X, A, B: A.T @ B.T, f"{COOKBOOK}, eq. 101"),
    Entry("trace of a quadratic form", trace_quadratic, (real(4, 3), A), "∇f = (A + Aᵀ) X",
          lambda X, A: (A + A.T) @ X, f"{COOKBOOK}, eq. 108"),
    Entry("trace of a cube", trace_cube, (X,), "∇f = 3 (XX)ᵀ", lambda X: 3 * (X @ X).T, f"{COOKBOOK}, section 2.5.3"),
    Entry("linear matrix equation", procrustes, (real(4, 3), real(5, 4), real(3, 6), real(5, 6)),
          "∇f = 2 Aᵀ (AXB − C) Bᵀ", lambda X, A, B, C: 2 * A.T @ (A @ X @ B - C) @ B.T,
          f"{COOKBOOK}, section 2.5.2"),
    Entry("form of an inverse", inverse_form, (X, a, b), "∇f = −X⁻ᵀ abᵀ X⁻ᵀ",
          lambda X, a, b: -inv(X).T @ np.outer(a, b) @ inv(X).T, f"{COOKBOOK}, eq. 61"),
    Entry("trace of an inverse", inverse_trace, (X, real(3, 4), real(4, 3)), "∇f = −(X⁻¹BAX⁻¹)ᵀ",
          lambda X, A, B: -(inv(X) @ B @ A @ inv(X)).T, f"{COOKBOOK}, section 2.2"),
    Entry("trace of a shifted inverse", shifted_trace, (X, A), "∇f = −((X + A)⁻¹ (X + A)⁻¹)ᵀ",
          lambda X, A: -(inv(X + A) @ inv(X + A)).T, f"{COOKBOOK}, section 2.2"),
    Entry("linear system by its matrix", adjoint, (A, b, a), "x = A⁻¹b\n∇f = −A⁻ᵀ c xᵀ",
          lambda A, b, c: -np.outer(inv(A).T @ c, inv(A) @ b),
          "Giles, Collected matrix derivative results for forward and reverse mode AD (2008), section 2.3.1"),
    Entry("linear system by its right side", observed, (b, A, a), "∇f = A⁻ᵀ (A⁻¹b − y)",
          lambda b, A, y: inv(A).T @ (inv(A) @ b - y),
          "Giles, Collected matrix derivative results for forward and reverse mode AD (2008), section 2.3.1"),
]  # fmt: skip
