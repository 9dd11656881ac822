"""Elimination orders against the literature, and what the derivatives that they give take.

    python -m benchmarks.order

First table: multiplications as Lohoff and Neftci count them (NeurIPS 2024, table 2), forward, reverse and Markowitz
beside their figures, and the best order beside the best of their search; ten seconds of search on one core at most.
Programs of arrays are counted by our own convention for sizes, which is not theirs: their figures stand in brackets.
Second table: products with ±1 free, which is what is really spent.
"""

from __future__ import annotations

import argparse
import sys
from time import process_time
from typing import Any

import jax

from benchmarks.literature import TASKS, Task
from catenary._local import Local
from catenary._plan.bare import Bare, markowitz
from catenary._plan.choose import candidates, count
from catenary._plan.orders import ORDERS
from catenary._transforms import plan_local

SECONDS = 10.0


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


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of search for a row")
    asked = parser.parse_args(arguments)
    print(f"JAX {jax.__version__}: multiplications, [published] where that differs")
    heads = "".join(f"{head:>18}" for head in ("forward", "reverse", "Markowitz"))
    print(f"{'program':<22} {'n':>4} {heads} {'best':>8} {'ours':>8} {'search':>8}")
    held = [published(name, task, asked.seconds) for name, task in TASKS.items()]
    print("\nproducts, ±1 free")
    print(f"{'program':<22} {'forward':>9} {'reverse':>9} {'ours':>9} {'saved':>10}")
    for name, task in TASKS.items():
        spent(name, task, asked.seconds)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
