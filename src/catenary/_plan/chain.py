"""A chain of maps, bracketed exactly: the matrix chain product, with ties and numbers in front counted as they are."""

from __future__ import annotations

import itertools
from typing import Any

from catenary._local import Local
from catenary._maps.compose import compose
from catenary._maps.term import Term

#: The dynamic programme composes every pair of neighbouring stretches: cubic in the length.
LONGEST = 48


def chain(local: Local) -> tuple[int, ...] | None:
    """The cheapest order of a chain by dynamic programming (Godbole 1973); None for any other graph.

    cost[i, j] = min over k of cost[i, k] + cost[k, j] + what it takes to compose the two.
    """
    terms = _links(local)
    if terms is None:
        return None
    n = len(terms)
    best: dict[tuple[int, int], tuple[Any, Term]] = {(i, i + 1): (0, term) for i, term in enumerate(terms)}
    split: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length
            options = []
            for k in range(i + 1, j):
                (left, first), (right, second) = best[i, k], best[k, j]
                recipe = compose(second, first)
                if recipe is None:
                    return None
                options.append((left + right + recipe.flops, k, recipe.term))
            cost, split[i, j], term = min(options, key=lambda option: option[:2])
            best[i, j] = cost, term
    return tuple(_inner(split, 0, n))


def _links(local: Local) -> list[Term] | None:
    """The maps of a chain from its input to its output, one explicit term each; None where the graph is no chain."""
    ends = [*local.inputs, *(v for node in local.nodes for v in node.vertices), *local.outputs]
    if len(local.inputs) != 1 or len(local.outputs) != 1 or len(local.nodes) > LONGEST or not local.nodes:
        return None
    if any(node.implicit is not None for node in local.nodes) or len(local.edges) != len(ends) - 1:
        return None
    if any((edge.tail, edge.head) != pair for edge, pair in zip(local.edges, itertools.pairwise(ends), strict=True)):
        return None
    sizes = [n for edge in local.edges for n in edge.piece.term.sizes]
    return [edge.piece.term for edge in local.edges] if all(isinstance(n, int) and n > 0 for n in sizes) else None


def _inner(split: dict[tuple[int, int], int], i: int, j: int) -> list[int]:
    """The nodes between ends i and j in the order of their removal: each after the two stretches that it joins."""
    if j - i < 2:
        return []
    k = split[i, j]
    return [*_inner(split, i, k), *_inner(split, k, j), k - 1]
