"""Write a map out entry by entry: what its structure says can differ from zero, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from catenary import _jax
from catenary._emit.einsum import Value, full_core, in_dtype, take
from catenary._maps.pattern import Pattern
from catenary._maps.term import Term
from catenary._maps.union import union


def entries(terms: Sequence[tuple[Term, Value]], pattern: Pattern, dtype: Any) -> Any:
    """The numbers at the positions of a pattern, one vector."""
    if not terms:
        return jnp.zeros(0, dtype)
    flat = []
    for term, value in terms:
        x = full_core(term, value, range(len(term.sizes)), dtype)
        flat.append(in_dtype(jnp.broadcast_to(x, term.sizes), dtype).reshape(-1))
    order = pattern.side_by_side(len(flat))
    if order is not None:
        return jnp.stack([flat[k] for k in order], -1).reshape(-1)
    every = jnp.concatenate(flat) if len(flat) > 1 else flat[0]
    found = every if pattern.first is None else take(every, 0, pattern.first)
    for where, which in pattern.more:
        found = found.at[where].add(
            take(every, 0, which), mode="promise_in_bounds", indices_are_sorted=True, unique_indices=True
        )
    return found


def fewer(terms: Sequence[tuple[Term, Value]], dtype: Any) -> list[tuple[Term, Value]]:
    """The same sum with terms on one diagonal added over the union of their ranges."""
    done: list[tuple[Term, Value]] = []
    waiting = list(reversed(terms))
    while waiting:
        term, value = waiting.pop()
        for k, (other, theirs) in enumerate(done):
            plan = union(other, term)
            if plan is not None:
                labels = plan.term.core or ()
                parts = ((other, theirs), (term, value))
                x, y = (_padded(t, v, labels, p, dtype) for (t, v), p in zip(parts, plan.pads, strict=True))
                shape = [plan.term.sizes[i] for i in labels]
                waiting.append((plan.term, Value(jnp.broadcast_to(x + y, shape))))
                del done[k]
                break
        else:
            done.append((term, value))
    return done


def _padded(term: Term, value: Value, labels: Sequence[int], pads: Sequence[tuple[int, int]], dtype: Any) -> Any:
    """The core of a term with zeros where its range ends before that of a union."""
    x = in_dtype(full_core(term, value, labels, dtype), dtype)
    wide = [term.sizes[i] if any(pads[i]) else n for i, n in zip(labels, x.shape, strict=True)]
    return lax.pad(jnp.broadcast_to(x, wide), jnp.zeros((), dtype), [(*pads[i], 0) for i in labels])


def bcoo(data: Any, pattern: Pattern, shape: Sequence[int]) -> Any:
    """The numbers at the positions of a pattern as a sparse array."""
    indices = np.stack(np.unravel_index(pattern.positions, shape), -1) if shape else np.zeros((len(data), 0))
    return _jax.bcoo(data, jnp.asarray(indices, jnp.int32), tuple(shape))
