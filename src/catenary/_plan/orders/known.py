"""Elimination orders: reverse, forward, and cross-country by two greedy measures."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from catenary._local import Local
from catenary._plan.orders.candidate import Order
from catenary._plan.orders.chain import size
from catenary._plan.orders.mirror import MIRRORED


def reverse(local: Local) -> Order:
    """From the outputs to the inputs."""
    return tuple(reversed(range(len(local.nodes))))


def forward(local: Local) -> Order:
    """From the inputs to the outputs."""
    return tuple(range(len(local.nodes)))


def widest(local: Local) -> Order:
    """The largest array first, so that narrow ones divide what is left; of equals the one whose removal writes least.

    A heuristic: good where a program has narrow waists.
    """
    neighbours: dict[int, list[set[int]]] = {}
    for edge in local.edges:
        neighbours.setdefault(edge.head, [set(), set()])[0].add(edge.tail)
        neighbours.setdefault(edge.tail, [set(), set()])[1].add(edge.head)

    sizes = {v: size(local.shape(v)) for v in {*neighbours, *(v for node in local.nodes for v in node.vertices)}}

    def key(k: int) -> tuple[int, int, int]:
        vertices = local.nodes[k].vertices
        below, above = (
            sum(sizes[u] for v in vertices for u in neighbours.get(v, (set(), set()))[side]) for side in (0, 1)
        )
        return -max(sizes[v] for v in vertices), below * above, -k

    return tuple(sorted(range(len(local.nodes)), key=key))


def _greedy(measure: Callable[[set[int], set[int], dict[int, set[int]]], int]) -> Callable[[Local], Order]:
    """Always the vertex of least measure next (of equals the last); on the bare graph, sizes apart."""

    def order(local: Local) -> Order:
        into: dict[int, set[int]] = {}
        out: dict[int, set[int]] = {}
        owner = {
            v: k
            for k, node in enumerate(local.nodes)
            for v in (*node.vertices, *(node.implicit.slots if node.implicit else ()))
        }
        for edge in local.edges:
            a, b = owner.get(edge.tail, -1 - edge.tail), owner.get(edge.head, -1 - edge.head)
            if a != b:
                into.setdefault(b, set()).add(a)
                out.setdefault(a, set()).add(b)
        left, chosen = set(range(len(local.nodes))), []
        cost = {k: measure(into.get(k, set()), out.get(k, set()), out) for k in left}
        heap = [(c, -k) for k, c in cost.items()]
        heapify(heap)
        while heap:
            c, k = heappop(heap)
            k = -k
            if k not in left or c != cost[k]:
                continue
            left.remove(k)
            chosen.append(k)
            above, below = out.pop(k, set()), into.pop(k, set())
            for w in above:
                into[w].discard(k)
                into[w] |= below
            for u in below:
                out[u].discard(k)
                out[u] |= above
            for n in above | below:
                if n in left and (new := measure(into.get(n, set()), out.get(n, set()), out)) != cost[n]:
                    cost[n] = new
                    heappush(heap, (new, -n))
        return tuple(chosen)

    return order


def _markowitz(below: set[int], above: set[int], out: dict[int, set[int]]) -> int:
    return len(below) * len(above)


def _fill(below: set[int], above: set[int], out: dict[int, set[int]]) -> int:
    return sum(len(above - out.get(u, set())) for u in below)


#: name → (local) → the order in which its nodes are removed, or None where it does not apply
ORDERS: dict[str, Callable[[Local], Order | None]] = {
    "reverse": reverse,
    "forward": forward,
    "markowitz": _greedy(_markowitz),
    "minimal fill": _greedy(_fill),
    "widest first": widest,
    **MIRRORED,
}
