"""Rewrites of functions of matrices: a Cholesky factor that serves a solve and a log det vanishes, A⁻¹ A is I."""

from __future__ import annotations

from fractions import Fraction

from ..expressions.build import ONE, add, fn, mul, num, power, reduce, size, total
from ..expressions.expr import Along, At, Expr, Fn, Index, Mul, Pos, Pow, Reduce, head, temporary
from ..expressions.linalg import determinant, inverse, log_determinant
from ..expressions.look import factors, linear_algebra, others
from ..expressions.rename import opened, peel, rename

HALF = Fraction(1, 2)
DETERMINANTS = ("det", "logdet")


def _of_matrix(node: Expr) -> bool:
    return isinstance(node, Along) and len(node.inner) == 2 and len(node.children) == 1


def inverse_of_inverse(node: Along) -> Expr | None:
    """(A⁻¹)⁻¹ = A."""
    inner = peel(node.body, Along)
    if node.name != "inv" or not isinstance(inner, Along) or inner.name != "inv":
        return None
    if set(inner.outer) != set(node.inner):
        return None
    here = dict(zip(node.inner, node.outer, strict=True))
    return rename(inner.body, {i: here[o] for i, o in zip(inner.inner, inner.outer, strict=True)})


def scalar_out(node: Along) -> Expr | None:
    """(c A)⁻¹ = A⁻¹/c; det(c A) = cⁿ det A."""
    if not _of_matrix(node) or node.name not in ("inv", *DETERMINANTS):
        return None
    parts = factors(node.body)
    outside = [f for f in parts if not f.free & frozenset(node.inner)]
    inside = [f for f in parts if f not in outside]
    if not outside or not inside:
        return None
    c, (a, b) = mul(outside), node.inner
    if node.name == "inv":
        s, t = temporary(a.size), temporary(b.size)
        matrix = rename(mul(inside), {a: s, b: t})
        return mul((power(c, -1), rename(inverse(matrix, s, t), dict(zip((s, t), node.outer, strict=True)))))
    if node.name == "det":
        n = a.size
        return mul((power(c, n) if isinstance(n, int) else fn("pow", c, size(n)), determinant(mul(inside), a, b)))
    return add((mul((size(a.size), fn("log", fn("abs", c)))), log_determinant(mul(inside), a, b)))


def of_diagonal(node: Along) -> Expr | None:
    """diag(v)⁻¹ = diag(1/v), det diag(v) = Π v."""
    if not _of_matrix(node) or node.name not in ("inv", *DETERMINANTS):
        return None
    (a, b), parts = node.inner, factors(node.body)
    delta = fn("eq", Pos(a), Pos(b))
    if delta not in parts:
        return None
    k = temporary(a.size)
    v = mul(rename(f, {a: k, b: k}) for f in parts if f is not delta)
    if node.name == "inv":
        i, j = node.outer
        return mul((fn("eq", Pos(i), Pos(j)), power(rename(v, {k: i}), -1)))
    if v is ONE:
        return ONE if node.name == "det" else num(0)
    return reduce("prod", (k,), v) if node.name == "det" else total((k,), fn("log", fn("abs", v)))


def determinant_of_factors(node: Along) -> Expr | None:
    """det(A B) = det A det B of square matrices, det A⁻¹ = 1/det A, det of a Cholesky factor."""
    if not _of_matrix(node) or node.name not in DETERMINANTS:
        return None
    inner = peel(node.body, Along, Reduce)
    if isinstance(inner, Along) and inner.name in ("inv", "cholesky") and set(inner.outer) == set(node.inner):
        exponent = Fraction(-1) if inner.name == "inv" else HALF
        value = Along(node.name, (), inner.inner, inner.children)
        return power(value, exponent) if node.name == "det" else mul((num(exponent), value))
    if isinstance(inner, Reduce) and inner.name == "sum" and len(inner.indices) == 1:
        (k,), (a, b) = inner.indices, node.inner
        left = [f for f in factors(inner.body) if a in f.free]
        right = [f for f in factors(inner.body) if f not in left]
        if k.size == a.size and not any(b in f.free for f in left) and all(b in f.free for f in right):
            one, two = temporary(a.size), temporary(a.size)
            sides = [(rename(mul(left), {a: one, k: two}), one, two), (rename(mul(right), {k: one, b: two}), one, two)]
            return (
                mul(determinant(*s) for s in sides) if node.name == "det" else add(log_determinant(*s) for s in sides)
            )
    return None


def log_of_determinant(node: Fn) -> Expr | None:
    """ln |det A| has a name of its own."""
    if node.name != "log":
        return None
    inner = peel(node.children[0], Fn, Along)
    inner = peel(inner.children[0], Along) if isinstance(inner, Fn) and inner.name == "abs" else inner
    if isinstance(inner, Along) and inner.name == "det":
        return Along("logdet", (), inner.inner, inner.children)
    return None


def triangular(node: Mul) -> Expr | None:
    """[i ≥ j] L_ij = L_ij where L is a Cholesky factor or the inverse of one."""
    for n, mask in enumerate(node.children):
        if isinstance(mask, Fn) and mask.name == "ge" and all(isinstance(p, Pos) for p in mask.children):
            place = tuple(p.index for p in mask.children)  # type: ignore[attr-defined]
            for f in others(node.children, n):
                factor, turned = peel(f, Along), _inverse_factor(f)
                lower = isinstance(factor, Along) and factor.name == "cholesky" and factor.outer == place
                if lower or (turned is not None and turned[:2] == place):
                    return mul(others(node.children, n))
    return None


def _inverse_factor(f: Expr) -> tuple[Index, Index, Along] | None:
    """Return (i, j, L) if an expression is entry i, j of L⁻¹ for a Cholesky factor L."""
    node = peel(f, Along)
    if not isinstance(node, Along) or node.name != "inv":
        return None
    factor = peel(node.body, Along)
    if not isinstance(factor, Along) or factor.name != "cholesky" or set(factor.outer) != set(node.inner):
        return None
    i, j = node.outer if factor.outer == node.inner else node.outer[::-1]
    return i, j, factor


def joined(node: Reduce) -> Expr | None:
    """Σ_k of two matrices whose product is known: A A⁻¹ = I, L⁻ᵀ L⁻¹ = S⁻¹, L Lᵀ = S, Vᵀ V = I."""
    if node.name != "sum" or not linear_algebra(node):
        return None
    indices, parts = _network(node.indices, factors(node.body))
    for k in indices:
        here = [n for n, f in enumerate(parts) if k in f.free]
        if len(here) != 2:
            continue
        for n, m in (here, here[::-1]):
            product = _product(parts[n], parts[m], k)
            if product is not None:
                return total(tuple(i for i in indices if i is not k), mul([*others(parts, n, m), product]))
    return None


def _network(indices: tuple[Index, ...], parts: list[Expr]) -> tuple[tuple[Index, ...], list[Expr]]:
    """Return the indices and factors of a sum with the sums among its factors, and their squares, written out."""
    found: list[Expr] = []
    pending = list(parts)
    while pending:
        f = pending.pop()
        base = f.base if isinstance(f, Pow) and f.exponent == 2 else f
        inside = peel(base, Reduce, Mul) if linear_algebra(base) else base
        if base is not f:
            pending += [inside, inside] if isinstance(inside, Reduce | Mul) else []
            found += [] if isinstance(inside, Reduce | Mul) else [base, base]
        elif isinstance(inside, Reduce) and inside.name == "sum":
            fresh = {i: temporary(i.size) for i in inside.indices}
            indices += tuple(fresh.values())
            pending += factors(rename(inside.body, fresh))
        elif isinstance(inside, Mul):
            pending += inside.children
        else:
            found.append(f)
    return indices, found


def _product(p: Expr, q: Expr, k: Index) -> Expr | None:
    """Return Σ_k p q where it is known."""
    left, right = peel(p, Along), peel(q, Along)
    if isinstance(left, Along) and left.name == "inv" and k in left.outer:
        last = left.outer[1] is k
        i = left.outer[0] if last else left.outer[1]
        for j in [j for j in q.free if j.size == k.size and j is not k]:
            body = rename(left.body, dict(zip(left.inner, (k, j) if last else (j, k), strict=True)))
            if body is q or body is right:
                return fn("eq", Pos(i), Pos(j))
    a, b = _inverse_factor(p), _inverse_factor(q)
    if a and b and a[0] is b[0] is k and a[2].body is b[2].body:
        return _inverse_at(a[2], a[1], b[1])
    if not (isinstance(left, Along) and isinstance(right, Along) and left.name == right.name):
        return _orthonormal(p, q, k)
    if left.body is right.body and len(left.outer) == 2:
        if left.name == "cholesky" and left.outer[1] is right.outer[1] is k:
            return rename(left.body, dict(zip(left.inner, (left.outer[0], right.outer[0]), strict=True)))
        for n in (0, 1):
            if left.name == "eigenvectors" and left.outer[n] is right.outer[n] is k:
                return fn("eq", Pos(left.outer[1 - n]), Pos(right.outer[1 - n]))
    return None


def _inverse_at(factor: Along, i: Index, j: Index) -> Expr:
    """Return entry i, j of the inverse of the matrix that a Cholesky factor is of."""
    s, t = (temporary(n.size) for n in factor.inner)
    matrix = rename(factor.body, dict(zip(factor.inner, (s, t), strict=True)))
    return rename(inverse(matrix, s, t), {s: i, t: j})


def _orthonormal(p: Expr, q: Expr, k: Index) -> Expr | None:
    """Qᵀ Q = I for an input whose columns are orthonormal."""
    if isinstance(p, At) and isinstance(q, At) and p.array is q.array and p.array.kind == "orthonormal":
        (a, i), (b, j) = p.indices, q.indices
        if a is b is k and isinstance(i, Index) and isinstance(j, Index):
            return fn("eq", Pos(i), Pos(j))
    return None


def sum_of_logs(node: Reduce) -> Expr | None:
    """Σ ln L_ii = ½ ln det S; Σ ln λ_k = ln det S; Σ λ_k = tr S."""
    if node.name != "sum" or len(node.indices) != 1:
        return None
    (k,) = node.indices
    inside = peel(node.body, Fn, Along)
    value = peel(inside.children[0], Along) if isinstance(inside, Fn) and inside.name == "log" else inside
    if isinstance(value, Along) and value.name == "eigenvalues" and value.outer == (k,):
        if value is inside:
            return total((k,), rename(value.body, dict.fromkeys(value.inner, k)))
        return Along("logdet", (), value.inner, value.children)
    if isinstance(value, At) and isinstance(inside, Fn) and isinstance(head(value.array.body or value), Along):
        places = [n for n, i in enumerate(value.indices) if i is k]
        apart = tuple(temporary(k.size) if n in places else i for n, i in enumerate(value.indices))
        factor = peel(opened(At(value.array, apart)), Along)
        if isinstance(factor, Along) and factor.name == "cholesky" and {apart[n] for n in places} == set(factor.outer):
            return mul((num(HALF), Along("logdet", (), factor.inner, factor.children)))
    return None
