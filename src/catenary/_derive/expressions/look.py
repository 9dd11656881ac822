"""Looking at expressions: what the rewrites ask before they act."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from .build import scaled, split
from .expr import Add, Along, At, Dim, Expr, Fn, Mul, Num, Pos, Pow, Reduce, head
from .rename import peel


def call(expr: Expr, name: str) -> Expr | None:
    """Return the argument if the expression, looked through names, is this function of one argument."""
    behind = head(expr)
    return peel(expr).children[0] if isinstance(behind, Fn) and behind.name == name else None


def others(items: Sequence[Expr], *places: int) -> list[Expr]:
    """Return the items at all other places."""
    return [x for n, x in enumerate(items) if n not in places]


def is_delta(term: Expr) -> bool:
    """Say whether a term is, or has as a factor, a Kronecker delta of two axes of one size."""
    return any(
        isinstance(f, Fn)
        and f.name == "eq"
        and all(isinstance(a, Pos) for a in f.children)
        and len({i.size for i in f.free}) == 1
        for f in factors(term)
    )


POSITIVE = frozenset({"exp", "sigmoid", "softplus", "sigmoid_prime", "tanh_prime"})
NOT_NEGATIVE = POSITIVE | {"abs", "relu", "gt", "lt", "ge", "le", "eq", "ne"}


def positive(expr: Expr, strictly: bool = False) -> bool:
    """Say whether an expression is certainly positive, or certainly not negative."""
    expr = head(expr)
    match expr:
        case At():
            return expr.array.kind == "positive" or (expr.array.kind in ("one-hot",) and not strictly)
        case Num(value=v):
            return v > 0 or (v == 0 and not strictly)
        case Fn(name=name):
            return name in (POSITIVE if strictly else NOT_NEGATIVE)
        case Pow():
            return positive(expr.base, strictly) or (expr.exponent.numerator % 2 == 0 and not strictly)
        case Mul() | Add():
            return all(positive(c, strictly) for c in expr.children)
        case Reduce(name="sum" | "max" | "min" | "prod"):
            return positive(expr.body, strictly)
        case Along(name="softmax") | Dim():
            return True
    return False


def factors(expr: Expr) -> list[Expr]:
    """Return the factors of a product, or the expression itself."""
    return list(expr.children) if isinstance(expr, Mul) else [expr]


def negated(expr: Expr) -> Expr | None:
    """Return -expr where that only turns a difference round, as it is to be printed: -(a - b) is b - a."""
    match expr:
        case Add() if any(split(t)[0] < 0 for t in expr.children):
            return Add(tuple(scaled(-c, rest) for c, rest in map(split, expr.children)))
        case Mul() | Reduce(name="sum"):
            for n, child in enumerate(expr.children):
                new = negated(child)
                if new is not None:
                    return expr.with_children((*expr.children[:n], new, *expr.children[n + 1 :]))
    return None


MATRICES = frozenset({"inv", "cholesky", "eigenvectors", "eigenvalues"})
_linear: WeakKeyDictionary[Expr, bool] = WeakKeyDictionary()


def linear_algebra(expr: Expr) -> bool:
    """Say whether a function of a matrix, or a matrix with orthonormal columns, stands in an expression."""
    if expr not in _linear:
        match expr:
            case At():
                body = expr.array.body
                _linear[expr] = expr.array.kind == "orthonormal" or (body is not None and linear_algebra(body))
            case Along() if expr.name in MATRICES:
                _linear[expr] = True
            case _:
                _linear[expr] = any(map(linear_algebra, expr.children))
    return _linear[expr]


def indicator(expr: Expr) -> bool:
    """Say whether an expression is 0 or 1, as a comparison is."""
    expr = head(expr)
    return isinstance(expr, Fn) and expr.name in ("gt", "ge", "lt", "le", "eq", "ne", "not", "and", "or")
