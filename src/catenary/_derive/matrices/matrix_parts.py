"""Parts and blocks: what a selection of entries does to its neighbours in a product, and pads that make a whole.

S x is x_{1:}, Sᵀ r is [0; r], S − S′ of neighbours is the difference matrix D; [u; 0] + [0; v] is [u; v].
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..expressions.expr import Size
from ..expressions.positions import known_order, minus, plus
from .algebra import hadamard, is_selection, product, scaled, sign, total, touches_selection, transpose  # fmt: skip
from .matrix import (
    Apply,
    Block,
    Diag,
    Difference,
    Dimension,
    Hadamard,
    Identity,
    Matrix,
    Number,
    OneHot,
    Ones,
    Part,
    Power,
    Product,
    Scaled,
    Select,
    Sum,
    Transpose,
)

MINUS = Number((), Fraction(-1))


def spread_out(flat: Sequence[Matrix]) -> list[list[Matrix]] | None:
    """Return the products of a product that has a sum with selections as a factor."""
    for n, f in enumerate(flat):
        core = f.x if isinstance(f, Transpose) else f
        if isinstance(core, Sum) and touches_selection(f):
            terms = [transpose(t) if core is not f else t for t in core.items]
            return [[*flat[:n], t, *flat[n + 1 :]] for t in terms]
    return None


def without_selections(flat: Sequence[Matrix]) -> list[Matrix]:
    """Return the factors of a product with each selection gone into a neighbour."""
    items = list(flat)
    while any(map(is_selection, items)):
        ways = (_absorbed(items, n) for n in range(len(items)))
        items = next((new for new in ways if new is not None), _bare(items))
    return items


def _bare(items: list[Matrix]) -> list[Matrix]:
    """Return the factors with the first selection written as a part of the identity."""
    n = next(n for n, f in enumerate(items) if is_selection(f))
    return [*items[:n], explicit(items[n]), *items[n + 1 :]]


def explicit(x: Matrix) -> Matrix:
    """Return a selection as a part of the identity."""
    select = x.x if isinstance(x, Transpose) else x
    assert isinstance(select, Select)
    rows, columns = select.dims
    made = Part((rows, columns), Identity((columns, columns)), 0, select.start, select.stride)
    return made if select is x else transpose(made)


def _absorbed(items: list[Matrix], n: int) -> list[Matrix] | None:
    """Return the factors with selection n gone into a neighbour: a part where it picks, else a block."""
    if not is_selection(items[n]):
        return None
    x = items[n]
    turned = isinstance(x, Transpose)
    select = x.x if isinstance(x, Transpose) else x
    assert isinstance(select, Select)
    before, after = items[:n], items[n + 1 :]
    if not turned and after and isinstance(after[0], Diag) and len(after[0].dims) == 2:
        return [*before, _diag(part(after[0].x, 0, select)), x, *after[1:]]
    if turned and before and isinstance(before[-1], Diag) and len(before[-1].dims) == 2:
        return [*before[:-1], x, _diag(part(before[-1].x, 0, select)), *after]
    if not turned and after and not is_selection(after[0]):
        return [*before, part(after[0], 0, select), *after[1:]]
    if turned and before and not is_selection(before[-1]):
        return [*before[:-1], part(before[-1], 1, select), *after]
    if select.stride == 1 and turned and after and not is_selection(after[0]):
        return [*before, _padded(after[0], 0, select), *after[1:]]
    if select.stride == 1 and not turned and before and not is_selection(before[-1]):
        return [*before[:-1], _padded(before[-1], 1, select), *after]
    return None


def _diag(v: Matrix) -> Matrix:
    return Diag((v.dims[0], v.dims[0]), v)


def part(x: Matrix, axis: int, select: Select) -> Matrix:
    """Return the entries of x that a selection picks along an axis; a row is a transposed column."""
    length = select.dims[0]
    if isinstance(x, Transpose) and len(x.dims) == 1:
        return transpose(part(x.x, 0, select))
    if isinstance(x, Ones):
        return Ones((length,))
    if isinstance(x, Scaled):
        return scaled(x.scalars, part(x.x, axis, select))
    inner = _part_inside(x, axis, select) if _has_block(x, axis) else None
    if inner is not None:
        return inner
    dims = tuple(length if n == axis else d for n, d in enumerate(x.dims))
    return Part(dims, x, axis, select.start, select.stride)


def _has_block(x: Matrix, axis: int) -> bool:
    """Say whether an expression, looked at entry by entry, has a block along the axis."""
    if isinstance(x, Block):
        return x.axis == axis
    return isinstance(x, Power | Hadamard | Apply | Sum) and any(_has_block(p, axis) for p in x.parts)


def _part_inside(x: Matrix, axis: int, select: Select) -> Matrix | None:
    """Return a part of a block as the pieces it holds, and a part of a function entry by entry as that of the part."""
    dims = tuple(select.dims[0] if n == axis else d for n, d in enumerate(x.dims))
    if isinstance(x, Block):
        return _part_of_block(x, select, dims) if select.stride == 1 else None
    parts = [part(p, axis, select) if p.dims else p for p in x.parts]
    match x:
        case Power():
            return Power(dims, parts[0], x.exponent)
        case Apply():
            return Apply(dims, tuple(parts), x.name)
        case Hadamard():
            return hadamard(parts, dims)
    return total(parts, dims)


def _part_of_block(x: Block, select: Select, dims: tuple[Size, ...]) -> Matrix | None:
    """Return the pieces of a block from ``start`` on, where each is known to stand inside or outside."""
    first, last = select.start, plus(select.start, select.dims[0])
    kept, starts = [], []
    for item, start in zip(x.items, x.starts, strict=True):
        end = plus(start, length_of(item, x.axis))
        if known_order(first, start) and known_order(end, last):
            kept.append(item)
            starts.append(minus(start, first))
        elif not (known_order(last, start) or known_order(end, first)):
            return None
    if len(kept) == 1 and kept[0].dims == dims:
        return kept[0]
    return Block(dims, tuple(kept), x.axis, tuple(starts)) if kept else None


def _padded(x: Matrix, axis: int, select: Select) -> Matrix:
    if isinstance(x, Transpose) and len(x.dims) == 1:
        return transpose(_padded(x.x, 0, select))
    dims = tuple(select.dims[1] if n == axis else d for n, d in enumerate(x.dims))
    return Block(dims, (x,), axis, (select.start,))


def joined(terms: list[Matrix], dims: tuple[Size, ...]) -> list[Matrix]:
    """Return the terms of a sum with neighbouring selections as a difference and disjoint blocks as one."""
    if len(terms) < 2:
        return terms
    for n, a in enumerate(terms):
        for m, b in enumerate(terms):
            new = _difference(a, b) if n != m else None
            if new is None and n < m:
                new = _one_block(a, b, dims)
            if new is not None:
                return joined([*(t for k, t in enumerate(terms) if k not in (n, m)), new], dims)
    return terms


def _difference(a: Matrix, b: Matrix) -> Matrix | None:
    """Return c D for c S₁ − c S₀, or its transpose."""
    (c, x), (d, y) = _split(a), _split(b)
    if isinstance(x, Transpose) and isinstance(y, Transpose):
        inner = _difference(scaled([c], x.x), scaled([d], y.x)) if isinstance(x.x, Select) else None
        return transpose(inner) if inner is not None else None
    if not (isinstance(x, Select) and isinstance(y, Select) and x.dims == y.dims and c.value == -d.value):
        return None
    rows, columns = x.dims
    neighbours = (x.start, y.start, x.stride, y.stride) == (1, 0, 1, 1) and plus(rows, 1) == columns
    return scaled([c], Difference((rows, columns))) if neighbours else None


def _split(x: Matrix) -> tuple[Number, Matrix]:
    if isinstance(x, Scaled) and len(x.scalars) == 1 and isinstance(x.scalars[0], Number):
        return x.scalars[0], x.x
    return Number((), Fraction(1)), x


def _one_block(a: Matrix, b: Matrix, dims: tuple[Size, ...]) -> Matrix | None:
    """Return two blocks as one where the pieces of one stand before those of the other."""
    for axis in range(len(dims)):
        x, y = _as_block(a, axis), _as_block(b, axis)
        if x is None or y is None or x.dims != y.dims:
            continue
        for first, second in ((x, y), (y, x)):
            end = plus(first.starts[-1], length_of(first.items[-1], axis))
            if known_order(end, second.starts[0]):
                return Block(dims, first.items + second.items, axis, first.starts + second.starts)
    return None


def length_of(item: Matrix, axis: int) -> Size:
    """Return how far a piece of a block reaches along the block's axis: a scalar, a row or a column is 1."""
    if not item.dims or (len(item.dims) == 1 and (axis == 1 or isinstance(item, Transpose))):
        return 1
    return item.dims[axis]


def _as_block(x: Matrix, axis: int) -> Block | None:
    """Return a term as a block along an axis: c e_k, e_k uᵀ and u e_kᵀ are blocks of one entry, row or column."""
    if isinstance(x, Scaled):
        inner = _as_block(x.x, axis)
        return inner and Block(inner.dims, tuple(scaled(x.scalars, i) for i in inner.items), axis, inner.starts)
    if isinstance(x, Block):
        return x if x.axis == axis else None
    if isinstance(x, OneHot) and len(x.dims) == 1 and axis == 0:
        place = _constant(x.x)
        return None if place is None else Block(x.dims, (Number((), Fraction(1)),), 0, (place,))
    if isinstance(x, Product) and len(x.dims) == 2:
        end = x.items[0] if axis == 0 else x.items[-1]
        unit = end.x if isinstance(end, Transpose) else end
        place = _constant(unit.x) if isinstance(unit, OneHot) and len(unit.dims) == 1 else None
        if place is not None and len(end.dims) == 1:
            rest = x.items[1:] if axis == 0 else x.items[:-1]
            own = tuple(d for n, d in enumerate(x.dims) if n != axis)
            return Block(x.dims, (product(rest, own),), axis, (place,))
    return None


def _constant(x: Matrix) -> Size | None:
    """Return the position a one-hot vector stands for, where it is a number or a size less a number."""
    match x:
        case Number():
            return int(x.value)
        case Dimension():
            return x.name
        case Sum():
            parts = [_constant(t) for t in x.items]
            return None if None in parts else plus(*(p for p in parts if p is not None))
        case Scaled() if sign(x) < 0:
            rest = _constant(scaled([MINUS], x))
            return None if rest is None else minus(0, rest)
    return None


def slices(x: Part) -> list[str]:
    """Return the slices of nested parts, axis by axis, as Python writes them: ``["1:", ":-1"]``."""
    found = [":"] * len(x.dims)
    inner: Matrix = x
    while isinstance(inner, Part):
        found[inner.axis] = _slice(inner)
        inner = inner.x
    while found[-1:] == [":"]:
        found.pop()
    return found or [":"]


def inside(x: Part) -> Matrix:
    """Return what nested parts along different axes are parts of."""
    seen: set[int] = set()
    inner: Matrix = x
    while isinstance(inner, Part) and inner.axis not in seen:
        seen.add(inner.axis)
        inner = inner.x
    return inner


def _slice(x: Part) -> str:
    whole, length = x.x.dims[x.axis], x.dims[x.axis]
    first = "" if x.start == 0 else str(x.start)
    reach = plus(x.start, *[minus(length, 1)] * x.stride)
    left = minus(whole, reach)  # entries from the last one picked to the end
    last = ""
    if x.stride == 1:
        from_end = isinstance(left, int) and not (isinstance(whole, int) and x.start == 0)
        last = "" if left == 1 else str(minus(1, left)) if from_end else str(plus(reach, 1))
    elif not (isinstance(left, int) and left <= x.stride):
        last = str(plus(reach, 1))
    return f"{first}:{last}" + (f":{x.stride}" if x.stride != 1 else "")


def pieces(x: Block) -> list[Matrix | Size]:
    """Return the pieces of a block in order; a size is that many zeros."""
    found: list[Matrix | Size] = []
    at: Size = 0
    for item, start in zip(x.items, x.starts, strict=True):
        if start != at:
            found.append(minus(start, at))
        found.append(item)
        at = plus(start, length_of(item, x.axis))
    return found if minus(x.dims[x.axis], at) == 0 else [*found, minus(x.dims[x.axis], at)]
