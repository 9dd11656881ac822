"""Choose an order: count what the known orders cost and take the cheapest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from catenary._local import Local
from catenary._plan.costs.count import Count, Limit, Mode, TooDear
from catenary._plan.costs.passes import closed
from catenary._plan.costs.tally import Table, counted
from catenary._plan.orders.cache import kept
from catenary._plan.orders.candidate import Candidate
from catenary._plan.orders.chain import cuts_of
from catenary._plan.orders.known import ORDERS, Order, forward, reverse
from catenary._plan.orders.mirror import MIRRORED
from catenary._plan.orders.search import SEARCHES, Problem

#: What ``order=`` may say, and which orders of the registry it considers.
CHOICES: dict[str, tuple[str, ...]] = {
    "auto": ("reverse", "forward", *MIRRORED, "markowitz", "widest first", "minimal fill"),
    "reverse": ("reverse",),
    "forward": ("forward",),
    "cross-country": ("markowitz", "minimal fill", "widest first"),
}

#: Above this many nodes ``auto`` leaves an order out: planning must not be felt, and the greedy ones fill graphs up.
MOST_NODES = {"minimal fill": 1_000, "markowitz": 20_000, "widest first": 20_000}

#: Steps that the orders between the two sweeps may take together: so many a node, and no fewer than so many.
STEPS_A_NODE, FEWEST_STEPS = 2, 1_500

#: The least share by which the model ``time`` must put an order below both sweeps: it can not tell less.
MARGIN = 0.05

MODES: dict[str, Mode] = {"reverse": "pull", "forward": "push"}
SWEEPS = {"reverse": reverse, "forward": forward}


def count(
    local: Local,
    name: str,
    order: Order,
    model: str,
    limit: Limit | None = None,
    kind: str = "cpu",
    table: Table | None = None,
) -> Candidate | None:
    """What one order costs; None as soon as it passes the limit. A ``table`` serves all orders of one program."""
    algebra = Count(local, model, MODES.get(name, "cheapest"), limit, kind)
    try:
        for row, sink in zip(counted(local, order, algebra, table or Table()), local.outputs, strict=True):
            for cell in row:
                algebra.write(cell, local.dtype(sink))
    except TooDear:
        return None
    numbers = {node.implicit: k for k, node in enumerate(local.nodes) if node.implicit is not None}
    rank = float("inf") if algebra.impossible else algebra.total
    return Candidate(name, order, algebra.cost, frozenset(numbers[n] for n in algebra.pushed), rank, algebra.work)


def is_row(local: Local) -> bool:
    """Whether the derivative is one row: a scalar output, for which reverse mode needs no search."""
    return len(local.outputs) == 1 and all(isinstance(n, int) and n == 1 for n in local.shape(local.outputs[0]))


def directed(local: Local, holomorphic: bool = False) -> tuple[str, ...] | None:
    """The orders that a program with complex values admits; None where all are right.

    Real and imaginary parts, moduli and conjugates are linear over the reals alone: they have no complex core, and
    must be pushed from real inputs or pulled from real outputs.
    """

    def complex_(vertices: Iterable[int]) -> bool:
        return any(getattr(local.dtype(v), "kind", "") == "c" for v in vertices)  # a random key has no kind

    ends = (complex_(local.inputs), complex_(local.outputs))
    if not any(ends) and not complex_(v for node in local.nodes for v in node.vertices):
        return None
    if holomorphic or not all(ends):
        return tuple(n for n, end in (("reverse", ends[1]), ("forward", ends[0])) if holomorphic or not end)
    return ("reverse",)


#: The choices that look further than the orders of the registry.
SEARCHED = frozenset({"auto", "cross-country"})


@kept
def candidates(
    local: Local,
    choice: str,
    model: str = "time",
    holomorphic: bool = False,
    kind: str = "cpu",
    search: str | float = "fast",
    report: Callable[[Any, int], Any] | None = None,
) -> list[Candidate]:
    """The orders that a choice considers, cheapest first; equals in the order of the registry.

    search                "fast", "thorough", or seconds
    report(best, moves)   is told how a search proceeds, and stops it by an answer that is true
    """
    names = CHOICES[choice]
    if choice == "auto" and is_row(local):
        names = ("reverse", "forward")
    elif choice == "auto":
        # where every vertex is a cut the bracketing leaves nothing to the greedy orders
        most = 0 if len(cuts_of(local)) == len(local.nodes) else len(local.nodes)
        names = tuple(n for n in names if n in MODES or (most and most <= MOST_NODES.get(n, most)))
    admitted = directed(local, holomorphic)
    if admitted is not None:
        names = tuple(n for n in names if n in admitted) or admitted
    found: list[Candidate] = []
    table = Table()
    limit = Limit(steps=max(FEWEST_STEPS, STEPS_A_NODE * len(local.nodes)))
    for name in names:
        order = ORDERS[name](local) if name in MODES or limit.steps > 0 else None
        # the sweeps are always counted to the end: a plan says what they cost
        bound = None if name in MODES else limit
        candidate = None if order is None else count(local, name, order, model, bound, kind, table)
        if candidate is not None:
            found.append(candidate)
            limit.price = min(limit.price, candidate.rank)
    found.sort(key=lambda c: c.rank)
    if choice in SEARCHED and admitted is None and not is_row(local):
        problem = Problem(local, model, kind, found[0].order, search, report)
        for name, run in SEARCHES.items():
            order = run(problem)
            best = Limit(found[0].rank)
            candidate = None if order is None else count(local, name, order, model, best, kind, table)
            found = sorted([*found, candidate] if candidate else found, key=lambda c: c.rank)
            problem.best = found[0].order
    return plainest(found) if model == "time" else found


def plainest(found: list[Candidate]) -> list[Candidate]:
    """Candidates, cheapest first; but first a sweep, where none is below it by more than the margin."""
    near = [c for c in found if c.name in MODES and c.rank * (1 - MARGIN) <= found[0].rank][:1]
    return near + [c for c in found if c not in near]


def pick(local: Local, choice: str, holomorphic: bool = False, kind: str = "cpu") -> tuple[Order, frozenset[int]]:
    """The order to use on a ``kind`` of device, and the implicit nodes to push."""
    if choice == "auto" and is_row(local) and not any(n.implicit and "pull" in closed(n.implicit) for n in local.nodes):
        choice = "reverse"
    admitted = directed(local, holomorphic)
    if choice in MODES and (admitted is None or choice in admitted):
        order = SWEEPS[choice](local)
        return order, frozenset(order) if choice == "forward" else frozenset()
    best = candidates(local, choice, holomorphic=holomorphic, kind=kind)[0]
    return best.order, best.pushed
