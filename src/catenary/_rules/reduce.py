"""Reductions: a sum is a relabelling; a maximum selects, shared equally among ties."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from catenary import _jax
from catenary._maps.term import Term, canonical, plain_axes
from catenary._rules.row import Piece, Row, Rule, Site


def _reduced(site: Site, core: bool = False, mask: bool = False) -> Term:
    inp, sizes = plain_axes(site.ins[0].shape)
    out = tuple(axis for k, axis in enumerate(inp) if k not in site.params["axes"])
    kept = tuple(i for axis in out for i, _ in axis.factors)
    return canonical(Term(out, inp, sizes, kept if core else None, tuple(range(len(sizes))) if mask else None))


def reduce_sum(site: Site, _: int) -> dict[int, tuple[Piece, ...]]:
    """∂(Σ x)/∂x: every entry counts once."""
    return {0: (Piece(_reduced(site), Row()),)}


def reduce_extremum(site: Site, _: int) -> dict[int, tuple[Piece, ...]]:
    """∂(max x)/∂x: the mask of the places that attain it, over their number."""
    axes = tuple(site.params["axes"])

    def attained(x: Any, y: Any) -> Any:
        return x == jnp.expand_dims(y, axes)

    def share(x: Any, y: Any) -> Any:
        return 1 / attained(x, y).sum(axes, dtype=y.dtype)

    return {0: (Piece(_reduced(site, core=True, mask=True), Row("xy", share, attained, real=True)),)}


REDUCE: dict[Any, Rule] = {
    _jax.primitive("reduce_sum"): reduce_sum,
    _jax.primitive("reduce_max"): reduce_extremum,
    _jax.primitive("reduce_min"): reduce_extremum,
}
