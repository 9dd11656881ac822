"""An order that has been counted."""

from __future__ import annotations

from typing import Any, NamedTuple

from catenary._plan.costs.cost import Work

Order = tuple[int, ...]


class Candidate(NamedTuple):
    """An order, what it costs, and which implicit nodes it pushes.

    cost   in the model asked for; a polynomial where dimensions are symbolic and the model is a sum
    rank   the same as a number, symbolic dimensions at typical values: what orders are compared by
    work   all that it does, in every unit
    """

    name: str
    order: Order
    cost: Any
    pushed: frozenset[int]
    rank: float
    work: Work
