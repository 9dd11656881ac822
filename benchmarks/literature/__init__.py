"""Programs that the literature on elimination orders counts, each with the figures published for it.

Counts are of J. Lohoff and E. Neftci, Optimizing Automatic Differentiation with Deep Reinforcement Learning (NeurIPS
2024, table 2): removing a vertex costs |predecessors| · |successors|, with the sizes of arrays in their own way. Their
best is of a search by deep reinforcement learning; where the logs that they published go lower, the logs' figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.literature import finance, flux, generated, minpack, networks, robot


class Task(NamedTuple):
    """A program, the shapes of its arguments, and the counts published for it."""

    fun: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    forward: int
    reverse: int
    markowitz: int
    best: int

    def point(self) -> list[Any]:
        """Arguments, drawn near each other; all positive."""
        return [x[0] for x in self.points(1)]

    def points(self, n: int) -> list[Any]:
        """Arguments at ``n`` points."""
        draw = np.random.default_rng(0)
        return [draw.uniform(0.2, 0.4, (n, *shape)).astype(np.float32) for shape in self.shapes]


def _scalars(n: int) -> tuple[tuple[int, ...], ...]:
    return ((),) * n


_BLOCKS = (*((4, 4),) * 7, (2, 4), (4,), (2, 1), *_scalars(4))

SCALARS = {
    "Roe's flux, 1-D": Task(flux.flux_1d, _scalars(6), 620, 364, 407, 320),
    "robot arm, 6 joints": Task(robot.arm, _scalars(6), 397, 301, 288, 231),
    "human-heart dipole": Task(minpack.dipole, _scalars(8), 240, 172, 194, 148),
    "propane combustion": Task(minpack.propane, _scalars(11), 151, 90, 111, 88),
    "random function g": Task(generated.g, _scalars(15), 632, 566, 451, 416),
    "Black-Scholes greeks": Task(finance.greeks, _scalars(5), 545, 572, 350, 307),
}
ARRAYS = {
    "Roe's flux, 3-D": Task(flux.flux_3d, ((1,), (3,), (1,), (1,), (3,), (1,)), 1556, 979, 938, 784),
    "random function f": Task(generated.f, ((4,), (2, 3), (4, 4), (4, 1)), 17728, 9333, 12083, 5884),
    "perceptron": Task(
        networks.perceptron, ((1, 4), (1, 4), (8, 4), (8,), (4, 8), (4,), (), ()), 10930, 392, 4796, 389
    ),
    "encoder": Task(networks.encoder, ((4, 4), (2, 4), *_BLOCKS), 135010, 4688, 51869, 4656),
}
TASKS = SCALARS | ARRAYS
