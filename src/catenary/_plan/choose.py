"""Choose an order: count what the known orders cost and take the cheapest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catenary._local import Local
from catenary._plan.count import Count, Mode
from catenary._plan.eliminate import eliminate
from catenary._plan.orders import ORDERS, Order, reverse

#: What ``order=`` may say, and which orders of the registry it considers.
CHOICES: dict[str, tuple[str, ...]] = {
    "auto": ("reverse", "forward", "markowitz", "minimal fill", "widest first"),
    "reverse": ("reverse",),
    "forward": ("forward",),
    "cross-country": ("markowitz", "minimal fill", "widest first"),
}

#: Above this many nodes only the sweeps are counted: the greedy orders take quadratic time in the worst case.
MOST_GREEDY = 20_000

MODES: dict[str, Mode] = {"reverse": "pull", "forward": "push"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order, what it costs, and which implicit nodes it pushes."""

    name: str
    order: Order
    cost: Any
    pushed: frozenset[int]


def count(local: Local, name: str, order: Order, model: str) -> Candidate:
    """What one order costs."""
    algebra = Count(local, model, MODES.get(name, "cheapest"))
    eliminate(local, order, algebra)
    numbers = {node.implicit: k for k, node in enumerate(local.nodes) if node.implicit is not None}
    return Candidate(name, order, algebra.total, frozenset(numbers[n] for n in algebra.pushed))


def is_row(local: Local) -> bool:
    """Whether the derivative is one row: a scalar output, for which reverse mode needs no search."""
    return len(local.outputs) == 1 and all(isinstance(n, int) and n == 1 for n in local.shape(local.outputs[0]))


def candidates(local: Local, choice: str, model: str = "flops") -> list[Candidate]:
    """The orders that a choice considers, cheapest first; equals in the order of the registry."""
    names = CHOICES[choice]
    if choice == "auto" and len(local.nodes) > MOST_GREEDY:
        names = ("reverse", "forward")
    found = [count(local, name, ORDERS[name](local), model) for name in names]
    return sorted(found, key=lambda c: c.cost if isinstance(c.cost, int | float) else 0)


def pick(local: Local, choice: str) -> tuple[Order, frozenset[int]]:
    """The order to use, and the implicit nodes to push."""
    if choice == "reverse" or (choice == "auto" and is_row(local)):
        return reverse(local), frozenset()
    if choice == "forward":
        return ORDERS["forward"](local), frozenset(range(len(local.nodes)))
    best = candidates(local, choice)[0]
    return best.order, best.pushed
