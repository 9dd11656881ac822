"""A plan in at most twelve lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from catenary import _dimensions

if TYPE_CHECKING:
    from catenary._plan.plan import Plan

#: name of an order → how it goes on
WHY = {
    "reverse": "from the outputs to the inputs",
    "forward": "from the inputs to the outputs",
    "chain": "blocks in a row, bracketed by dynamic programming",
    "long chain": "wide places among narrow ones first",
    "widest first": "the largest arrays first",
    "markowitz": "always where the fewest maps meet",
    "minimal fill": "always where the fewest new maps appear",
    "exact": "the best of all orders",
    "local search": "found by local search",
}

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))

#: Longer formulas are cut.
WIDEST = 78


def text(plan: Plan) -> str:
    """What ``print`` shows."""
    return "\n".join(
        [f"plan for {plan.function}: {len(plan.order)} vertices, order {plan.name}"]
        + [f"  {name:<13} {value}" for name, value in _lines(plan)]
    )


def _lines(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.name in WHY:
        yield "order", WHY[plan.name]
    sizes = ", sizes with names at 64 and more" if _dimensions.names(plan.flops) else ""
    roofline = f" on {plan.device}, by its roofline{sizes}" if plan.model == "time" else ""
    yield "cost", quantity(plan.cost, plan.model) + roofline
    if plan.model == "time" or _dimensions.names(plan.cost):
        yield ("formula" if _dimensions.names(plan.flops) else "flops"), quantity(plan.flops, "")
    sweeps = [name for name in ("reverse", "forward") if name in plan.alternatives and name != plan.name]
    others = [name for name in plan.alternatives if name not in (*sweeps, plan.name)]
    for name in sweeps:
        yield name, f"{quantity(plan.alternatives[name], plan.model)}{_ratio(plan.alternatives[name], plan.cost)}"
    if others:
        yield "others", ", ".join(f"{name}{_ratio(plan.alternatives[name], plan.cost)}" for name in others)
    if plan.gap is not None:
        least = "" if _dimensions.names(plan.flops) else f"{quantity(plan.lower_bound, plan.model)}, "
        yield "bound", least + gap(plan.gap)
    values = f"{len(plan.remembered)} value{'s' * (len(plan.remembered) != 1)}"
    yield "remembered", f"{values}, {quantity(plan.bytes, 'bytes')}"
    if plan.measured is not None:
        yield "measured", f"{quantity(plan.measured, 'time')}, forward pass included"


def gap(share: float) -> str:
    """How far a plan can be from the best, in words.

    >>> gap(0.0), gap(0.123), gap(41.0)
    ('optimal', 'at most 12 % above the best', 'at most 42 × the best order')
    """
    if share < 1e-9:
        return "optimal"
    return f"at most {share + 1:.2g} × the best order" if share >= 1 else f"at most {100 * share:.2g} % above the best"


def quantity(amount: Any, unit: str) -> str:
    """A cost with its unit: seconds by their size, integers in groups of three, long formulas cut.

    >>> quantity(3.14e-6, "time"), quantity(6297600, "flops"), quantity(float("inf"), "flops")
    ('3.14 µs', '6,297,600 flops', 'not possible')
    """
    if _dimensions.names(amount):
        return _cut(f"{amount}") + f" {unit}".rstrip()
    if amount == float("inf"):
        return "not possible"
    if unit == "time":
        name, scale = next((each for each in UNITS if amount >= each[1]), UNITS[-1])
        return f"{amount / scale:.3g} {name}"
    return f"{amount:,} {unit}".rstrip()


def _cut(formula: str) -> str:
    if len(formula) <= WIDEST:
        return formula
    terms = formula.split(" + ")
    kept = [t for k, t in enumerate(terms) if len(" + ".join(terms[: k + 1])) <= WIDEST - 14]
    return f"{' + '.join(kept)} + … ({len(terms)} terms)"


def _ratio(cost: Any, best: Any) -> str:
    """How many times the best, where dimensions have names at typical sizes."""
    mine, least = (_dimensions.evaluated(n, _dimensions.typical(cost, best)) for n in (cost, best))
    return f"  ({mine / least:.3g} ×)" if least and mine != float("inf") else ""
