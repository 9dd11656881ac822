"""Importing catenary costs at most 50 ms beyond importing jax and jax.numpy."""

import subprocess
import sys

ALLOWED_MS = 50
RUNS = 7

PROGRAM = """
import sys, time
import jax, jax.numpy
start = time.perf_counter()
import {module}
print((time.perf_counter() - start) * 1e3, *sorted(sys.modules))
"""


def best_of(module: str, runs: int) -> tuple[float, set[str]]:
    """The least milliseconds of several fresh interpreters, and what was loaded: the machine may be busy."""
    times, loaded = [], set()
    for _ in range(runs):
        out = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True, check=True
        ).stdout.split()
        times.append(float(out[0]))
        loaded = set(out[1:])
        if times[-1] <= ALLOWED_MS:
            break
    return min(times), loaded


def test_import_is_light():
    milliseconds, loaded = best_of("catenary", RUNS)
    assert milliseconds <= ALLOWED_MS, f"import catenary takes {milliseconds:.0f} ms beyond jax"
    assert not loaded & {"rich", "typer", "matplotlib", "hypothesis", "jaxtyping"}, "import these late"


def test_testing_needs_no_hypothesis():
    """check_derivative is for everybody; only the generator of programs needs Hypothesis."""
    _, loaded = best_of("catenary.testing", 1)
    assert "hypothesis" not in loaded


def test_a_heavy_import_is_caught():
    """The same stopwatch sees 80 ms of sleep."""
    milliseconds, _ = best_of("time; time.sleep(0.08)", 1)
    assert milliseconds > ALLOWED_MS
