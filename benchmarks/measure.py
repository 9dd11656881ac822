"""Measurements of two programs side by side: times interleaved, counts from XLA, and rows that print their ratio."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import jax

from benchmarks.flops import flops

PREFIXES = (
    (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""), (1e-3, " m"), (1e-6, " µ"), (1e-9, " n"),
)  # fmt: skip


@dataclass(frozen=True)
class Ratio:
    """One quantity of one scenario: ours, the peer's, and the largest ratio that is allowed."""

    scenario: str
    quantity: str
    ours: float
    peer: float
    limit: float

    @property
    def ratio(self) -> float:
        """The ratio ours / peer; 1 where both are zero."""
        return self.ours / self.peer if self.peer else (1.0 if not self.ours else float("inf"))

    @property
    def ok(self) -> bool:
        """Whether the ratio, as printed, is within its limit."""
        return round(self.ratio, 3) <= self.limit

    def __str__(self) -> str:
        """The printed row."""
        verdict = "ok" if self.ok else "FALLS SHORT"
        numbers = f"{human(self.ours):>10} {human(self.peer):>10}  {self.ratio:7.3f}  ≤ {self.limit:.2f}"
        return f"{self.scenario:<24} {self.quantity:<16} {numbers}  {verdict}"


def human(value: float) -> str:
    """A number in three digits with its SI prefix, as people read it.

    >>> human(2_488_135.0), human(0.00123), human(0)
    ('2.49 M', '1.23 m', '0')
    """
    if value == 0:
        return "0"
    for scale, prefix in PREFIXES:
        if abs(value) >= scale:
            return f"{value / scale:.3g}{prefix}"
    return f"{value:.3g}"


def compiled(fun: Callable[..., Any], args: Sequence[Any]) -> Any:
    """`jax.jit(fun)` lowered and compiled for the arguments."""
    return jax.jit(fun).lower(*args).compile()


def counts(fun: Callable[..., Any], args: Sequence[Any]) -> tuple[float, float]:
    """(flops, bytes of temporaries) of the compiled function."""
    program = compiled(fun, args)
    return flops(program), float(program.memory_analysis().temp_size_in_bytes)


def interleaved(jobs: Sequence[Callable[[], float]], *, seconds: float, least: int = 5, most: int = 500) -> list[float]:
    """The median of each job's own timing; the jobs take turns, so that a busy machine is busy for all of them."""
    times: list[list[float]] = [[] for _ in jobs]
    end = perf_counter() + seconds
    for turn in range(most):
        if turn >= least and perf_counter() > end:
            break
        order = range(len(jobs)) if turn % 2 == 0 else reversed(range(len(jobs)))
        for index in order:
            times[index].append(jobs[index]())
    return [median(column) for column in times]


def run_time(program: Any, args: Sequence[Any], inner: int) -> Callable[[], float]:
    """A job: seconds a call of a compiled program, over `inner` calls in a row."""

    def job() -> float:
        start = perf_counter()
        for _ in range(inner):
            result = program(*args)
        jax.block_until_ready(result)
        return (perf_counter() - start) / inner

    return job


def calls_for(program: Any, args: Sequence[Any], seconds: float = 0.02) -> int:
    """How many calls in a row take about `seconds`; the program is warm afterwards."""
    job = run_time(program, args, 1)
    job()
    return max(1, min(1_000, int(seconds / job())))


def compile_time(make: Callable[[], Callable[..., Any]], args: Sequence[Any]) -> Callable[[], float]:
    """A job: seconds to trace, lower and compile a function that no cache has seen."""

    def job() -> float:
        jax.clear_caches()
        gc.collect()
        fun = make()
        start = perf_counter()
        compiled(fun, args)
        return perf_counter() - start

    return job
