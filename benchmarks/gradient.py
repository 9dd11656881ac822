"""The gradient of everyday programs, ours against `jax.grad`, in one process: flops, memory, run and compile time.

    python -m benchmarks.gradient                          all rows
    python -m benchmarks.gradient --only GRU --only CNN    rows whose name contains a word
    python -m benchmarks.gradient --quantity flops --quantity memory      counts alone, which are the same every time

Every row prints ours, JAX's, their ratio and its limit. Loop bodies count once per trip (`benchmarks/flops.py`);
memory is what XLA sets aside for temporaries; times are medians of interleaved repeats. Called again: outside jit, with
every operation compiled before; of the function, and of the function under jit. First call: outside jit, each in a
process that has derived nothing yet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax

import catenary as ct
from benchmarks.measure import Ratio, calls_for, compile_time, compiled, counts, interleaved, run_time
from benchmarks.scenarios import Scenario, gradient_scenarios

LIMITS = {
    "flops": 1.01,
    "memory": 1.02,
    "run time": 1.05,
    "compile time": 1.10,
    "called again": 1.20,
    "jitted, again": 1.20,
    "first call": 1.30,
}

#: Prints the seconds of the first call of a gradient.
FIRST_CALL = """
import sys, jax, catenary
from time import perf_counter
from benchmarks.scenarios import gradient_scenarios
transform = {"catenary": catenary, "jax": jax}[sys.argv[1]].grad
row = next(row for row in gradient_scenarios().values() if row.name == sys.argv[2])
start = perf_counter()
jax.block_until_ready(transform(row.fun)(*row.args))
print(perf_counter() - start)
"""


def first_call(library: str, name: str) -> float:
    """Seconds of the first call of a scenario's gradient, in a process of its own."""
    command = [sys.executable, "-c", FIRST_CALL, library, name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(row: Scenario, quantities: set[str], seconds: float) -> Iterator[Ratio]:
    """The rows of one scenario, one a quantity asked for."""
    peers = (ct.grad, jax.grad)
    if quantities & {"flops", "memory"}:
        ours, peer = (counts(transform(row.fun), row.args) for transform in peers)
        for index, quantity in enumerate(("flops", "memory")):
            if quantity in quantities:
                yield Ratio(row.name, quantity, ours[index], peer[index], LIMITS[quantity])
    if "run time" in quantities:
        programs = [compiled(transform(row.fun), row.args) for transform in peers]
        inner = calls_for(programs[1], row.args)
        times = interleaved([run_time(program, row.args, inner) for program in programs], seconds=seconds)
        yield Ratio(row.name, "run time", *times, LIMITS["run time"])
    if "compile time" in quantities:
        jobs = [compile_time(lambda transform=transform: transform(row.fresh()), row.args) for transform in peers]
        yield Ratio(row.name, "compile time", *interleaved(jobs, seconds=2 * seconds), LIMITS["compile time"])
    for quantity, fun in {"called again": row.fun, "jitted, again": jax.jit(row.fun)}.items():
        if quantity in quantities:
            calls = [run_time(transform(fun), row.args, 1) for transform in peers]
            for call in calls:
                call()
            yield Ratio(row.name, quantity, *interleaved(calls, seconds=seconds), LIMITS[quantity])
    if "first call" in quantities:
        seconds_of = [[first_call(library, row.name) for library in ("catenary", "jax")] for _ in range(3)]
        yield Ratio(row.name, "first call", *map(min, zip(*seconds_of, strict=True)), LIMITS["first call"])


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows whose name contains WORD")
    parser.add_argument("--quantity", action="append", default=[], choices=LIMITS, help="what to measure (repeat)")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for the repeats of a run-time row")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    asked = options(arguments)
    quantities = set(asked.quantity or LIMITS)
    print(f"JAX {jax.__version__} on {jax.default_backend()}: gradients, catenary against jax.grad")
    print(f"{'scenario':<24} {'quantity':<16} {'ours':>10} {'jax.grad':>10}  {'ratio':>7}  limit")
    rows: list[Ratio] = []
    for row in gradient_scenarios().values():
        if not asked.only or any(word.lower() in row.name.lower() for word in asked.only):
            for ratio in measure(row, quantities, asked.seconds):
                print(ratio, flush=True)
                rows.append(ratio)
    if asked.json:
        asked.json.write_text(json.dumps([vars(row) | {"ratio": row.ratio, "ok": row.ok} for row in rows], indent=1))
    short = sum(not row.ok for row in rows)
    print(f"{len(rows) - short} of {len(rows)} rows within their limits")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
