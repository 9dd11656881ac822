"""Local search: an order improved by moving one vertex at a time, uphill too while it is hot.

Simulated annealing (Kirkpatrick, Gelatt, Vecchi 1983; on elimination orders Naumann and Gottschling 2003). What remains
after a set of vertices has gone does not depend on the order in which they went, so a move costs only the eliminations
between its two places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from random import Random
from typing import Any, Protocol


class State(Protocol):
    """What remains of a graph, during an elimination."""

    def copy(self) -> Any: ...
    def eliminate(self, k: int) -> Any: ...


#: An order is worked on in stretches of this many vertices: their states are all kept.
STRETCH = 200

#: How far a vertex moves on average; the first and the last temperature, in mean costs of one elimination.
REACH, HOT, COLD = 10, 0.5, 0.03


def total(state: State, order: Sequence[int]) -> Any:
    """What an order costs."""
    state = state.copy()
    return sum(state.eliminate(k) for k in order)


def improve(
    start: State, order: Sequence[int], steps: int, seed: int = 0, report: Callable[[Any], bool] = lambda _: False
) -> tuple[int, ...]:
    """A better order, or the same: ``steps`` moves shared out among the stretches of the order.

    report(best) is called after every hundred moves of a stretch, with its cost; true stops the search.
    """
    order, state, left = list(order), start.copy(), steps
    for at in range(0, len(order), STRETCH):
        part = order[at : at + STRETCH]
        share = left * len(part) // (len(order) - at)
        left -= share
        if len(part) > 1 and share:
            part = order[at : at + STRETCH] = _anneal(state, part, share, Random(seed), report)
        for k in part if at + STRETCH < len(order) else ():
            state.eliminate(k)
    return tuple(order)


def _anneal(start: State, order: list[int], steps: int, draw: Random, report: Callable[[Any], bool]) -> list[int]:
    order = order[:]
    states, costs = _walk(start.copy(), order, float("inf"))  # type: ignore[misc]
    cost = best = sum(costs)
    kept, n = order[:], len(order)
    heat = HOT * cost / n
    cooling = exp(log(COLD / HOT) / steps)
    for step in range(steps):
        heat *= cooling
        if step % 100 == 99 and report(best):
            break
        i = draw.randrange(n)
        j = i + draw.choice((-1, 1)) * (1 + int(draw.expovariate(1 / REACH)))
        if not 0 <= j < n:
            continue
        low, high = min(i, j), max(i, j) + 1
        part = order[low:high]
        part.insert(j - low, part.pop(i - low))
        before = sum(costs[low:high])
        walked = _walk(states[low].copy(), part, before - heat * log(1 - draw.random()))
        if walked is None:
            continue
        order[low:high], (states[low:high], costs[low:high]) = part, walked
        cost += sum(costs[low:high]) - before
        if cost < best:
            best, kept = cost, order[:]
    return kept


def _walk(state: State, part: Sequence[int], limit: float) -> tuple[list[State], list[Any]] | None:
    """The state before each elimination of a stretch and what each costs; None as soon as it is above the limit."""
    states: list[State] = []
    costs: list[Any] = []
    sum_ = 0
    for k in part:
        states.append(state.copy())
        costs.append(state.eliminate(k))
        sum_ += costs[-1]
        if sum_ > limit:
            return None
    return states, costs
