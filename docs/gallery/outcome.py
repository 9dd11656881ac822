"""What a tool makes of an entry: whether its formula is right, in matrix form, how long, and in how many seconds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import numpy as np

import catenary as ct

from .entry import Entry
from .length import length


@dataclass(frozen=True)
class Outcome:
    """A formula, its seconds, and what is known of it; ``trouble`` says why there is none or what is wrong with it."""

    formula: str = ""
    right: bool = False
    matrix_form: bool = False
    ratio: float = float("inf")
    seconds: float = 0.0
    trouble: str = ""
    latex: str = ""


def names(entry: Entry) -> set[str]:
    """The names of more than one letter that an entry's formulas may use: parameters and keys."""
    keys = {str(k.key) for path, _ in jax.tree_util.tree_flatten_with_path(entry.args)[0] for k in path
            if isinstance(k, jax.tree_util.DictKey)}  # fmt: skip
    return {n.rstrip("0123456789") for n in (*inspect.signature(entry.fun).parameters, *keys)}


def ratio(formula: str, entry: Entry) -> float:
    """The length of a formula for an entry, in lengths of the textbook's."""
    known = names(entry)
    return length(formula, known) / length(entry.textbook, known)


def ours(entry: Entry) -> Outcome:
    """What ``ct.derive`` makes of an entry."""
    made, seconds, trouble = timed(lambda: ct.derive(entry.fun, *entry.args, argnums=entry.argnums, **_options(entry)))
    if made is None:
        return Outcome(seconds=seconds, trouble=trouble)
    scope: dict[str, Any] = {}
    exec(made.python("derivative"), scope)
    with jax.enable_x64(True):
        arrays = jax.tree.map(lambda x: jax.numpy.asarray(x) if isinstance(x, np.ndarray) else x, entry.args)
        trouble = difference(jax.jit(scope["derivative"])(*arrays), entry)
    return Outcome(
        made.formula, not trouble and bool(made.checked), made.index_free, ratio(made.formula, entry), seconds, trouble,
        made.latex(),
    )  # fmt: skip


def _options(entry: Entry) -> dict[str, Any]:
    options = {"order": entry.order} if entry.order > 1 else {}
    return options | ({"assume": entry.assume} if entry.assume else {})


def timed(action: Callable[[], Any]) -> tuple[Any, float, str]:
    """The result of an action, or None; its seconds; and the error's first line."""
    start = perf_counter()
    try:
        return action(), perf_counter() - start, ""
    except Exception as error:  # whatever a tool raises is its outcome
        said = str(error).splitlines() or [""]
        return None, perf_counter() - start, f"{type(error).__name__}: {said[0]}"


def difference(got: Any, entry: Entry, tolerance: float = 1e-7) -> str:
    """What differs between a derivative and the textbook's, at the entry's own arguments; empty if nothing does."""
    a, b = jax.tree.leaves(got), jax.tree.leaves(entry.python(*entry.args))
    if len(a) != len(b):
        return f"{len(a)} arrays, expected {len(b)}"
    for x, y in zip(a, b, strict=True):
        x, y = np.asarray(x, float), np.asarray(y, float)
        if x.shape != y.shape:
            return f"shape {x.shape}, expected {y.shape}"
        error = np.max(np.abs(x - y)) / max(np.max(np.abs(y)), 1e-6)
        if not error < tolerance:
            return f"off by {error:.1e} of the largest entry"
    return ""
