"""Searches: better orders than the greedy ones, within a bounded number of steps.

Steps, not seconds, so that a plan is the same wherever it is made; seconds only where the user asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from catenary._local import Local
from catenary._plan.bare import Bare, markowitz
from catenary._plan.count import Count
from catenary._plan.exact import exact
from catenary._plan.local_search import State, improve, total
from catenary._plan.tally import Table, tally

Order = tuple[int, ...]


class Effort(NamedTuple):
    """How far a search may go.

    bare, counted   moves of a local search for each vertex: on bare graphs, and where arrays are counted
    most            moves in all
    rounds          how many times it starts again, twice as long each time
    small           up to how many vertices the exact search is made
    """

    bare: int
    counted: int
    most: int
    rounds: int
    small: int


EFFORTS = {"fast": Effort(1, 0, 300, 1, 5), "thorough": Effort(300, 30, 100_000, 4, 12)}


@dataclass(slots=True)
class Problem:
    """What is searched: the program, the cost model, the best order known, and how far to go.

    report(best, moves)   is told of progress; what it returns, if true, stops the search
    """

    local: Local
    model: str
    kind: str
    best: Order
    effort: Effort
    report: Callable[[Any, int], Any] = lambda best, moves: None
    until: float | None = None
    moves: int = 0
    state: State = field(init=False)
    stopped: bool = False

    def __post_init__(self) -> None:
        bare = Bare.of(self.local, self.model)
        self.state = Counted(self.local, self.model, self.kind) if bare is None else bare
        if bare is not None:
            n = len(self.local.nodes)
            starts = [self.best, markowitz(bare, n), markowitz(bare, n, last=False)]
            self.best = min(starts, key=lambda order: total(bare, order))

    @property
    def each(self) -> int:
        """Moves for each vertex."""
        return self.effort.bare if isinstance(self.state, Bare) else self.effort.counted

    def progress(self, best: Any) -> bool:
        """Whether to stop: out of time, or told to."""
        self.moves += 100
        self.stopped = bool(self.report(best, self.moves)) or (self.until is not None and monotonic() > self.until)
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


def _smallest(problem: Problem) -> Order | None:
    """All orders, where there are few vertices."""
    return exact(problem.state, problem.best) if len(problem.best) <= problem.effort.small else None


def _local(problem: Problem) -> Order | None:
    """Simulated annealing from the best order known, and again from what it found."""
    n, rounds = len(problem.best), problem.effort.rounds
    steps = min(problem.each * n, problem.effort.most) // (2**rounds - 1)
    if n <= problem.effort.small or steps * FEWEST_MOVES < n or not steps:
        return None
    best, round_ = problem.best, 0
    while not problem.stopped and (round_ < rounds or problem.until is not None):
        best = improve(problem.state, best, steps << round_, round_, problem.progress)
        round_ += 1
    return best


#: A search with less than a move for so many vertices is not worth the states that it keeps, n copies of the graph.
FEWEST_MOVES = 3


#: name → (problem) → an order, or None where it does not apply
SEARCHES: dict[str, Callable[[Problem], Order | None]] = {"exact": _smallest, "local search": _local}


def searched(
    local: Local,
    model: str,
    kind: str,
    best: Order,
    search: str | float,
    report: Callable[[Any, int], Any] | None = None,
) -> Iterator[tuple[str, Order]]:
    """The orders that the searches find from the best one known, by name.

    search   "fast", "thorough", or seconds
    """
    if local.mirror:
        return  # its vertices go in pairs
    seconds = None if isinstance(search, str) else search
    effort = EFFORTS["thorough" if not isinstance(search, str) else search]
    problem = Problem(local, model, kind, best, effort)
    if report is not None:
        problem.report = report
    if seconds is not None:
        problem.until = monotonic() + seconds
    for name, run in SEARCHES.items():
        order = run(problem)
        if order is not None and order != best:
            problem.best = order
            yield name, order
