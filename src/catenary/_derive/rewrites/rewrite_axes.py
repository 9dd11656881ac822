"""Rewrites of powers, reductions and functions along an axis."""

from __future__ import annotations

from ..expressions.build import ONE, add, along, fn, mul, num, power, reduce, total
from ..expressions.expr import Add, Along, At, Expr, Fn, Index, Num, Pos, Pow, Reduce, head
from ..expressions.look import call, factors, indicator, others
from ..expressions.rename import peel, rename


def reciprocal_of_one_plus_exp(node: Pow) -> Expr | None:
    """1 / (1 + exp u) = σ(-u)."""
    inner = peel(node.base, Add)
    if node.exponent < 0 and isinstance(inner, Add) and len(inner.children) == 2 and ONE in inner.children:
        u = call(others(inner.children, inner.children.index(ONE))[0], "exp")
        if u is not None:
            return power(fn("sigmoid", mul((num(-1), u))), -node.exponent)
    return None


def power_of_indicator(node: Pow) -> Expr | None:
    """An indicator is 0 or 1, and so are its positive powers."""
    known = indicator(node.base) or (isinstance(node.base, At) and node.base.array.kind == "one-hot")
    return node.base if known and node.exponent > 0 else None


def sum_of_softmax(node: Reduce) -> Expr | None:
    """Σ_k softmax(v)_k = 1."""
    if node.name != "sum":
        return None
    parts = factors(node.body)
    for n, f in enumerate(parts):
        p = peel(f, Along)
        for i in node.indices:
            rest = [g for g in others(parts, n) if i in g.free]
            if isinstance(p, Along) and p.name == "softmax" and p.outer == (i,) and not rest:
                return total(tuple(j for j in node.indices if j is not i), mul(others(parts, n)))
    return None


def sum_of_one_hot(node: Reduce) -> Expr | None:
    """Σ_k [k = y] = 1 for a label y in range, which the derivation states."""
    if node.name != "sum":
        return None
    parts = factors(node.body)
    for n, f in enumerate(parts):
        for i in node.indices:
            if _label(f, i) is not None and not any(i in g.free for g in others(parts, n)):
                return total(tuple(j for j in node.indices if j is not i), mul(others(parts, n)))
    return None


def _label(factor: Expr, index: Index) -> Expr | None:
    factor = peel(factor, Fn)
    if isinstance(factor, Fn) and factor.name == "eq":
        for a, b in (factor.children, factor.children[::-1]):
            if isinstance(a, Pos) and a.index is index and isinstance(b, At) and b.array.kind == "int":
                return b if index not in b.free else None
    return None


def constant_out_of_sum(node: Reduce) -> Expr | None:
    """Σ_k w_k (a_k + c) = Σ_k w_k a_k + c Σ_k w_k, where that is shorter."""
    if node.name != "sum":
        return None
    parts = factors(node.body)
    for n, f in enumerate(parts):
        for k in node.indices:
            if k not in f.free:
                continue
            rest = others(parts, n)
            if isinstance(f, At) and f.array.body is not None and not any(k in g.free for g in rest):
                inner = total((k,), peel(f, Add)) if isinstance(head(f), Add) else node
                new = total(tuple(i for i in node.indices if i is not k), mul([*rest, inner]))
                if isinstance(inner, Num):
                    return new
            if isinstance(f, Add) and any(k not in t.free for t in f.children):
                outside = [t for t in f.children if k not in t.free]
                inside = [t for t in f.children if k in t.free]
                new = add(total(node.indices, mul([*rest, add(terms)])) for terms in (inside, outside))
                if new.weight <= node.weight:
                    return new
    return None


def exp_out_of_sum(node: Reduce) -> Expr | None:
    """Σ_k exp(z_k + c) = exp(c) Σ_k exp(z_k)."""
    if node.name != "sum":
        return None
    parts = factors(node.body)
    for n, f in enumerate(parts):
        u = call(f, "exp")
        u = u and peel(u, Add)
        if isinstance(u, Add):
            outside = [t for t in u.children if not t.free & frozenset(node.indices)]
            if outside:
                inside = [t for t in u.children if t not in outside]
                rest = total(node.indices, mul([*others(parts, n), fn("exp", add(inside))]))
                return mul((fn("exp", add(outside)), rest))
    return None


def shift_of_softmax(node: Along) -> Expr | None:
    """softmax(v + c) = softmax(v)."""
    body = peel(node.body, Add)
    if node.name in ("softmax",) and isinstance(body, Add):
        inside = [t for t in body.children if t.free & frozenset(node.inner)]
        if 0 < len(inside) < len(body.children):
            return along(node.name, node.outer, node.inner, add(inside))
    return None


def shift_of_logsumexp(node: Reduce) -> Expr | None:
    """logsumexp(v + c) = c + logsumexp(v)."""
    if node.name != "logsumexp":
        return None
    body = peel(node.body, Add)
    if isinstance(body, Add):
        outside = [t for t in body.children if not t.free & frozenset(node.indices)]
        inside = [t for t in body.children if t not in outside]
        if outside and inside:
            return add([*outside, reduce("logsumexp", node.indices, add(inside))])
    return None


def involution(node: Along) -> Expr | None:
    """Twice from the end is from the start."""
    inner = node.body
    if node.name == "reverse" and isinstance(inner, Along) and inner.name == "reverse" and inner.outer == node.inner:
        return rename(inner.body, dict(zip(inner.inner, node.outer, strict=True)))
    return None


def sum_of_fact(node: Reduce) -> Expr | None:
    """Σ_k y_k = 1 for one-hot rows, Σ_k u_k² = 1 for a unit vector."""
    if node.name != "sum":
        return None
    for n, f in enumerate(parts := factors(node.body)):
        entry, kind = (f.base, "unit") if isinstance(f, Pow) and f.exponent == 2 else (f, "one-hot")
        if isinstance(entry, At) and entry.array.kind == kind:
            k = entry.indices[-1]
            if k in node.indices and not any(k in g.free for g in others(parts, n)):
                return total(tuple(i for i in node.indices if i is not k), mul(others(parts, n)))
    return None
