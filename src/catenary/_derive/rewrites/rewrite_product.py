"""Rewrites of products: sigmoids, softmax, cancellation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from ..expressions.build import ONE, ZERO, add, along_axis, fn, mul, num, power, split
from ..expressions.expr import Add, Along, Expr, Fn, Index, Mul, Num, Pow, Reduce
from ..expressions.look import call, factors, is_delta, others
from ..expressions.rename import peel, rename


def cancelled_inside(node: Mul) -> Expr | None:
    """f (a + b / f) = a f + b, where σ′ counts as σ(u) σ(-u)."""
    for n, f in enumerate(node.children):
        u = call(f, "sigmoid_prime")
        parts = [fn("sigmoid", u), fn("sigmoid", mul((num(-1), u)))] if u is not None else [f]
        for m, a in enumerate(node.children):
            if m == n or not isinstance(a, Add) or not any(_divides(p, t) for p in parts for t in a.children):
                continue
            terms = [mul(parts + [_behind(g, parts) for g in factors(t)]) for t in a.children]
            new = mul([*others(node.children, n, m), add(terms)])
            if new.weight < node.weight:
                return new
    return None


def _behind(factor: Expr, parts: list[Expr]) -> Expr:
    """Return a reciprocal with its base looked through if it then is one of the parts."""
    if isinstance(factor, Pow) and peel(factor.base, Fn) in parts:
        return power(peel(factor.base, Fn), factor.exponent)
    return factor


def _divides(part: Expr, term: Expr) -> bool:
    return any(
        isinstance(g, Pow) and g.exponent <= -1 and (g.base is part or peel(g.base, Fn) is part) for g in factors(term)
    )


def _pairs(node: Mul) -> Iterator[tuple[int, Expr, int, Expr]]:
    for n, a in enumerate(node.children):
        for m, b in enumerate(node.children):
            if n != m:
                yield n, a, m, b


def sigmoid_products(node: Mul) -> Expr | None:
    """exp(u) σ(-u) = σ(u); σ(u) σ(-u) = σ′(u)."""
    for n, a, m, b in _pairs(node):
        s = call(b, "sigmoid")
        if s is None:
            continue
        rest = others(node.children, n, m)
        if (u := call(a, "exp")) is not None:
            for k, v in _exp_pieces(u):
                if v is mul((num(-1), s)):  # exp(v) σ(-v) = σ(v)
                    return mul([*rest, fn("sigmoid", v), fn("exp", k)])
        if (u := call(a, "sigmoid")) is not None and u is mul((num(-1), s)) and n < m:
            return mul([*rest, fn("sigmoid_prime", min(u, s, key=lambda x: (split(x)[0] < 0, x.key)))])
    return None


def _exp_pieces(u: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Yield (rest, part) for the ways to split an exponent into one part and a rest."""
    yield ZERO, u
    if isinstance(u, Add):
        for n, t in enumerate(u.children):
            yield add(others(u.children, n)), t


def over_a_delta(node: Mul) -> Expr | None:
    """A (δ + b) = a δ + a b, where δ is a Kronecker delta: an identity matrix takes part in no common factor."""
    for n, f in enumerate(node.children):
        if isinstance(f, Add) and any(is_delta(t) for t in f.children):
            return add(mul([*others(node.children, n), t]) for t in f.children)
    return None


def at_one_index(node: Mul) -> Expr | None:
    """δ_ij f(j) = δ_ij f(i): what is tied to a Kronecker delta is written at the first of its two axes."""
    for n, f in enumerate(node.children):
        if is_delta(f):
            first, second = sorted(f.free, key=lambda i: (len(i.name), i.name))
            rest = others(node.children, n)
            if any(second in g.free for g in rest):
                return mul([f, *(rename(g, {second: first}) for g in rest)])
    return None


def sigmoid_quotient(node: Mul) -> Expr | None:
    """σ′(u) / σ(u) = σ(-u); σ′(u) / σ(-u) = σ(u)."""
    for n, a, m, b in _pairs(node):
        u = call(a, "sigmoid_prime")
        s = call(b.base, "sigmoid") if u is not None and isinstance(b, Pow) and b.exponent <= -1 else None
        if u is not None and s is not None and (s is u or s is mul((num(-1), u))):
            assert isinstance(b, Pow)
            left = power(b.base, b.exponent + 1)
            return mul([*others(node.children, n, m), fn("sigmoid", mul((num(-1), s))), left])
    return None


def difference_of_squares(node: Mul) -> Expr | None:
    """(1 - t)(1 + t) = 1 - t²."""
    for n, a, m, b in _pairs(node):
        if n < m and isinstance(a, Add) and isinstance(b, Add) and len(a.children) == len(b.children) == 2:
            x, y = a.children
            if x is ONE and b.children[0] is ONE and mul((num(-1), y)) is b.children[1]:
                return mul([*others(node.children, n, m), add((ONE, mul((num(-1), power(split(y)[1], 2)))))])
    return None


def softmax(node: Mul) -> Expr | None:
    """exp(v) / Σ_k exp(v) = softmax over k of v."""
    for n, a, m, b in _pairs(node):
        if not (isinstance(b, Pow) and b.exponent < 0 and b.exponent.denominator == 1):
            continue
        below = peel(b.base, Reduce)
        v = call(a, "exp")
        if v is None or not isinstance(below, Reduce) or below.name != "sum" or len(below.indices) != 1:
            continue
        w = call(below.body, "exp")
        index = w and matched(w, below.indices[0], v)
        if index:
            rest = [*others(node.children, n, m), power(b.base, b.exponent + 1)]
            return mul([*rest, along_axis("softmax", index, v)])
    return None


def matched(w: Expr, bound: Index, v: Expr) -> Index | None:
    """Return the index k of v for which v is w with its bound index called k."""
    for k in sorted(v.free - w.free, key=lambda i: i.name):
        if k.size == bound.size and rename(w, {bound: k}) is v:
            return k
    return None


def sign_over_abs(node: Mul) -> Expr | None:
    """sign(x) |x| = x and sign(x) / |x| = 1 / x."""
    for n, a, m, b in _pairs(node):
        base, exponent = (b.base, b.exponent) if isinstance(b, Pow) else (b, Fraction(1))
        x = call(a, "sign")
        if x is not None and x is call(base, "abs") and abs(exponent) == 1:
            return mul([*others(node.children, n, m), power(x, exponent)])
    return None


def relu_product(node: Mul) -> Expr | None:
    """x [x > 0] = relu(x) = relu(x) [x > 0]; relu(x) / x = [x > 0]."""
    for n, a, m, b in _pairs(node):
        if isinstance(a, Pow) and a.exponent <= -1 and call(b, "relu") is a.base:
            step = (fn("gt", a.base, ZERO), power(a.base, a.exponent + 1))
            return mul([*others(node.children, n, m), *step])
        if isinstance(b, Fn) and b.name == "gt" and b.children[1] is ZERO:
            x = call(a.base if isinstance(a, Pow) and a.exponent > 0 else a, "relu")
            if x is b.children[0]:
                return mul(others(node.children, m))
            if a is b.children[0]:
                return mul([*others(node.children, n, m), fn("relu", a)])
    return None


QUOTIENTS: dict[tuple[str, str], Callable[[Expr], Expr]] = {
    ("sinh", "cosh"): lambda x: fn("tanh", x),
    ("sin", "cos"): lambda x: fn("tan", x),
    ("sign", "abs"): lambda x: power(x, -1),
}


def quotients(node: Mul) -> Expr | None:
    """Functions whose quotient has a name."""
    for n, a, m, b in _pairs(node):
        if isinstance(a, Fn) and isinstance(b, Pow) and b.exponent <= -1 and isinstance(b.base, Fn):
            row = QUOTIENTS.get((a.name, b.base.name))
            if row and a.children == b.base.children:
                return mul([*others(node.children, n, m), row(a.children[0]), power(b.base, b.exponent + 1)])
    return None


def mask_of_softmax(node: Mul) -> Expr | None:
    """c softmax(where(c, v, -inf)) = softmax(where(c, v, -inf))."""
    for a in node.children:
        p = peel(a, Along)
        if not isinstance(p, Along) or p.name != "softmax":
            continue
        masked = peel(p.body, Fn)
        if isinstance(masked, Fn) and masked.name == "where" and masked.children[2] is Num(float("-inf")):
            mask = rename(masked.children[0], dict(zip(p.inner, p.outer, strict=True)))
            if mask in node.children:
                return mul(others(node.children, node.children.index(mask)))
    return None
