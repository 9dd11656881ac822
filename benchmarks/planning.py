"""Planning must not be felt: the time of `ct.plan` against the time JAX takes to trace and lower the same function.

    python -m benchmarks.planning

For programs of about 100, 1,000 and 5,000 equations, none with a scalar output, so that there is a choice to plan:
a deep perceptron (a chain of matrix products) and a random graph of elementwise operations. `ct.plan` traces the
function too; that trace is JAX's own work, so it is measured beside it and taken off. Every repeat sees a program
that no cache knows; times are processor time (all of it runs on one thread), medians of interleaved repeats.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import jax
import jax.numpy as jnp

import catenary as ct
from benchmarks.measure import human, interleaved
from benchmarks.scenarios import normal
from catenary._plan.orders.cache import forget

LIMIT = 1.0
SIZES = (100, 1_000, 5_000)


def deep_perceptron(equations: int) -> tuple[Callable[..., Any], jax.Array]:
    """Layers tanh(x W + 1), three equations each, widths in turn 8, 16, 32: a function of x and a point."""
    widths = (8, 16, 32)
    weights = [normal(widths[i % 3], widths[(i + 1) % 3], seed=i) for i in range(equations // 3)]

    def fun(x: jax.Array) -> jax.Array:
        for weight in weights:
            x = jnp.tanh(x @ weight + 1.0)
        return x

    return fun, normal(8)


def random_graph(equations: int) -> tuple[Callable[..., Any], jax.Array]:
    """Each equation takes one or two of the last 16 values; the last four are stacked: a function of x and a point."""
    draw = random.Random(equations)
    operations = (jnp.sin, jnp.tanh, jnp.add, jnp.multiply)
    steps = [(draw.choice(operations), draw.randrange(16), draw.randrange(16)) for _ in range(equations)]

    def fun(x: jax.Array) -> jax.Array:
        values = [x]
        for operation, left, right in steps:
            recent = values[-16:]
            first, second = recent[left % len(recent)], recent[right % len(recent)]
            values.append(operation(first) if operation in (jnp.sin, jnp.tanh) else operation(first, second))
        return jnp.concatenate(values[-4:])

    return fun, normal(8)


PROGRAMS = {"deep perceptron": deep_perceptron, "random graph": random_graph}


def timed(action: Callable[[Callable[..., Any]], Any], fun: Callable[..., Any]) -> Callable[[], float]:
    """A job: processor seconds of `action` on a copy of `fun` that no cache has seen."""

    def job() -> float:
        jax.clear_caches()
        forget()
        gc.collect()
        fresh = lambda *args: fun(*args)  # a new object each time
        start = process_time()
        action(fresh)
        return process_time() - start

    return job


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equations", type=int, action="append", help=f"sizes of the programs (default {SIZES})")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for the repeats of a row")
    asked = parser.parse_args(arguments)
    print(f"JAX {jax.__version__}: time to plan against time to trace and lower")
    print(f"{'program':<17} {'equations':>9} {'plan':>9} {'trace+lower':>11} {'ratio':>7}  limit")
    short = 0
    for equations in asked.equations or SIZES:
        for name, program in PROGRAMS.items():
            fun, x = program(equations)
            size = len(jax.make_jaxpr(fun)(x).eqns)
            actions = (
                lambda f, x=x: ct.plan(f, x),
                lambda f, x=x: jax.make_jaxpr(f)(x),
                lambda f, x=x: jax.jit(f).lower(x),
            )
            both, trace, lower = interleaved([timed(a, fun) for a in actions], seconds=asked.seconds)
            ratio = (both - trace) / lower
            short += ratio > LIMIT
            numbers = f"{human(both - trace):>9} {human(lower):>11} {ratio:7.2f}  ≤ {LIMIT:.2f}"
            print(f"{name:<17} {size:>9,} {numbers}  {'FALLS SHORT' if ratio > LIMIT else 'ok'}", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
