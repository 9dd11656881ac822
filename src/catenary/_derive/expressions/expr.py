"""The expressions: a closed set of node types over labelled axes.

An expression is a scalar that depends on axis indices, as in ``y[i] * X[i, j]``; an array is an
expression with its indices in order, ``Array((I0, I1), body)``.  Transposes, broadcasts and size-1
axes need no node: they are only a choice of indices.  Nodes are interned, so equal is identical.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, ClassVar
from weakref import WeakValueDictionary

Size = int | str
_fresh = itertools.count()


class Interned:
    """Equal arguments, same object: comparison and hashing cost nothing, shared parts are shared."""

    __slots__ = ("__weakref__", "args")
    _table: ClassVar[WeakValueDictionary[Any, Any]] = WeakValueDictionary()
    args: tuple[Any, ...]

    def __new__(cls, *args: Any) -> Any:
        """Return the one node with these arguments."""
        name = (cls, args, tuple(map(type, args)))
        node = Interned._table.get(name)
        if node is None:
            node = object.__new__(cls)
            node.args = args
            node._finish()
            Interned._table[name] = node
        return node

    def _finish(self) -> None:
        """Compute what is stored beside the arguments, once."""

    def __repr__(self) -> str:
        """Show the type and the arguments."""
        return f"{type(self).__name__}({', '.join(map(repr, self.args))})"


class Index(Interned):
    """An axis: a name, which matters only inside one expression, and a size such as ``"N"`` or 3.

    >>> Index("0", "N") is Index("0", "N")
    True
    """

    __slots__ = ("name", "size")
    name: str
    size: Size

    def _finish(self) -> None:
        self.name, self.size = self.args


class Expr(Interned):
    """A scalar expression in axis indices.

    ``free`` are the indices it depends on, ``height`` exceeds that of every bound index inside,
    ``weight`` counts nodes as written out, ``key`` orders terms and factors.
    """

    __slots__ = ("free", "height", "key", "weight")
    rank: ClassVar[int] = 0
    free: frozenset[Index]
    height: int
    weight: int
    key: tuple[int, int, str]

    @property
    def children(self) -> tuple[Expr, ...]:
        """The sub-expressions, in order."""
        return ()

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        """Return the same node over other sub-expressions."""
        return self

    def _finish(self) -> None:
        kids = self.children
        self.free = frozenset().union(*(c.free for c in kids)) if kids else frozenset()
        self.height = max((c.height for c in kids), default=0)
        self.weight = min(1 + sum(c.weight for c in kids), 1 << 40)
        self._bind()
        text = f"{type(self).__name__}[{self._label()}]({','.join(c.key[2] for c in kids)})"
        if len(text) > 160:
            text = text[:60] + hashlib.blake2s(text.encode(), digest_size=12).hexdigest()
        self.key = (self.rank, self.weight, text)

    def _bind(self) -> None:
        """Adjust ``free`` and ``height`` for what this node binds or mentions."""

    def _label(self) -> str:
        return ""


class Num(Expr):
    """A number: a ``Fraction``, or a float for infinity and not-a-number."""

    __slots__ = ("value",)
    rank = 0
    value: Fraction | float

    def _finish(self) -> None:
        self.value = self.args[0]
        super()._finish()

    def _label(self) -> str:
        return str(self.value)


class Dim(Expr):
    """The size of an axis as a number, as N in a mean."""

    __slots__ = ("name",)
    rank = 1
    name: str

    def _finish(self) -> None:
        (self.name,) = self.args
        super()._finish()

    def _label(self) -> str:
        return self.name


class Pos(Expr):
    """The position along an axis as a number (an iota)."""

    __slots__ = ("index",)
    rank = 2
    index: Index

    def _finish(self) -> None:
        (self.index,) = self.args
        super()._finish()

    def _bind(self) -> None:
        self.free = frozenset([self.index])

    def _label(self) -> str:
        return self.index.name


class At(Expr):
    """An entry of an array: ``X[i, j]``; an index is an ``Index`` or a fixed position."""

    __slots__ = ("array", "indices")
    rank = 3
    array: Array
    indices: tuple[Index | int, ...]

    def __new__(cls, array: Array, indices: tuple[Index | int, ...]) -> Any:
        """Return the one entry; of a symmetric matrix, that with its indices in order."""
        if len(indices) == 2 and indices[0] is not indices[1] and array.symmetric:
            indices = tuple(sorted(indices, key=_place))
        return super().__new__(cls, array, indices)

    def _finish(self) -> None:
        self.array, self.indices = self.args
        super()._finish()

    def _bind(self) -> None:
        self.free = frozenset(i for i in self.indices if isinstance(i, Index))

    def _label(self) -> str:
        where = ",".join(i.name if isinstance(i, Index) else f"#{i}" for i in self.indices)
        return f"{self.array.key}|{where}"


def _place(index: Index | int) -> tuple[bool, int, str]:
    return (True, len(index.name), index.name) if isinstance(index, Index) else (False, index, "")


class _Children(Expr):
    """A node whose last argument is the tuple of its sub-expressions."""

    __slots__ = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        """The sub-expressions, in order."""
        return self.args[-1]

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        """Return the same node over other sub-expressions."""
        return type(self)(*self.args[:-1], children)

    def _label(self) -> str:
        return ",".join(map(str, self.args[:-1]))


class Fn(_Children):
    """A function entry by entry, by name: ``Fn("exp", (x,))``, ``Fn("where", (c, a, b))``."""

    __slots__ = ()
    rank = 4

    @property
    def name(self) -> str:
        """Which function."""
        return self.args[0]


class Pow(_Children):
    """A power with a fixed exponent."""

    __slots__ = ()
    rank = 5

    @property
    def exponent(self) -> Fraction:
        """The exponent."""
        return self.args[0]

    @property
    def base(self) -> Expr:
        """The base."""
        return self.args[1][0]


class Along(_Children):
    """A function of whole axes: ``y[outer] = name over inner of body[inner]``.

    ``Along("softmax", (k,), (l,), (z[i, l],))`` is entry k of the softmax of row i; ``inv`` has two axes on each side,
    a convolution several bodies.  Like a sum it binds the ``inner`` indices; the ``outer`` ones are free and distinct.
    """

    __slots__ = ()
    rank = 6

    @property
    def name(self) -> str:
        """Which function."""
        return self.args[0]

    @property
    def outer(self) -> tuple[Index, ...]:
        """The axes of the result."""
        return self.args[1]

    @property
    def inner(self) -> tuple[Index, ...]:
        """The axes of the bodies that the function acts on."""
        return self.args[2]

    @property
    def body(self) -> Expr:
        """What it acts on, if that is one thing."""
        return self.args[3][0]

    def _label(self) -> str:
        return f"{self.name}|" + "|".join(",".join(f"{i.name}:{i.size}" for i in g) for g in (self.outer, self.inner))

    def _bind(self) -> None:
        self.free = (self.free - frozenset(self.inner)) | frozenset(self.outer)
        self.height += len(self.inner)


class Reduce(_Children):
    """A reduction over bound indices: ``sum``, ``max``, ``min``, ``prod``, ``logsumexp``, ``logdet``."""

    __slots__ = ()
    rank = 7

    @property
    def name(self) -> str:
        """Which reduction."""
        return self.args[0]

    @property
    def indices(self) -> tuple[Index, ...]:
        """The axes it acts on."""
        return self.args[1]

    @property
    def body(self) -> Expr:
        """What it acts on."""
        return self.args[2][0]

    def _label(self) -> str:
        return f"{self.name}|" + ",".join(f"{i.name}:{i.size}" for i in self.indices)

    def _bind(self) -> None:
        self.free -= frozenset(self.indices)
        self.height += len(self.indices)


class Mul(_Children):
    """A product."""

    __slots__ = ()
    rank = 8


class Add(_Children):
    """A sum of terms."""

    __slots__ = ()
    rank = 9


NODE_TYPES = (Num, Dim, Pos, At, Fn, Pow, Along, Reduce, Mul, Add)


class Array(Interned):
    """An array: a symbol ``Array("X", dims, None, kind)`` or a value ``Array("", dims, body, kind)``.

    The body of a value is written in the indices ``axis(0, …), axis(1, …)``; ``kind`` is ``"real"``,
    ``"int"`` or a fact that the user states, as ``"symmetric"``.
    """

    __slots__ = ("body", "dims", "key", "kind", "symbol")
    symbol: str
    dims: tuple[Size, ...]
    body: Expr | None
    kind: str
    key: str

    def _finish(self) -> None:
        self.symbol, self.dims, self.body, self.kind = self.args
        self.key = self.symbol or hashlib.blake2s(str(self.body and self.body.key).encode(), digest_size=8).hexdigest()

    @property
    def axes(self) -> tuple[Index, ...]:
        """The indices of the body, in order."""
        return tuple(axis(n, size) for n, size in enumerate(self.dims))

    @property
    def symmetric(self) -> bool:
        """Whether this is a matrix that is its own transpose."""
        from .symmetry import symmetric_array

        return len(self.dims) == 2 and self.dims[0] == self.dims[1] != 1 and symmetric_array(self)


def axis(position: int, size: Size) -> Index:
    """Return the index that stands for an array's axis number ``position``."""
    return Index(str(position), size)


def temporary(size: Size) -> Index:
    """Return an index that nothing else uses, to be bound soon."""
    return Index(f"~{next(_fresh)}", size)


def walk(expr: Expr) -> Iterator[tuple[int, Expr]]:
    """Yield each distinct node once with its depth, parents first."""
    seen: set[Expr] = set()
    stack = [(0, expr)]
    while stack:
        depth, node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield depth, node
            stack.extend((depth + 1, c) for c in node.children)


def entry(array: Array) -> At:
    """Return the entry of an array at its own axes."""
    return At(array, array.axes)


def head(expr: Expr) -> Expr:
    """Return the expression behind an entry of a value, in the array's own indices: to look, not to use."""
    while isinstance(expr, At) and expr.array.body is not None:
        expr = expr.array.body
    return expr
