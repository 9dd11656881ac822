"""Rewrites of sums of terms: complements, common factors, sums that join."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from ..expressions.build import ONE, ZERO, add, fn, mul, num, power, size, split, total
from ..expressions.expr import Add, Expr, Fn, Mul, Num, Pow, Reduce, temporary
from ..expressions.look import call, factors, is_delta, others
from ..expressions.rename import peel, rename


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
        if (step := _step(x)) is not None:
            return add([mul((number, fn(step[0], mul((num(-1), step[1]))))), *others(node.children, 0, n)])
    return None


def common_factor(node: Add) -> Expr | None:
    """a b + a c = a (b + c), of powers the smallest: x/n + y/n² = (x + y/n)/n; numbers stay, and identity matrices."""
    if any(map(is_delta, node.children)):
        return None
    powers = [_powers(t) for t in node.children]
    common = {b: _shared([p[b] for p in powers]) for b in powers[0] if all(b in p for p in powers)}
    common = {b: x for b, x in common.items() if x}
    if not common:
        return None
    inverse = [power(b, -x) for b, x in common.items()]
    return mul([*(power(b, x) for b, x in common.items()), add(mul([t, *inverse]) for t in node.children)])


def _powers(term: Expr) -> dict[Expr, Fraction]:
    """Return the factors of a term, without its number, as bases with exponents."""
    parts = factors(split(term)[1])
    pairs = [(f.base, f.exponent) if isinstance(f, Pow) else (f, Fraction(1)) for f in parts]
    return dict(pairs) | {ONE: Fraction(0)}


def _shared(exponents: list[Fraction]) -> Fraction:
    """Return the part that powers with these exponents share."""
    if all(x > 0 for x in exponents):
        return min(exponents)
    return max(exponents) if all(x < 0 for x in exponents) else Fraction(0)


def partly_common(node: Add) -> Expr | None:
    """a b + a c + d = a (b + c) + d, where that is shorter."""
    parts = [set(factors(split(t)[1])) - {ONE} for t in node.children]
    for n, p in enumerate(parts):
        for m in range(n + 1, len(parts)):
            common = p & parts[m]
            if any(f.weight > 1 for f in common):
                inverse = [power(f, -1) for f in common]
                left = add(mul([node.children[k], *inverse]) for k in (n, m))
                new = add([*others(node.children, n, m), mul([*common, left])])
                if new.weight < node.weight and not isinstance(left, Mul):
                    return new
    return None


def joined_sums(node: Add) -> Expr | None:
    """Σ_i a f + Σ_i a g = Σ_i a (f + g)."""
    sums = [(n, c, outside, r) for n, t in enumerate(node.children) for c, outside, r in _sum_terms(t)]
    for n, c, outside, r in sums:
        for m, d, beside, s in sums:
            if n >= m or len(r.indices) != len(s.indices) or outside != beside:
                continue
            for f, g in _matched(r, s):
                common = [k for k in f if k in g and k.free]
                if not common:
                    continue
                left, right = (mul([Num(k), *(y for y in x if y not in common)]) for k, x in ((c, f), (d, g)))
                bound = tuple(i for i in frozenset().union(*(k.free for k in (*f, *g))) if i.name.startswith("~"))
                joined = mul([*outside, total(bound, mul([*common, add((left, right))]))])
                return add([*others(node.children, n, m), joined])
    return None


def _matched(r: Reduce, s: Reduce) -> Iterator[tuple[list[Expr], list[Expr]]]:
    """Yield the factors of two sums with their bound indices called the same, in each way that fits the sizes."""
    fresh = [temporary(i.size) for i in r.indices]
    left = factors(rename(r.body, dict(zip(r.indices, fresh, strict=True))))
    for order in itertools.permutations(fresh):
        if all(i.size == j.size for i, j in zip(s.indices, order, strict=True)):
            yield left, factors(rename(s.body, dict(zip(s.indices, order, strict=True))))


def _sum_terms(term: Expr) -> Iterator[tuple[Fraction, list[Expr], Reduce]]:
    """Yield the ways to see a term as number, other factors and one sum."""
    c, rest = split(term)
    parts = factors(rest)
    for n, f in enumerate(parts):
        if isinstance(f, Reduce) and f.name == "sum":
            yield c, others(parts, n), f


def sum_of_squares_about_mean(node: Add) -> Expr | None:
    """Σ a² - (Σ a)²/N = Σ (a - (Σ a)/N)²."""
    for n, t in enumerate(node.children):
        for c, outside, r in _sum_terms(t):
            if len(r.indices) != 1 or not isinstance(r.body, Pow) or r.body.exponent != 2:
                continue
            a, (i,) = r.body.base, r.indices
            mean = mul((power(size(i.size), -1), total((i,), a)))
            square = mul([Num(-c), *outside, power(total((i,), a), 2), power(size(i.size), -1)])
            if square in others(node.children, n):
                k = temporary(i.size)
                centred = add((rename(a, {i: k}), mul((num(-1), mean))))
                rest = [x for x in others(node.children, n) if x is not square]
                return add([*rest, mul([Num(c), *outside, total((k,), power(centred, 2))])])
    return None


def opposite_steps(node: Add) -> Expr | None:
    """a σ(u) + b σ(-u) = a + (b - a) σ(-u), where that is shorter, as where a = b; and so for the step."""
    found = [(n, f, c) for n, t in enumerate(node.children) for f in factors(t) if (c := _step(f)) is not None]
    for n, f, (name, u) in found:
        for m, g, (other, v) in found:
            if n != m and name == other and v is mul((num(-1), u)):
                a = mul(h for h in factors(node.children[n]) if h is not f)
                b = mul(h for h in factors(node.children[m]) if h is not g)
                new = add([*others(node.children, n, m), a, mul((add((b, mul((num(-1), a)))), g))])
                if new.weight < node.weight:
                    return new
    return None


def _step(factor: Expr) -> tuple[str, Expr] | None:
    """Return the name and the argument of a function with f(u) + f(-u) = 1."""
    return next(((n, u) for n in ("sigmoid", "step") if (u := call(factor, n)) is not None), None)


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
