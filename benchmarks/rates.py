"""What this device does in a second, beside the table that the model `time` reads (`_plan/costs/cost.py`).

    python -m benchmarks.rates

contract: flops of a product of large matrices; entrywise: flops of a long fused loop over an array that the caches
hold; bandwidth: bytes read and written by a sum of large arrays; kernel: seconds that one more product of small
matrices takes within a program. All in float32, the best of several runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.measure import calls_for, compiled, human, run_time
from catenary import _jax
from catenary._plan.costs.cost import Device, device

RUNS, LINKS, LOOP = 7, 64, 256


def seconds(fun: Callable[..., Any], *args: Any) -> float:
    """A call's least time over some runs."""
    program = compiled(fun, args)
    job = run_time(program, args, calls_for(program, args, 0.1))
    return min(job() for _ in range(RUNS))


def fused(x: jax.Array) -> jax.Array:
    """LOOP multiplications and additions for each entry, which XLA makes one loop."""
    for k in range(LOOP):
        x = x * 0.999 + 0.001 * k
    return x


def chain(links: int) -> Callable[[jax.Array], jax.Array]:
    """A product of small matrices after another: none can fuse with the next."""

    def fun(x: jax.Array) -> jax.Array:
        y = x
        for _ in range(links):
            y = x @ y
        return y

    return fun


def measured(large: bool) -> Device:
    """The rates of the device that JAX computes on.

    large   whether arrays are of a size that keeps an accelerator busy
    """
    n, size = (8192, 2**28) if large else (1024, 2**25)
    square, long, short = jnp.ones((n, n)) / n, jnp.ones(size), jnp.ones(2**22 if large else 2**14)
    small = jnp.eye(16)
    return Device(
        2 * n**3 / seconds(jnp.matmul, square, square),
        2 * LOOP * short.size / seconds(fused, short),
        3 * 4 * size / seconds(jnp.add, long, long[::-1]),
        (seconds(chain(2 * LINKS), small) - seconds(chain(LINKS), small)) / LINKS,
    )


def main() -> int:
    """Print the rates, and those of the table."""
    kind = _jax.device_kind()
    print(f"JAX {jax.__version__} on {kind}: what it does in a second, and what the model `time` reads")
    found, table = measured(kind != "cpu"), device(kind)
    for name, units in zip(Device._fields, ("flops/s", "flops/s", "bytes/s", "s"), strict=True):
        ours, theirs = getattr(found, name), getattr(table, name)
        print(f"{name:<12} {human(ours):>10}{units:<8} table {human(theirs):>10}{units:<8} {ours / theirs:7.2f} ×")
    return 0


if __name__ == "__main__":
    sys.exit(main())
