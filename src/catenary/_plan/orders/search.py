"""Searches: better orders than the greedy ones, within a bounded number of steps.

Steps, not seconds, so that a plan is the same wherever it is made; seconds only where the user asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from functools import cached_property
from time import thread_time
from typing import Any, NamedTuple

from catenary._local import Local
from catenary._plan.costs.count import Count
from catenary._plan.costs.tally import Table, tally
from catenary._plan.orders.bare import Bare, markowitz
from catenary._plan.orders.candidate import Order
from catenary._plan.orders.chain import chain, cuts_of, waists
from catenary._plan.orders.exact import exact
from catenary._plan.orders.local_search import State, improve, total


class Effort(NamedTuple):
    """How far a search may go.

    bare, counted   moves of a local search for each vertex: on bare graphs, and where arrays are counted
    most            moves in all
    rounds          how many times it starts again, twice as long each time
    small           up to how many vertices the exact search is made
    cuts, sweeps    up to how many cuts, and pushes and pulls of a vertex, a chain is bracketed exactly
    """

    bare: int
    counted: int
    most: int
    rounds: int
    small: int
    cuts: int
    sweeps: int


EFFORTS = {
    "fast": Effort(bare=0, counted=0, most=0, rounds=1, small=5, cuts=48, sweeps=2_000),
    "thorough": Effort(bare=300, counted=30, most=100_000, rounds=4, small=12, cuts=100, sweeps=100_000),
}


@dataclass
class Problem:
    """What is searched: the program, the cost model, the best order known, and how far to go.

    report(best, moves)   is told of progress; what it returns, if true, stops the search
    """

    local: Local
    model: str
    kind: str
    best: Order
    search: InitVar[str | float]
    report: Callable[[Any, int], Any] | None = None
    moves: int = 0
    least: Any = float("inf")
    stopped: bool = False

    def __post_init__(self, search: str | float) -> None:
        self.effort = EFFORTS[search if isinstance(search, str) else "thorough"]
        self.until = None if isinstance(search, str) else thread_time() + search

    @cached_property
    def state(self) -> State:
        """The whole graph, to be taken apart."""
        return Bare.of(self.local, self.model) or Counted(self.local, self.model, self.kind)

    @cached_property
    def cuts(self) -> list[int]:
        """The vertices between the blocks of a chain."""
        return cuts_of(self.local)

    @property
    def long(self) -> bool:
        """Whether a chain is too long to be bracketed exactly."""
        local, n = self.local, len(self.cuts)
        sweeps = n * (len(local.nodes) - n) * max(len(local.inputs), len(local.outputs))
        return n > self.effort.cuts or sweeps > self.effort.sweeps

    @property
    def each(self) -> int:
        """Moves for each vertex."""
        return self.effort.bare if isinstance(self.state, Bare) else self.effort.counted

    def progress(self, best: Any) -> bool:
        """Whether to stop: out of time, or told to."""
        self.moves += 100
        self.least = min(self.least, best)
        told = self.report is not None and bool(self.report(self.least, self.moves))
        self.stopped = told or (self.until is not None and thread_time() > self.until)
        return self.stopped


class Counted:
    """A graph of arrays, during an elimination that is counted as it goes."""

    __slots__ = ("count", "graph")

    def __init__(self, local: Local, model: str, kind: str):
        self.count = Count(local, model, kind=kind)
        self.graph = tally(local, self.count, Table())

    def copy(self) -> Counted:
        """The same graph, to be taken apart in another order."""
        other = object.__new__(Counted)
        other.count, other.graph = self.count, self.graph.copy()
        return other

    def eliminate(self, k: int) -> Any:
        """Remove node k and say what that costs."""
        before = self.count.total
        self.graph.eliminate(self.graph.local.nodes[k])
        return self.count.total - before


def _chain(problem: Problem) -> Order | None:
    """The bracketing of a chain of blocks."""
    cuts = problem.cuts
    return chain(problem.local, cuts, problem.model, problem.kind) if cuts and not problem.long else None


def _long_chain(problem: Problem) -> Order | None:
    """Of a chain too long for that, the cuts that are wide among narrow ones first."""
    return waists(problem.local, problem.cuts) if problem.long else None


def _smallest(problem: Problem) -> Order | None:
    """All orders, where there are few vertices."""
    if problem.local.mirror or len(problem.best) > problem.effort.small:
        return None
    return exact(problem.state, problem.best)


def _local(problem: Problem) -> Order | None:
    """Simulated annealing from the best order known, on bare graphs from two greedy ones too, by turns and again."""
    n, effort = len(problem.best), problem.effort
    if problem.local.mirror or n <= effort.small or not effort.most:
        return None
    steps = min(problem.each * n, effort.most) // (2**effort.rounds - 1)
    if steps * FEWEST_MOVES < n:
        return None
    state, starts, turn = problem.state, [problem.best], 0
    if isinstance(state, Bare):
        starts += [markowitz(state, n), markowitz(state, n, last=False)]
    while not problem.stopped and (turn < effort.rounds or problem.until is not None):
        start = turn % len(starts)
        starts[start] = improve(state, starts[start], steps << min(turn, effort.rounds - 1), turn, problem.progress)
        turn += 1
    return min(starts, key=lambda order: total(state, order))


#: A search with less than a move for so many vertices is not worth the states that it keeps, n copies of the graph.
FEWEST_MOVES = 3


#: name → (problem) → an order, or None where it does not apply
SEARCHES: dict[str, Callable[[Problem], Order | None]] = {
    "chain": _chain,
    "long chain": _long_chain,
    "exact": _smallest,
    "local search": _local,
}
