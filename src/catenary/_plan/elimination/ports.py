"""Which maps pass an implicit node together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from catenary import _dimensions, _jax
from catenary._graph import Graph
from catenary._local import Implicit
from catenary._maps.through import Through, Tie, through


@dataclass(frozen=True, slots=True)
class Pass:
    """One push or pull: the maps handed over, and the ports that come back."""

    plan: Through
    maps: list[Any]
    ports: tuple[int, ...]


def passes(graph: Graph, node: Implicit, maps: Sequence[Sequence[Any]], side: str) -> Iterator[Pass]:
    """The passes that a node needs for the maps at its ports, of the ways considered the one of least work.

    Bilinear, a node pushes each input by itself, the others fixed.
    """
    if node.kind == "bilinear" and side == "out":
        for k, terms in enumerate(maps):
            if terms:
                yield from _least(graph, node, _only(maps, k, terms), side)
    elif any(maps):
        yield from _least(graph, node, maps, side)


def _only(maps: Sequence[Any], k: int, terms: Any) -> list[Any]:
    return [terms if j == k else [] for j in range(len(maps))]


def _least(graph: Graph, node: Implicit, maps: Sequence[Any], side: str) -> list[Pass]:
    """All ports that come back at once, or each group of those that share their ties by itself."""
    vertices = [v for _, v in node.outputs] if side == "out" else list(node.slots)
    shapes = [graph.avals[v].shape for v in vertices]
    everything = tuple(range(len(shapes)))
    if not any(axis.factors for m in maps for term, _ in m for axis in (term.inp if side == "out" else term.out)):
        return _pass(maps, side, shapes, (), everything)  # one vector has nothing to tie
    ties = [(a, b) if side == "out" else (b, a) for a, b in node.ties]
    ties = [(a, b) for a, b in ties if all(a[k] is not None for k, terms in enumerate(maps) if terms)]
    if node.kind == "bilinear" and side == "inp" and not (node.splits(graph) or any(map(_jax.sharded, node.site.ins))):
        # an axis that one operand has not the other has: what each entry along it gives can be pulled by itself
        return [p for k in everything for p in _pass(maps, side, shapes, ties, (k,), each=True)]
    whole = _pass(maps, side, shapes, ties, everything)
    groups: dict[tuple[bool, ...], list[int]] = {}
    for k in range(len(shapes)):
        groups.setdefault(tuple(b[k] is not None for _, b in ties), []).append(k)
    parts = [p for group in groups.values() for p in _pass(maps, side, shapes, ties, tuple(group))]
    return parts if len(groups) > 1 and _work(parts) < _work(whole) else whole


def _pass(
    maps: Sequence[Any],
    side: str,
    shapes: Sequence[Any],
    ties: Sequence[Tie],
    ports: tuple[int, ...],
    each: bool = False,
) -> list[Pass]:
    """The maps handed over together, their terms added up, or each term by itself, where that is less work."""
    back = tuple(tuple(shapes[k]) for k in ports)
    mine = tuple((a, tuple(b[k] for k in ports)) for a, b in ties if each or all(b[k] is not None for k in ports))

    def plan(some: Sequence[Any]) -> Pass:
        terms = tuple(tuple(term for term, _ in m) for m in some)
        return Pass(through(terms, side, back, mine), list(some), ports)

    together = plan(maps)
    if together.plan.arrangement is not None or not together.plan.batch:
        return [together]
    apart = [plan(_only(maps, k, [part])) for k, terms in enumerate(maps) for part in terms]
    return apart if _work(apart) < _work([together]) else [together]


def _work(found: Sequence[Pass]) -> int:
    """Vectors that pass, counted once for each port that they come back on; symbolic sizes at typical values."""
    work: Any = sum(p.plan.count * len(p.ports) for p in found)
    return _dimensions.evaluated(work, _dimensions.typical(work))
