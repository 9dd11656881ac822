"""Facts that the user states of arguments: formulas use them, and the random values of every check obey them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Fact(NamedTuple):
    """A fact: how it reads after a name, the shapes it fits, what those are, and how to make numbers obey it."""

    reads: str
    fits: Callable[[Sequence[Any]], bool]
    shapes: str
    obeyed: Callable[[np.ndarray], np.ndarray]


def _definite(x: np.ndarray) -> np.ndarray:
    return x @ x.T / len(x) + np.eye(len(x))


def _orthonormal(x: np.ndarray) -> np.ndarray:
    """Return orthonormal columns; a matrix with more columns than rows has none."""
    return np.linalg.qr(x)[0] if x.shape[0] >= x.shape[1] else np.full(x.shape, np.nan)


def _one_hot(x: np.ndarray) -> np.ndarray:
    return (x == x.max(-1, keepdims=True)).astype(float)


def _square(shape: Sequence[Any]) -> bool:
    return len(shape) == 2 and str(shape[0]) == str(shape[1])


SYMMETRIC = frozenset({"symmetric", "positive definite"})
FACTS: dict[str, Fact] = {
    "symmetric": Fact("is symmetric", _square, "a square matrix", lambda x: (x + x.T) / 2),
    "positive definite": Fact("is symmetric and positive definite", _square, "a square matrix", _definite),
    "orthonormal": Fact("has orthonormal columns", lambda s: len(s) == 2, "a matrix", _orthonormal),
    "positive": Fact("is positive", lambda s: True, "an array", lambda x: np.abs(x) + 0.2),
    "one-hot": Fact("has one 1 in each row and else 0", lambda s: len(s) > 0, "a vector or rows", _one_hot),
    "unit": Fact("has length 1", lambda s: len(s) == 1, "a vector", lambda x: x / np.linalg.norm(x)),
}


def obeying(fact: str, x: np.ndarray) -> np.ndarray:
    """Return random numbers changed so that they obey a fact, if one is given.

    >>> obeying("symmetric", np.array([[1.0, 2.0], [4.0, 3.0]])).tolist()
    [[1.0, 3.0], [3.0, 3.0]]
    """
    return FACTS[fact].obeyed(x) if fact in FACTS else x


def free_part(fact: str, derivative: np.ndarray) -> np.ndarray:
    """Return the part of a derivative that a fact leaves free: by a symmetric matrix, the symmetric part."""
    return (derivative + np.swapaxes(derivative, -1, -2)) / 2 if fact in SYMMETRIC else derivative


def checked(verb: str, assume: Mapping[str, str], shapes: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Return the facts by argument, or raise an error that says what can be assumed of what."""
    for name, fact in assume.items():
        if name not in shapes:
            raise ValueError(f"{verb}: assume names {name!r}, but the arguments are {', '.join(shapes)}")
        if fact not in FACTS:
            raise ValueError(f"{verb}: assume={{{name!r}: {fact!r}}}; expected one of {', '.join(map(repr, FACTS))}")
        if not FACTS[fact].fits(shapes[name]):
            shape = ", ".join(map(str, shapes[name]))
            raise ValueError(f"{verb}: {name} has shape ({shape}); {fact!r} is a fact of {FACTS[fact].shapes}")
    return dict(assume)


def stated(facts: Mapping[str, str], by: Sequence[str]) -> list[str]:
    """Return the facts as notes; ``by`` are the names that are differentiated by."""
    notes = [f"{name} {FACTS[fact].reads}" for name, fact in facts.items()]
    told = [name for name in facts if name in by]
    note = "a derivative treats entries as independent"
    if any(facts[name] in SYMMETRIC for name in told):
        note += "; of that by a symmetric matrix the symmetric part is given"
    return notes + [note] * bool(told)
