"""Which maps pass an implicit node together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    """The passes that a node needs for the maps at its ports.

    Linear in all inputs together, it takes them in one pass; bilinear, each input by itself: a kernel has no batch
    axis, so its pull must sum the batch that the images' pull keeps tied.
    """
    slots = [graph.avals[v].shape for v in node.slots]
    outs = [graph.avals[v].shape for _, v in node.outputs]
    if not any(maps):
        return
    groups = [tuple(range(len(slots)))] if node.kind != "bilinear" else [(k,) for k in range(len(slots))]
    for group in groups:
        ties = ties_of(node, group)
        if side == "out":
            mine = [m if k in group else [] for k, m in enumerate(maps)]
            if any(mine):
                yield Pass(through(_terms(mine), side, slots, outs, ties), mine, tuple(range(len(outs))))
        else:
            turned = [(b, tuple(a[k] for k in group)) for a, b in ties]
            yield Pass(through(_terms(maps), side, outs, [slots[k] for k in group], turned), list(maps), group)


def _terms(maps: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [[term for term, _ in m] for m in maps]


def ties_of(node: Implicit, group: Sequence[int]) -> list[Tie]:
    """The ties that every slot of a group has, as places in the slots and in the outputs."""
    return [
        (tuple(inputs[k] for k in node.active), tuple(output for _ in node.outputs))
        for inputs, output in node.ties
        if all(inputs[node.active[k]] is not None for k in group)
    ]
