"""Elimination orders against the literature, and what the derivatives that they give take.

    python -m benchmarks.order

Published counts: multiplications as Lohoff and Neftci count them (NeurIPS 2024, table 2), forward, reverse and
Markowitz beside their figures, and the best order beside the best of their search, after ten seconds of search at most.
Programs of arrays are counted by our own convention for sizes, which is not theirs: their figures stand in brackets;
so do those of the Black-Scholes gradient, which is a program of ours.
Spent: products with ±1 free, which is what is really multiplied.
Chains: products of matrices of random sizes, twenty lengths, against the textbook's bracketing, all of them.
Time: the emitted Jacobian against jacfwd and jacrev, vmapped over points; seconds to trace, lower and compile.
"""

from __future__ import annotations

import argparse
import sys
from functools import lru_cache
from itertools import pairwise
from random import Random
from time import perf_counter, process_time
from typing import Any

import jax
import jax.numpy as jnp

import catenary as ct
from benchmarks.literature import TASKS, Task
from benchmarks.measure import calls_for, human, interleaved, run_time
from catenary._call import plan_local
from catenary._local import Local
from catenary._plan.orders.bare import Bare, markowitz
from catenary._plan.orders.choose import candidates, count
from catenary._plan.orders.known import ORDERS

SECONDS = 10.0
LENGTHS, SLOWER, POINTS = range(2, 22), 1.05, (64, 4096)


def cost(local: Local, order: Any, model: str) -> int:
    """What an order costs."""
    found = count(local, "", tuple(order), model)
    assert found is not None
    return int(found.cost)


def searched(local: Local, model: str, seconds: float) -> tuple[int, float]:
    """The least cost found, and the processor time it took."""
    start = process_time()
    found = candidates(local, "auto", model, search=seconds)
    return int(found[0].cost), process_time() - start


def published(name: str, task: Task, seconds: float) -> bool:
    """Print a row of the first table; whether it holds."""
    local = plan_local(task.fun, task.point(), tuple(range(len(task.shapes))))
    n, bare = len(local.nodes), Bare.of(local)
    greedy = ORDERS["markowitz"](local) if bare is None else markowitz(bare, n, last=False)
    counts = [cost(local, order, "multiplications") for order in (range(n), reversed(range(n)), greedy)]
    ours, took = searched(local, "multiplications", seconds)
    theirs = (task.forward, task.reverse, task.markowitz)
    cells = (f"{c:,}" if c == t else f"{c:,} [{t:,}]" for c, t in zip(counts, theirs, strict=True))
    ok = ours <= task.best
    print(
        f"{name:<22} {n:4} {''.join(f'{cell:>18}' for cell in cells)} {task.best:>8,} {ours:>8,} {took:6.1f} s  "
        f"{'ok' if ok else 'FALLS SHORT'}",
        flush=True,
    )
    return ok


def spent(name: str, task: Task, seconds: float) -> None:
    """Print a row of the second table."""
    local = plan_local(task.fun, task.point(), tuple(range(len(task.shapes))))
    n = len(local.nodes)
    sweeps = [cost(local, order, "products") for order in (range(n), reversed(range(n)))]
    ours, _ = searched(local, "products", seconds)
    print(f"{name:<22} {sweeps[0]:>9,} {sweeps[1]:>9,} {ours:>9,} {min(sweeps) / ours:8.2f} ×", flush=True)


def matrices(x: Any, *maps: Any) -> Any:
    """A chain of linear maps."""
    for a in maps:
        x = a @ x
    return x


def textbook(sizes: tuple[int, ...]) -> int:
    """The least multiplications of a matrix chain, by the recursion over all brackets (Godbole 1973)."""

    @lru_cache(None)
    def least(i: int, j: int) -> int:
        return min((least(i, k) + least(k, j) + sizes[i] * sizes[k] * sizes[j] for k in range(i + 1, j)), default=0)

    return least(0, len(sizes) - 1)


def chain_plan(sizes: tuple[int, ...], search: str = "fast") -> int:
    """What the plan of a chain of matrices costs."""
    shapes = [(sizes[0],), *((m, n) for n, m in pairwise(sizes))]
    local = plan_local(matrices, [jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes], 0)
    return int(candidates(local, "auto", "multiplications", search=search)[0].cost)


def chains(each: int) -> bool:
    """Print how many random chains are bracketed as the textbook does; whether all are."""
    draw, equal, tried = Random(0), 0, 0
    for length in LENGTHS:
        for _ in range(each):
            sizes = tuple(draw.randint(2, 60) for _ in range(length + 1))
            equal += chain_plan(sizes) == textbook(sizes)
            tried += 1
    print(f"\nrandom chains of {LENGTHS[0]} to {LENGTHS[-1]} matrices: {equal:,} of {tried:,} at the least cost")
    return equal == tried


def timed(name: str, task: Task, points: int, seconds: float) -> bool:
    """Print the time of the Jacobian, ours and JAX's two; whether ours is no slower than the better of them."""
    numbers = tuple(range(len(task.shapes)))
    args = task.points(points)
    programs, compiles = [], []
    for jacobian in (ct.jacobian, jax.jacfwd, jax.jacrev):
        start = perf_counter()
        programs.append(jax.jit(jax.vmap(jacobian(task.fun, numbers))).lower(*args).compile())
        compiles.append(perf_counter() - start)
    times = interleaved([run_time(p, args, calls_for(p, args, 0.01)) for p in programs], seconds=seconds)
    ratio = times[0] / min(times[1:])
    cells = "".join(f"{human(t):>9}" for t in times) + f" {ratio:6.2f}" + "".join(f"{c:7.1f}" for c in compiles)
    print(f"{name:<22} {points:>6,} {cells}  {'ok' if ratio <= SLOWER else 'FALLS SHORT'}", flush=True)
    return ratio <= SLOWER


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of search for a row")
    parser.add_argument("--chains", type=int, default=100, help="random chains of each length")
    parser.add_argument("--repeat", type=float, default=2.0, help="seconds of repeats for a time")
    parser.add_argument("--only", help="programs whose name contains this")
    asked = parser.parse_args(arguments)
    tasks = {name: task for name, task in TASKS.items() if not asked.only or asked.only in name}
    print(f"JAX {jax.__version__}: multiplications, [published] where that differs")
    heads = "".join(f"{head:>18}" for head in ("forward", "reverse", "Markowitz"))
    print(f"{'program':<22} {'n':>4} {heads} {'best':>8} {'ours':>8} {'search':>8}")
    held = [published(name, task, asked.seconds) for name, task in tasks.items()]
    print("\nproducts, ±1 free")
    print(f"{'program':<22} {'forward':>9} {'reverse':>9} {'ours':>9} {'saved':>10}")
    for name, task in tasks.items():
        spent(name, task, asked.seconds)
    held.append(chains(asked.chains))
    print("\ntime of the Jacobian, and seconds to compile it")
    heads = "".join(f"{head:>9}" for head in ("ours", "jacfwd", "jacrev"))
    print(f"{'program':<22} {'points':>6} {heads} {'ratio':>6}{'ours':>7}{'jacfwd':>7}{'jacrev':>7}")
    held += [timed(name, task, n, asked.repeat) for name, task in tasks.items() for n in POINTS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
