"""The value of an expression at random numbers: what a rewrite must leave as it was.

Every node is evaluated once a draw, by NumPy in float64, with small sizes for the named dimensions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from weakref import WeakKeyDictionary

import numpy as np

from .assume import obeying
from .expr import Add, Along, Array, At, Dim, Expr, Fn, Index, Mul, Num, Pos, Pow, Reduce, Size
from .special import SPECIAL

Value = tuple[tuple[Index, ...], np.ndarray]


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1/(1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def _where(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(c != 0, a, b)


def _finite(x: np.ndarray) -> np.ndarray:
    """Whether a value is finite, where there is one: what has no value at a draw tells nothing."""
    return np.where(np.isnan(x), np.nan, np.isfinite(x))


ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sigmoid": sigmoid, "softplus": _softplus,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "abs": np.abs, "sign": np.sign, "max": np.maximum,
    "min": np.minimum, "where": _where, "relu": lambda x: np.maximum(x, 0.0),
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "and": lambda a, b: a * b, "or": np.maximum, "not": lambda a: 1.0 - a,
    "finite": _finite, "floor": np.floor, "ceil": np.ceil, "round": np.round,
    **SPECIAL,
    "sinh": np.sinh, "cosh": np.cosh, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "atan2": np.arctan2, "pow": np.power,
    "tanh_prime": lambda x: 1.0 - np.tanh(x) ** 2, "sigmoid_prime": lambda x: sigmoid(x) * sigmoid(-x),
    "expm1": np.expm1, "step": lambda x: np.heaviside(x, 0.5), "rem": np.fmod,
    "stop": lambda x: x, "sgn": lambda x: np.where(x >= 0, 1.0, -1.0),
}  # fmt: skip
REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "argmax": lambda x, axis: np.argmax(x, axis[0]), "argmin": lambda x, axis: np.argmin(x, axis[0]),
    "sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod,
    "logsumexp": lambda x, axis: np.logaddexp.reduce(x, axis=axis[0]) if len(axis) == 1 else _lse(x, axis),
}  # fmt: skip


def _lse(x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    return np.log(np.sum(np.exp(x), axis=axis))


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """Return exp(x) over its sum along an axis."""
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


# Functions of trailing axes; the last argument is the shape of their own axes in the result.
FUNCTIONS_ALONG: dict[str, Callable[..., np.ndarray]] = {
    "softmax": lambda x, shape: softmax(x, -1),
    "cumsum": lambda x, shape: np.cumsum(x, -1),
    "cumprod": lambda x, shape: np.cumprod(x, -1),
    "reverse": lambda x, shape: np.flip(x, -1),
    "sort": lambda x, shape: np.sort(x, -1),
    "argsort": lambda x, shape: np.argsort(x, -1, kind="stable").astype(float),
    "cumlogsumexp": lambda x, shape: np.logaddexp.accumulate(x, -1),
    "inv": lambda x, shape: _solid(np.linalg.inv, x),
    "det": lambda x, shape: np.linalg.det(x),
    "logdet": lambda x, shape: _solid(lambda a: np.linalg.slogdet(a)[1], x),
    "cholesky": lambda x, shape: _solid(np.linalg.cholesky, x),
    "eigenvalues": lambda x, shape: _solid(np.linalg.eigvalsh, x),
    "eigenvectors": lambda x, shape: _solid(lambda a: np.linalg.eigh(a)[1], x),
}


def _solid(function: Callable[..., np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return a function of matrices, or not-a-number of the right shape where it has no value to rely on."""
    try:
        if np.isfinite(x).all() and np.linalg.cond(x).max(initial=0.0) < 1e7:
            return np.asarray(function(x))
    except np.linalg.LinAlgError:
        pass  # not positive definite
    return np.full_like(function(np.broadcast_to(np.eye(x.shape[-1]), x.shape)), np.nan)


class Draw:
    """Random values for all symbols, and the values of expressions under them."""

    def __init__(
        self, seed: int, low: float, high: float, sizes: dict[str, int] | None = None, definite: bool = False
    ) -> None:
        """Remember the range of the real symbols, and whether square matrices have a large diagonal."""
        self.seed, self.low, self.high, self.definite = seed, low, high, definite
        self.sizes = sizes or {}
        self.symbols: WeakKeyDictionary[Array, np.ndarray] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[Expr, Value] = WeakKeyDictionary()

    def size(self, size: Size) -> int:
        """Return the number that a size stands for in this draw."""
        if isinstance(size, int):
            return size
        if size.isidentifier():
            return self.sizes.get(size) or 4 + (self._hash(size) % 3)
        names = {n: self.size(n) for n in _names(size)}
        return int(eval(size.replace("floordiv", "_div").replace("mod(", "_mod("), _OPERATORS | names))

    def _hash(self, text: str) -> int:
        return int.from_bytes(hashlib.blake2s(f"{self.seed}{text}".encode(), digest_size=4).digest(), "big")

    def symbol(self, array: Array) -> np.ndarray:
        """Return the value of a symbol."""
        if array not in self.symbols:
            rng = np.random.default_rng(self._hash(array.symbol))
            shape = tuple(map(self.size, array.dims))
            whole = array.kind == "int"
            value = rng.integers(0, 2, shape).astype(float) if whole else rng.uniform(self.low, self.high, shape)
            if self.definite and len(shape) == 2 and shape[0] == shape[1] and not whole:
                value = value / 4 + len(value) * np.eye(len(value))
            self.symbols[array] = obeying(array.kind, value)
        return self.symbols[array]

    def __call__(self, expr: Expr) -> Value:
        """Return the axes of the value, sorted by name, and the value."""
        if expr not in self._known:
            with np.errstate(all="ignore"):
                self._known[expr] = self._evaluate(expr)
        return self._known[expr]

    def _evaluate(self, expr: Expr) -> Value:
        match expr:
            case Num():
                return (), np.asarray(float(expr.value))
            case Dim():
                return (), np.asarray(float(self.size(expr.name)))
            case Pos():
                return (expr.index,), np.arange(self.size(expr.index.size), dtype=float)
            case At():
                return self._entry(expr)
            case Reduce():
                return self._reduced(expr)
            case Along():
                return self._along(expr)
        axes = tuple(sorted(expr.free, key=lambda i: i.name))
        parts = [spread(self(c), axes) for c in expr.children]
        match expr:
            case Add():
                value = sum(parts[1:], parts[0])
            case Mul():
                value = math.prod(parts[1:], start=parts[0])
            case Pow():
                value = parts[0] ** float(expr.exponent)
            case Fn():
                value = np.asarray(ELEMENTWISE[expr.name](*parts), dtype=float)
        return axes, np.broadcast_to(value, tuple(self.size(i.size) for i in axes))

    def _entry(self, expr: At) -> Value:
        if expr.array.body is None:
            value, own = self.symbol(expr.array), expr.array.axes
        else:
            own = expr.array.axes
            value = spread(self(expr.array.body), own)
            value = np.broadcast_to(value, tuple(self.size(i.size) for i in own))
        letters: dict[Index, int] = {}
        fixed = tuple(i if isinstance(i, int) else slice(None) for i in expr.indices)
        named = [i for i in expr.indices if isinstance(i, Index)]
        where = [letters.setdefault(i, len(letters)) for i in named]
        axes = tuple(sorted(set(named), key=lambda i: i.name))
        return axes, np.einsum(value[fixed], where, [letters[i] for i in axes])

    def _reduced(self, expr: Reduce) -> Value:
        if expr.name == "sum" and isinstance(expr.body, Mul):
            return self._contracted(expr)
        axes, value = self(expr.body)
        where = tuple(axes.index(i) for i in expr.indices)
        return tuple(i for i in axes if i not in expr.indices), np.asarray(REDUCTIONS[expr.name](value, axis=where))

    def _along(self, expr: Along) -> Value:
        """Apply a function to trailing axes; its own axes come last, and are then sorted among the others."""
        rest = tuple(sorted(expr.free - set(expr.outer), key=lambda i: i.name))
        wide = (*rest, *expr.inner)
        shape = tuple(self.size(i.size) for i in wide)
        bodies = [np.broadcast_to(spread(self(c), wide), shape) for c in expr.children]
        out = tuple(self.size(i.size) for i in expr.outer)
        if expr.name == "reshape":
            value = bodies[0].reshape(shape[: len(rest)] + out)
        else:
            value = np.asarray(FUNCTIONS_ALONG[expr.name](*bodies, out))
        own = (*rest, *expr.outer)
        axes = tuple(sorted(own, key=lambda i: i.name))
        return axes, value.transpose([own.index(i) for i in axes])

    def _contracted(self, expr: Reduce) -> Value:
        """Sum a product without forming it at full size."""
        parts = [self(c) for c in expr.body.children]
        places = {i: n for n, i in enumerate(dict.fromkeys(i for axes, _ in parts for i in axes))}
        axes = tuple(sorted(expr.free, key=lambda i: i.name))
        operands = [x for own, value in parts for x in (value, [places[i] for i in own])]
        return axes, np.asarray(np.einsum(*operands, [places[i] for i in axes], optimize=True))


def spread(value: Value, axes: tuple[Index, ...]) -> np.ndarray:
    """Return a value laid out along the given axes, with size 1 where it does not depend on one."""
    own, array = value
    order = [own.index(i) for i in axes if i in own]
    shape = iter(array.transpose(order).shape)
    return array.transpose(order).reshape([next(shape) if i in own else 1 for i in axes])


def _names(size: str) -> set[str]:
    import re

    return set(re.findall(r"[A-Za-z_]\w*", size)) - {"floordiv", "mod", "max", "min", "non_negative"}


_OPERATORS = {
    "__builtins__": {}, "_div": lambda a, b: a // b, "_mod": lambda a, b: a % b, "max": max, "min": min,
}  # fmt: skip

# Both signs first; then positive numbers, where logarithms and roots have a value.
DRAWS = (Draw(1, -1.7, 1.9), Draw(2, 0.3, 1.6), Draw(3, 1.1, 2.5))
# Where none of them gives a value: other sizes, and matrices that have a Cholesky factor.
MORE_DRAWS = tuple(Draw(seed, 0.1, 1.3, definite=True) for seed in range(4, 10))


def same(a: Expr, b: Expr) -> bool:
    """Say whether two expressions have one value at every draw, and a value at all in at least one."""
    seen = False
    for draw in (*DRAWS, *MORE_DRAWS):
        if seen and draw in MORE_DRAWS:
            break
        axes = tuple(sorted(a.free | b.free, key=lambda i: i.name))
        left, right = np.broadcast_arrays(spread(draw(a), axes), spread(draw(b), axes))
        known = np.isfinite(left) & np.isfinite(right)
        left, right = left[known], right[known]
        if not (np.abs(left - right) <= 1e-12 + 1e-9 * np.abs(right)).all():
            return False
        seen = seen or bool(known.all())
    return seen
