"""The derivation: the composition, its derivative, and how it was checked, for people to read and use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .check import Check, compare, computed, evaluated, reliable, samples, scope_of
from .defining.recursion import Line, fold
from .expressions.assume import free_part
from .expressions.expr import At, walk
from .matrices import matrix as mx
from .matrices.matrix import Matrix
from .printing import write
from .printing.meanings import MEANINGS, PLACES
from .printing.python import identifier
from .printing.rows import Rows, beside, forms_of
from .printing.source import source
from .printing.text import Text
from .reading.names import D, numbered
from .reading.program import Input

LAYOUT = (
    "a row for each entry of the result, a column for each of the argument, matrices read row after row: "
    "vec(AXB) = (A ⊗ Bᵀ) vec(X)"
)


@dataclass
class Derivation:
    """A program's derivative as a formula, from ``ct.derive``.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> made = ct.derive(lambda x, A, b: jnp.sum((A @ x - b) ** 2), jnp.ones(3), jnp.ones((5, 3)), jnp.ones(5))
    >>> made.formula
    '∇f = 2 Aᵀ (Ax − b)'
    >>> bool(made.check("2 * A.T @ (A @ x - b)"))
    True

    Attributes:
        function: name of the function, the left side of the formulas.
        forward: what the program computes, a line a definition; the last is the value.
        differentials: each definition's own derivative, a linear map of the differentials of what it is made of.
        backward: the definitions that the derivative adds.
        gradients: the derivative, a line a leaf of the chosen arguments.
        notes: what was assumed.
        preface: titled rows (text, LaTeX) that stand before the composition.
        form: how the formulas are shown: ``"matrix"``, ``"labels"``, ``"index"``, or several of them.
        code: the user's source, where it can be found.
        coarse: whether the program computes in less than float64 whatever its arguments.
    """

    function: str
    parameters: list[str]
    args: Sequence[Any]
    inputs: list[Input]
    argnums: int | tuple[int, ...]
    order: int
    flat: Callable[..., Any]
    forward: list[Line]
    value: Line
    backward: list[Line]
    gradients: list[Line]
    notes: list[str] = field(default_factory=list)
    coarse: bool = False
    checked: Check | None = None
    preface: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    differentials: list[Line] = field(default_factory=list)

    form: str | Sequence[str] = "matrix"
    code: str = ""

    # what it says

    def with_form(self, form: str | Sequence[str]) -> Derivation:
        """Return the same derivation in another form: ``"matrix"``, ``"labels"``, ``"index"``, or several.

        Raises:
            ValueError: a form that there is not.
        """
        return replace(self, form=form if isinstance(form, str) else forms_of(form))

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which the formulas are shown."""
        return forms_of(self.form)

    @property
    def index_free(self) -> bool:
        """Whether no formula needs an axis index."""
        return not any(_labelled(line.value) for line in self._all)

    @property
    def _all(self) -> list[Line]:
        return [*self.forward, self.value, *self.differentials, *self.backward, *self.gradients]

    @cached_property
    def layers(self) -> int:
        """The number L of layers of a recursion, or 0: the highest number among the names it relates."""
        lines = [line for part in (self.forward, self.backward, self.gradients) for line in fold(part) if line.span]
        bases = {b for line in lines for b in (*_bases(line.value), line.name.partition("_{")[0])}
        names = {n for line in self._all for n in (line.name, *symbols(line.value))}
        return max((int(n) for b, n in map(numbered, names) if n and b in bases), default=0) if lines else 0

    def lines(self) -> list[tuple[str, list[Line]]]:
        """Return the titled parts of the derivation, recursions folded."""
        if "labels" in self.forms:  # the axes of each layer have names of their own
            parts = [self.forward, self.differentials, self.backward, self._distinct]
        else:
            parts = [fold(part) for part in (self.forward, self.differentials, self.backward, self._distinct)]
        bases = {b for part in parts for line in part if line.span
                 for b in (*_bases(line.value), line.name.partition("_{")[0])}  # fmt: skip

        def lettered(lines: Sequence[Line]) -> list[Line]:
            return [line.renamed(lambda n: self._lettered(n, bases)) for line in lines]

        forward, local, backward, gradients = map(lettered, parts)
        total = "local derivatives" if len(local) > 1 else "total derivative"
        titled = [("composition", [*forward, *lettered([self.value])]), (total, local)]
        return [(title, lines) for title, lines in [*titled, (self._order, [*backward, *gradients])] if lines]

    def _lettered(self, name: str, bases: set[str]) -> str:
        """Return a name with the number of the last layer written as a letter."""
        base, number = numbered(name)
        below = self.layers - int(number or 0)
        near = below == 0 or (below == 1 and self.layers > 2)
        known = base in bases or base.removeprefix(D) in bases
        return f"{base}_{{{self.layer(int(number))}}}" if number and near and known else name

    @property
    def _distinct(self) -> list[Line]:
        """The derivatives without those that are known by symmetry: ∂²f/∂y∂x beside ∂²f/∂x∂y."""
        names = list(dict.fromkeys(line.by[0][0] for line in self.gradients if line.by))
        return [g for g in self.gradients if len(g.by) < 2 or names.index(g.by[0][0]) <= names.index(g.by[1][0])]

    @property
    def layout(self) -> str:
        """How derivatives are laid out, with respect to all parts of θ as one object."""
        named = [Text().symbol(i.name) for i in self.inputs if i.chosen]
        f, x = self.function, named[0] if len(named) == 1 else "θ"
        theta = "" if len(named) == 1 else f"θ = ({', '.join(named)}) as one object: "
        if self.kind == "gradient":
            return f"{theta}∂{f}/∂θ has a block for each part, of its shape" if theta else f"∇{f} has the shape of {x}"
        d = f"∂{f}/∂{x}" if self.kind == "Jacobian" else f"∇²{f}"
        return f"{theta}{d} has {LAYOUT}"

    @property
    def _order(self) -> str:
        """The title of the derivative: the order in which the maps are multiplied, and why."""
        if self.kind == "gradient":
            return f"derivative, from the output end, because {self.function} is one number"
        return "derivative" if self.order == 1 else "second derivative, of the first"

    @property
    def kind(self) -> str:
        """What is derived: a gradient, a Jacobian or a Hessian."""
        return "Hessian" if self.order == 2 else "Jacobian" if self.value.value.dims else "gradient"

    @cached_property
    def letter(self) -> str:
        """The letter for the number of layers: L, or another where the user's names have taken it."""
        taken = {self.function, *(i.name for i in self.inputs), *(line.name for line in self.forward)}
        return next(c for c in ("L", "K", "T", "D") if c not in taken)

    def layer(self, n: int) -> str:
        """Return the number of a layer as it is written: 1, L−1, L."""
        below = self.layers - n
        near = 1 <= below <= 2 and self.layers > 2 * below
        return self.letter if below == 0 else f"{self.letter}−{below}" if near else str(n)

    @cached_property
    def letters_taken(self) -> frozenset[str]:
        """The letters that no axis may have: the names of arrays and sizes, and i where it numbers layers."""
        names = {n for line in self._all for n in (line.name, *symbols(line.value))} | {i.name for i in self.inputs}
        names |= {m.name for line in self._all for m in _walk(line.value) if isinstance(m, mx.Dimension)}
        return frozenset(names | {"i"} if self.layers else names)

    @property
    def formula(self) -> str:
        """The derivative as text, with the definitions it needs."""
        needed = self._needed(self.gradients)
        parts = self.lines()
        forward = parts[0][1][:-1]
        shown = [line for line in forward if line.name in needed or line.span] + parts[-1][1]
        return "\n".join(row for line in shown for row in self._text(line))

    def _needed(self, targets: Sequence[Line]) -> set[str]:
        lines = (*self.forward, *self.backward)
        definitions = {name: line for line in lines for name in (line.block.names if line.block else [line.name])}
        needed: set[str] = set()
        pending = [line.value for line in targets]
        while pending:
            for name in symbols(pending.pop()) & (definitions.keys() - needed):
                line = definitions[name]
                needed |= {other.name for other in lines if other.block is line.block} if line.block else {name}
                needed |= line.block.names if line.block else set()
                pending += line.block.parts if line.block else [line.value]
        return needed

    def _text(self, line: Line) -> list[str]:
        rows = beside([Rows(self, Text(), form)(line) for form in self.forms])
        return [f"{r.left} = {r.right}{'    ' + r.span if r.span else ''}" for r in rows]

    @property
    def steps(self) -> list[str]:
        """The lines of the derivation as text."""
        return [row for _, lines in self.lines() for line in lines for row in self._text(line)]

    def __str__(self) -> str:
        """Return the derivation as text, at most 100 columns wide."""
        return write.as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the derivation for a notebook."""
        from .._report.page import fragment

        return fragment(self)

    def remarks(self) -> list[str]:
        """Return what the formulas assume, what their functions mean, and how they were checked."""
        used = {f for line in self._all for f in _functions(line.value)}
        remarks = [meaning for name, (meaning, _) in MEANINGS.items() if name in used]
        if "D" in self.letters_taken:  # the user's own D
            remarks = [r.replace("D ", "Δ ").replace("Dx", "Δx") for r in remarks]
        remarks += self.notes + [f"{self.letter} = {self.layers}"] * (self.layers > 0 and "labels" not in self.forms)
        if not self.index_free and "matrix" in self.forms:
            remarks.append("written with indices where matrix language does not reach; an entry outside its array is 0")
        return [*remarks, str(self.checked)] if self.checked else remarks

    def latex(self) -> str:
        """Return the derivation as a LaTeX ``aligned`` environment; the result comes last."""
        return write.as_latex(self)

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX formulas; several forms stand side by side in a table."""
        return write.as_markdown(self)

    def html(self) -> str:
        """Return the derivation as a page of its own: MathML, no script, nothing loaded from elsewhere."""
        from .._report.page import page

        return page(self)

    def python(self, name: str = "derivative") -> str:
        """Return the source of a function of the same arguments that computes the derivative by the formula.

        It imports ``jax.numpy`` only, differentiates nothing, and holds at any sizes.
        """
        return self._source(name)

    def _source(self, name: str) -> str:
        """Return the source of the derivative, or of the program itself where ``name`` is ``"value"``."""
        value = name == "value"
        targets = [self.value] if value else self.gradients
        needed = self._needed(targets)
        definitions = [line for line in (*self.forward, *self.backward) if line.name in needed]
        which = ", ".join(i.name for i in self.inputs if i.chosen)
        summary = f"Return the {self.kind} of {self.function} with respect to {which}."
        argnums = None if value else self.argnums
        return source(name, self.parameters, self.args, self.inputs, definitions, targets, argnums, summary, self.order)

    # whether it is right

    def check(self, formula: str | None = None, seed: int = 0) -> Check:
        """Compare with the computed derivative at fresh values and sizes; or compare a formula of your own.

        Args:
            formula: a Python expression in the arguments' names, such as ``"2*A.T @ (A @ x - b)"``.
            seed: of the random values.

        Returns:
            A ``Check``: true if it agrees, and as text what differs.
        """
        names = [line.name for line in self.gradients]
        drawn = next(filter(None, (self._computed(*s) for s in samples(self.inputs, seed))), None)
        if drawn is None:
            return Check(float("nan"), {}, "the program gives no finite derivative at random values")
        values, sizes, value, wanted = drawn
        if formula is not None:
            got = eval(formula, scope_of(self.inputs, values, sizes))
            return compare(list(got) if isinstance(got, tuple | list) else [got], wanted, names, sizes, self.coarse)
        got = [
            a for name in ("derivative", "value") for a in evaluated(self._source(name), name, self._arguments(values))
        ]
        moved = [self._moved(values, wanted, seed)] if self.differentials else []
        got, wanted = [*got, *(g for g, _ in moved)], [*wanted, value, *(w for _, w in moved)]
        return compare(got, wanted, [*names, "the value", "the local derivatives"][: len(got)], sizes, self.coarse)

    def _computed(
        self, values: list[Any], sizes: dict[str, int]
    ) -> tuple[list[Any], dict[str, int], Any, list[Any]] | None:
        """Return values with what is computed there, or nothing where that is not finite."""
        chosen = self._chosen()
        value, wanted = computed(self.flat, chosen, values, self.order)
        if not reliable([value, *wanted]):
            return None
        if self.order == 1:
            wanted = [free_part(self.inputs[n].fact, w) for n, w in zip(chosen, wanted, strict=True)]
        return values, sizes, value, wanted

    def _chosen(self) -> list[int]:
        """Return which inputs it is the derivative by, in the order of ``argnums``."""
        arguments = (self.argnums,) if isinstance(self.argnums, int) else self.argnums
        return [n for k in arguments for n, i in enumerate(self.inputs) if i.argument == k]

    def _moved(self, values: Sequence[Any], wanted: Sequence[Any], seed: int) -> tuple[Any, Any]:
        """Return what the value moves by for random moves of the inputs: by the local derivatives, and as it should."""
        import numpy as np

        chosen = self._chosen()
        moves = [
            free_part(self.inputs[n].fact, np.random.default_rng(seed + n).normal(size=np.shape(values[n])))
            for n in chosen
        ]
        ends = [replace(self.inputs[n], name=D + self.inputs[n].name, chosen=False) for n in chosen]
        ends = [replace(i, argument=len(self.args) + k) for k, i in enumerate(ends)]
        parameters = [*self.parameters, *(identifier(i.name) for i in ends)]
        args, inputs = [*self.args, *(i.struct for i in ends)], [*self.inputs, *ends]
        text = source("d", parameters, args, inputs, [*self.forward, *self.differentials[:-1]], self.differentials[-1:],
                      None, "Return the differential.")  # fmt: skip
        (got,) = evaluated(text, "d", [*self._arguments(values), *moves])
        due = sum(np.tensordot(w, m, m.ndim) for w, m in zip(wanted, moves, strict=True))
        return got, np.asarray(due)

    def _arguments(self, values: Sequence[Any]) -> list[Any]:
        from jax import tree_util

        structure = tree_util.tree_structure(tuple(self.args))
        return list(tree_util.tree_unflatten(structure, values))


def _walk(x: Any) -> list[Matrix]:
    if isinstance(x, Matrix):
        return [x, *(m for p in x.parts for m in _walk(p))]
    return []


def _labelled(x: Matrix) -> bool:
    return any(isinstance(m, mx.Labelled) for m in _walk(x))


def _functions(x: Matrix) -> set[str]:
    named = {m.name for m in _walk(x) if isinstance(m, mx.Apply | mx.Along | mx.Reduction)}
    return named | {type(m).__name__ for m in _walk(x) if isinstance(m, PLACES)}


def symbols(x: Matrix) -> set[str]:
    """Return the names of the arrays in an expression."""
    found = {m.name for m in _walk(x) if isinstance(m, mx.Symbol)}
    labelled = [m for m in _walk(x) if isinstance(m, mx.Labelled)]
    found |= {n.array.symbol for m in labelled for _, n in walk(m.expr) if isinstance(n, At)} - {""}
    return found | {name for m in labelled for _, name in m.names}


def _bases(x: Matrix) -> set[str]:
    return {name.partition("_{")[0] for name in symbols(x) if "_{i" in name}
