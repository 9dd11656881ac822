"""Primitives that select: a mask for each case, so that the branch not taken contributes nothing, not 0 · ∞."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from catenary import _jax
from catenary._rules.elementwise import piece
from catenary._rules.row import Piece, Row, Rule, Site


def select_n(site: Site, operand: int) -> dict[int, tuple[Piece, ...]] | None:
    """y = cases[which]: case k is taken where which = k."""
    if operand == 0:
        return {}
    case = operand - 1
    if site.ins[0].dtype == jnp.bool_:
        row = Row("a", mask=(lambda a: a) if case else jnp.logical_not)
    else:
        row = Row("a", mask=lambda a: a == case)
    return {0: (piece(row, site.outs[0].shape, site.ins[operand].shape, site),)}


def clamp(site: Site, operand: int) -> dict[int, tuple[Piece, ...]]:
    """y = max(low, min(x, high)), operands low, x, high."""
    rows = (
        Row("ab", mask=lambda low, x: low > x, real=True),
        Row("abc", mask=lambda low, x, high: (low < x) & (x < high), real=True),
        Row("bc", mask=lambda x, high: high < x, real=True),
    )
    return {0: (piece(rows[operand], site.outs[0].shape, site.ins[operand].shape, site),)}


SELECT: dict[Any, Rule] = {_jax.primitive("select_n"): select_n, _jax.primitive("clamp"): clamp}
