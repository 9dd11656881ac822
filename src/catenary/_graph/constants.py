"""Integers that a program computes from constants alone: indices, known before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from catenary import _jax
from catenary._graph.graph import Atom, Equation, Graph, Lit

#: No index is the result of more equations than this; what would be is a program of its own.
MOST_EQUATIONS = 500


def _iota(dimension: int, shape: Any, **_: Any) -> np.ndarray:
    line = np.arange(shape[dimension]).reshape([-1 if k == dimension else 1 for k in range(len(shape))])
    return np.broadcast_to(line, shape)


def _broadcast(x: Any, shape: Any, broadcast_dimensions: Any, **_: Any) -> np.ndarray:
    placed = [1] * len(shape)
    for n, k in zip(np.shape(x), broadcast_dimensions, strict=True):
        placed[k] = n
    return np.broadcast_to(np.reshape(x, placed), shape)


def _select(which: Any, *cases: Any, **_: Any) -> np.ndarray:
    return np.choose(np.broadcast_to(which, np.shape(cases[0])).astype(int), cases)


def _slice(x: Any, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> np.ndarray:
    steps = strides or (1,) * len(start_indices)
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


#: What indices are made with, in NumPy: nothing is compiled for it.
_NUMPY: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, **_: np.add(a, b),
    "and": lambda a, b, **_: np.bitwise_and(a, b),
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda *xs, dimension, **_: np.concatenate(xs, dimension),
    "convert_element_type": lambda x, **_: x,
    "eq": lambda a, b, **_: np.equal(a, b),
    "expand_dims": lambda x, dimensions, **_: np.expand_dims(x, dimensions),
    "ge": lambda a, b, **_: np.greater_equal(a, b),
    "gt": lambda a, b, **_: np.greater(a, b),
    "iota": _iota,
    "le": lambda a, b, **_: np.less_equal(a, b),
    "lt": lambda a, b, **_: np.less(a, b),
    "max": lambda a, b, **_: np.maximum(a, b),
    "min": lambda a, b, **_: np.minimum(a, b),
    "mul": lambda a, b, **_: np.multiply(a, b),
    "ne": lambda a, b, **_: np.not_equal(a, b),
    "neg": lambda a, **_: np.negative(a),
    "not": lambda a, **_: np.invert(a),
    "or": lambda a, b, **_: np.bitwise_or(a, b),
    "rem": lambda a, b, **_: np.fmod(a, b),
    "reshape": lambda x, new_sizes, **_: np.reshape(x, new_sizes),
    "rev": lambda x, dimensions, **_: np.flip(x, dimensions),
    "select_n": _select,
    "slice": _slice,
    "squeeze": lambda x, dimensions, **_: np.squeeze(x, tuple(dimensions)),
    "sub": lambda a, b, **_: np.subtract(a, b),
    "transpose": lambda x, permutation, **_: np.transpose(x, permutation),
}

#: What else may stand between constants and an index: evaluated by JAX, once.
_JAX = frozenset(
    "abs argmax argmin clamp cumsum div dynamic_slice gather integer_pow pad reduce_and reduce_max reduce_min "
    "reduce_or reduce_sum scatter scatter-add shift_left shift_right_arithmetic shift_right_logical sign sort split "
    "stack tile top_k xor".split()
)


class Constants:
    """Values of integers and booleans that depend on no input; each computed when first asked for."""

    __slots__ = ("graph", "known", "made")

    def __init__(self, graph: Graph):
        self.graph = graph
        self.made: dict[int, tuple[int, Equation]] = {}
        self.known: dict[int, np.ndarray] = {}

    def add(self, equation: Equation) -> None:
        """Note an equation that no differentiated input reaches."""
        here = len(self.made)
        self.made.update((v, (here, equation)) for v in equation.outputs)

    def __call__(self, atom: Atom) -> np.ndarray | None:
        """The value of an atom, or None where it is not known, or no integer."""
        if not self.graph.fixed:
            return None
        needed: dict[int, Equation] = {}
        waiting = [atom]
        seen: set[Atom] = set()
        while waiting:
            a = waiting.pop()
            if isinstance(a, Lit) or a in seen or self._given(a):
                continue
            if a not in self.made or len(needed) > MOST_EQUATIONS or not _whole(self.graph.avals[a]):
                return None
            seen.add(a)
            place, equation = self.made[a]
            if equation.primitive.name not in _NUMPY and equation.primitive.name not in _JAX:
                return None
            needed[place] = equation
            waiting.extend(equation.inputs)
        for _, equation in sorted(needed.items()):
            if not self._evaluate(equation):
                return None
        return self._value(atom)

    def _given(self, value: int) -> bool:
        if value not in self.known and value in self.graph.consts:
            array = self.graph.consts[value]
            if not isinstance(array, _jax.Tracer) and _whole(self.graph.avals[value]):
                self.known[value] = np.asarray(array)
        return value in self.known

    def _value(self, atom: Atom) -> np.ndarray | None:
        return np.asarray(atom.val, atom.aval.dtype) if isinstance(atom, Lit) else self.known.get(atom)

    def _evaluate(self, equation: Equation) -> bool:
        args = [self._value(a) for a in equation.inputs]
        avals = [self.graph.avals[v] for v in equation.outputs]
        if any(a is None for a in args) or not all(_whole(aval) for aval in avals):
            return False
        row = _NUMPY.get(equation.primitive.name)
        if row is not None:
            outputs = [row(*args, **equation.params)]
        else:
            with jax.ensure_compile_time_eval():
                outputs = equation.call(args)
        for v, x, aval in zip(equation.outputs, outputs, avals, strict=True):
            self.known[v] = np.asarray(x).astype(aval.dtype)
        return True


def _whole(aval: Any) -> bool:
    """Whether an array holds integers or booleans, at a size that is known."""
    return aval.dtype.kind in "iub" and all(isinstance(n, int) for n in aval.shape)
