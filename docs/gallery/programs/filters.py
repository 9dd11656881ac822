"""Kalman filters."""

import jax.numpy as jnp
import numpy as np

from ..entry import Entry, definite, real

SARKKA = "Särkkä & Svensson, Bayesian Filtering and Smoothing (2023)"
inv = np.linalg.inv


def gain(K, P, H, R):
    J = jnp.eye(P.shape[0]) - K @ H
    return jnp.trace(J @ P @ J.T + K @ R @ K.T)


def updated_mean(m, P, H, R, y):
    S = H @ P @ H.T + R
    K = P @ H.T @ jnp.linalg.inv(S)
    return m + K @ (y - H @ m)


def innovation(m, P, H, R, y):
    v = y - H @ m
    S = H @ P @ H.T + R
    return (v @ jnp.linalg.solve(S, v) + jnp.linalg.slogdet(S)[1]) / 2


def innovation_covariance(P, m, H, R, y):
    v = y - H @ m
    S = H @ P @ H.T + R
    return (v @ jnp.linalg.solve(S, v) + jnp.linalg.slogdet(S)[1]) / 2


def predicted(F, P, Q):
    return jnp.trace(F @ P @ F.T + Q)


def map_estimate(x, m, P, H, R, y):
    e, v = x - m, y - H @ x
    return (e @ jnp.linalg.solve(P, e) + v @ jnp.linalg.solve(R, v)) / 2


P, R, H, m, y = definite(4), definite(3), real(3, 4), real(4), real(3)


def _gain(K, P, H, R):
    return -(np.eye(4) - K @ H) @ (P + P.T) @ H.T + K @ (R + R.T)


def _mean(m, P, H, R, y):
    return np.eye(4) - P @ H.T @ inv(H @ P @ H.T + R) @ H


def _by_mean(m, P, H, R, y):
    return -H.T @ inv(H @ P @ H.T + R) @ (y - H @ m)


def _by_covariance(P, m, H, R, y):
    S = inv(H @ P @ H.T + R)
    u = S @ (y - H @ m)
    return H.T @ (S - np.outer(u, u)) @ H / 2


def _map(x, m, P, H, R, y):
    return inv(P) @ (x - m) - H.T @ inv(R) @ (y - H @ x)


symmetric = {"P": "symmetric", "R": "symmetric"}

ENTRIES = [
    Entry("gain", gain, (real(4, 3), P, H, R), "∇f = K (R + Rᵀ) − (I − KH) (P + Pᵀ) Hᵀ", _gain,
          "Gelb, Applied Optimal Estimation (1974), section 4.2, for symmetric P and R"),
    Entry("updated mean", updated_mean, (m, P, H, R, y), "S = HPHᵀ + R\n∂f/∂m = I − PHᵀ S⁻¹ H", _mean,
          f"{SARKKA}, section 6.3"),
    Entry("innovation by the mean", innovation, (m, P, H, R, y),
          "S = HPHᵀ + R\n∇f = −Hᵀ S⁻¹ (y − Hm)", _by_mean, f"{SARKKA}, section 16.2", assume=symmetric),
    Entry("innovation by the covariance", innovation_covariance, (P, m, H, R, y),
          "S = HPHᵀ + R\nu = S⁻¹ (y − Hm)\n∇f = (1/2) Hᵀ (S⁻¹ − uuᵀ) H", _by_covariance, f"{SARKKA}, section 16.2",
          assume=symmetric),
    Entry("predicted covariance", predicted, (real(4, 4), P, definite(4)), "∇f = F (P + Pᵀ)",
          lambda F, P, Q: F @ (P + P.T), f"{SARKKA}, section 6.3, by the Matrix Cookbook, section 2.5.2"),
    Entry("estimate of greatest probability", map_estimate, (m, real(4, seed=1), P, H, R, y),
          "∇f = P⁻¹ (x − m) − Hᵀ R⁻¹ (y − Hx)", _map, f"{SARKKA}, section 2.6", assume=symmetric),
]  # fmt: skip
