"""What an equation was traced under: a mesh, where to compute, metadata for XLA, 64-bit numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax

from catenary import _jax


@dataclass(frozen=True, slots=True)
class Setting:
    """What is entered where an equation is computed, as it was traced under other than what is in force.

    context   JAX's own: the mesh, where to compute, metadata for XLA
    wide      whether the equation has 64-bit numbers, where these are off
    """

    context: Any
    wide: bool

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self.context.manager, jax.enable_x64(True) if self.wide else nullcontext():
            yield


def settings(eqns: Sequence[Any]) -> Iterator[Setting | None]:
    """For each equation its setting, None where it is what is in force here."""
    here, x64 = _jax.in_force()
    for eqn in eqns:
        wide = not x64 and _jax.wide(v.aval for v in (*eqn.invars, *eqn.outvars))
        yield Setting(eqn.ctx, wide) if wide or eqn.ctx is not here else None
