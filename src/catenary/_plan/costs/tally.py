"""Counting without doing anything twice: equal maps are one object, and a product of two is worked out once.

The same few structures meet over and over, in a deep network as in a long scalar program; so most steps of an
elimination that only counts are one look into a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catenary._local import Local
from catenary._maps.term import Term
from catenary._plan.costs.cost import Work
from catenary._plan.costs.count import Count, Known
from catenary._plan.elimination.eliminate import Elimination, Map, V, check_order, eliminate, thin


class Table:
    """What the orders of one program, counted in one model, share.

    maps       each map → the one object that stands for all equal to it
    products   (map there, upper, lower, bytes of a number) → Known; maps by identity
    start      the edges and heads at the start, and the steps it took to add parallel ones
    """

    def __init__(self) -> None:
        self.start: tuple[dict[int, dict[int, Map[int]]], dict[int, dict[int, None]], list[Work]] | None = None
        self.maps: dict[Map[int], Map[int]] = {}
        self.products: dict[tuple[int, int, int, int], Known] = {}


class Tally(Elimination[int]):
    """An elimination that looks up what it has counted before."""

    def __init__(self, local: Local, count: Count, table: Table):
        self.count, self.table = count, table
        super().__init__(local, count)

    def _start(self) -> None:
        if self.table.start is None:
            super()._start()
            self.table.start = copied(self.into), copied(self.out), list(self.count.done)
        else:
            into, out, done = self.table.start
            self.into, self.out = copied(into), copied(out)
            for work in done:
                self.count.charge(work)

    def insert(self, head: int, tail: int, term: Term, value: int) -> None:
        """∂head/∂tail += term."""
        super().insert(head, tail, term, value)
        row = self.into.get(head, {})
        if tail in row:
            row[tail] = self.table.maps.setdefault(row[tail], row[tail])

    def _ready(self, head: int, tail: int, dtype: Any) -> Map[int]:
        maps = self.into[head][tail]
        if len(maps) > 1 and thin(maps):
            maps = super()._ready(head, tail, dtype)
            maps = self.into[head][tail] = self.table.maps.setdefault(maps, maps)
        return maps

    def _multiply(self, head: int, tail: int, upper: Map[int], lower: Map[int], dtype: Any) -> None:
        row = self.into[head]
        here = row.get(tail)
        key = id(here), id(upper), id(lower), dtype.itemsize
        known = self.table.products.get(key)
        if known is None:
            mark = len(self.count.done)
            super()._multiply(head, tail, upper, lower, dtype)
            self.table.products[key] = Known(row.get(tail), *self.count.since(mark))
            return
        if known.map is not None:
            row[tail] = known.map
            if here is None:
                self.out.setdefault(tail, {})[head] = None
        self.count.repeat(known)


def copied(table: dict[int, dict[int, V]]) -> dict[int, dict[int, V]]:
    """A table of rows whose rows are its own."""
    return {key: dict(row) for key, row in table.items()}


def tally(local: Local, count: Count, table: Table) -> Elimination[int]:
    """An elimination that counts, with what it can look up; halves of a product have tables of their own."""
    return (
        Tally(local, count, table)
        if local.part in ("whole", "entries") and not local.mirror
        else Elimination(local, count)
    )


def counted(local: Local, order: Iterable[int], count: Count, table: Table) -> list[list[Map[int]]]:
    """The maps that an order leaves, its work charged to ``count``."""
    order = tuple(order)
    check_order(local, order)
    if local.mirror:
        return eliminate(local, order, count)
    state = tally(local, count, table)
    for k in order:
        state.eliminate(local.nodes[k])
    return state.jacobian()
