"""Common factorisation: bring two axes that meet to the same labels.

A ``Work`` holds the axes and the operands of a composition while labels are split, restricted, fixed
and united; each edit keeps the meaning of the whole and notes what it asks of each operand's array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import numpy as np

from catenary import _jax
from catenary._maps.join import entangled, join
from catenary._maps.table import Stride, Table, concrete, normal, reach, volume
from catenary._maps.term import Axis, Size

Op = tuple[Any, ...]


@dataclass(slots=True)
class Operand:
    """An array on its way into a composition.

    role     "core", "mask", or "delta" (a mask made from positions alone)
    labels   of its axes, as they stand after ``ops``
    ops      what is done to the array: ("split", axis, outer, inner), ("slice", axis, start, step, count),
             ("index", axis, i), ("diagonal", i, j), ("merge", axes), ("take", axis, table)
    delta    for role "delta": axis size, start and strides; axis 0 of the mask is the position
    """

    role: str
    labels: list[int]
    ops: list[Op] = field(default_factory=list)
    delta: tuple[Any, ...] | None = None


class Work:
    """Axes in named groups, operands, and the sizes of the labels that they share.

    live    the labels that stand for something; one that stands nowhere any more counts its size
    """

    __slots__ = ("groups", "live", "operands", "sizes")

    def __init__(self, groups: dict[str, list[Axis]], operands: list[Operand], sizes: dict[int, Size]):
        self.groups, self.operands, self.sizes = groups, operands, sizes
        self.live = set(sizes)

    def new(self, size: Size) -> int:
        """A fresh label."""
        label = max(self.sizes, default=-1) + 1
        self.sizes[label] = size
        self.live.add(label)
        return label

    def substitute(self, label: int, offset: int, parts: Sequence[tuple[int, int]]) -> None:
        """Write label = offset + Σ stride · part into every axis."""
        for axes in self.groups.values():
            for k, axis in enumerate(axes):
                if any(i == label for i, _ in axis.factors):
                    start, factors = axis.start, []
                    for i, s in axis.factors:
                        more, new = self._written(s, offset, parts) if i == label else (0, [(i, s)])
                        start = start + more
                        factors.extend(new)
                    axes[k] = self._folded(axis.size, start, factors)
        self.live.discard(label)

    def _written(self, stride: Stride, offset: int, parts: Sequence[tuple[int, int]]) -> tuple[int, list[Any]]:
        """What a factor of this stride becomes: a start and factors."""
        if not isinstance(stride, Table):
            return stride * offset, [(j, stride * t) for j, t in parts]
        if offset == 0 and [(t, self.sizes[j]) for j, t in parts] == [(1, stride.values.size)]:
            return 0, [(parts[0][0], stride)]  # another name: a table begins at 0
        start = int(stride.values[offset])
        factors = []
        for j, t in parts:
            _, step = normal(stride.values[offset + t * np.arange(self.sizes[j])])
            factors.append((j, step))
        return start, factors

    def _folded(self, size: Size, start: int, factors: Sequence[tuple[int, Stride]]) -> Axis:
        """An axis in which each label stands once."""
        total: dict[int, Stride] = {}
        for i, s in factors:
            if i not in total:
                total[i] = s
            elif isinstance(s, Table) or isinstance(total[i], Table):
                every = np.arange(self.sizes[i])
                _, total[i] = normal(reach(s, every) + reach(total[i], every))
            else:
                total[i] = total[i] + s
        kept = tuple((i, s) for i, s in total.items() if isinstance(s, Table) or not (isinstance(s, int) and s == 0))
        return Axis(size, start, kept)

    def tabulate(self, values: dict[int, np.ndarray]) -> int:
        """Write label = values[label][k], for all of them at once, with one new label k."""
        count = len(next(iter(values.values())))
        fresh = self.new(count)
        for axes in self.groups.values():
            for n, axis in enumerate(axes):
                mine = [(i, s) for i, s in axis.factors if i in values]
                if mine:
                    start, stride = normal(sum((reach(s, values[i]) for i, s in mine), np.zeros(count, np.int64)))
                    rest = [f for f in axis.factors if f not in mine]
                    axes[n] = self._folded(axis.size, axis.start + start, [*rest, (fresh, stride)])
        for operand in self.operands:
            self._look_up(operand, values, fresh)
        self.live.difference_update(values)
        return fresh

    def _look_up(self, operand: Operand, values: dict[int, np.ndarray], fresh: int) -> None:
        """The axes of the labels that ``values`` rewrites become one, read in the order of the new label."""
        here = [n for n, i in enumerate(operand.labels) if i in values]
        if not here:
            return
        flat = np.zeros(self.sizes[fresh], np.int64)
        for n in here:
            flat = flat * self.sizes[operand.labels[n]] + values[operand.labels[n]]
        if len(here) > 1:
            operand.ops.append(("merge", tuple(here)))
        whole = volume([operand.labels[n] for n in here], self.sizes)
        start, step = normal(flat)
        if isinstance(step, Table) or step == 0:
            operand.ops.append(("take", here[0], Table(flat)))
        elif (start, step, flat.size) != (0, 1, whole):
            operand.ops.append(("slice", here[0], start, step, flat.size))
        operand.labels[here[0]] = fresh
        for n in reversed(here[1:]):
            del operand.labels[n]

    def split(self, label: int, inner: Size) -> tuple[int, int]:
        """label → outer · inner + rest: two labels in place of one."""
        if any(i == label and isinstance(s, Table) for x in self.groups.values() for a in x for i, s in a.factors):
            raise NoCommonFactorisation
        outer = self.sizes[label] // inner
        a, b = self.new(outer), self.new(inner)
        self.substitute(label, 0, ((a, inner), (b, 1)))
        for operand in self.operands:
            if label in operand.labels:
                k = operand.labels.index(label)
                operand.ops.append(("split", k, outer, inner))
                operand.labels[k : k + 1] = [a, b]
        return a, b

    def restrict(self, label: int, start: int, step: int, count: int) -> int:
        """label → start + step · new: only those positions remain."""
        if start == 0 and step == 1 and count == self.sizes[label]:
            return label
        fresh = self.new(count)
        self.substitute(label, start, ((fresh, step),))
        for operand in self.operands:
            if label in operand.labels:
                k = operand.labels.index(label)
                operand.ops.append(("slice", k, start, step, count))
                operand.labels[k] = fresh
        return fresh

    def fix(self, label: int, index: int) -> None:
        """label → index: a single position remains, the label goes."""
        self.substitute(label, index, ())
        for operand in self.operands:
            if label in operand.labels:
                k = operand.labels.index(label)
                operand.ops.append(("index", k, index))
                del operand.labels[k]

    def unite(self, a: int, b: int) -> None:
        """Two labels of one size that always agree become one."""
        if a == b:
            return
        self.substitute(b, 0, ((a, 1),))
        for operand in self.operands:
            if b in operand.labels:
                k = operand.labels.index(b)
                if a in operand.labels:
                    k, gone = sorted((operand.labels.index(a), k))
                    operand.ops.append(("diagonal", k, gone))
                    del operand.labels[gone]
                operand.labels[k] = a

    def untie(self, group: str, k: int) -> None:
        """Give an axis a label of its own; a mask of positions takes over what tied it."""
        axis = self.groups[group][k]
        label = self.new(axis.size)
        self.groups[group][k] = Axis(axis.size, 0, ((label, 1),))
        old = [i for i, _ in axis.factors]
        strides = tuple((self.sizes[i], s) for i, s in axis.factors)
        self.operands.append(Operand("delta", [label, *old], delta=(axis.size, axis.start, strides)))

    def align(self, left: str, right: str, k: int, *, untie: bool) -> bool:
        """Make axis ``k`` of two groups agree; False where they never do (the product is zero).

        Where there is no common factorisation the positions are joined by tables, or the axes are untied, or, with
        untie=False and no table there yet, NoCommonFactorisation is raised.
        """
        for group in (None, left, right):
            try:
                if group is not None:
                    self.untie(group, k)
                return self._align(left, right, k)
            except (NoCommonFactorisation, _jax.InconclusiveDimensionOperation):
                if group is None:
                    if not untie and not any(self.groups[side][k].tabled for side in (left, right)):
                        raise NoCommonFactorisation from None
                    joined = self._join(left, right, k)
                    if joined is not None:
                        return joined
        raise AssertionError("unreachable")

    def _join(self, left: str, right: str, k: int) -> bool | None:
        """Pair off the positions of the axes that meet by tables; None where that is too much."""
        a, b = self.groups[left], self.groups[right]
        places = entangled(a, b, k)
        values = join([a[g] for g in places], [b[g] for g in places], self.sizes)
        if values is None:
            return None
        count = len(next(iter(values.values())))
        if count == 1:
            for label, value in values.items():
                self.fix(label, int(value[0]))
        elif count:
            self.tabulate(values)
        return count > 0

    def _align(self, left: str, right: str, k: int) -> bool:
        """Solve Σ s·i − Σ t·j = offset digit by digit, from the smallest stride up."""
        while True:
            a, b = self.groups[left][k], self.groups[right][k]
            if a == b:
                return True
            if a.plain and b.plain and self.sizes[a.factors[0][0]] == self.sizes[b.factors[0][0]]:
                self.unite(a.factors[0][0], b.factors[0][0])
                return True
            offset = b.start - a.start
            common = set(a.factors) & set(b.factors)
            if any(isinstance(s, Table) for _, s in {*a.factors, *b.factors} - common):
                raise NoCommonFactorisation
            left_digits, right_digits = _ascending(a, common), _ascending(b, common)
            if not left_digits and not right_digits:
                return bool(offset == 0)
            if not left_digits or not right_digits:
                return self._decode(left_digits or right_digits, offset if left_digits else -offset)
            if len(left_digits) == len(right_digits) == 1:
                return self._intersect(left_digits[0], right_digits[0], offset)
            if not self._lowest_digit(left_digits, right_digits, offset):
                return False

    def _lowest_digit(self, a: list[tuple[int, int]], b: list[tuple[int, int]], offset: int) -> bool:
        """Settle the digit of the smallest stride; False where there is no solution.

        It can be read alone where it stays below the common divisor of all that stands above it.
        """
        (i, s), (j, t) = a[0], b[0]
        m, n = self.sizes[i], self.sizes[j]
        if s <= 0 or t <= 0 or i == j:
            raise NoCommonFactorisation
        if s == t:
            if m == n and _below(s * m, offset, [x for _, x in a[1:] + b[1:]]):
                self.unite(i, j)
            elif m % n == 0 and m != n:
                self.split(i, n)
            elif n % m == 0 and m != n:
                self.split(j, m)
            else:
                raise NoCommonFactorisation
            return True
        label, stride, size, target = (i, s, m, offset) if s < t else (j, t, n, -offset)
        above = gcd(*(x for k, x in a + b if k != label))
        if stride * size > above:
            raise NoCommonFactorisation
        digit, rest = divmod(target % above, stride)
        if rest or digit >= size:
            return False
        self.fix(label, digit)
        return True

    def _decode(self, factors: list[tuple[int, int]], target: int) -> bool:
        """Σ stride · label = target for one mixed radix: each label is fixed."""
        if not nested(factors, self.sizes):
            raise NoCommonFactorisation
        digits = []
        for label, stride in reversed(factors):
            size = self.sizes[label]
            if stride < 0:
                raise NoCommonFactorisation
            digit = min(target // stride, size - 1)
            if digit < 0:
                return False
            digits.append((label, digit))
            target -= digit * stride
        if target != 0:
            return False
        for label, digit in digits:
            self.fix(label, digit)
        return True

    def _intersect(self, a: tuple[int, int], b: tuple[int, int], offset: int) -> bool:
        """s·i − t·j = offset: the common positions of two arithmetic progressions."""
        (i, s), (j, t) = a, b
        m, n = self.sizes[i], self.sizes[j]
        if i == j:
            if s == t:
                return bool(offset == 0)
            raise NoCommonFactorisation
        if s == t and offset == 0 and m == n:
            self.unite(i, j)
            return True
        if not all(isinstance(v, int) for v in (m, n, s, t, offset)):
            raise NoCommonFactorisation
        if m == 0 or n == 0:
            return False
        first, step_i, step_j, count = progression(s, m, t, n, offset)
        if count == 0:
            return False
        start_j = (s * first - offset) // t
        if count == 1:
            self.fix(i, first)
            self.fix(j, start_j)
        else:
            self.unite(self.restrict(i, first, step_i, count), self.restrict(j, start_j, step_j, count))
        return True


class NoCommonFactorisation(Exception):
    """Two axes have no common mixed radix; the axis is untied."""


def _ascending(axis: Axis, without: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The digits that are left, by stride; a symbolic stride stands above numbers, and above what divides it."""
    left = [f for f in axis.factors if f not in without]
    symbolic = [s for _, s in left if not isinstance(s, int)]
    if not symbolic:
        return sorted(left, key=lambda f: abs(f[1]))
    return sorted(
        left, key=lambda f: (0, abs(f[1])) if isinstance(f[1], int) else (1, sum(f[1] % s == 0 for s in symbolic))
    )


def _below(reach: Any, offset: Any, strides: Sequence[Any]) -> bool:
    """Whether a digit that reaches so far stays below the common divisor of an offset and the strides above it."""
    if all(isinstance(x, int) for x in (reach, offset, *strides)):
        return bool(reach <= gcd(offset, *strides))
    return isinstance(offset, int) and offset == 0 and all(s % reach == 0 for s in strides)


def nested(factors: Sequence[tuple[int, int]], sizes: Mapping[int, Size]) -> bool:
    """Whether factors, strides rising, are the digits of one mixed radix: none reaches as far as the next one steps.

    >>> nested([(0, 1), (1, 3)], {0: 3, 1: 2}), nested([(0, 1), (1, 1)], {0: 3, 1: 3})
    (True, False)
    """
    reached: Any = 0
    for label, stride in factors:
        if concrete(stride, reached) and abs(stride) <= reached:
            return False
        reached = reached + abs(stride) * (sizes[label] - 1)
    return True


def progression(s: int, m: int, t: int, n: int, offset: int) -> tuple[int, int, int, int]:
    """All (i, j) with s·i − t·j = offset, 0 ≤ i < m, 0 ≤ j < n, as i = first + step_i·k, j = … + step_j·k.

    Returns (first, step_i, step_j, count).

    >>> progression(1, 10, 2, 10, 1)  # i − 2j = 1: i = 1, 3, 5, 7, 9
    (1, 2, 1, 5)
    """
    g = gcd(s, t)
    if offset % g:
        return 0, 1, 1, 0
    step_i, step_j = abs(t) // g, s // g if t > 0 else -s // g
    # s·i ≡ offset (mod |t|): the smallest such i, then clip both ranges
    i = (offset // g * pow(s // g, -1, step_i)) % step_i if step_i > 1 else 0
    low, high = 0, (m - 1 - i) // step_i
    j = (s * i - offset) // t
    if step_j > 0:
        low, high = max(low, -(j // step_j)), min(high, (n - 1 - j) // step_j)
    else:
        low, high = max(low, -((n - 1 - j) // -step_j)), min(high, j // -step_j)
    count = max(0, high - low + 1)
    return i + step_i * low, step_i, step_j, count
