"""Write a map out entry by entry: what its structure says can differ from zero, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from catenary import _jax
from catenary._emit.einsum import Value, full_core, in_dtype, take
from catenary._maps.pattern import Pattern
from catenary._maps.term import Term


def entries(terms: Sequence[tuple[Term, Value]], pattern: Pattern, dtype: Any) -> Any:
    """The numbers at the positions of a pattern, one vector."""
    if not terms:
        return jnp.zeros(0, dtype)
    flat = []
    for term, value in terms:
        x = full_core(term, value, range(len(term.sizes)), dtype)
        flat.append(in_dtype(jnp.broadcast_to(x, term.sizes), dtype).reshape(-1))
    every = jnp.concatenate(flat) if len(flat) > 1 else flat[0]
    found = every if pattern.first is None else take(every, 0, pattern.first)
    for where, which in pattern.more:
        found = found.at[where].add(
            take(every, 0, which), mode="promise_in_bounds", indices_are_sorted=True, unique_indices=True
        )
    return found


def bcoo(data: Any, pattern: Pattern, shape: Sequence[int]) -> Any:
    """The numbers at the positions of a pattern as a sparse array."""
    indices = np.stack(np.unravel_index(pattern.positions, shape), -1) if shape else np.zeros((len(data), 0))
    return _jax.bcoo(data, jnp.asarray(indices, jnp.int32), tuple(shape))
