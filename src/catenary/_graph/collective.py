"""Programs that exchange values along a named axis, each member running its own part.

The derivative of one member's part is not what it computes: its columns, pushed, hold what the tangents of all members
do to its results; its rows, pulled, what its arguments do to the results of all. So the direction is no free choice.
"""

from __future__ import annotations

from catenary import _jax
from catenary._graph.graph import Graph

COLLECTIVES = frozenset({
    "all_gather", "all_gather_invariant", "all_gather_reduced", "all_to_all", "pbroadcast", "pmax", "pmin", "ppermute",
    "preduced", "psum", "psum_invariant", "pvary", "ragged_all_to_all", "reduce_scatter", "unreduced_psum",
    "unreduced_reduce_scatter",
})  # fmt: skip
#: What has members of its own, whose exchange is inside.
WHOLE = frozenset({"shard_map", "xla_pmap"})


def exchanges(graph: Graph) -> bool:
    """Whether some equation, or one in its bodies, is between the members of an axis that is outside the program."""
    return any(
        e.primitive.name in COLLECTIVES or (e.primitive.name not in WHOLE and _jax.holds(e.params, COLLECTIVES))
        for e in graph.equations
    )
