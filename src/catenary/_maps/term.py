"""The structure of a linear map between two arrays.

    J[o, i] = Σ_labels scale · core[labels] · mask[labels] · Π_k δ(o_k, position_k) · Π_k δ(i_k, position_k)

Each axis of the output and of the input is a function of labels, position = start + Σ stride · label.
A label that stands on both sides is a tie: the map is diagonal along it. One that stands on a single
side and not in the core is a broadcast (output side) or a sum (input side).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from catenary._maps.table import Stride, Table, reach

Size = Any  # an int, or a symbolic dimension of jax.export


class Axis(NamedTuple):
    """One axis of an array: position = start + Σ stride · label, over ``factors`` = ((label, stride), …).

    Where a stride is a ``Table``, it contributes table[label]; one that a number would do for is that number.

    An axis of size 1 has no factors. Positions that no label reaches hold zeros.
    """

    size: Size
    start: int = 0
    factors: tuple[tuple[int, Stride], ...] = ()

    @property
    def plain(self) -> bool:
        """One label that runs over the whole axis, if its size is the axis's."""
        return len(self.factors) == 1 and self.start == 0 and self.factors[0][1] == 1

    @property
    def tabled(self) -> bool:
        """Whether some stride is a table."""
        return any(isinstance(s, Table) for _, s in self.factors)


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of an explicit map; structure alone: hashable, holds no array.

        out, inp   the axes of the output and of the input
        sizes      size of each label, by number
        core       labels of the core's axes; None where the core is the number ``scale``
        mask       labels of a boolean array that selects (never multiplies); None where all is selected
        scale      a number in front: 1, -1, 1/N

    >>> Term.of("b m", "b n", core="m n", b=256, m=16, n=64)
    Term('a b <- a c', core='b c')
    >>> Term.of("b m", "b n", core="m n", b=256, m=16, n=64).ties
    (0,)
    """

    out: tuple[Axis, ...]
    inp: tuple[Axis, ...]
    sizes: tuple[Size, ...]
    core: tuple[int, ...] | None = None
    mask: tuple[int, ...] | None = None
    scale: Any = 1
    precision: Any = None
    _hash: int | None = field(default=None, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # a plan looks up the same terms over and over
        if self._hash is None:
            parts = self.out, self.inp, self.sizes, self.core, self.mask, self.scale, self.precision
            object.__setattr__(self, "_hash", hash(parts))
        return self._hash  # type: ignore[return-value]

    @classmethod
    def of(
        cls, out: str, inp: str, core: str | None = None, mask: str | None = None, scale: Any = 1, **sizes: Size
    ) -> Term:
        """A term of plain axes, each named by its label; ``1`` is an axis of size 1."""
        names = list(dict.fromkeys(n for n in f"{out} {inp}".split() if n != "1"))
        number = {name: k for k, name in enumerate(names)}

        def axes(text: str) -> tuple[Axis, ...]:
            return tuple(Axis(1) if n == "1" else Axis(sizes[n], 0, ((number[n], 1),)) for n in text.split())

        def labels(text: str | None) -> tuple[int, ...] | None:
            return None if text is None else tuple(number[n] for n in text.split())

        return cls(axes(out), axes(inp), tuple(sizes[n] for n in names), labels(core), labels(mask), scale)

    @classmethod
    def identity(cls, shape: Sequence[Size]) -> Term:
        """The identity on arrays of ``shape``.

        >>> Term.identity((2, 1, 3))
        Term('a 1 b <- a 1 b')
        """
        axes, sizes = plain_axes(shape)
        return shared(cls(axes, axes, sizes))

    @property
    def T(self) -> Term:
        """The transpose: the sides change places."""
        return canonical(replace(self, out=self.inp, inp=self.out))

    @property
    def ties(self) -> tuple[int, ...]:
        """The labels that stand on both sides."""
        inp = set(labels_of(self.inp))
        return tuple(label for label in labels_of(self.out) if label in inp)

    @property
    def tabled(self) -> bool:
        """Whether some position is looked up in a table."""
        return any(axis.tabled for axis in (*self.out, *self.inp))

    @property
    def one(self) -> bool:
        """Whether the core is a number."""
        return self.core is None and self.mask is None

    def __repr__(self) -> str:
        name = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

        def side(axes: Iterable[Axis]) -> str:
            words = []
            for axis in axes:
                word = "+".join(_factor(name[i % 52], s) for i, s in axis.factors)
                words.append(
                    (f"{axis.start}+{word}" if word else str(axis.start + 1 if axis.size == 1 else axis.start))
                    if axis.start or not word
                    else word
                )
            return " ".join(words) or "·"

        text = f"{side(self.out)} <- {side(self.inp)}"
        for part, labels in (("core", self.core), ("mask", self.mask)):
            if labels is not None:
                text += f"', {part}='" + " ".join(name[i % 52] for i in labels)
        scale = "" if self.scale == 1 else f", scale={self.scale}"
        return f"Term('{text}'{scale})"


def _factor(name: str, stride: Stride) -> str:
    return f"table[{name}]" if isinstance(stride, Table) else name if stride == 1 else f"{stride}{name}"


def plain_axes(shape: Sequence[Size], first: int = 0) -> tuple[tuple[Axis, ...], tuple[Size, ...]]:
    """Axes with a label each (none for size 1), and the labels' sizes."""
    axes, sizes = [], []
    for n in shape:
        if one(n):
            axes.append(Axis(1))
        else:
            axes.append(Axis(n, 0, ((first + len(sizes), 1),)))
            sizes.append(n)
    return tuple(axes), tuple(sizes)


def one(n: Size) -> bool:
    """Whether a size is the number 1; a symbolic one is not."""
    return isinstance(n, int) and n == 1


def labels_of(axes: Iterable[Axis]) -> tuple[int, ...]:
    """The labels that stand in some axes, each once, in order."""
    return tuple(dict.fromkeys(label for axis in axes for label, _ in axis.factors))


def canonical(term: Term) -> Term:
    """Labels numbered by first appearance, so that equal structures are equal objects."""
    order = labels_of((*term.out, *term.inp))
    return term if order == tuple(range(len(term.sizes))) else renumbered(term, order, term.sizes)


def renumbered(term: Term, order: Sequence[int], sizes: Any) -> Term:
    """The term with labels ``order`` as 0, 1, …; ``sizes[label]`` is the size of an old one."""
    number = {label: k for k, label in enumerate(order)}

    def axes(side: tuple[Axis, ...]) -> tuple[Axis, ...]:
        return tuple(Axis(a.size, a.start, tuple((number[i], s) for i, s in a.factors)) for a in side)

    def labels(part: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if part is None else tuple(number[i] for i in part)

    return replace(
        term,
        out=axes(term.out),
        inp=axes(term.inp),
        sizes=tuple(sizes[i] for i in order),
        core=labels(term.core),
        mask=labels(term.mask),
    )


@lru_cache(maxsize=65536)
def shared(term: Term) -> Term:
    """One object for equal terms, so that tables keyed by terms compare identities."""
    return term


class StructureError(AssertionError):
    """A map whose labels, sizes and axes do not fit together."""


def validate(term: Term, out_shape: Sequence[Size] | None = None, inp_shape: Sequence[Size] | None = None) -> None:
    """Raise StructureError unless ``term`` is a legal map between arrays of the given shapes."""
    labels = labels_of((*term.out, *term.inp))
    if sorted(labels) != list(range(len(term.sizes))):
        raise StructureError(f"{term}: labels {labels} for {len(term.sizes)} sizes")
    for name, part in (("core", term.core), ("mask", term.mask)):
        for label in part or ():
            if label not in labels:
                raise StructureError(f"{term}: {name} label {label} stands on neither side")
        if part is not None and len(set(part)) != len(part):
            raise StructureError(f"{term}: {name} repeats a label")
    for name, axes, shape in (("output", term.out, out_shape), ("input", term.inp, inp_shape)):
        if shape is not None and tuple(a.size for a in axes) != tuple(shape):
            raise StructureError(f"{term}: {name} axes {[a.size for a in axes]}, array {tuple(shape)}")
        for axis in axes:
            numbers = [axis.size, *(term.sizes[i] for i, _ in axis.factors)]
            if all(isinstance(n, int) for n in numbers) and all(numbers):
                spans = [reach(s, np.arange(term.sizes[i])) for i, s in axis.factors]
                low = axis.start + sum(int(r.min()) for r in spans)
                high = axis.start + sum(int(r.max()) for r in spans)
                if low < 0 or high >= axis.size:
                    raise StructureError(f"{term}: {name} positions {low} to {high} on an axis of {axis.size}")
