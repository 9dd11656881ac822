"""The derivatives: one row for each function of entries, each reduction and each function of whole axes.

A row of ``PARTIALS`` gives ∂f/∂(argument k) from the arguments; a row of ``REDUCTIONS`` or ``PULLBACKS`` gives the
cotangent of a body from the cotangent of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..expressions.build import ONE, ZERO, add, along, along_axis, fn, mul, num, power, total
from ..expressions.expr import Along, Expr, Index, Pos, Reduce, temporary
from ..expressions.rename import rename
from .derivatives_linalg import LINALG

Partial = Callable[..., Expr]
HALF = Fraction(1, 2)


def _minus(*terms: Expr) -> Expr:
    first, *rest = terms
    return add([first, *(mul((num(-1), t)) for t in rest)])


def _root_of_one_minus_square(x: Expr) -> Expr:
    return power(_minus(ONE, power(x, 2)), -HALF)


def _step(a: Expr, b: Expr) -> Expr:
    """The derivative of max(a, b) by a: 1 where a is larger, 1/2 where they are equal, as JAX has it."""
    return fn("step", _minus(a, b))


def _whole_part(x: Expr) -> Expr:
    """The whole part of a number, towards zero."""
    return mul((fn("sign", x), fn("floor", fn("abs", x))))


# One function for each argument, of all arguments.
PARTIALS: dict[str, tuple[Partial, ...]] = {
    "exp": (lambda x: fn("exp", x),),
    "log": (lambda x: power(x, -1),),
    "tanh": (lambda x: fn("tanh_prime", x),),
    "tanh_prime": (lambda x: mul((num(-2), fn("tanh", x), fn("tanh_prime", x))),),
    "sigmoid": (lambda x: fn("sigmoid_prime", x),),
    "sigmoid_prime": (
        lambda x: mul((fn("sigmoid_prime", x), _minus(ONE, mul((num(2), fn("sigmoid", x)))))),
    ),
    "softplus": (lambda x: fn("sigmoid", x),),
    "sin": (lambda x: fn("cos", x),),
    "cos": (lambda x: mul((num(-1), fn("sin", x))),),
    "tan": (lambda x: add((ONE, power(fn("tan", x), 2))),),
    "sinh": (lambda x: fn("cosh", x),),
    "cosh": (lambda x: fn("sinh", x),),
    "asin": (_root_of_one_minus_square,),
    "acos": (lambda x: mul((num(-1), _root_of_one_minus_square(x))),),
    "atan": (lambda x: power(add((ONE, power(x, 2))), -1),),
    "asinh": (lambda x: power(add((ONE, power(x, 2))), -HALF),),
    "acosh": (lambda x: power(_minus(power(x, 2), ONE), -HALF),),
    "atanh": (lambda x: power(_minus(ONE, power(x, 2)), -1),),
    "atan2": (
        lambda y, x: mul((x, power(add((power(x, 2), power(y, 2))), -1))),
        lambda y, x: mul((num(-1), y, power(add((power(x, 2), power(y, 2))), -1))),
    ),
    "erf": (lambda x: mul((num(2), power(fn("pi"), -HALF), fn("exp", mul((num(-1), power(x, 2)))))),),
    "erfinv": (lambda x: mul((num(Fraction(1, 2)), power(fn("pi"), HALF), fn("exp", power(fn("erfinv", x), 2)))),),
    "lgamma": (lambda x: fn("digamma", x),),
    "digamma": (lambda x: fn("trigamma", x),),
    "abs": (lambda x: fn("sign", x),),
    "relu": (lambda x: fn("gt", x, ZERO),),
    "max": (_step, lambda a, b: _step(b, a)),
    "min": (lambda a, b: _step(b, a), _step),
    "pow": (
        lambda x, y: mul((y, fn("pow", x, _minus(y, ONE)))),
        lambda x, y: mul((fn("log", x), fn("pow", x, y))),
    ),
    "where": (lambda c, a, b: ZERO, lambda c, a, b: c, lambda c, a, b: fn("not", c)),
    "rem": (lambda x, y: ONE, lambda x, y: mul((num(-1), _whole_part(mul((x, power(y, -1))))))),
    **dict.fromkeys(
        "gt ge lt le eq ne and or not sign sgn step floor ceil round finite stop".split(),
        (lambda *args: ZERO,) * 3,
    ),
}  # fmt: skip


# A row: the cotangent of the body over its own indices, which are called ``inner`` here, from the node and its
# cotangent ``w``.
Pull = Callable[[Any, tuple[Index, ...], Expr, Expr], Expr]


def _extreme(node: Reduce, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    return mul((w, fn("eq", body, node)))


def _product(node: Reduce, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    return mul((w, node, power(body, -1)))


def _logsumexp(node: Reduce, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    if len(inner) == 1:
        return mul((w, along_axis("softmax", inner[0], body)))
    return mul((w, fn("exp", _minus(body, node))))


REDUCTIONS: dict[str, Pull] = {
    "sum": lambda node, inner, body, w: w,
    "max": _extreme,
    "min": _extreme,
    "prod": _product,
    "logsumexp": _logsumexp,
    "argmax": lambda node, inner, body, w: ZERO,
    "argmin": lambda node, inner, body, w: ZERO,
}


def _softmax(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """(w − Σ w p) p, at the entries of the body."""
    here = dict(zip(node.outer, inner, strict=True))
    p, w = rename(node, here), rename(w, here)
    return mul((p, _minus(w, total(inner, mul((w, p))))))


def _cumsum(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """Σ over the entries from the own one to the last: reverse, cumulate, reverse."""
    (k,) = inner
    w = rename(w, dict(zip(node.outer, inner, strict=True)))
    return _from_the_end(k, w)


def _reverse(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    return along_axis("reverse", inner[0], rename(w, dict(zip(node.outer, inner, strict=True))))


def _sort(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """The entry that came to place k has its cotangent: Σ_k [argsort(x)_k = i] w_k."""
    (k,), (i,) = node.outer, inner
    here = temporary(k.size)
    order = along_axis("argsort", here, rename(body, {i: here}))
    return total((here,), mul((fn("eq", Pos(i), order), rename(w, {k: here}))))


def _from_the_end(k: Index, x: Expr) -> Expr:
    return along_axis("reverse", k, along_axis("cumsum", k, along_axis("reverse", k, x)))


def _cumprod(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """Σ of w y over the entries from the own one to the last, over x."""
    here = dict(zip(node.outer, inner, strict=True))
    return mul((_from_the_end(inner[0], mul((rename(node, here), rename(w, here)))), power(body, -1)))


def _cumlogsumexp(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """exp(x) Σ of w exp(−y) over the entries from the own one to the last."""
    here = dict(zip(node.outer, inner, strict=True))
    below = fn("exp", mul((num(-1), rename(node, here))))
    return mul((fn("exp", body), _from_the_end(inner[0], mul((rename(w, here), below)))))


def _reshape(node: Along, inner: tuple[Index, ...], body: Expr, w: Expr) -> Expr:
    """The entries go back to where they were."""
    fresh = {i: temporary(i.size) for i in node.outer}
    return along("reshape", inner, tuple(fresh.values()), rename(w, fresh))


PULLBACKS: dict[str, Pull] = {
    **LINALG,
    "reshape": _reshape,
    "softmax": _softmax,
    "cumsum": _cumsum,
    "reverse": _reverse,
    "sort": _sort,
    "argsort": lambda node, inner, body, w: ZERO,
    "cumprod": _cumprod,
    "cumlogsumexp": _cumlogsumexp,
}
