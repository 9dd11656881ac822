"""Families of matrices as Python source: arrays whose leading axes are the family's, in the order of the scope.

Products, sums and functions act on the last axes and broadcast over the leading ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expressions.expr import Index
from ..matrices import matrix as mx
from ..matrices.family import Blocks, Family, FamilySum, Lower, Reshaped, members
from ..matrices.matrix import Matrix, Member
from .python import ALONG, ATOM, HELPERS, REDUCE, SUM, TIMES, UNARY, PythonPrinter, column, row


class FamilyPrinter(PythonPrinter):
    """Prints what stands inside a family; ``scope`` are the indices of the leading axes."""

    def __init__(self, outside: PythonPrinter, scope: tuple[Index, ...]) -> None:
        """Share the names and what is used."""
        vars(self).update(vars(outside))
        self.scope = scope

    def piece(self, x: Matrix, spread: bool) -> tuple[str, int]:
        """Return the expression and how tightly it binds."""
        match x:
            case mx.Symbol() if any(isinstance(f, Member) for f in x.fixed):
                return self._member(x, False), ATOM
            case mx.Transpose() if len(x.dims) == 2:
                if isinstance(x.x, mx.Symbol) and any(isinstance(f, Member) for f in x.x.fixed):
                    return self._member(x.x, True), ATOM
                return self(x.x, ATOM) + (".swapaxes(-1, -2)" if any(members(x)) else ".T"), ATOM
            case mx.Diag() if len(x.dims) == 2:
                return f"{self(x.x, ATOM)}[..., None] * jnp.eye({self.size(x.dims[0])})", TIMES
            case mx.Diag():
                return f"jnp.diagonal({self(x.x)}, axis1=-2, axis2=-1)", ATOM
            case mx.Trace():
                return f"jnp.trace({self(x.x)}, axis1=-2, axis2=-1)", ATOM
            case mx.SquaredNorm():
                return f"jnp.sum({self(x.x, ATOM)} ** 2, axis={_last(len(x.x.dims))})", ATOM
            case mx.Along():
                name = self.call(x.name) if x.name in HELPERS else ALONG[x.name]
                return f"{name}({self(x.x)}, axis={x.axis - len(x.x.dims)})", ATOM
            case mx.Reduction():
                name = self.call(x.name) if x.name in HELPERS else REDUCE[x.name]
                where = _last(len(x.x.dims)) if x.axis is None else x.axis - len(x.x.dims)
                return f"{name}({self(x.x)}, axis={where})", ATOM
            case mx.Sum() | mx.Hadamard() | mx.Apply() if x.dims:
                return super().piece(type(x)(**(vars(x) | {"items": self._lifted(x.items, len(x.dims))})), spread)
            case mx.Scaled() if x.dims:
                return super().piece(mx.Scaled(x.dims, self._lifted(x.scalars, len(x.dims)), x.x), spread)
            case _Lifted():
                return self(x.x, ATOM) + f"[..., {', '.join(['None'] * x.rank)}]", ATOM
        return super().piece(x, spread)

    def _lifted(self, items: Sequence[Matrix], rank: int) -> tuple[Matrix, ...]:
        """Give scalars that differ among the members of the family the last axes of a matrix."""
        return tuple(_Lifted((), t, rank) if not t.dims and any(members(t)) else t for t in items)

    def _member(self, x: mx.Symbol, turned: bool) -> str:
        """Return an array with the family's axes first, those it lacks of size 1, and its own axes last."""
        text = self.name(x.name)
        if any(isinstance(f, int | str) for f in x.fixed):
            text += f"[{', '.join(str(f) if isinstance(f, int | str) else ':' for f in x.fixed)}]"
        sizes = iter(x.dims)
        now: list[Index | int] = []  # what each axis is: a family's index, or a place among the matrix's own
        shape: list[str] = []
        own = 0
        for f in x.fixed:
            if isinstance(f, Member):
                now.append(f.index)
                shape.append(self.size(f.index.size))
            if f is None or (isinstance(f, Member) and f.block is not None):
                now.append(own)
                own += 1
                shape.append(self.size(next(sizes)))
        if any(isinstance(f, Member) and f.block is not None for f in x.fixed):
            text += f".reshape({', '.join(shape)})"
        wanted = [*(i for i in self.scope if i in now), *(reversed(range(own)) if turned else range(own))]
        order = [now.index(i) for i in wanted]
        if order == [*range(len(order) - 2), len(order) - 1, len(order) - 2] and len(order) > 1:
            text += ".swapaxes(-1, -2)"
        elif order != sorted(order):
            text += f".transpose({', '.join(map(str, order))})"
        after = self.scope[next(n for n, i in enumerate(self.scope) if i in now) :]
        if any(i not in now for i in after):
            last = max(n for n, i in enumerate(after) if i not in now)
            text += f"[{', '.join(':' if i in now else 'None' for i in after[: last + 1])}]"
        return text

    def _product(self, items: list[Matrix], spread: bool) -> str:
        for n in range(len(items) - 1):
            if column(items[n]) and row(items[n + 1]):
                left, right = items[: n + 1], items[n + 1 :]
                if isinstance(items[n + 1].parts[0], mx.Ones) and len(right) == 1 and spread:
                    return f"{self._bracketed(left)}[..., None]"
                if isinstance(items[n], mx.Ones) and n == 0 and spread:
                    return f"{self._bracketed(right)}[..., None, :]"
                return f"{self._bracketed(left)}[..., None] * {self._bracketed(right)}[..., None, :]"
        return self._chain(items)

    def _bracketed(self, items: list[Matrix]) -> str:
        """Return a product of a row or a column as a vector that can be indexed."""
        if len(items) == 1:
            return self(items[0], ATOM)
        return f"({self._chain(items)})"

    def _chain(self, items: list[Matrix]) -> str:
        """Return a product of matrices, a row in front or a column behind."""
        if len(items) == 1:
            return self(items[0], UNARY)
        first, last = items[0], items[-1]
        if _diagonal(first):
            turned = "" if column(last) else "[..., None]"
            return f"{self(first.parts[0], ATOM)}{turned} * {self._wrapped(items[1:])}"
        if _diagonal(last):
            return f"{self._wrapped(items[:-1])} * {self(last.parts[0], ATOM)}{'' if row(first) else '[..., None, :]'}"
        if row(first) and isinstance(first.parts[0], mx.Ones):
            return f"jnp.sum({self._chain(items[1:])}, axis={-1 if column(last) else -2})"
        if isinstance(last, mx.Ones):
            return f"jnp.sum({self._chain(items[:-1])}, axis=-1)"
        for n, item in enumerate(items):
            if n > 0 and _diagonal(item):
                return self._joined([self._wrapped(items[: n + 1]), self._wrapped(items[n + 1 :])], items)
        if len(items) == 2 and row(first) and column(last):
            return f"jnp.sum({self(first, UNARY)} * {self(last, UNARY)}, axis=-1)"
        return self._joined([self(f, ATOM if row(f) or column(f) else UNARY) for f in items], items)

    def _joined(self, texts: list[str], items: list[Matrix]) -> str:
        """Return a matrix product of sources, a row or a column at its ends turned into a matrix and back."""
        taken = ""
        if row(items[0]):
            texts[0], taken = f"{texts[0]}[..., None, :]", "[..., 0, :]"
        if column(items[-1]):
            texts[-1], taken = f"{texts[-1]}[..., None]", "[..., 0, 0]" if taken else "[..., 0]"
        text = " @ ".join(texts)
        return f"({text}){taken}" if taken else text


class _Lifted(mx._One):
    """A scalar of each member of a family with ``rank`` axes of size 1 behind it."""

    def __init__(self, dims: tuple[object, ...], x: Matrix, rank: int) -> None:
        """Remember the scalar and the number of axes."""
        for name, value in (("dims", dims), ("x", x), ("rank", rank)):
            object.__setattr__(self, name, value)

    rank: int


def _diagonal(x: Matrix) -> bool:
    return isinstance(x, mx.Diag) and len(x.dims) == 2


def _last(rank: int) -> str:
    return "-1" if rank == 1 else f"({', '.join(str(-n) for n in range(rank, 0, -1))})"


def scope_of(printer: PythonPrinter) -> tuple[Index, ...]:
    """Return the indices of the leading axes of what a printer prints."""
    return printer.scope if isinstance(printer, FamilyPrinter) else ()


def family(x: Matrix, outside: PythonPrinter) -> tuple[str, int]:
    """Return what binds the index of a family, or changes a shape, and how tightly it binds."""
    match x:
        case Reshaped():
            return f"jnp.reshape({outside(x.x)}, ({', '.join(map(outside.size, x.dims))},))", ATOM
        case Lower():
            return f"jnp.tri({outside.size(x.dims[0])}, {outside.size(x.dims[1])}, {x.k})", ATOM
        case Family():
            return _each(x, outside)
    assert isinstance(x, FamilySum | Blocks)
    printer = FamilyPrinter(outside, (*scope_of(outside), x.index))
    text = printer(x.x, SUM)
    place = -1 - len(x.x.dims)
    if isinstance(x, FamilySum):
        return f"jnp.sum({text}, axis={place})", ATOM
    if printer.scope == (x.index,):
        return f"jnp.concatenate({text}, axis={x.axis})", ATOM
    return f"jnp.concatenate(jnp.moveaxis({text}, {place}, 0), axis={x.axis - len(x.x.dims)})", ATOM


def _each(x: Family, outside: PythonPrinter) -> tuple[str, int]:
    """Return an array, its axes where they belong."""
    text, level = FamilyPrinter(outside, x.indices).piece(x.x, False)
    if x.order == tuple(range(len(x.order))):
        return text, level
    text = text if level == ATOM else f"({text})"
    return f"{text}.transpose({', '.join(map(str, x.order))})", ATOM
