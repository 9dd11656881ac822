"""Sparse Jacobians and Hessians from the structure of the program: `python -m benchmarks.sparse`.

Residuals of differential equations on a grid and the functions on which sparse Hessians are measured, each with the
same matrix written by hand. Seconds are from the first call to the result, tracing, planning and compilation included,
in a process that has differentiated something else before: of the clock, and of the processor, which a busy machine
does not change and which the limit is for. Run times are those of the compiled function over those of the hand-written
one, which gives the same vector of numbers.

Peers, where they are installed: asdex (detection, colouring and compression) from the same call, and sparsejac
(colouring and compression), which is given the pattern and needs no detection.

Sources: Moré, Garbow and Hillstrom, Testing Unconstrained Optimization Software (1981), for extended Rosenbrock and
Broyden tridiagonal; Averick et al., The MINPACK-2 Test Problem Collection (1992), for minimal surfaces; Hairer and
Wanner, Solving Ordinary Differential Equations II (1996), for the Brusselator.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import catenary as ct
from benchmarks.measure import calls_for, interleaved, run_time

LIMIT, SECONDS = 1.5, 1.0


@dataclass(frozen=True)
class Problem:
    """A function, the size of its argument, and its derivative by hand: the numbers row by row, columns rising.

    hessian   whether the derivative is that of the gradient
    """

    name: str
    fun: Callable[[jax.Array], jax.Array]
    shape: tuple[int, ...]
    by_hand: Callable[[jax.Array], jax.Array]
    hessian: bool = False

    @property
    def derived(self) -> Callable[[jax.Array], jax.Array]:
        """What is differentiated once."""
        return ct.grad(self.fun) if self.hessian else self.fun

    @property
    def point(self) -> jax.Array:
        """A generic point."""
        return jnp.asarray(1 + 0.3 * np.random.default_rng(0).normal(size=self.shape), jnp.float32)


def around(x: jax.Array) -> tuple[jax.Array, ...]:
    """The four neighbours of each point of a periodic grid, its last two axes."""
    return jnp.roll(x, 1, -2), jnp.roll(x, -1, -2), jnp.roll(x, 1, -1), jnp.roll(x, -1, -1)


def laplacian(x: jax.Array) -> jax.Array:
    """The five-point Laplacian on a periodic grid."""
    return sum(around(x)) - 4 * x


# --- the functions ---------------------------------------------------------------------------------------------------


def heat(u: jax.Array) -> jax.Array:
    """∂u/∂t of the heat equation on a line, u = 0 at its ends. u [n] → [n]."""
    v = jnp.pad(u, 1)
    return v[2:] - 2 * u + v[:-2]


def burgers(u: jax.Array) -> jax.Array:
    """∂u/∂t of Burgers' equation, central differences, periodic. u [n] → [n]."""
    left, right = jnp.roll(u, 1), jnp.roll(u, -1)
    return 0.1 * (right - 2 * u + left) - u * (right - left) / 2


def brusselator(w: jax.Array) -> jax.Array:
    """∂(u, v)/∂t of the Brusselator on a periodic square. w [2, k, k] → [2, k, k]."""
    u, v = w
    reaction = u * u * v
    return jnp.stack([1 + reaction - 4.4 * u + 0.1 * laplacian(u), 3.4 * u - reaction + 0.1 * laplacian(v)])


def gray_scott(w: jax.Array) -> jax.Array:
    """∂(u, v)/∂t of the Gray-Scott model on a periodic square. w [2, k, k] → [2, k, k]."""
    u, v = w
    reaction = u * v * v
    return jnp.stack([0.16 * laplacian(u) - reaction + 0.06 * (1 - u), 0.08 * laplacian(v) + reaction - 0.12 * v])


def allen_cahn(u: jax.Array) -> jax.Array:
    """The residual of the steady Allen-Cahn equation on a periodic square. u [k, k] → [k, k]."""
    return 0.01 * laplacian(u) + u - u**3


def rosenbrock(x: jax.Array) -> jax.Array:
    """The extended Rosenbrock function. x [n] → number."""
    return jnp.sum(100 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


def broyden(x: jax.Array) -> jax.Array:
    """Half the sum of squares of the Broyden tridiagonal function. x [n] → number."""
    y = jnp.pad(x, 1)
    return 0.5 * jnp.sum(((3 - 2 * x) * x - y[:-2] - 2 * y[2:] + 1) ** 2)


def minimal_surface(z: jax.Array) -> jax.Array:
    """The area of a surface over a square, two triangles a cell. z [k, k] heights → number."""
    a, b, c, d = z[:-1, :-1], z[1:, :-1], z[:-1, 1:], z[1:, 1:]
    lower = jnp.sqrt(1 + (b - a) ** 2 + (c - a) ** 2)
    upper = jnp.sqrt(1 + (d - b) ** 2 + (d - c) ** 2)
    return jnp.sum(lower + upper) / 2


# --- their matrices by hand: the nonzero numbers row by row, columns rising, as ours ----------------------------------


def by_rows(*columns: Any) -> jax.Array:
    """The numbers of all rows side by side; a plain number stands in every row."""
    return jnp.stack(jnp.broadcast_arrays(*columns), -1)


def heat_by_hand(u: jax.Array) -> jax.Array:
    return by_rows(jnp.ones_like(u), -2.0, 1.0).reshape(-1)[1:-1]


def burgers_by_hand(u: jax.Array) -> jax.Array:
    slope = (jnp.roll(u, -1) - jnp.roll(u, 1)) / 2
    left, middle, right = 0.1 + u / 2, -0.2 - slope, 0.1 - u / 2
    rows = by_rows(left, middle, right)
    rows = rows.at[0].set(jnp.stack([middle[0], right[0], left[0]]))
    return rows.at[-1].set(jnp.stack([right[-1], left[-1], middle[-1]])).reshape(-1)


def cross(centre: jax.Array, near: float) -> jax.Array:
    """Rows of five on a periodic grid [k, k]: four equal neighbours, and the centre where it comes among them."""
    k = len(centre)
    shift = np.zeros(k, int)
    shift[0], shift[-1] = -1, 1
    place = 2 + shift[:, None] + shift
    return jnp.where(place[..., None] == np.arange(5), centre[..., None], near)


def two_species(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array, near: tuple[float, float]) -> jax.Array:
    """The rows of both species: ∂u′/∂u, ∂u′/∂v, ∂v′/∂u, ∂v′/∂v at a point, and their diffusion."""
    upper = jnp.concatenate([cross(a, near[0]), b[..., None]], -1)
    lower = jnp.concatenate([c[..., None], cross(d, near[1])], -1)
    return jnp.concatenate([upper.reshape(-1), lower.reshape(-1)])


def brusselator_by_hand(w: jax.Array) -> jax.Array:
    u, v = w
    product, square = 2 * u * v, u * u
    return two_species(product - 4.8, square, 3.4 - product, -square - 0.4, (0.1, 0.1))


def gray_scott_by_hand(w: jax.Array) -> jax.Array:
    u, v = w
    product, square = 2 * u * v, v * v
    return two_species(-square - 0.7, -product, square, product - 0.44, (0.16, 0.08))


def allen_cahn_by_hand(u: jax.Array) -> jax.Array:
    return cross(0.96 - 3 * u * u, 0.01).reshape(-1)


def rosenbrock_by_hand(x: jax.Array) -> jax.Array:
    a, b = x[::2], x[1::2]
    mixed = -400 * a
    return by_rows(1200 * a * a - 400 * b + 2, mixed, mixed, 200.0).reshape(-1)


def broyden_by_hand(x: jax.Array) -> jax.Array:
    y = jnp.pad(x, 1)
    r = (3 - 2 * x) * x - y[:-2] - 2 * y[2:] + 1
    d = jnp.pad(3 - 4 * x, 1)
    ends = jnp.full(x.size, 5.0, x.dtype).at[0].set(1.0).at[-1].set(4.0)
    near = -2 * d[:-1] - d[1:]
    rows = by_rows(2.0, near[:-1], d[1:-1] ** 2 - 4 * r + ends, near[1:], 2.0)
    inside = np.arange(x.size)[:, None] + np.arange(-2, 3)
    return rows.reshape(-1)[np.flatnonzero((inside >= 0) & (inside < x.size))]


def second_derivatives(p: jax.Array, q: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of √(1 + p² + q²) / 2: by pp, pq, qq."""
    cube = 2 * jnp.sqrt(1 + p * p + q * q) ** 3
    return (1 + q * q) / cube, -p * q / cube, (1 + p * p) / cube


def minimal_surface_by_hand(z: jax.Array) -> jax.Array:
    a, b, c, d = z[:-1, :-1], z[1:, :-1], z[:-1, 1:], z[1:, 1:]
    pp, pq, qq = second_derivatives(b - a, c - a)
    rr, rs, ss = second_derivatives(d - b, d - c)
    at = lambda x, i, j: jnp.pad(x, ((i, 1 - i), (j, 1 - j)))
    middle = at(pp + 2 * pq + qq, 0, 0) + at(pp + rr, 1, 0) + at(qq + ss, 0, 1) + at(rr + 2 * rs + ss, 1, 1)
    down = at(-pp - pq, 0, 0) + at(-rs - ss, 0, 1)
    across = at(-qq - pq, 0, 0) + at(-rr - rs, 1, 0)
    slant = pq + rs
    up, back = jnp.roll(down, 1, 0), jnp.roll(across, 1, 1)
    rows = by_rows(up, at(slant, 1, 0), back, middle, across, at(slant, 0, 1), down)
    i, j = np.indices(z.shape)[..., None] + np.array([[-1, -1, 0, 0, 0, 1, 1], [0, 1, -1, 0, 1, -1, 0]])[:, None, None]
    return rows.reshape(-1)[np.flatnonzero((i >= 0) & (j >= 0) & (i < len(z)) & (j < len(z)))]


PROBLEMS = [
    Problem("heat 1-D", heat, (100_000,), heat_by_hand),
    Problem("Burgers", burgers, (100_000,), burgers_by_hand),
    Problem("Brusselator 2-D", brusselator, (2, 224, 224), brusselator_by_hand),
    Problem("Gray-Scott 2-D", gray_scott, (2, 224, 224), gray_scott_by_hand),
    Problem("Allen-Cahn 2-D", allen_cahn, (316, 316), allen_cahn_by_hand),
    Problem("extended Rosenbrock", rosenbrock, (100_000,), rosenbrock_by_hand, True),
    Problem("Broyden tridiagonal", broyden, (100_000,), broyden_by_hand, True),
    Problem("minimal surface", minimal_surface, (316, 316), minimal_surface_by_hand, True),
]


# --- peers ------------------------------------------------------------------------------------------------------


def flat(problem: Problem) -> Callable[[jax.Array], jax.Array]:
    """The function that a peer differentiates once, between vectors, its gradient JAX's own."""
    fun = jax.grad(problem.fun) if problem.hessian else problem.fun
    return lambda x: fun(x.reshape(problem.shape)).reshape(-1)


def with_asdex(problem: Problem, _: Any) -> Callable[[jax.Array], Any]:
    """What asdex makes of the function."""
    import asdex

    scalar = lambda x: problem.fun(x.reshape(problem.shape))
    sample = problem.point.reshape(-1)
    made = asdex.hessian(scalar, sample) if problem.hessian else asdex.jacobian(flat(problem), sample)
    return jax.jit(lambda x: made(x.reshape(-1)))


def with_sparsejac(problem: Problem, pattern: Any) -> Callable[[jax.Array], Any]:
    """What sparsejac makes of the function and our pattern."""
    import sparsejac
    from jax.experimental.sparse import BCOO

    n = problem.point.size
    half = pattern.indices.shape[1] // 2
    split = [np.asarray(pattern.indices[:, :half]).T, np.asarray(pattern.indices[:, half:]).T]
    indices = np.stack([np.ravel_multi_index(tuple(part), problem.shape) for part in split], 1)
    given = BCOO((jnp.ones(len(indices)), jnp.asarray(indices)), shape=(n, n))
    made = jax.jit(sparsejac.jacfwd(flat(problem), given))
    return lambda x: made(x.reshape(-1))


PEERS = {"asdex": with_asdex, "sparsejac": with_sparsejac}


# --- the table ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One problem: how many numbers; of ours and of the peers, the seconds (clock, processor) to the first result.

    ratios   run times over that of the hand-written function
    """

    problem: str
    n: int
    nonzeros: int
    exact: bool
    seconds: dict[str, tuple[float, float]]
    ratios: dict[str, float]

    @property
    def ok(self) -> bool:
        """Whether ours is exact and within both limits."""
        return self.exact and self.seconds["ours"][1] <= SECONDS and self.ratios["ours"] <= LIMIT

    def __str__(self) -> str:
        """The printed row."""
        columns = [
            f"{clock:7.2f} {processor:6.2f} {self.ratios[k]:7.2f}" for k, (clock, processor) in self.seconds.items()
        ]
        counts = f"{self.n:>9,} {self.nonzeros:>9,} {'exact' if self.exact else 'WRONG'}"
        return f"{self.problem:<20} {counts} {' '.join(columns)}  {'ok' if self.ok else 'FALLS SHORT'}"


def first_call(make: Callable[[], Callable[[jax.Array], Any]], x: jax.Array) -> tuple[Callable[[jax.Array], Any], Any]:
    """What ``make`` makes, and the seconds of clock and processor until its first result."""
    start = perf_counter(), process_time()
    fun = make()
    jax.block_until_ready(fun(x))
    return fun, (perf_counter() - start[0], process_time() - start[1])


def measure(problem: Problem, peers: list[str], seconds: float) -> Row:
    """The row of one problem."""
    x = problem.point
    ours, took = first_call(lambda: lambda x: ct.derivative(problem.derived)(x).sparse(), x)
    result = ours(x)
    hand = problem.by_hand(x)
    exact = hand.size == result.nse and np.allclose(result.data, hand, rtol=2e-3, atol=2e-3)
    programs = {"by hand": jax.jit(problem.by_hand), "ours": jax.jit(lambda x: ours(x).data)}
    times = {"ours": took}
    for name in peers:
        programs[name], times[name] = first_call(lambda name=name: PEERS[name](problem, result), x)
    jobs = [run_time(program, (x,), calls_for(program, (x,), 0.005)) for program in programs.values()]
    medians = dict(zip(programs, interleaved(jobs, seconds=seconds), strict=True))
    return Row(
        problem.name, x.size, result.nse, exact, times, {name: medians[name] / medians["by hand"] for name in times}
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows whose name contains WORD")
    parser.add_argument("--seconds", type=float, default=2.0, help="for the run times of a row")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args(arguments)
    peers = [name for name in PEERS if not asked.no_peers and find_spec(name)]
    print(f"JAX {jax.__version__}: sparse Jacobians and Hessians: seconds of clock and processor to the first result,")
    print("and run time over that of hand-written code")
    for name in PEERS:
        if name not in peers:
            print(f"{name}: left out, not installed" if not asked.no_peers else f"{name}: left out")
    print(f"{'problem':<20} {'n':>9} {'nonzeros':>9}       {' '.join(f'{name:>22}' for name in ['ours', *peers])}")
    jax.block_until_ready(ct.derivative(lambda x: jnp.roll(x, 1) ** 2)(jnp.ones(5)).sparse())
    rows = []
    for problem in PROBLEMS:
        if not asked.only or any(word.lower() in problem.name.lower() for word in asked.only):
            rows.append(measure(problem, peers, asked.seconds))
            print(rows[-1], flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) | {"ok": row.ok} for row in rows], indent=1))
    short = sum(not row.ok for row in rows)
    limits = f"within {SECONDS:g} s of processor and {LIMIT:g} × hand-written code"
    print(f"{len(rows) - short} of {len(rows)} rows exact, {limits}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
