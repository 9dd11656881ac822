"""The rewrites: a table of identities, each application of which is checked on numbers.

A row is a name, the node types it may fit, and a function that returns the better expression or
``None``.  A result with another value is refused: that costs a simplification, never correctness.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from .build import ONE, ZERO, add, along, fn, mul, num, power, reduce, split, total
from .expr import Add, Along, At, Dim, Expr, Fn, Index, Mul, Num, Pos, Pow, Reduce, head, peel, rename, temporary
from .value import same


class Rule(NamedTuple):
    """One identity: its name for people, the nodes it may fit, and how to apply it."""

    name: str
    types: tuple[type[Expr], ...]
    apply: Callable[[Expr], Expr | None]


def rewrite(node: Expr) -> Expr:
    """Return the node after the first rule that fits and keeps its value, or the node itself."""
    for rule in RULES:
        if isinstance(node, rule.types):
            new = rule.apply(node)
            if new is not None and new is not node and same(node, new):
                return new
    return node


def call(expr: Expr, name: str) -> Expr | None:
    """Return the argument if the expression, looked through names, is this function of one argument."""
    behind = head(expr)
    return peel(expr).children[0] if isinstance(behind, Fn) and behind.name == name else None


def others(items: tuple[Expr, ...], *places: int) -> list[Expr]:
    """Return the items at all other places."""
    return [x for n, x in enumerate(items) if n not in places]


POSITIVE = frozenset({"exp", "sigmoid", "softplus", "sigmoid_prime", "tanh_prime"})
NOT_NEGATIVE = POSITIVE | {"abs", "relu", "gt", "lt", "ge", "le", "eq", "ne"}


def positive(expr: Expr, strictly: bool = False) -> bool:
    """Say whether an expression is certainly positive, or certainly not negative."""
    expr = head(expr)
    match expr:
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


# Functions of one entry


COMPARE: dict[str, Callable[[object, object], bool]] = {
    n: getattr(operator, n) for n in ("eq", "ne", "gt", "ge", "lt", "le")
}


def _fold_numbers(node: Fn) -> Expr | None:
    a = node.children
    match node.name:
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
        case "max" | "min" | "and" | "or" if a[0] is a[1]:
            return a[0]
        case "eq" | "ne" if any(isinstance(x, Num) and x.value == float("inf") for x in a):
            return ONE if node.name == "ne" else ZERO
        case "eq" | "ne" | "gt" | "ge" | "lt" | "le" if isinstance(a[0], Num) and isinstance(a[1], Num):
            return num(int(COMPARE[node.name](a[0].value, a[1].value)))
        case "gt" | "ge" if a[1] is ZERO and positive(a[0], strictly=True):
            return ONE
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
        case "abs" if split(a[0])[0] < 0:
            return fn("abs", mul((num(-1), a[0])))
        case "lt" | "le":
            return fn({"lt": "gt", "le": "ge"}[node.name], a[1], a[0])
    return None


def _where(node: Fn) -> Expr | None:
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


def _not(node: Fn) -> Expr | None:
    if node.name != "not":
        return None
    inner = peel(node.children[0], Fn)
    if isinstance(inner, Fn) and inner.name in _OPPOSITE:
        return fn(_OPPOSITE[inner.name], *inner.children)
    return ONE if inner is ZERO else ZERO if inner is ONE else None


def _relu(node: Fn) -> Expr | None:
    if node.name == "max" and ZERO in node.children:
        x = node.children[1] if node.children[0] is ZERO else node.children[0]
        return fn("relu", x)
    return None


def _sign_of_relu(node: Fn) -> Expr | None:
    if node.name == "gt" and node.children[1] is ZERO:
        x = call(node.children[0], "relu")
        return fn("gt", x, ZERO) if x is not None else None
    return None


def _log_of_one_plus_exp(node: Fn) -> Expr | None:
    inner = peel(node.children[0], Add)
    if node.name == "log" and isinstance(inner, Add) and len(inner.children) == 2 and ONE in inner.children:
        u = call(others(inner.children, inner.children.index(ONE))[0], "exp")
        return fn("softplus", u) if u is not None else None
    return None


def _log_of_product(node: Fn) -> Expr | None:
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


def _log_of_sum_of_exp(node: Fn) -> Expr | None:
    inner = peel(node.children[0], Reduce)
    if node.name == "log" and isinstance(inner, Reduce) and inner.name == "sum":
        u = call(inner.body, "exp")
        return reduce("logsumexp", inner.indices, u) if u is not None else None
    return None


def _log_of_softmax(node: Fn) -> Expr | None:
    inner = peel(node.children[0], Along)
    if node.name == "log" and isinstance(inner, Along) and inner.name == "softmax":
        return add((inner.body, mul((num(-1), reduce("logsumexp", inner.indices, inner.body)))))
    return None


def _exp_of_log(node: Fn) -> Expr | None:
    # exp(a + c log s) = exp(a) s^c, where log s may hide in a softplus or a logsumexp
    if node.name != "exp":
        return None
    inner = peel(node.children[0], Add)
    terms = inner.children if isinstance(inner, Add) else (inner,)
    for n, t in enumerate(terms):
        c, rest = split(t)
        u = peel(rest, Fn, Reduce)
        factor: Expr | None = None
        if isinstance(u, Fn) and u.name == "log":
            factor = power(u.children[0], c)
        elif isinstance(u, Fn) and u.name == "softplus" and c.denominator == 1:
            factor = power(add((ONE, fn("exp", u.children[0]))), c)
        elif isinstance(u, Reduce) and u.name == "logsumexp":
            factor = power(total(u.indices, fn("exp", u.body)), c)
        if factor is not None:
            return mul([fn("exp", add(others(terms, n))), factor])
    return None


# Sums of terms


def _max_plus_softplus(node: Add) -> Expr | None:
    # max(a, b) + softplus(-|a - b|) = log(exp a + exp b) = a + softplus(b - a)
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


def _complements(node: Add) -> Expr | None:
    # c - c tanh² = c tanh′;  c - c σ(u) = c σ(-u), where c is a number
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


def _common_factor(node: Add) -> Expr | None:
    # a b + a c = a (b + c); numbers stay where they are
    sets = [set(split(t)[1].children if isinstance(split(t)[1], Mul) else (split(t)[1],)) - {ONE} for t in node.children]
    common = sorted(set.intersection(*sets), key=lambda f: f.key)
    if not common:
        return None
    rest = []
    for t in node.children:
        c, r = split(t)
        left = [f for f in (r.children if isinstance(r, Mul) else (r,)) if f not in common]
        rest.append(mul([Num(c), *left]))
    return mul([*common, add(rest)])


def _joined_sums(node: Add) -> Expr | None:
    # Σ_i a f + Σ_i a g = Σ_i a (f + g)
    sums = [(n, *_sum_term(t)) for n, t in enumerate(node.children)]
    for n, c, outside, r in sums:
        for m, d, beside, s in sums:
            if n >= m or r is None or s is None or len(r.indices) != 1 or len(s.indices) != 1:
                continue
            if r.indices[0].size != s.indices[0].size or outside != beside:
                continue
            i = temporary(r.indices[0].size)
            f, g = (set(_factors(rename(x.body, {x.indices[0]: i}))) for x in (r, s))
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
    factors = _factors(rest)
    sums = [f for f in factors if isinstance(f, Reduce) and f.name == "sum"]
    if len(sums) != 1:
        return c, [], None
    return c, [f for f in factors if f is not sums[0]], sums[0]


def _factors(expr: Expr) -> list[Expr]:
    return list(expr.children) if isinstance(expr, Mul) else [expr]


def _opposite_sigmoids(node: Add) -> Expr | None:
    # a σ(u) + a σ(-u) = a
    for n, t in enumerate(node.children):
        for f in _factors(t):
            u = call(f, "sigmoid")
            if u is None:
                continue
            rest = mul(g for g in _factors(t) if g is not f)
            for m, other in enumerate(node.children):
                for g in _factors(other) if m != n else ():
                    v = call(g, "sigmoid")
                    if v is not None and v is mul((num(-1), u)) and mul(h for h in _factors(other) if h is not g) is rest:
                        return add([*others(node.children, n, m), rest])
    return None


def _expanded_if_shorter(node: Add) -> Expr | None:
    for n, t in enumerate(node.children):
        inner = [f for f in _factors(t) if isinstance(f, Add)]
        if len(inner) == 1 and len(inner[0].children) <= 3:
            rest = [f for f in _factors(t) if f is not inner[0]]
            flat = [mul([*rest, k]) for k in inner[0].children]
            if any(isinstance(k, Add) for k in flat):
                continue
            new = add([*others(node.children, n), *flat])
            if new.weight < node.weight:
                return new
    return None


# Products


def _cancelled_inside(node: Mul) -> Expr | None:
    # f (a + b / f) = a f + b, where σ′ counts as σ(u) σ(-u)
    for n, f in enumerate(node.children):
        u = call(f, "sigmoid_prime")
        parts = [fn("sigmoid", u), fn("sigmoid", mul((num(-1), u)))] if u is not None else [f]
        for m, a in enumerate(node.children):
            if m == n or not isinstance(a, Add) or not any(_divides(p, t) for p in parts for t in a.children):
                continue
            terms = [mul(parts + [_behind(g, parts) for g in _factors(t)]) for t in a.children]
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
        isinstance(g, Pow) and g.exponent <= -1 and (g.base is part or peel(g.base, Fn) is part) for g in _factors(term)
    )


def _step(node: Mul) -> Expr | None:
    # [a ≥ b] where(a = b, 1/2, 1) is the step with 1/2 at 0
    for n, a, m, b in _pairs(node):
        if isinstance(a, Fn) and a.name in ("ge", "gt") and isinstance(b, Fn) and b.name == "where":
            test, at, away = b.children
            if isinstance(test, Fn) and test.name == "eq" and set(test.children) == set(a.children):
                if at == num(Fraction(1, 2)) and away is ONE and a.name == "ge":
                    gap = add((a.children[0], mul((num(-1), a.children[1]))))
                    return mul([*others(node.children, n, m), fn("step", gap)])
    return None


def _pairs(node: Mul) -> Iterator[tuple[int, Expr, int, Expr]]:
    for n, a in enumerate(node.children):
        for m, b in enumerate(node.children):
            if n != m:
                yield n, a, m, b


def _sigmoid_products(node: Mul) -> Expr | None:
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


def _difference_of_squares(node: Mul) -> Expr | None:
    for n, a, m, b in _pairs(node):
        if n < m and isinstance(a, Add) and isinstance(b, Add) and len(a.children) == len(b.children) == 2:
            x, y = a.children
            if x is ONE and b.children[0] is ONE and mul((num(-1), y)) is b.children[1]:
                return mul([*others(node.children, n, m), add((ONE, mul((num(-1), power(split(y)[1], 2)))))])
    return None


def _softmax(node: Mul) -> Expr | None:
    # exp(v) / Σ_k exp(v) = softmax over k of v
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
            return mul([*rest, along("softmax", (index,), v)])
    return None


def matched(w: Expr, bound: Index, v: Expr) -> Index | None:
    """Return the index k of v for which v is w with its bound index called k."""
    for k in sorted(v.free - w.free, key=lambda i: i.name):
        if k.size == bound.size and rename(w, {bound: k}) is v:
            return k
    return None


def _relu_product(node: Mul) -> Expr | None:
    for n, a, m, b in _pairs(node):
        if isinstance(b, Fn) and b.name == "gt" and b.children[1] is ZERO and b.children[0] is a:
            return mul([*others(node.children, n, m), fn("relu", a)])
    return None


# Powers, reductions, functions along an axis


def _reciprocal_of_one_plus_exp(node: Pow) -> Expr | None:
    inner = peel(node.base, Add)
    if node.exponent < 0 and isinstance(inner, Add) and len(inner.children) == 2 and ONE in inner.children:
        u = call(others(inner.children, inner.children.index(ONE))[0], "exp")
        if u is not None:
            return power(fn("sigmoid", mul((num(-1), u))), -node.exponent)
    return None


def _sum_of_softmax(node: Reduce) -> Expr | None:
    if node.name != "sum":
        return None
    factors = node.body.children if isinstance(node.body, Mul) else (node.body,)
    for n, f in enumerate(factors):
        p = peel(f, Along)
        for i in node.indices:
            rest = [g for g in others(factors, n) if i in g.free]
            if isinstance(p, Along) and p.name == "softmax" and p.indices == (i,) and not rest:
                return total(tuple(j for j in node.indices if j is not i), mul(others(factors, n)))
    return None


def _sum_of_one_hot(node: Reduce) -> Expr | None:
    # Σ_k [k = y] = 1 for a label y in range, which the derivation states
    if node.name != "sum":
        return None
    factors = node.body.children if isinstance(node.body, Mul) else (node.body,)
    for n, f in enumerate(factors):
        for i in node.indices:
            if _label(f, i) is not None and not any(i in g.free for g in others(factors, n)):
                return total(tuple(j for j in node.indices if j is not i), mul(others(factors, n)))
    return None


def _label(factor: Expr, index: Index) -> Expr | None:
    factor = peel(factor, Fn)
    if isinstance(factor, Fn) and factor.name == "eq":
        for a, b in (factor.children, factor.children[::-1]):
            if isinstance(a, Pos) and a.index is index and isinstance(b, At) and b.array.kind == "int":
                return b if index not in b.free else None
    return None


def _exp_out_of_sum(node: Reduce) -> Expr | None:
    # Σ_k exp(z_k + c) = exp(c) Σ_k exp(z_k)
    if node.name != "sum":
        return None
    factors = node.body.children if isinstance(node.body, Mul) else (node.body,)
    for n, f in enumerate(factors):
        u = call(f, "exp")
        u = u and peel(u, Add)
        if isinstance(u, Add):
            outside = [t for t in u.children if not t.free & frozenset(node.indices)]
            if outside:
                inside = [t for t in u.children if t not in outside]
                rest = total(node.indices, mul([*others(factors, n), fn("exp", add(inside))]))
                return mul((fn("exp", add(outside)), rest))
    return None


def _shift_of_softmax(node: Along) -> Expr | None:
    body = peel(node.body, Add)
    if node.name in ("softmax",) and isinstance(body, Add):
        inside = [t for t in body.children if t.free & frozenset(node.indices)]
        if 0 < len(inside) < len(body.children):
            return along(node.name, node.indices, add(inside))
    return None


def _shift_of_logsumexp(node: Reduce) -> Expr | None:
    if node.name != "logsumexp":
        return None
    body = peel(node.body, Add)
    if isinstance(body, Add):
        outside = [t for t in body.children if not t.free & frozenset(node.indices)]
        inside = [t for t in body.children if t not in outside]
        if outside and inside:
            return add([*outside, reduce("logsumexp", node.indices, add(inside))])
    return None


RULES: list[Rule] = [
    Rule("numbers, and one order for symmetric functions", (Fn,), _fold_numbers),
    Rule("where(c, a, 0) = c a", (Fn,), _where),
    Rule("not a > b = a <= b", (Fn,), _not),
    Rule("max(x, 0) = relu(x)", (Fn,), _relu),
    Rule("relu(x) > 0 = x > 0", (Fn,), _sign_of_relu),
    Rule("log(1 + exp u) = softplus(u)", (Fn,), _log_of_one_plus_exp),
    Rule("log(exp(u) s) = u + log s", (Fn,), _log_of_product),
    Rule("log Σ exp u = logsumexp(u)", (Fn,), _log_of_sum_of_exp),
    Rule("log softmax(u) = u - logsumexp(u)", (Fn,), _log_of_softmax),
    Rule("exp(a + c log s) = exp(a) s^c", (Fn,), _exp_of_log),
    Rule("max(a, b) + softplus(-|a - b|) = a + softplus(b - a)", (Add,), _max_plus_softplus),
    Rule("1 - tanh² = tanh′, 1 - σ(u) = σ(-u)", (Add,), _complements),
    Rule("a b + a c = a (b + c)", (Add,), _common_factor),
    Rule("a σ(u) + a σ(-u) = a", (Add,), _opposite_sigmoids),
    Rule("Σ a f + Σ a g = Σ a (f + g)", (Add,), _joined_sums),
    Rule("a (b + c) + d multiplied out where that is shorter", (Add,), _expanded_if_shorter),
    Rule("[a ≥ b] where(a = b, 1/2, 1) = step(a - b)", (Mul,), _step),
    Rule("f (a + b / f) = a f + b", (Mul,), _cancelled_inside),
    Rule("exp(u) σ(-u) = σ(u), σ(u) σ(-u) = σ′(u)", (Mul,), _sigmoid_products),
    Rule("(1 - t)(1 + t) = 1 - t²", (Mul,), _difference_of_squares),
    Rule("exp(v) / Σ exp(v) = softmax(v)", (Mul,), _softmax),
    Rule("x [x > 0] = relu(x)", (Mul,), _relu_product),
    Rule("1 / (1 + exp u) = σ(-u)", (Pow,), _reciprocal_of_one_plus_exp),
    Rule("Σ softmax = 1", (Reduce,), _sum_of_softmax),
    Rule("Σ_k [k = y] = 1", (Reduce,), _sum_of_one_hot),
    Rule("Σ exp(u + c) = exp(c) Σ exp(u)", (Reduce,), _exp_out_of_sum),
    Rule("softmax(v + c) = softmax(v)", (Along,), _shift_of_softmax),
    Rule("logsumexp(v + c) = c + logsumexp(v)", (Reduce,), _shift_of_logsumexp),
]
