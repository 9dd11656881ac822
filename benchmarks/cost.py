"""Do the cost models tell the truth? Flops predicted against XLA's count, and orders ranked by predicted time.

    python -m benchmarks.cost
    python -m benchmarks.cost --only softmax

The first table compares what the planner predicts for the whole compiled Jacobian, or gradient, with XLA's own count,
loop bodies multiplied by their trips; a scenario may be 10 % off. Where XLA's fusions compute a value several times,
its count after it optimises is larger than before, and a row is excused if it is within 10 % of the latter.
The second compares pairs of orders of one function whose measured times differ by 1.5 times or more: which of the two
is faster by the model ``time`` must agree in nine of ten.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any

import jax
import jax.numpy as jnp

import catenary as ct
from benchmarks.flops import flops
from benchmarks.measure import calls_for, human, interleaved, run_time
from benchmarks.scenarios import attention, gradient_scenarios, normal
from benchmarks.structure import batched_perceptron, chain, residuals, row_softmax
from catenary._call import plan_local
from catenary._plan.costs.predict import predicted_flops

LIMIT, APART, AGREE = 0.10, 1.5, 0.9
ORDERS = ("forward", "reverse", "cross-country", "auto")

Program = tuple[Callable[..., Any], tuple[Any, ...]]


def convolutions(kernels: list[jax.Array], images: jax.Array) -> jax.Array:
    """Two convolutions with tanh between and pooled features. images [N, H, W, C] → [N, F]."""
    x = images
    for kernel in kernels:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jnp.tanh(x)
    return x.mean((1, 2))


def recurrent(h: jax.Array, w: jax.Array) -> jax.Array:
    """200 steps h ← tanh(h W)."""
    return jax.lax.fori_loop(0, 200, lambda _, h: jnp.tanh(h @ w), h)


def wide(*widths: int) -> Program:
    """A chain of layers of these widths, at a random point."""
    return chain, (normal(widths[0]), *(normal(m, n) for n, m in pairwise(widths)))


def jacobians() -> dict[str, Program]:
    """Functions of arrays with arrays for values, argument 0 differentiated."""
    heads = {"qkv": normal(64, 192), "out": normal(64, 64)}
    layers = (normal(2, 20), jnp.zeros(20), normal(20, 20), jnp.zeros(20), normal(20))
    kernels = [normal(3, 3, 1, 8), normal(3, 3, 8, 16)]
    return {
        "chain, 64 numbers to 1,024": wide(64, 256, 512, 1024),
        "chain, 1,024 numbers to 64": wide(1024, 512, 256, 64),
        "chain, narrow waist": wide(400, 400, 4, 400, 400),
        "chain, wide middle": wide(64, 1024, 1024, 128),
        "chain, square": wide(256, 256, 256, 256),
        "batched perceptron": (batched_perceptron, (normal(256, 16), normal(16, 64), normal(64, 16))),
        "row softmax": (row_softmax, (normal(128, 64),)),
        "residual by parameters": (residuals, (layers, normal(64, 2))),
        "attention by its input": (lambda x: attention(heads, x, 4), (normal(1, 24, 64),)),
        "convolutions by kernels": (convolutions, (kernels, normal(4, 16, 16, 1))),
        "recurrence, 200 steps": (recurrent, (normal(4, 32), normal(32, 32))),
    }


def shapes_of(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments' shapes: what a plan is made from."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), args)  # type: ignore[no-any-return]


def prediction(name: str, fun: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Print a row of the first table; whether it holds."""
    shapes = shapes_of(args)
    plan = ct.plan(fun, *shapes, cost="time")
    predicted = float(predicted_flops(plan_local(fun, shapes, 0), plan))
    lowered = jax.jit(ct.jacobian(fun, order=plan)).lower(*args)
    program = lowered.compile()
    counted, recomputed = flops(program), max(1.0, once_each(program) / once_each(lowered))
    ratio = predicted / counted
    verdict = "ok" if abs(ratio - 1) <= LIMIT else "FALLS SHORT"
    if verdict != "ok" and abs(ratio * recomputed - 1) <= LIMIT:
        verdict = "XLA recomputes"
    numbers = f"{human(predicted):>9} {human(counted):>9} {ratio:7.3f} {recomputed:10.3f}"
    print(f"{name:<28} {numbers}  {verdict}", flush=True)
    return verdict != "FALLS SHORT"


def ranking(name: str, fun: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Iterator[bool]:
    """Print a row for each pair of orders that run at different speeds; whether the model knows which is faster."""
    plans = {order: ct.plan(fun, *shapes_of(args), order=order, cost="time") for order in ORDERS}
    distinct = {plan.order: order for order, plan in plans.items()}
    found = {order: jax.jit(ct.jacobian(fun, order=plans[order])) for order in distinct.values()}
    calls = {order: calls_for(program, args) for order, program in found.items()}
    jobs = [run_time(found[order], args, calls[order]) for order in found]
    measured = dict(zip(found, interleaved(jobs, seconds=seconds), strict=True))
    for a, b in combinations(sorted(found, key=measured.__getitem__), 2):
        apart = measured[b] / measured[a]
        if apart >= APART:
            predicted = plans[b].cost / plans[a].cost
            verdict = "ok" if predicted > 1 else "FALLS SHORT"
            print(f"{name:<28} {a:>13} < {b:<13} {apart:8.3g} × {predicted:8.3g} ×  {verdict}", flush=True)
            yield predicted > 1


def once_each(program: Any) -> float:
    """XLA's count of a program before or after it is optimised, loop bodies once."""
    analysis = program.cost_analysis()
    return float(analysis.get("flops", 0.0) + analysis.get("transcendentals", 0.0))


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; the exit code is 1 if one falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows whose name contains WORD")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for the repeats of a row")
    asked = parser.parse_args(arguments)

    def wanted(rows: dict[str, Program]) -> Iterator[tuple[str, Program]]:
        return ((n, p) for n, p in rows.items() if not asked.only or any(w in n for w in asked.only))

    gradients = {name: (row.fun, row.args) for name, row in gradient_scenarios().items()}
    print(f"JAX {jax.__version__}: flops predicted, and counted by XLA after and before it optimises")
    print(f"{'scenario':<28} {'predicted':>9} {'counted':>9} {'ratio':>7} {'recomputed':>10}")
    held = [prediction(name, *program) for name, program in wanted(jacobians() | gradients)]
    print(f"{sum(held)} of {len(held)} within {LIMIT:.0%}\n")
    print(f"Pairs of orders {APART} × or more apart: how far as measured, and as predicted")
    agreed = [ok for name, program in wanted(jacobians()) for ok in ranking(name, *program, asked.seconds)]
    print(f"{sum(agreed)} of {len(agreed)} pairs ranked as measured; {AGREE:.0%} asked for")
    return 0 if all(held) and sum(agreed) >= AGREE * len(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
