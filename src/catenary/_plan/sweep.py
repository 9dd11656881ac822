"""What one vector takes on its way through a program: the price of a Jacobian row by row, or column by column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from catenary._local import Local, Node
from catenary._maps.term import Term, plain_axes
from catenary._plan.count import STORED, Count
from catenary._plan.eliminate import Elimination


def sweep_flops(local: Local, way: str) -> Any:
    """Flops of one pull (``"pull"``) or push of a vector of its own for each output or input.

    Infinite where an implicit node has no such direction.
    """
    pull = way == "pull"
    sources, inner = (local.outputs, local.nodes[::-1]) if pull else (local.inputs, local.nodes)
    root = local.graph.new(local.graph.avals[sources[0]].update(shape=()))
    ends = replace(local, outputs=(root,), mirror={}) if pull else replace(local, inputs=(root,), mirror={})
    algebra = Count(local, "flops", "pull" if pull else "push")
    state = Elimination(ends, algebra, root)
    for v in sources:
        axes, sizes = plain_axes(local.shape(v))
        row = Term((), axes, sizes, tuple(range(len(sizes))))
        if v in (state.into if pull else state.out):
            state.insert(*((root, v, row) if pull else (v, root, row.T)), STORED)
    for node in (*(Node((v,)) for v in sources), *inner):
        state.eliminate(node)
    return float("inf") if algebra.impossible else algebra.total
