"""One vector on its way through a program: a tangent from the inputs, or a cotangent from the outputs."""

from __future__ import annotations

from dataclasses import replace

from catenary import _jax
from catenary._local import Local, Node
from catenary._maps.term import Term, plain_axes
from catenary._plan.costs.count import STORED, Count
from catenary._plan.elimination.eliminate import Elimination


def swept(local: Local, side: str) -> Count:
    """What a push (side "out") or a pull ("inp") of one vector through a program takes, counted in flops."""
    push = side == "out"
    ends, nodes = (local.inputs, local.nodes) if push else (local.outputs, local.nodes[::-1])
    root = local.graph.new(_jax.number(local.dtype(ends[0])) if ends else _jax.aval_of(0.0))
    joined = replace(local, mirror={}, inputs=(root,)) if push else replace(local, mirror={}, outputs=(root,))
    count = Count(local, "flops", "push" if push else "pull")
    state = Elimination(joined, count, root)
    for v in ends:
        axes, sizes = plain_axes(local.shape(v))
        row = Term((), axes, sizes, tuple(range(len(sizes))))
        if v in (state.out if push else state.into):
            state.insert(*((v, root, row.T) if push else (root, v, row)), STORED)
    for node in (*(Node((v,)) for v in ends), *nodes):
        state.eliminate(node)
    return count
