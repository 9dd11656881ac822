"""The maps of a program as a plan remembers them: what they join, how large they are, what they tie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catenary._local import Local
from catenary._maps.term import Term, labels_of


class Link(NamedTuple):
    """One map of the program before anything is eliminated.

    tail, head     vertices by their number in the plan; inputs are −1, −2, …, outputs follow the last vertex
    ties           sizes of the axes along which it is diagonal
    rows, columns  sizes of a block; a map of b blocks of m × n has ties (b,), rows (m,), columns (n,)
    number         whether it is made of ones or of one number, and no array
    shown          whether the structure is known; an implicit equation shows none
    """

    tail: int
    head: int
    ties: tuple[Any, ...]
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    number: bool
    shown: bool = True


def links_of(local: Local) -> Iterator[Link]:
    """The maps between vertices, inputs and outputs; those into the slots of an implicit equation lead to it."""
    number = {v: k for k, node in enumerate(local.nodes) for v in node.vertices}
    for k, node in enumerate(local.nodes):
        number.update(dict.fromkeys(node.implicit.slots if node.implicit else (), k))
    number.update((v, -1 - k) for k, v in enumerate(local.inputs))
    number.update((v, len(local.nodes) + k) for k, v in enumerate(local.outputs))
    blocks: dict[int, Any] = {}
    for edge in local.edges:
        term = edge.piece.term
        if id(term) not in blocks:
            blocks[id(term)] = _block(term)
        tail, head = number[edge.tail], number[edge.head]
        inside = edge.head in local.nodes[head].vertices if 0 <= head < len(local.nodes) else True
        ties, rows, columns = blocks[id(term)]
        yield Link(tail, head, ties, rows, columns, term.core is None, inside)


def _block(term: Term) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    ties = term.ties
    sides = ([i for i in labels_of(axes) if i not in ties] for axes in (term.out, term.inp))
    rows, columns = (tuple(term.sizes[i] for i in side) for side in sides)
    return tuple(term.sizes[i] for i in ties), rows, columns
