"""The constructors of matrix language: products, sums and transposes in normal form.

Scalars stand in front, transposes inside, signs where they read best; what a factor of a product selects is taken from
its neighbours (``matrix_parts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ..expressions.expr import Size
from .matrix import (
    Along,
    Apply,
    Block,
    Diag,
    Hadamard,
    Identity,
    Inverse,
    Kronecker,
    Matrix,
    Number,
    Ones,
    Part,
    Power,
    Product,
    Reduction,
    Scaled,
    Select,
    Sum,
    Symbol,
    Transpose,
)


def scaled(scalars: Iterable[Matrix], x: Matrix) -> Matrix:
    """Return scalars in front of x; a minus sign is spent on a difference in x."""
    if isinstance(x, Scaled):
        return scaled([*scalars, *x.scalars], x.x)
    number, rest = Fraction(1), []
    for s in (*scalars, *([x] if not x.dims else [])):
        for part in (*s.scalars, s.x) if isinstance(s, Scaled) else (s,):
            if isinstance(part, Number) and isinstance(part.value, Fraction):
                number *= part.value
            else:
                rest.append(part)
    core = x if x.dims else None
    if number < 0:
        flipped = _negated(core) if core else None
        if flipped:
            core, number = flipped, -number
    if not rest and number == 1 and core:
        return core
    numbers = [] if number == 1 and (rest or core) else [Number((), number)]
    if core is None:
        items = [*numbers, *rest]
        return items[0] if len(items) == 1 else Scaled((), tuple(items[:-1]), items[-1])
    return Scaled(core.dims, (*numbers, *rest), core)


def _negated(x: Matrix) -> Matrix | None:
    """Return -x where that only turns a difference round: -(a - b) is b - a."""
    if isinstance(x, Sum) and any(sign(t) < 0 for t in x.items):
        return total((scaled([Number((), Fraction(-1))], t) for t in x.items), x.dims)
    if isinstance(x, Product | Hadamard):
        for n, item in enumerate(x.items):
            if transpose(item) in x.items:  # −u uᵀ is not (−u) uᵀ
                continue
            inner = item.x if isinstance(item, Transpose) else item
            new = _negated(inner)
            if new is not None:
                new = transpose(new) if isinstance(item, Transpose) else new
                return type(x)(x.dims, (*x.items[:n], new, *x.items[n + 1 :]))
    return None


def sign(x: Matrix) -> int:
    """Return -1 for an expression with a minus in front."""
    first = x.scalars[0] if isinstance(x, Scaled) else x
    return -1 if isinstance(first, Number) and first.value < 0 else 1


def transpose(x: Matrix) -> Matrix:
    """Return Xᵀ with the transposes pushed inwards."""
    if inside := x.turned():
        return inside
    match x:
        case Matrix(dims=()) | Identity():
            return x
        case Diag() | Symbol(symmetric=True) if len(x.dims) == 2:
            return x
        case Inverse():
            return x if transpose(x.x) == x.x else Transpose(x.dims, x)
        case Transpose():
            return x.x
        case Scaled():
            new = transpose(x.x)
            return Scaled(new.dims, x.scalars, new)
        case Product():
            return Product(x.dims[::-1], tuple(transpose(f) for f in reversed(x.items)))
        case Sum() | Hadamard() if len(x.dims) == 2:
            items = [transpose(t) for t in x.items]
            turned = total(items, x.dims[::-1]) if isinstance(x, Sum) else Hadamard(x.dims[::-1], tuple(items))
            if turned == x or turns(turned) <= turns(x):
                return turned
        case Apply() | Power() if len(x.dims) == 2 and all(transpose(p) == p for p in x.parts):
            return x
        case Part() if len(x.dims) == 2:
            return Part(x.dims[::-1], transpose(x.x), 1 - x.axis, x.start, x.stride)
        case Block() if len(x.dims) == 2:
            return Block(x.dims[::-1], tuple(map(transpose, x.items)), 1 - x.axis, x.starts)
    return Transpose(x.dims[::-1], x)


def inverse(x: Matrix) -> Matrix:
    """Return X⁻¹, where X is no transpose unless it is symmetric: X⁻ᵀ is the transpose of an inverse."""
    turned = transpose(x)
    if turned != x and turns(turned) < turns(x):
        return Transpose(x.dims, Inverse(x.dims, turned))
    return Inverse(x.dims, x)


def turns(x: Matrix) -> int:
    """Return the number of transposed matrices in an expression."""
    return (isinstance(x, Transpose) and len(x.dims) == 2) + sum(map(turns, x.parts))


def product(items: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a matrix product, flat, with scalars in front and identities gone."""
    scalars: list[Matrix] = []
    flat: list[Matrix] = []
    for item in items:
        if isinstance(item, Scaled) and item.dims:
            scalars += item.scalars
            item = item.x
        if not item.dims:
            scalars.append(item)
        elif isinstance(item, Product):
            flat += item.items
        elif not isinstance(item, Identity):
            flat.append(item)
    if len(flat) > 1 and any(map(touches_selection, flat)):
        from .matrix_parts import spread_out, without_selections  # built on the functions of this file

        if (terms := spread_out(flat)) is not None:
            return scaled(scalars, total((product(t, dims) for t in terms), dims))
        flat = without_selections(flat)
    if not flat:
        return scaled(scalars, Identity(dims)) if len(dims) == 2 else scaled(scalars[:-1], scalars[-1])
    if not dims and len(flat) > 1:
        turned = [transpose(f) for f in reversed(flat)]
        if _turns(turned) < _turns(flat):
            flat = turned
    return scaled(scalars, flat[0] if len(flat) == 1 else Product(dims, tuple(flat)))


def is_selection(x: Matrix) -> bool:
    """Say whether a factor is a selection of entries, its transpose, or a sum of such."""
    core = x.x if isinstance(x, Scaled | Transpose) else x
    return (
        is_selection(core)
        if core is not x
        else isinstance(x, Select) or (isinstance(x, Sum) and all(map(is_selection, x.items)))
    )


def touches_selection(x: Matrix) -> bool:
    """Say whether a factor is a selection, or a sum with one among its terms."""
    core = x.x if isinstance(x, Transpose) else x
    return is_selection(x) or (isinstance(core, Sum) and any(map(is_selection, core.items)))


def _turns(items: list[Matrix]) -> int:
    return sum(isinstance(f, Transpose) and len(f.dims) == 2 for f in items)


ORDER = (Symbol, Transpose, Product, Sum, Along, Reduction)


def hadamard(items: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a product entry by entry, flat, with scalars in front; symbols first, functions last."""
    scalars: list[Matrix] = []
    flat: list[Matrix] = []
    for item in items:
        if isinstance(item, Scaled) and item.dims:
            scalars += item.scalars
            item = item.x
        if not item.dims:
            scalars.append(item)
        elif isinstance(item, Hadamard):
            flat += item.items
        else:
            flat.append(item)
    flat.sort(key=lambda f: next((n for n, t in enumerate(ORDER) if isinstance(f, t)), len(ORDER)))
    if not flat:
        return scaled(scalars[:-1], scalars[-1])
    return scaled(scalars, flat[0] if len(flat) == 1 else Hadamard(dims, tuple(flat)))


def total(terms: Iterable[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return a sum: numbers, what is added, products before symbols before what is repeated, what is subtracted."""

    def place(t: Matrix) -> tuple[bool, bool, bool, int, int]:
        core = t.x if isinstance(t, Scaled) else t
        turned = sum(isinstance(p, Transpose) for p in (core, *core.parts))
        return sign(t) < 0, not isinstance(t, Number), _repeated(core), turned - core.weight, turned

    from .matrix_parts import joined  # built on the functions of this file

    items = sorted(joined(list(terms), dims), key=place)
    if len(items) == 1:
        return items[0]
    numbers = {abs(n) if (n := _number_alone(t)) else Fraction(1) for t in items}
    if len(numbers) == 1 and 1 not in numbers:
        (number,) = numbers
        rest = (scaled([Number((), 1 / number)], t) for t in items)
        return scaled([Number((), number)], Sum(dims, tuple(rest)))
    return Sum(dims, tuple(items))


def _number_alone(x: Matrix) -> Fraction | None:
    """Return the number in front of an array that has no other scalar."""
    if isinstance(x, Scaled) and x.dims and len(x.scalars) == 1 and isinstance(x.scalars[0], Number):
        value = x.scalars[0].value
        return value if isinstance(value, Fraction) else None
    return None


def either_sign(x: Matrix) -> Matrix:
    """Return x or -x, whichever has its heaviest term in front, for a place where the sign does not matter."""
    if sign(x) < 0:
        return scaled([Number((), Fraction(-1))], x)
    if not isinstance(x, Sum):
        return x
    heaviest = max(
        x.items, key=lambda t: (t.dims == x.dims, not _repeated(t.x if isinstance(t, Scaled) else t), t.weight)
    )
    return _negated(x) or x if sign(heaviest) < 0 else x


def _repeated(core: Matrix) -> bool:
    return isinstance(core, Product) and any(isinstance(f, Ones) for f in (core.items[0], *_inner(core.items[-1])))


def _inner(x: Matrix) -> tuple[Matrix, ...]:
    return (x.x,) if isinstance(x, Transpose) else ()


def kronecker(items: Sequence[Matrix], dims: tuple[Size, ...]) -> Matrix:
    """Return A ⊗ B with scalars in front; I ⊗ I is I."""
    if all(isinstance(x, Identity) for x in items):
        return Identity(dims)
    scalars = [s for x in items if isinstance(x, Scaled) for s in x.scalars]
    return scaled(scalars, Kronecker(dims, tuple(x.x if isinstance(x, Scaled) else x for x in items)))
