"""Rewrites of sums of terms: complements, common factors, sums that join."""

from __future__ import annotations

from fractions import Fraction

from .build import ONE, ZERO, add, fn, mul, num, split, total
from .expr import Add, Expr, Fn, Mul, Num, Pow, Reduce, temporary
from .look import call, factors, is_delta, others
from .rename import peel, rename


def max_plus_softplus(node: Add) -> Expr | None:
    """max(a, b) + softplus(-|a - b|) = log(exp a + exp b) = a + softplus(b - a)."""
    for n, t in enumerate(node.children):
        top = peel(t, Fn)
        if not (isinstance(top, Fn) and top.name in ("max", "relu")):
            continue
        a, b = top.children if top.name == "max" else (ZERO, top.children[0])
        gap = mul((num(-1), fn("abs", add((a, mul((num(-1), b)))))))
        for m, s in enumerate(node.children):
            if m != n and (soft := call(s, "softplus")) is not None and peel(soft, Mul) is gap:
                return add([*others(node.children, n, m), a, fn("softplus", add((b, mul((num(-1), a)))))])
    return None


def complements(node: Add) -> Expr | None:
    """c - c tanh² = c tanh′; c - c σ(u) = c σ(-u), where c is a number."""
    number = node.children[0] if isinstance(node.children[0], Num) else None
    if number is None or not isinstance(number.value, Fraction):
        return None
    for n, t in enumerate(node.children[1:], 1):
        c, rest = split(t)
        if c != -number.value:
            continue
        x = peel(rest, Pow, Fn)
        if isinstance(x, Pow) and x.exponent == 2 and (u := call(x.base, "tanh")) is not None:
            return add([mul((number, fn("tanh_prime", u))), *others(node.children, 0, n)])
        if (u := call(x, "sigmoid")) is not None:
            return add([mul((number, fn("sigmoid", mul((num(-1), u))))), *others(node.children, 0, n)])
    return None


def common_factor(node: Add) -> Expr | None:
    """a b + a c = a (b + c); numbers stay where they are, and so do identity matrices."""
    if any(map(is_delta, node.children)):
        return None
    sets = [
        set(split(t)[1].children if isinstance(split(t)[1], Mul) else (split(t)[1],)) - {ONE} for t in node.children
    ]
    common = sorted(set.intersection(*sets), key=lambda f: f.key)
    if not common:
        return None
    rest = []
    for t in node.children:
        c, r = split(t)
        left = [f for f in (r.children if isinstance(r, Mul) else (r,)) if f not in common]
        rest.append(mul([Num(c), *left]))
    return mul([*common, add(rest)])


def joined_sums(node: Add) -> Expr | None:
    """Σ_i a f + Σ_i a g = Σ_i a (f + g)."""
    sums = [(n, *_sum_term(t)) for n, t in enumerate(node.children)]
    for n, c, outside, r in sums:
        for m, d, beside, s in sums:
            if n >= m or r is None or s is None or len(r.indices) != 1 or len(s.indices) != 1:
                continue
            if r.indices[0].size != s.indices[0].size or outside != beside:
                continue
            i = temporary(r.indices[0].size)
            f, g = (set(factors(rename(x.body, {x.indices[0]: i}))) for x in (r, s))
            common = [k for k in f & g if i in k.free]
            if not common:
                continue
            left, right = (mul([Num(k), *(y for y in x if y not in common)]) for k, x in ((c, f), (d, g)))
            joined = mul([*outside, total((i,), mul([*common, add((left, right))]))])
            return add([*others(node.children, n, m), joined])
    return None


def _sum_term(term: Expr) -> tuple[Fraction, list[Expr], Reduce | None]:
    """Return a term as number, other factors and the one sum among its factors."""
    c, rest = split(term)
    parts = factors(rest)
    sums = [f for f in parts if isinstance(f, Reduce) and f.name == "sum"]
    if len(sums) != 1:
        return c, [], None
    return c, [f for f in parts if f is not sums[0]], sums[0]


def opposite_sigmoids(node: Add) -> Expr | None:
    """a σ(u) + a σ(-u) = a."""
    for n, t in enumerate(node.children):
        for f in factors(t):
            u = call(f, "sigmoid")
            if u is None:
                continue
            rest = mul(g for g in factors(t) if g is not f)
            for m, other in enumerate(node.children):
                for g in factors(other) if m != n else ():
                    v = call(g, "sigmoid")
                    if (
                        v is not None
                        and v is mul((num(-1), u))
                        and mul(h for h in factors(other) if h is not g) is rest
                    ):
                        return add([*others(node.children, n, m), rest])
    return None


def expanded_if_shorter(node: Add) -> Expr | None:
    """a (b + c) + d multiplied out, where that is shorter."""
    for n, t in enumerate(node.children):
        inner = [f for f in factors(t) if isinstance(f, Add)]
        if len(inner) == 1 and len(inner[0].children) <= 3:
            rest = [f for f in factors(t) if f is not inner[0]]
            flat = [mul([*rest, k]) for k in inner[0].children]
            if any(isinstance(k, Add) for k in flat):
                continue
            new = add([*others(node.children, n), *flat])
            if new.weight < node.weight:
                return new
    return None
