"""Rewrites of reshapes: a split goes in to the entries of arrays, a merge comes out, the two cancel."""

from __future__ import annotations

from ..expressions.build import add, along, delta, mul, rebuild, reduce, total
from ..expressions.expr import Add, Along, Expr, Fn, Mul, Pos, Pow, Reduce, temporary
from ..expressions.look import factors, others
from ..expressions.rename import rename
from ..expressions.reshape import count, reshaped


def constant(node: Along) -> Expr | None:
    """What depends on none of the axes has no shape to change; factors that do not stand outside."""
    if node.name != "reshape":
        return None
    inner = frozenset(node.inner)
    outside = [f for f in factors(node.body) if not f.free & inner]
    if not outside:
        return None
    inside = [f for f in factors(node.body) if f.free & inner]
    return mul([*outside, along(node.name, node.outer, node.inner, mul(inside))] if inside else outside)


def split_inside(node: Along) -> Expr | None:
    """f(a, b)[h k] = f(a[h k], b[h k]), where one axis splits."""
    if node.name != "reshape" or len(node.inner) > 1:
        return None
    (j,), body = node.inner, node.body

    def split(x: Expr) -> Expr:
        return along(node.name, node.outer, node.inner, x) if j in x.free else x

    match body:
        case Fn() if delta(body, (j,)):
            return None  # the identity, to be summed away
        case Fn() | Pow() | Mul() | Add():
            return rebuild(body, tuple(map(split, body.children)))
        case Pos():
            return add(mul((Pos(i), count(node.outer[n + 1 :]))) for n, i in enumerate(node.outer))
        case Reduce():
            fresh = {i: temporary(i.size) for i in body.indices}
            return reduce(body.name, fresh.values(), split(rename(body.body, fresh)))
        case Along() if j not in body.outer:
            fresh = {i: temporary(i.size) for i in body.inner}
            bodies = (split(rename(c, fresh)) for c in body.children)
            return along(body.name, body.outer, tuple(fresh.values()), *bodies)
    return None


def reshape_of_reshape(node: Along) -> Expr | None:
    """A reshape of a reshape is one, and none where the axes are again what they were."""
    body = node.body
    if node.name != "reshape" or not isinstance(body, Along) or body.name != "reshape":
        return None
    if body.outer[0] not in node.inner:
        return None
    start = node.inner.index(body.outer[0])
    stop = start + len(body.outer)
    if node.inner[start:stop] != body.outer:
        return None
    fresh = {i: temporary(i.size) for i in body.inner}
    inner = (*node.inner[:start], *fresh.values(), *node.inner[stop:])
    return reshaped(node.outer, inner, rename(body.body, fresh))


def merge_inside(node: Along) -> Expr | None:
    """A merge goes into a sum of products where one factor has the axes that merge."""
    body = node.body
    if node.name != "reshape" or not isinstance(body, Reduce) or body.name != "sum":
        return None
    fresh = {i: temporary(i.size) for i in body.indices}
    parts = factors(rename(body.body, fresh))
    touched = [n for n, f in enumerate(parts) if f.free & frozenset(node.inner)]
    if len(touched) != 1 or len(parts) == 1:
        return None
    inside = along(node.name, node.outer, node.inner, parts[touched[0]])
    return total(tuple(fresh.values()), mul([inside, *others(parts, *touched)]))


def merge_outside(node: Fn | Pow | Mul | Add) -> Expr | None:
    """A function of entries of merged arrays is the merge of the function: f(a[(h k)], b[(h k)]) = f(a, b)[(h k)]."""
    first = next((m for m in map(_merge, node.children) if m), None)
    if first is None or len(first.outer) > 1:
        return None
    j = first.outer[0]
    inner = tuple(temporary(i.size) for i in first.inner)
    kids = []
    for child in node.children:
        m = _merge(child)
        if m and m.outer == first.outer and [i.size for i in m.inner] == [i.size for i in inner]:
            rest = mul(f for f in factors(child) if f is not m)
            kids.append(mul((rest, rename(m.body, dict(zip(m.inner, inner, strict=True))))))
        elif j in child.free or not isinstance(node, Fn):
            return None
        else:
            kids.append(child)
    return along("reshape", first.outer, inner, rebuild(node, tuple(kids)))


def _merge(term: Expr) -> Along | None:
    """Return the one factor of a term that is a merge."""
    found = [f for f in factors(term) if isinstance(f, Along) and f.name == "reshape" and len(f.inner) > 1]
    if len(found) != 1 or any(found[0].outer[0] in f.free for f in factors(term) if f is not found[0]):
        return None
    return found[0]


def sum_of_reshape(node: Reduce) -> Expr | None:
    """The sum of all entries does not depend on their shape, nor does that of a product of equal reshapes."""
    if node.name != "sum":
        return None
    parts = factors(node.body)
    for f in parts:
        if isinstance(f, Reduce) and f.name == "sum" and any(_reshaped_delta(g, node) for g in factors(f.body)):
            fresh = {i: temporary(i.size) for i in f.indices}
            inside = rename(f.body, fresh)
            return total((*node.indices, *fresh.values()), mul([inside, *(p for p in parts if p is not f)]))
        if not isinstance(f, Along) or f.name != "reshape" or not set(f.outer) <= set(node.indices):
            continue
        group = [g for g in parts if g.free & frozenset(f.outer)]
        if _identity(f):
            fresh = {i: temporary(i.size) for i in f.inner}
            rest = {i: temporary(i.size) for i in f.outer}
            beside = rename(mul(g for g in group if g is not f), rest)
            turned = along("reshape", tuple(fresh.values()), tuple(rest.values()), beside)
            left = tuple(i for i in node.indices if i not in f.outer)
            kept = [p for p in parts if p not in group]
            return total((*left, *fresh.values()), mul([rename(f.body, fresh), turned, *kept]))
        inner = [temporary(i.size) for i in f.inner]
        if all(_alike(g, f) for g in group):
            bodies = [rename(g.body, dict(zip(g.inner, inner, strict=True))) for g in group if isinstance(g, Along)]
            left = tuple(i for i in node.indices if i not in f.outer)
            return total((*left, *inner), mul([*bodies, *(p for p in parts if p not in group)]))
    return None


def _reshaped_delta(f: Expr, outside: Reduce) -> bool:
    """Say whether a factor is a reshaped identity that an outer sum, too, sums over."""
    return isinstance(f, Along) and bool(set(f.outer) & set(outside.indices)) and _identity(f)


def _identity(f: Along) -> bool:
    """Say whether one of the factors that are reshaped is an identity, to be summed away."""
    return f.name == "reshape" and any(
        delta(g, f.inner) or (isinstance(g, Along) and bool(set(g.outer) & set(f.inner)) and _identity(g))
        for g in factors(f.body)
    )


def _alike(g: Expr, f: Along) -> bool:
    """Say whether two factors are reshapes from and to the same axes."""
    return (
        isinstance(g, Along)
        and (g.name, g.outer, [i.size for i in g.inner]) == (f.name, f.outer, [i.size for i in f.inner])
        and not g.body.free & frozenset(f.outer)
    )
