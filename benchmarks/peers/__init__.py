"""The gallery's functions in the languages of other tools that differentiate formulas."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import permutations
from typing import Any

import jax
import numpy as np

from docs.gallery.entry import Entry

LIMIT = 10  # seconds for a formula


def leaves(entry: Entry) -> list[tuple[int, str, np.ndarray]]:
    """Each array of an entry's arguments, with the number of its argument and a name; labels are given one-hot."""
    found = []
    for n, (parameter, tree) in enumerate(zip(inspect.signature(entry.fun).parameters, entry.args, strict=True)):
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
            found.append((n, _name(parameter, path), _hot(np.asarray(leaf))))
    return found


def _name(parameter: str, path: tuple[Any, ...]) -> str:
    """A leaf's name: its key, or W1, b1, …, in a list of layers."""
    keys = [getattr(k, "key", getattr(k, "idx", None)) for k in path]
    match keys:
        case []:
            return parameter
        case [str(key)]:
            return key
        case [int(layer)]:
            return f"{parameter.removesuffix('s')}{layer + 1}"
        case [int(layer), int(which)]:
            return f"{'Wb'[which]}{layer + 1}"
    raise ValueError(f"no name for {parameter}{path}")


def _hot(x: np.ndarray) -> np.ndarray:
    return np.eye(int(x.max()) + 1)[x] if np.issubdtype(x.dtype, np.integer) else x.astype(float)


def chosen(entry: Entry) -> list[str]:
    """The names of the arrays that an entry is differentiated by."""
    wanted = (entry.argnums,) if isinstance(entry.argnums, int) else entry.argnums
    return [name for n, name, _ in leaves(entry) if n in wanted]


def difference(got: list[np.ndarray], entry: Entry, tolerance: float = 1e-7) -> str:
    """What differs from the textbook's derivative, whatever the layout: axes in any order, without those of size 1."""
    for a, b in zip(map(np.squeeze, got), map(np.squeeze, jax.tree.leaves(entry.python(*entry.args))), strict=True):
        turned = [a.transpose(p) for p in permutations(range(a.ndim)) if a.ndim <= 4]
        errors = [np.max(np.abs(t - b)) for t in turned if t.shape == b.shape]
        if not a.any() and b.any():
            return "a silent 0"
        if not errors:
            return f"shape {a.shape}, expected {b.shape}"
        if not min(errors) < tolerance * max(np.max(np.abs(b)), 1e-6):
            return f"off by {min(errors):.1e}"
    return ""


@contextmanager
def limited(seconds: int = LIMIT) -> Iterator[None]:
    """Stop what takes too long, with a TimeoutError."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


Table = dict[str, Callable[..., Any]]
