"""The cheapest order of a small graph: dynamic programming over the sets of vertices that have gone.

What remains depends on the set alone, not on the order in which it went, so 2ⁿ states stand for n! orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catenary._plan.orders.local_search import State, total


def exact(start: State, order: Sequence[int]) -> tuple[int, ...]:
    """The cheapest order of the vertices of ``order``, which bounds the search: itself where none is cheaper."""
    bound = total(start, order)
    layer: dict[int, tuple[Any, tuple[int, ...], Any]] = {0: (0, (), start)}
    for _ in order:
        following: dict[int, tuple[Any, tuple[int, ...], Any]] = {}
        for gone, (cost, taken, state) in layer.items():
            for k in order:
                if gone >> k & 1:
                    continue
                then = state.copy()
                sum_ = cost + then.eliminate(k)
                key = gone | 1 << k
                if sum_ < bound and (key not in following or sum_ < following[key][0]):
                    following[key] = sum_, (*taken, k), then
        layer = following
    return min(layer.values(), key=lambda end: end[0])[1] if layer else tuple(order)
