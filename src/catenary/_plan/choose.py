"""Choose an order: count what the known orders cost and take the cheapest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catenary._local import Local
from catenary._plan.count import Count, Mode, TooDear
from catenary._plan.eliminate import eliminate
from catenary._plan.orders import ORDERS, Order, forward, reverse

#: What ``order=`` may say, and which orders of the registry it considers.
CHOICES: dict[str, tuple[str, ...]] = {
    "auto": ("reverse", "forward", "chain", "widest first", "markowitz", "minimal fill"),
    "reverse": ("reverse",),
    "forward": ("forward",),
    "cross-country": ("chain", "markowitz", "minimal fill", "widest first"),
}

#: Above this many nodes ``auto`` leaves an order out: planning must not be felt, and the greedy ones fill graphs up.
MOST_NODES = {"minimal fill": 1_000, "markowitz": 20_000, "widest first": 20_000}

MODES: dict[str, Mode] = {"reverse": "pull", "forward": "push"}
SWEEPS = {"reverse": reverse, "forward": forward}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order, what it costs, and which implicit nodes it pushes."""

    name: str
    order: Order
    cost: Any
    pushed: frozenset[int]


def count(local: Local, name: str, order: Order, model: str, limit: Any = None) -> Candidate | None:
    """What one order costs; None as soon as it is clear that it costs more than ``limit``."""
    algebra = Count(local, model, MODES.get(name, "cheapest"), limit)
    try:
        eliminate(local, order, algebra)
    except TooDear:
        return None
    numbers = {node.implicit: k for k, node in enumerate(local.nodes) if node.implicit is not None}
    cost = float("inf") if algebra.impossible else algebra.total
    return Candidate(name, order, cost, frozenset(numbers[n] for n in algebra.pushed))


def is_row(local: Local) -> bool:
    """Whether the derivative is one row: a scalar output, for which reverse mode needs no search."""
    return len(local.outputs) == 1 and all(isinstance(n, int) and n == 1 for n in local.shape(local.outputs[0]))


def directed(local: Local, holomorphic: bool = False) -> tuple[str, ...] | None:
    """The orders that a program with complex values admits; None where all are right.

    Real and imaginary parts, moduli and conjugates are linear over the reals alone: they have no complex core, and
    must be pushed from real inputs or pulled from real outputs.
    """

    def complex_(vertices: Iterable[int]) -> bool:
        return any(local.dtype(v).kind == "c" for v in vertices)

    ends = (complex_(local.inputs), complex_(local.outputs))
    if not any(ends) and not complex_(v for node in local.nodes for v in node.vertices):
        return None
    if holomorphic or not all(ends):
        return tuple(n for n, end in (("reverse", ends[1]), ("forward", ends[0])) if holomorphic or not end)
    return ("reverse",)


def candidates(local: Local, choice: str, model: str = "flops", holomorphic: bool = False) -> list[Candidate]:
    """The orders that a choice considers, cheapest first; equals in the order of the registry."""
    names = CHOICES[choice]
    if choice == "auto" and is_row(local):
        names = ("reverse", "forward")
    elif choice == "auto":
        names = tuple(n for n in names if len(local.nodes) <= MOST_NODES.get(n, len(local.nodes)))
    admitted = directed(local, holomorphic)
    if admitted is not None:
        names = tuple(n for n in names if n in admitted) or admitted
    found: list[Candidate] = []
    for name in names:
        # the sweeps are always counted to the end: a plan says what they cost
        costs = [c.cost for c in found if isinstance(c.cost, int)] if name not in MODES else []
        order = ORDERS[name](local)
        candidate = None if order is None else count(local, name, order, model, min(costs, default=None))
        found.extend([candidate] if candidate else [])
    return sorted(found, key=lambda c: c.cost if isinstance(c.cost, int | float) else 0)


def pick(local: Local, choice: str, holomorphic: bool = False) -> tuple[Order, frozenset[int]]:
    """The order to use, and the implicit nodes to push."""
    if choice == "auto" and is_row(local):
        choice = "reverse"
    admitted = directed(local, holomorphic)
    if choice in MODES and (admitted is None or choice in admitted):
        order = SWEEPS[choice](local)
        return order, frozenset(order) if choice == "forward" else frozenset()
    best = candidates(local, choice, holomorphic=holomorphic)[0]
    return best.order, best.pushed
