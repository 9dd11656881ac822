"""Rewrites of functions of one entry: logarithms and exponentials, comparisons, relu."""

from __future__ import annotations

import operator
from collections.abc import Callable

from ..expressions import positions
from ..expressions.build import ONE, ZERO, add, fn, mul, negative_first, num, power, reduce, split, total
from ..expressions.expr import Add, Along, At, Expr, Fn, Mul, Num, Pos, Reduce
from ..expressions.look import call, indicator, others, positive
from ..expressions.rename import peel, rename

COMPARE: dict[str, Callable[[object, object], bool]] = {
    n: getattr(operator, n) for n in ("eq", "ne", "gt", "ge", "lt", "le")
}


def fold_numbers(node: Fn) -> Expr | None:
    """Compute with numbers, and write symmetric functions in one order."""
    a = node.children
    match node.name:
        case "eq" if (sides := positions.canonical(*a)) is not None and set(sides) != set(a):
            return fn("eq", *sides)
        case "max" if any(isinstance(x, Num) and x.value == float("-inf") for x in a):
            return a[1] if isinstance(a[0], Num) and a[0].value == float("-inf") else a[0]
        case "min" if any(isinstance(x, Num) and x.value == float("inf") for x in a):
            return a[1] if isinstance(a[0], Num) and a[0].value == float("inf") else a[0]
        case "max" | "min" | "eq" | "ne" | "and" | "or" if a[1].key < a[0].key:
            return fn(node.name, a[1], a[0])
        case "ne" if a[0] is a[1]:
            return ZERO
        case "eq" | "ge" | "le" if a[0] is a[1]:
            return ONE
        case "or" | "and" if ZERO in a or ONE in a:
            neutral = ZERO if node.name == "or" else ONE
            rest = [x for x in a if x is not neutral]
            return (ONE if node.name == "or" else ZERO) if len(rest) != 1 or isinstance(rest[0], Num) else rest[0]
        case "max" | "min" | "and" | "or" if a[0] is a[1]:
            return a[0]
        case "eq" if any(x is ZERO for x in a) and indicator(a[0] if a[1] is ZERO else a[1]):
            return fn("not", a[0] if a[1] is ZERO else a[1])
        case "eq" | "ne" if any(isinstance(x, Num) and x.value == float("inf") for x in a):
            return ONE if node.name == "ne" else ZERO
        case "eq" | "ne" | "gt" | "ge" | "lt" | "le" if isinstance(a[0], Num) and isinstance(a[1], Num):
            return num(int(COMPARE[node.name](a[0].value, a[1].value)))
        case "floor" | "ceil" | "round" if isinstance(a[0], Num) and a[0].value == int(a[0].value):
            return a[0]
        case "max" | "min" if isinstance(a[0], Num) and isinstance(a[1], Num):
            return max(a, key=lambda x: x.value) if node.name == "max" else min(a, key=lambda x: x.value)  # type: ignore[attr-defined]
        case "gt" | "ge" if a[1] is ZERO and positive(a[0], strictly=True):
            return ONE
        case "ne" if ZERO in a and any(map(indicator, a)):
            return a[0] if a[1] is ZERO else a[1]
        case "gt" if a[0] is ZERO and (isinstance(a[1], Pos) or positive(a[1])):
            return ZERO
        case "ge" if a[0] is ZERO and positive(a[1], strictly=True):
            return ZERO
        case "sign" if positive(a[0], strictly=True):
            return ONE
        case "finite":
            return ONE
        case "exp" if a[0] is ZERO:
            return ONE
        case "log" if a[0] is ONE:
            return ZERO
        case "abs" if positive(a[0]):
            return a[0]
        case "abs" | "sigmoid_prime" | "tanh_prime" | "cos" | "cosh" if negative_first(a[0]):
            return fn(node.name, mul((num(-1), a[0])))
        case "tanh" | "sin" | "sinh" | "tan" | "erf" | "sign" | "asin" | "atan" | "asinh" if negative_first(a[0]):
            return mul((num(-1), fn(node.name, mul((num(-1), a[0])))))
        case "lt" | "le":
            return fn({"lt": "gt", "le": "ge"}[node.name], a[1], a[0])
    return None


def where(node: Fn) -> Expr | None:
    """A choice between a and 0 is the product c a."""
    if node.name != "where":
        return None
    c, a, b = node.children
    if isinstance(c, Num):
        return a if c.value else b
    if a is b:
        return a
    if b is ZERO:
        return mul((c, a))
    if a is ZERO:
        return mul((fn("not", c), b))
    if a is ONE and b == num(-1) and isinstance(c, Fn) and c.name == "ge" and c.children[1] is ZERO:
        return fn("sgn", c.children[0])
    return None


_OPPOSITE = {"gt": "le", "ge": "lt", "lt": "ge", "le": "gt", "eq": "ne", "ne": "eq"}


def negation(node: Fn) -> Expr | None:
    """not (a > b) = (a ≤ b)."""
    if node.name != "not":
        return None
    inner = peel(node.children[0], Fn)
    if isinstance(inner, Fn) and inner.name in _OPPOSITE:
        return fn(_OPPOSITE[inner.name], *inner.children)
    return ONE if inner is ZERO else ZERO if inner is ONE else None


def relu(node: Fn) -> Expr | None:
    """The larger of x and 0 has a name, and is x where that is never negative."""
    if node.name == "relu" and positive(node.children[0]):
        return node.children[0]
    if node.name == "max" and ZERO in node.children:
        x = node.children[1] if node.children[0] is ZERO else node.children[0]
        return fn("relu", x)
    return None


def sign_of_relu(node: Fn) -> Expr | None:
    """[relu(x) > 0] = [x > 0]."""
    if node.name == "gt" and node.children[1] is ZERO:
        x = call(node.children[0], "relu")
        return fn("gt", x, ZERO) if x is not None else None
    return None


def indicator_over_zero(node: Fn) -> Expr | None:
    """[[a >= b] > 0] = [a >= b]: an indicator is 0 or 1."""
    inner = peel(node.children[0], Fn)
    indicator = isinstance(inner, Fn) and inner.name in (*COMPARE, "not", "and", "or")
    return node.children[0] if node.name == "gt" and node.children[1] is ZERO and indicator else None


def log_of_one_plus_exp(node: Fn) -> Expr | None:
    """log(1 + exp u) = softplus(u)."""
    inner = peel(node.children[0], Add)
    if node.name == "log" and isinstance(inner, Add) and len(inner.children) == 2 and ONE in inner.children:
        u = call(others(inner.children, inner.children.index(ONE))[0], "exp")
        return fn("softplus", u) if u is not None else None
    return None


def log_of_product(node: Fn) -> Expr | None:
    """log(exp(u) s) = u + log s."""
    if node.name != "log":
        return None
    inner = peel(node.children[0], Fn, Mul)
    if call(inner, "exp") is not None:
        return call(inner, "exp")
    if isinstance(inner, Mul):
        for n, f in enumerate(inner.children):
            u = call(f, "exp")
            if u is not None:
                return add((u, fn("log", mul(others(inner.children, n)))))
    return None


def log_of_sum_of_exp(node: Fn) -> Expr | None:
    """log Σ exp u = logsumexp(u)."""
    inner = peel(node.children[0], Reduce)
    if node.name == "log" and isinstance(inner, Reduce) and inner.name == "sum":
        u = call(inner.body, "exp")
        return reduce("logsumexp", inner.indices, u) if u is not None else None
    return None


def log_of_softmax(node: Fn) -> Expr | None:
    """log softmax(u) = u - logsumexp(u)."""
    inner = peel(node.children[0], Along)
    if node.name == "log" and isinstance(inner, Along) and inner.name == "softmax":
        here = rename(inner.body, dict(zip(inner.inner, inner.outer, strict=True)))
        return add((here, mul((num(-1), reduce("logsumexp", inner.inner, inner.body)))))
    return None


def exp_of_log(node: Fn) -> Expr | None:
    """exp(a + c log s) = exp(a) s^c, where log s may hide in a softplus or a logsumexp.

    Not for a sum with the log of an entry: exp(a + log w) is positive for all to see.
    """
    if node.name != "exp":
        return None
    inner = peel(node.children[0], Add)
    terms = inner.children if isinstance(inner, Add) else (inner,)
    for n, t in enumerate(terms):
        c, rest = split(t)
        u = peel(rest, Fn, Reduce)
        factor: Expr | None = None
        if isinstance(u, Fn) and u.name == "log" and (len(terms) == 1 or not isinstance(u.children[0], At)):
            factor = power(u.children[0], c)
        elif isinstance(u, Fn) and u.name == "softplus" and c.denominator == 1:
            factor = power(add((ONE, fn("exp", u.children[0]))), c)
        elif isinstance(u, Reduce) and u.name == "logsumexp":
            factor = power(total(u.indices, fn("exp", u.body)), c)
        if factor is not None:
            return mul([fn("exp", add(others(terms, n))), factor])
    return None
