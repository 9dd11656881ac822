"""Products: each operand's derivative is the other operand, tied along what they share."""

from __future__ import annotations

from typing import Any

from catenary import _jax
from catenary._maps.term import Axis, Term, canonical, one
from catenary._rules.row import Piece, Row, Rule, Site


def dot_general(site: Site, operand: int) -> dict[int, tuple[Piece, ...]]:
    """y[batch, free_a, free_b] = Σ_k a[batch, k, free_a] b[batch, k, free_b]."""
    (contract_a, contract_b), (batch_a, batch_b) = site.params["dimension_numbers"]
    a, b = site.ins
    names: tuple[dict[int, int], dict[int, int]] = ({}, {})
    sizes: list[Any] = []

    def label(size: Any, *places: tuple[int, int]) -> None:
        for side, k in places:
            names[side][k] = len(sizes)
        sizes.append(size)

    for i, j in zip(batch_a, batch_b, strict=True):
        label(a.shape[i], (0, i), (1, j))
    for side, aval, used in ((0, a, (*contract_a, *batch_a)), (1, b, (*contract_b, *batch_b))):
        for k in range(aval.ndim):
            if k not in used:
                label(aval.shape[k], (side, k))
    n_out = len(sizes)
    for i, j in zip(contract_a, contract_b, strict=True):
        label(a.shape[i], (0, i), (1, j))

    def axis(k: int) -> Axis:
        return Axis(1) if one(sizes[k]) else Axis(sizes[k], 0, ((k, 1),))

    out = tuple(axis(k) for k in range(n_out))
    inp = tuple(axis(names[operand][k]) for k in range(site.ins[operand].ndim))
    other = 1 - operand
    core = tuple(names[other][k] for k in range(site.ins[other].ndim) if not one(site.ins[other].shape[k]))
    term = canonical(Term(out, inp, tuple(sizes), core, precision=site.params.get("precision")))
    return {0: (Piece(term, Row("b" if operand == 0 else "a", lambda other: other)),)}


CONTRACT: dict[Any, Rule] = {_jax.primitive("dot_general"): dot_general}
