"""From labels to families of matrices: which axes to read as "for each", so that the rest is matrix language."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ..calculus.recurrence import Timed
from ..expressions import build
from ..expressions import expr as ex
from ..expressions.expr import Array, At, Index, Size, temporary
from ..expressions.look import factors
from ..expressions.rename import rename, whole
from . import algebra
from . import matrix as mx
from .family import Family, FamilySum, Reshaped, beside, members
from .matrix import Matrix, Member
from .recognise import NotMatrix, Placed, Recogniser, full

MOST_LETTERS, MOST_SUMMED = 2, 5  # beyond that indices on the entries read better, and the choices are too many
LETTERS = "hijlabcguvwxyzopqrstkmn"


class Families(Recogniser):
    """Writes expressions in matrix language where an axis may stand for a family of matrices.

    ``letters`` are names that are no letters for indices; ``chosen`` counts the sizes of the axes chosen so far, so
    that equations that may choose choose alike.
    """

    def __init__(
        self,
        names: dict[Array, str],
        timed: Timed | None = None,
        taken: Iterable[str] = (),
        letters: Iterable[str] = (),
    ) -> None:
        """Remember the names, which axes number steps, and what is no letter for an index of a family."""
        super().__init__(names, timed, taken)
        self.taken = frozenset(letters)
        self.chosen: Counter[Size] = Counter()
        self.family: tuple[Index, ...] = ()
        self.fusing = False

    def write(self, expr: ex.Expr, axes: tuple[Index, ...], families: bool = True) -> Matrix:
        """Return the array over the given axes: a matrix, a matrix for each index of other axes, or with indices."""
        for step in [i for i in axes if i in self.timed.indices(expr)][:1]:
            with contextlib.suppress(NotMatrix):
                return self.each(expr, step, axes)
        attempts: list[Callable[[], Matrix]] = [lambda: self._at_once(expr, axes), lambda: self._each(expr, axes)]
        for attempt in attempts[: 1 + families]:
            try:
                return attempt()
            except NotMatrix:
                continue
        self.fusing = True
        try:
            return self._at_once(expr, axes)
        except NotMatrix:
            return self.entries(expr, axes)
        finally:
            self.fusing = False

    def _at_once(self, expr: ex.Expr, axes: tuple[Index, ...]) -> Matrix:
        value, own = self.place(expr)
        if len(axes) > 2 and own and own != axes:
            raise NotMatrix
        if len(axes) > 2 and not own:
            return algebra.scaled([value], mx.Ones(tuple(i.size for i in axes)))
        return full(value, own, axes)

    def _each(self, expr: ex.Expr, axes: tuple[Index, ...]) -> Matrix:
        """Return a matrix for each index of as few axes as will do."""
        for count in range(max(1, len(axes) - 2), len(axes) + 1):
            found = []
            for family in itertools.combinations(axes, count):
                try:
                    found.append(self._member(expr, axes, family))
                except NotMatrix:
                    continue
            if found:
                best = min(found, key=lambda f: (f.weight, -sum(self.chosen[i.size] for i in f.indices)))
                self.chosen.update(i.size for i in best.indices)
                return best
        raise NotMatrix

    def _member(self, expr: ex.Expr, axes: tuple[Index, ...], family: tuple[Index, ...]) -> Family:
        letters = self.lettered(family)
        rest = tuple(i for i in axes if i not in family)
        before = self.family
        self.family = (*before, *letters.values())
        try:
            value, own = self.place(rename(expr, letters))
            value = full(value, own, rest)
        finally:
            self.family = before
        have = {m.index for m in members(value)}
        if not have >= set(letters.values()):
            raise NotMatrix  # a broadcast along an axis that the value does not depend on
        given = (*family, *rest)
        order = tuple(given.index(i) for i in axes)
        return Family(tuple(i.size for i in axes), value, tuple(letters.values()), order)

    def lettered(self, indices: Sequence[Index]) -> dict[Index, Index]:
        """Return a letter for each index of a family, beside those in scope."""
        used = {i.name for i in self.family} | self.taken
        found: dict[Index, Index] = {}
        for i in indices:
            own = str(i.size).lower() if str(i.size).isupper() else ""
            letter = next((c for c in (own, *LETTERS) if c and c not in used), "") or f"i{len(used)}"
            used.add(letter)
            found[i] = Index(letter, i.size)
        return found

    # what is read differently inside a family

    def place(self, expr: ex.Expr) -> Placed:
        """Return the expression and the indices of its rows and columns; a family's index is none of them."""
        try:
            return super().place(expr)
        except NotMatrix:
            if not self.fusing or self.family or not isinstance(expr, ex.Reduce | ex.Mul | ex.Add):
                raise
            return self._fused(expr)

    def _entry(self, expr: At) -> Placed:
        if not any(i in self.family for i in expr.indices):
            return super()._entry(expr)
        return self._part(expr, {})

    def _part(self, expr: At, blocks: dict[Index, tuple[Member, Index]]) -> Placed:
        """Return a member of a family of arrays; ``blocks`` are axes of which a block is meant, and its own axis."""
        array = expr.array
        fixed: list[int | str | Member | None] = []
        axes: list[Index] = []
        for i, d in zip(expr.indices, array.dims, strict=True):
            if i in blocks:
                member, inner = blocks[i]
                fixed.append(member)
                axes.append(inner)
            elif i in self.family:
                assert isinstance(i, Index)
                fixed.append(Member(i))
            elif i in self.steps:
                fixed.append(self.steps[i])
            elif isinstance(i, Index):
                fixed.append(None)
                axes.append(i)
            elif d != 1 or array.body is None:  # a definition is written without axes of size 1
                fixed.append("0" if d == 1 else i)
        indices = [f.index for f in fixed if isinstance(f, Member)]
        if len(set(indices)) < len(indices) or len(set(axes)) < len(axes) or len(axes) > 2:
            raise NotMatrix
        sizes = tuple(i.size for i in axes)
        return mx.Symbol(sizes, array.symbol or self.names[array], tuple(fixed)), tuple(axes)

    def _along(self, expr: ex.Along) -> Placed:
        if expr.name != "reshape":
            return super()._along(expr)
        if len(expr.inner) == 1:
            return self._block(expr)
        body = expr.body
        if len(expr.outer) > 1:
            raise NotMatrix
        input_itself = isinstance(body, At) and body.array.body is None
        ways = [self._merged, self._flat] if not input_itself and len(expr.inner) == 2 else [self._flat, self._merged]
        try:
            return ways[0](expr)
        except NotMatrix:
            return ways[1](expr)

    def _block(self, expr: ex.Along) -> Placed:
        """Return a block of an axis that splits into a family's index and the axis within a block."""
        (j,), body = expr.inner, expr.body
        if len(expr.outer) != 2 or not isinstance(body, At) or body.indices.count(j) != 1:
            raise NotMatrix
        slow, fast = expr.outer
        if slow not in self.family or fast in self.family:
            raise NotMatrix
        return self._part(body, {j: (Member(slow, fast.size), fast)})

    def _merged(self, expr: ex.Along) -> Placed:
        """Return the matrices of a family beside each other: a merge of the family's axis with one of theirs."""
        slow, *fast = expr.inner
        if len(fast) != 1 or slow not in expr.body.free or fast[0] not in expr.body.free:
            raise NotMatrix
        fresh = temporary(fast[0].size)
        x, axes, letter = self._within(slow, rename(expr.body, {fast[0]: fresh}))
        if fresh not in axes or len(axes) > 2 or letter not in {m.index for m in members(x)}:
            raise NotMatrix
        merged = beside(x, letter, axes.index(fresh))
        return merged, tuple(expr.outer[0] if i is fresh else i for i in axes)

    def _within(self, index: Index, body: ex.Expr) -> tuple[Matrix, tuple[Index, ...], Index]:
        """Return a body for each index, with its axes, and the letter of the index."""
        letter = self.lettered([index])[index]
        before = self.family
        self.family = (*before, letter)
        try:
            return *self.place(rename(body, {index: letter})), letter
        finally:
            self.family = before

    def _flat(self, expr: ex.Along) -> Placed:
        """Return an array some of whose axes are read as one."""
        if self.family:
            raise NotMatrix
        fresh = {i: temporary(i.size) for i in expr.inner}
        x, axes = self.place(rename(expr.body, fresh))
        inner = tuple(fresh.values())
        start = axes.index(inner[0]) if inner[0] in axes else 0
        if axes[start : start + len(inner)] != inner:
            raise NotMatrix
        own = (*axes[:start], *expr.outer, *axes[start + len(inner) :])
        return Reshaped(tuple(i.size for i in own), x), own

    def _fused(self, expr: ex.Expr) -> Placed:
        """Return an expression in which axes stand only as the parts of axes that split: the split of a whole."""
        splits = {
            n.outer: n.inner[0].size
            for _, n in ex.walk(expr)
            if isinstance(n, ex.Along) and n.name == "reshape" and len(n.inner) == 1 and set(n.outer) <= expr.free
        }
        for group, size in splits.items():
            one = temporary(size)
            x, axes = self.place(_joined(expr, group, one))
            if one in axes:
                at = axes.index(one)
                own = (*axes[:at], *group, *axes[at + 1 :])
                return Reshaped(tuple(i.size for i in own), x), own
        raise NotMatrix

    def _sum(self, expr: ex.Reduce) -> Placed:
        try:
            return super()._sum(expr)
        except NotMatrix:
            outside = self._merge_of_sum(expr)
            return self._merged(outside) if outside else self._sum_over(expr)

    def _merge_of_sum(self, expr: ex.Reduce) -> ex.Along | None:
        """Return a sum of products with a merged factor as the merge of a sum."""
        for f in factors(expr.body):
            if isinstance(f, ex.Along) and f.name == "reshape" and len(f.inner) == 2 and f.outer[0] not in expr.indices:
                fresh = {i: temporary(i.size) for i in (*f.inner, *expr.indices)}
                rest = [rename(g, fresh) for g in factors(expr.body) if g is not f]
                if not any(f.outer[0] in g.free for g in rest):
                    body = build.total(tuple(fresh[i] for i in expr.indices), build.mul([*rest, rename(f.body, fresh)]))
                    return whole(f.name, f.outer, tuple(fresh[i] for i in f.inner), (body,))
        return None

    def _sum_over(self, expr: ex.Reduce) -> Placed:
        """Return a sum over a family, of whatever axis leaves the lightest sum."""
        if len(self.family) >= MOST_LETTERS or len(expr.indices) > MOST_SUMMED:
            raise NotMatrix
        found = []
        for index in expr.indices:
            rest = {i: temporary(i.size) for i in expr.indices if i is not index}
            body = build.total(tuple(rest.values()), rename(expr.body, rest))
            try:
                x, axes, letter = self._within(index, body)
            except NotMatrix:
                continue
            if letter in {m.index for m in members(x)}:
                found.append((x, axes, letter))
        if not found:
            raise NotMatrix
        x, axes, letter = min(found, key=lambda f: (f[0].weight, -self.chosen[f[2].size]))
        scalars = x.scalars if isinstance(x, mx.Scaled) else ()
        outside = [s for s in scalars if letter not in {m.index for m in members(s)}]
        if outside and isinstance(x, mx.Scaled):
            x = algebra.scaled([s for s in scalars if s not in outside], x.x)
        return algebra.scaled(outside, FamilySum(x.dims, x, letter)), axes


def _joined(expr: ex.Expr, group: tuple[Index, ...], one: Index) -> ex.Expr:
    """Return the expression with one axis in the place of those it splits into."""
    if not expr.free & set(group):
        return expr
    if isinstance(expr, ex.Along) and expr.name == "reshape" and expr.outer == group:
        return rename(expr.body, {expr.inner[0]: one})
    if isinstance(expr, At | ex.Pos) or (isinstance(expr, ex.Along) and set(expr.outer) & set(group)):
        raise NotMatrix
    return expr.with_children(tuple(_joined(c, group, one) for c in expr.children))
