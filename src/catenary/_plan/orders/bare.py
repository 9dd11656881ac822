"""The bare graph of a program of scalars: neighbours as sets of bits, where an elimination takes a microsecond.

Also that of a program that does the same at every point of a batch: all maps are then diagonal along it.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from catenary._local import Local
from catenary._maps.term import Term


class Bare:
    """The vertices that remain, during an elimination.

    above, below   for each vertex its neighbours, towards the outputs and towards the inputs: three sets, of all,
                   of those by an edge that is a number, and of those by an edge that is one
    adds           whether edges that fall together cost an addition
    """

    __slots__ = ("above", "adds", "below")

    def __init__(self, above: list[list[int]], below: list[list[int]], adds: bool):
        self.above, self.below, self.adds = above, below, adds

    @classmethod
    def of(cls, local: Local, model: str = "multiplications") -> Bare | None:
        """The bare graph of ``local``; None unless every edge is a number or diagonal, all of one size.

        By ``multiplications`` removing v costs |below(v)| · |above(v)|, ones charged, outputs that nothing reads free:
        the literature's convention. By ``products`` ±1 is free and numbers meet at no cost; by any other model
        additions count too, and a sign.
        """
        if not cls.fits(local):
            return None
        vertices = [node.vertices[0] for node in local.nodes]
        place = {v: k for k, v in enumerate([*vertices, *local.inputs, *local.outputs])}
        above, below = ([[0] * len(place) for _ in range(3)] for _ in range(2))
        for edge in local.edges:
            u, v = place[edge.tail], place[edge.head]
            number, one = _kind(edge.piece.term, model)
            if above[0][u] >> v & 1:
                number, one = number and bool(above[1][u] >> v & 1), False
            for k, kind in enumerate((True, number, one)):
                above[k][u] = above[k][u] & ~(1 << v) | kind << v
                below[k][v] = below[k][v] & ~(1 << u) | kind << u
        bare = cls(above, below, model not in ("multiplications", "products"))
        if model == "multiplications":
            sinks = sum(1 << place[w] for w in local.outputs)
            for k in range(len(vertices)):
                if above[0][k].bit_count() == 1 and above[0][k] & sinks:
                    bare.eliminate(k)
        return bare

    @staticmethod
    def fits(local: Local) -> bool:
        """Whether every edge is a number or a diagonal of one and the same size."""
        if local.part != "whole" or any(node.implicit is not None for node in local.nodes):
            return False
        first = local.edges[0].piece.term.sizes if local.edges else ()
        return all(e.piece.term.sizes == first and _diagonal(e.piece.term) for e in local.edges)

    def copy(self) -> Bare:
        """The same graph, to be taken apart in another order."""
        return Bare([sets[:] for sets in self.above], [sets[:] for sets in self.below], self.adds)

    def degree(self, k: int) -> int:
        """|below| · |above|, the Markowitz degree."""
        return self.below[0][k].bit_count() * self.above[0][k].bit_count()

    def eliminate(self, k: int) -> int:
        """Remove vertex k and say what that costs."""
        above, below = self.above, self.below
        s, sn, s1 = up = above[0][k], above[1][k], above[2][k]
        p, pn, p1 = down = below[0][k], below[1][k], below[2][k]
        free_s, free_p = s1.bit_count(), p1.bit_count()
        cost = (s.bit_count() - free_s) * (p.bit_count() - free_p)
        if sn and pn:
            cost -= (sn.bit_count() - free_s) * (pn.bit_count() - free_p)
        keep = ~(1 << k)
        joined = _past(above, down, up, keep)
        _past(below, up, down, keep)
        for sets in (*above, *below):
            sets[k] = 0
        return cost + joined if self.adds else cost


def _past(sides: list[list[int]], near: tuple[int, ...], new: tuple[int, ...], keep: int) -> int:
    """Every vertex of ``near`` gets the neighbours ``new`` in place of the one that goes; how many sums that takes."""
    far, numbers, ones = sides
    rest, near_n, near_1 = near
    joined = 0
    while rest:
        low = rest & -rest
        u = low.bit_length() - 1
        old, old_n = far[u] & keep, numbers[u]
        far[u] = old | new[0]
        fresh = new[1] if near_n & low else 0
        both = old & new[0]
        if both:
            joined += both.bit_count() - (fresh & old_n).bit_count()
        if old_n or fresh:
            numbers[u] = old_n & keep & ~new[0] | fresh & (old_n | ~old)
            ones[u] = ones[u] & keep & ~new[0] | (new[2] & ~old if near_1 & low else 0)
        rest ^= low
    return joined


def markowitz(bare: Bare, n: int, last: bool = True) -> tuple[int, ...]:
    """Always the vertex of the least |below| · |above| next; of equals the last, or the first."""
    bare = bare.copy()
    sign, inner = -1 if last else 1, (1 << n) - 1
    degrees = [bare.degree(k) for k in range(n)]
    heap = [(degree, sign * k) for k, degree in enumerate(degrees)]
    heapify(heap)
    order: list[int] = []
    while heap:
        degree, k = heappop(heap)
        k *= sign
        if degree != degrees[k]:
            continue
        degrees[k] = -1
        order.append(k)
        touched = (bare.below[0][k] | bare.above[0][k]) & inner
        bare.eliminate(k)
        while touched:
            low = touched & -touched
            v = low.bit_length() - 1
            degree = bare.degree(v)
            if degree != degrees[v]:
                degrees[v] = degree
                heappush(heap, (degree, sign * v))
            touched ^= low
    return tuple(order)


def _kind(term: Term, model: str) -> tuple[bool, bool]:
    """Whether an edge is a number, and whether one that costs nothing."""
    if model == "multiplications" or not term.one:
        return False, False
    free = (1, -1) if model == "products" else (1,)
    return True, isinstance(term.scale, int | float) and term.scale in free


def _diagonal(term: Term) -> bool:
    if len(term.sizes) == 0:
        return True
    sides = [[f for axis in side for f in axis.factors] for side in (term.out, term.inp)]
    return sides[0] == sides[1] and len(sides[0]) == len(term.sizes) and term.mask is None
