"""The constructors: every expression is built in normal form, and offered to the table of rewrites.

Products and sums are flat, sorted, with equal bases and like terms collected, so that the order in
which a user wrote them leaves no trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from weakref import WeakKeyDictionary

from . import expr as e
from . import positions
from .expr import Add, Along, Dim, Expr, Fn, Index, Mul, Num, Pow, Reduce
from .rename import bound, even, rename, term_key, unsigned, whole

ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))
_rewritten: WeakKeyDictionary[Expr, Expr] = WeakKeyDictionary()


def num(value: int | Fraction) -> Num:
    """Return a number."""
    return Num(Fraction(value))


def rebuild(node: Expr, children: tuple[Expr, ...]) -> Expr:
    """Return the node over new sub-expressions, in normal form."""
    match node:
        case Add():
            return add(children)
        case Mul():
            return mul(children)
        case Pow():
            return power(children[0], node.exponent)
        case Fn():
            return fn(node.name, *children)
        case Along():
            return along(node.name, node.outer, node.inner, *children)
        case Reduce():
            return reduce(node.name, node.indices, children[0])
        case _:
            return node


def finish(node: Expr) -> Expr:
    """Offer a node to the rewrites until none applies."""
    from ..rewrites.rewrite import rewrite  # the rewrites build with these constructors

    if node not in _rewritten:
        _rewritten[node] = node  # a rewrite that tries to come back here, to compare, gets what it left
        _rewritten[node] = rewrite(node)
    new = _rewritten[node]
    return new if new is node else finish(new)


def split(term: Expr) -> tuple[Fraction, Expr]:
    """Return the numeric coefficient of a term and the rest: ``-2 x y`` is ``(-2, x y)``."""
    if isinstance(term, Num) and isinstance(term.value, Fraction):
        return term.value, ONE
    if isinstance(term, Mul):
        first = term.children[0]
        if isinstance(first, Num) and isinstance(first.value, Fraction):
            rest = term.children[1:]
            return first.value, rest[0] if len(rest) == 1 else Mul(rest)
    return Fraction(1), term


def scaled(coefficient: Fraction, rest: Expr) -> Expr:
    """Return a coefficient times a product that has none; a lone sum is multiplied out."""
    if coefficient == 0:
        return ZERO
    if coefficient == 1:
        return rest
    if rest is ONE:
        return Num(coefficient)
    if isinstance(rest, Add) and coefficient == -1:
        return add(mul((Num(coefficient), t)) for t in rest.children)
    return Mul((Num(coefficient), *(rest.children if isinstance(rest, Mul) else (rest,))))


def add(terms: Iterable[Expr]) -> Expr:
    """Return a sum: flat, like terms collected, in the order of the keys."""
    total: dict[Expr, Fraction] = {}
    special: list[Expr] = []
    for term in terms:
        for t in term.children if isinstance(term, Add) else (term,):
            if isinstance(t, Num) and not isinstance(t.value, Fraction):
                special.append(t)
                continue
            coefficient, rest = split(t)
            total[rest] = total.get(rest, Fraction(0)) + coefficient
    kept = [scaled(c, r) for r, c in total.items() if c] + special
    if any(isinstance(t, Add) for t in kept):
        return add(kept)
    kept.sort(key=term_key)
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else finish(Add(tuple(kept)))


def mul(factors: Iterable[Expr]) -> Expr:
    """Return a product: flat, equal bases collected, exponentials merged, sorted."""
    coefficient, bases, exponents = Fraction(1), {}, []
    pending = list(factors)
    while pending:
        f = pending.pop()
        if isinstance(f, Mul):
            pending.extend(f.children)
        elif isinstance(f, Num) and isinstance(f.value, Fraction):
            coefficient *= f.value
        elif isinstance(f, Fn) and f.name == "exp":
            exponents.append(f.children[0])
        else:
            base, exponent = (f.base, f.exponent) if isinstance(f, Pow) else (f, Fraction(1))
            bases[base] = bases.get(base, Fraction(0)) + exponent
    if coefficient == 0:
        return ZERO
    if len(bases) + bool(exponents) > 1 or coefficient not in (1, -1):
        bases, coefficient = _contents_out(bases, coefficient)
    kept = [power(b, x) for b, x in bases.items() if x]
    if exponents:
        kept.append(fn("exp", add(exponents)))
    if any(isinstance(f, Mul | Num | Fn) and _joins(f) for f in kept[: len(bases)]):
        again = [*kept, Num(coefficient)]
        if again != list(factors if isinstance(factors, list | tuple) else ()):
            return mul(again) if len(again) < 64 else finish(Mul(tuple(again)))
    kept = [f for f in kept if f is not ONE]
    kept.sort(key=lambda f: f.key)
    if not kept:
        return Num(coefficient)
    if len(kept) == 1 and coefficient in (1, -1):
        return kept[0] if coefficient == 1 else _negated(kept[0])
    return finish(Mul((*([] if coefficient == 1 else [Num(coefficient)]), *kept)))


def _joins(factor: Expr) -> bool:
    """Say whether a factor came out as something that joins others: a product, a fraction, an exponential."""
    if isinstance(factor, Num):
        return isinstance(factor.value, Fraction)
    return isinstance(factor, Mul) or (isinstance(factor, Fn) and factor.name == "exp")


def _contents_out(bases: dict[Expr, Fraction], coefficient: Fraction) -> tuple[dict[Expr, Fraction], Fraction]:
    """Move the number that all terms of a sum share in front of a product: a (2 b - 4 c) is 2 a (b - 2 c)."""
    moved: dict[Expr, Fraction] = {}
    for base, exponent in bases.items():
        content = _content(base) if isinstance(base, Add) and exponent.denominator == 1 else Fraction(1)
        if content != 1:
            coefficient *= content**exponent.numerator
            base = add(mul((Num(1 / content), t)) for t in base.children)
        moved[base] = moved.get(base, Fraction(0)) + exponent
    return moved, coefficient


def _content(total: Add) -> Fraction:
    """Return the number that all terms share, with the sign of the first: b - a and a - b have one form in products."""
    numbers = [split(t)[0] for t in total.children]
    sign = 1 if numbers[0] > 0 else -1
    above = math.gcd(*(n.numerator for n in numbers))
    below = math.lcm(*(n.denominator for n in numbers))
    content = Fraction(above, below)
    # decimals have no content worth a factor
    return sign * content if max(map(abs, numbers)) <= 1000 * content else Fraction(sign)


def negative_first(expr: Expr) -> bool:
    """Say whether an expression is the negative of one that is written first: -x, b - a."""
    first = expr.children[0] if isinstance(expr, Add) else expr
    return split(first)[0] < 0


def _negated(factor: Expr) -> Expr:
    if isinstance(factor, Add):
        return add(mul((num(-1), t)) for t in factor.children)
    return finish(Mul((num(-1), factor)))


def power(base: Expr, exponent: Fraction | int) -> Expr:
    """Return a power; whole powers of products and powers of powers are multiplied out."""
    exponent = Fraction(exponent)
    if exponent == 1:
        return base
    if exponent == 0:
        return ONE
    if isinstance(base, Num) and isinstance(base.value, Fraction) and base.value != 0:
        if exponent.denominator == 1:
            return Num(base.value**exponent.numerator)
        if base.value == 1:
            return base
    if isinstance(base, Mul) and exponent.denominator == 1:
        return mul(power(f, exponent) for f in base.children)
    if isinstance(base, Pow) and (exponent.denominator == 1 or _is_positive(base.base)):
        return power(base.base, base.exponent * exponent)
    if isinstance(base, Fn) and base.name == "exp":
        return fn("exp", mul((Num(exponent), base.children[0])))
    return finish(Pow(exponent, (unsigned(base) if even(exponent) else base,)))


def _is_positive(base: Expr) -> bool:
    return isinstance(base, e.At) and base.array.kind == "positive"


def fn(name: str, *args: Expr) -> Expr:
    """Return a function of entries."""
    return finish(Fn(name, args))


def along(name: str, outer: tuple[Index, ...], inner: tuple[Index, ...], *bodies: Expr) -> Expr:
    """Return a function of whole axes: ``outer`` are those of the result, ``inner`` those of the bodies."""
    return finish(whole(name, outer, inner, bodies))


def along_axis(name: str, index: Index, body: Expr) -> Expr:
    """Return a function along one axis that stays where it is, as softmax."""
    return along_axes(name, (index,), (index,), body)


def along_axes(name: str, outer: tuple[Index, ...], axes: tuple[Index, ...], body: Expr) -> Expr:
    """Return a function of the body's own ``axes``, as an entry of the result at ``outer``."""
    inner = {i: e.temporary(i.size) for i in axes}
    return along(name, outer, tuple(inner.values()), rename(body, inner))


def reduce(name: str, indices: Iterable[Index], body: Expr) -> Expr:
    """Return a reduction; what does not depend on the axes moves out."""
    indices = tuple(indices)
    if name == "sum":
        return total(indices, body)
    kept = tuple(i for i in indices if i in body.free)
    if name == "prod" and len(kept) < len(indices):
        raise NotImplementedError("a product over an axis that nothing in it depends on")
    return finish(bound(name, kept, body)) if kept else body


def total(indices: tuple[Index, ...], body: Expr) -> Expr:
    """Return a sum over axes: Σ_i c f(i) = c Σ_i f(i), Σ_i c = size · c, Σ_i δ_ij f(i) = f(j)."""
    if body is ZERO:
        return ZERO
    inside = tuple(i for i in indices if i in body.free)
    outside = [size(i.size) for i in indices if i not in body.free]
    if not inside:
        return mul([*outside, body])
    factors = body.children if isinstance(body, Mul) else (body,)
    moved = [f for f in factors if not f.free & frozenset(inside)]
    kept = [f for f in factors if f.free & frozenset(inside)]
    for n, f in enumerate(kept):
        pair = delta(f, inside)
        if pair:
            rest = mul(rename(k, {pair[0]: pair[1]}) for k in kept[:n] + kept[n + 1 :])
            return mul([*outside, *moved, total(tuple(i for i in inside if i is not pair[0]), rest)])
    chained = _chained(inside, kept)
    if chained is not None:
        return mul([*outside, *moved, chained])
    if len(kept) == 1 and isinstance(kept[0], Add) and any(_has_delta(t, inside) for t in kept[0].children):
        return mul([*outside, *moved, add(total(inside, t) for t in kept[0].children)])
    if len(kept) == 1 and isinstance(kept[0], Reduce) and kept[0].name == "sum":
        fresh = tuple(e.temporary(i.size) for i in kept[0].indices)
        body = rename(kept[0].body, dict(zip(kept[0].indices, fresh, strict=True)))
        return mul([*outside, *moved, total(inside + fresh, body)])
    inner = finish(bound("sum", inside, mul(kept)))
    return mul([*outside, *moved, inner]) if moved or outside else inner


def _chained(inside: tuple[Index, ...], kept: list[Expr]) -> Expr | None:
    """Σ_k [k = i + 1] [l = k + 2] = [l = i + 3]: an indicator passes its position on to other indicators."""
    for n, f in enumerate(kept):
        for k in inside if isinstance(f, Fn) and f.name == "eq" and positions.only_positions(f) else ():
            others = [g for m, g in enumerate(kept) if m != n and k in g.free]
            where = positions.solved(f, k) if all(map(positions.only_positions, others)) else None
            if where is not None:
                rest = [positions.substituted(g, k, where) for m, g in enumerate(kept) if m != n]
                return total(tuple(i for i in inside if i is not k), mul(rest))
    return None


def delta(factor: Expr, inside: tuple[Index, ...]) -> tuple[Index, Index | int] | None:
    """Return (i, j) where the factor is the Kronecker delta of a summed i and another index or a fixed position j."""
    if not (isinstance(factor, Fn) and factor.name == "eq"):
        return None
    if all(isinstance(a, e.Pos) for a in factor.children):
        i, j = (a.index for a in factor.children)  # type: ignore[attr-defined]
        if i.size == j.size:
            return (i, j) if i in inside else (j, i) if j in inside else None
    for i in inside if len(factor.free) == 1 and factor.free <= frozenset(inside) else ():
        where = positions.fixed(factor, i)
        return None if where is None else (i, where)
    return None


def _has_delta(term: Expr, inside: tuple[Index, ...]) -> bool:
    return any(delta(f, inside) for f in (term.children if isinstance(term, Mul) else (term,)))


def size(value: e.Size) -> Expr:
    """Return the size of an axis as a number; a polynomial in names as sums and products of them."""
    import ast

    def go(node: ast.expr) -> Expr:
        match node:
            case ast.Constant(value=int(v)):
                return num(v)
            case ast.Name(id=name):
                return Dim(name)
            case ast.BinOp(op=ast.Mult(), left=a, right=b):
                return mul((go(a), go(b)))
            case ast.BinOp(op=ast.Add(), left=a, right=b):
                return add((go(a), go(b)))
            case ast.BinOp(op=ast.Sub(), left=a, right=b):
                return add((go(a), mul((num(-1), go(b)))))
            case ast.BinOp(op=ast.Pow(), left=a, right=ast.Constant(value=int(v))):
                return power(go(a), v)
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return mul((num(-1), go(a)))
            case _:
                return Dim(ast.unparse(node))

    return num(value) if isinstance(value, int) else go(ast.parse(value.replace("^", "**"), mode="eval").body)
