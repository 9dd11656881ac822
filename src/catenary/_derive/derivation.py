"""The derivation: the composition, its derivative, and how it was checked, for people to read and use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from . import matrix as mx
from .check import Check, compare, computed, evaluated, sample, scope_of
from .latex import latex
from .matrix import Matrix
from .names import numbered
from .program import Input
from .read import dims_of
from .recursion import Line, fold
from .render import Printer
from .source import source
from .text import text

MEANINGS = {
    "sigmoid": ("σ(x) = 1/(1 + exp(−x))", r"\sigma(x) = \frac{1}{1 + \exp(-x)}"),
    "sigmoid_prime": ("σ′(x) = σ(x) σ(−x)", r"\sigma'(x) = \sigma(x)\,\sigma(-x)"),
    "tanh_prime": ("tanh′(x) = 1 − tanh²(x)", r"\tanh'(x) = 1 - \tanh^2(x)"),
    "softplus": ("softplus(x) = ln(1 + exp(x))", r"\operatorname{softplus}(x) = \ln(1 + \exp(x))"),
    "step": (
        "step(x) = 1 for x > 0, 1/2 at x = 0, 0 for x < 0",
        r"\operatorname{step}(x) = 1 \text{ for } x > 0, \tfrac12 \text{ at } 0, 0 \text{ for } x < 0",
    ),
    "sgn": (
        "sgn(x) = 1 for x ≥ 0, −1 for x < 0",
        r"\operatorname{sgn}(x) = 1 \text{ for } x \ge 0, -1 \text{ for } x < 0",
    ),
    "stop": ("sg(x) is x, held constant", r"\operatorname{sg}(x) = x \text{, held constant}"),
    "relu": ("relu(x) = max(x, 0)", r"\operatorname{relu}(x) = \max(x, 0)"),
}


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
        backward: the definitions that the derivative adds.
        gradients: the derivative, a line a leaf of the chosen arguments.
        notes: what was assumed.
        preface: titled rows (text, LaTeX) that stand before the composition.
        coarse: whether the program computes in less than float64 whatever its arguments.
    """

    function: str
    parameters: list[str]
    args: Sequence[Any]
    inputs: list[Input]
    argnums: int | tuple[int, ...]
    flat: Callable[..., Any]
    forward: list[Line]
    value: Line
    backward: list[Line]
    gradients: list[Line]
    notes: list[str] = field(default_factory=list)
    coarse: bool = False
    checked: Check | None = None
    preface: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    # what it says

    @property
    def index_free(self) -> bool:
        """Whether no formula needs an axis index."""
        return not any(_labelled(line.value) for line in (*self.forward, self.value, *self.backward, *self.gradients))

    @property
    def layers(self) -> int:
        """The number L of layers of a recursion, or 0: the highest number among the names it relates."""
        lines = [line for part in (self.forward, self.backward, self.gradients) for line in fold(part) if line.span]
        bases = {b for line in lines for b in (*_bases(line.value), line.name.partition("_{")[0])}
        everything = (*self.forward, self.value, *self.backward, *self.gradients)
        names = {n for line in everything for n in (line.name, *_symbols(line.value))}
        return max((int(n) for b, n in map(numbered, names) if n and b in bases), default=0) if lines else 0

    def lines(self) -> list[tuple[str, list[Line]]]:
        """Return the titled parts of the derivation, recursions folded."""
        forward, backward, gradients = fold(self.forward), fold(self.backward), fold(self.gradients)
        parts = [("composition", [*forward, self.value]), ("derivative", [*backward, *gradients])]
        bases = {b for line in (*forward, *backward, *gradients) if line.span
                 for b in (*_bases(line.value), line.name.partition("_{")[0])}  # fmt: skip
        return [(title, [_lettered(line, bases, self.layers, self.letter) for line in lines]) for title, lines in parts]

    @property
    def letter(self) -> str:
        """The letter for the number of layers: L, or another where the user's names have taken it."""
        taken = {self.function, *(i.name for i in self.inputs), *(line.name for line in self.forward)}
        return next(c for c in ("L", "K", "T", "D") if c not in taken)

    @property
    def formula(self) -> str:
        """The derivative as text, with the definitions it needs."""
        needed = self._needed(self.gradients)
        (_, forward), (_, derivative) = self.lines()
        names = {line.name for line in forward}
        rows = [line for line in forward[:-1] if line.name in needed & names or line.span] + derivative
        return "\n".join(self._row(line, text, _text_left) for line in rows)

    def _needed(self, targets: Sequence[Line]) -> set[str]:
        definitions = {line.name: line for line in (*self.forward, *self.backward)}
        needed: set[str] = set()
        pending = [line.value for line in targets]
        while pending:
            for name in _symbols(pending.pop()):
                if name in definitions and name not in needed:
                    needed.add(name)
                    pending.append(definitions[name].value)
        return needed

    def _row(self, line: Line, printer: Callable[[Matrix], str], left: Callable[[Derivation, Line], str]) -> str:
        row = f"{left(self, line)} = {printer(line.value)}"
        return row + (f"    {_span(line, self.layers, self.letter, text)}" if line.span else "")

    @property
    def steps(self) -> list[str]:
        """The lines of the derivation as text."""
        return [self._row(line, text, _text_left) for _, lines in self.lines() for line in lines]

    def __str__(self) -> str:
        """Return the derivation as text."""
        shapes = ", ".join(f"{text(mx.Symbol((), i.name))}: {_shape(i)}" for i in self.inputs)
        out = [f"{self.function}({', '.join(self.parameters)})", *_wrapped(f"with {shapes}", 96)]
        for title, rows in self.preface:
            out += ["", title, *(r for row, _ in rows for r in _broken(row))]
        for title, lines in self.lines():
            out += ["", title]
            out += [r for line in lines for r in _broken(self._row(line, text, _text_left))]
        out += ["", *(row for remark in self._remarks() for row in _wrapped(remark, 100))]
        return "\n".join(out)

    __repr__ = __str__

    def _remarks(self) -> list[str]:
        used = {
            f for line in (*self.forward, self.value, *self.backward, *self.gradients) for f in _functions(line.value)
        }
        remarks = [meaning for name, (meaning, _) in MEANINGS.items() if name in used]
        remarks += self.notes + [f"{self.letter} = {self.layers}"] * (self.layers > 0)
        if not self.index_free:
            remarks.append("written with indices where matrix language does not reach")
        return [*remarks, str(self.checked)] if self.checked else remarks

    def latex(self) -> str:
        """Return the derivation as a LaTeX ``aligned`` environment."""
        rows = [formula for _, preface in self.preface for _, formula in preface if formula]
        for _, lines in self.lines():
            for line in lines:
                span = rf" \qquad {_span(line, self.layers, self.letter, latex)}" if line.span else ""
                rows.append(f"{_latex_left(self, line)} &= {latex(line.value)}{span}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX formulas."""
        shapes = ", ".join(f"${latex(mx.Symbol((), i.name))}$: {_shape(i)}" for i in self.inputs)
        remarks = "\n".join(f"- {r}" for r in self._remarks())
        return f"### Derivative of `{self.function}`\n\n{shapes}\n\n$$\n{self.latex()}\n$$\n\n{remarks}\n"

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
        summary = f"Return the gradient of {self.function} with respect to {which}."
        argnums = None if value else self.argnums
        return source(name, self.parameters, self.args, self.inputs, definitions, targets, argnums, summary)

    # whether it is right

    def check(self, formula: str | None = None, seed: int = 0) -> Check:
        """Compare with the computed derivative at fresh values and sizes; or compare a formula of your own.

        Args:
            formula: a Python expression in the arguments' names, such as ``"2*A.T @ (A @ x - b)"``.
            seed: of the random values.

        Returns:
            A ``Check``: true if it agrees, and as text what differs.
        """
        chosen = [n for n, i in enumerate(self.inputs) if i.chosen]
        names = [self.inputs[n].name for n in chosen]
        for positive in (False, True):
            values, sizes = sample(self.inputs, seed, positive)
            value, wanted = computed(self.flat, chosen, values)
            if all(np_isfinite(w) for w in (value, *wanted)):
                break
        else:
            return Check(float("nan"), sizes, "the program gives no finite derivative at random values")
        if formula is not None:
            got = eval(formula, scope_of(self.inputs, values, sizes))
            return compare(list(got) if isinstance(got, tuple | list) else [got], wanted, names, sizes, self.coarse)
        got = [
            a for name in ("derivative", "value") for a in evaluated(self._source(name), name, self._arguments(values))
        ]
        return compare(got, [*wanted, value], [*names, "the value"], sizes, self.coarse)

    def _arguments(self, values: Sequence[Any]) -> list[Any]:
        from jax import tree_util

        structure = tree_util.tree_structure(tuple(self.args))
        return list(tree_util.tree_unflatten(structure, values))


def np_isfinite(x: Any) -> bool:
    """Say whether all entries are finite."""
    import numpy as np

    return bool(np.isfinite(x).all())


def _walk(x: Any) -> list[Matrix]:
    if isinstance(x, Matrix):
        return [x, *(m for p in x.parts for m in _walk(p))]
    return []


def _labelled(x: Matrix) -> bool:
    return any(isinstance(m, mx.Labelled) for m in _walk(x))


def _functions(x: Matrix) -> set[str]:
    return {m.name for m in _walk(x) if isinstance(m, mx.Apply | mx.Along | mx.Reduction)}


def _symbols(x: Matrix) -> set[str]:
    found = {m.name for m in _walk(x) if isinstance(m, mx.Symbol)}
    return found | {name for m in _walk(x) if isinstance(m, mx.Labelled) for _, name in m.names}


def _bases(x: Matrix) -> set[str]:
    return {name.partition("_{")[0] for name in _symbols(x) if "_{i" in name}


def _lettered(line: Line, bases: set[str], last: int, letter: str) -> Line:
    """Return a line with the number of the last layer written as a letter."""

    def name(n: str) -> str:
        base, number = numbered(n)
        return f"{base}_{{{letter}}}" if number == str(last) and base in bases else n

    def go(x: Any) -> Any:
        if isinstance(x, mx.Symbol):
            return mx.Symbol(x.dims, name(x.name), x.fixed)
        if isinstance(x, Matrix) and not isinstance(x, mx.Labelled):
            return type(x)(**{f.name: go(getattr(x, f.name)) for f in fields(x)})
        return tuple(go(p) for p in x) if isinstance(x, tuple) and any(isinstance(p, Matrix) for p in x) else x

    from dataclasses import replace

    return replace(line, name=name(line.name), value=go(line.value))


def _span(line: Line, layers: int, letter: str, printer: Printer) -> str:
    assert line.span is not None
    first, last = (_of_layers(n, layers, letter) for n in line.span)
    ends = (last, first) if line.downward else (first, last)
    also = "".join(f", {printer(mx.Symbol((), a))} = {printer(mx.Symbol((), b))}" for a, b in line.aliases)
    between = ", " if "".join(ends).isdigit() and line.span[1] - line.span[0] == 1 else ", …, "
    said = f"(i = {ends[0]}{between}{ends[1]}{also})"
    return said.replace("…", r"\dots").replace("−", "-") if printer is latex else said


def _of_layers(n: int, layers: int, letter: str) -> str:
    return letter if n == layers else f"{letter}−{layers - n}" if layers - n == 1 and layers > 2 else str(n)


def _text_left(d: Derivation, line: Line) -> str:
    if not line.differential:
        return line.name if line is d.value or line.name == d.function else text(mx.Symbol((), line.name))
    return f"∇{d.function}" if len(d.gradients) == 1 else f"∂{d.function}/∂{text(mx.Symbol((), line.name))}"


def _latex_left(d: Derivation, line: Line) -> str:
    shown = latex(mx.Symbol((), line.name))
    if not line.differential:
        return shown
    of = latex(mx.Symbol((), d.function))
    return rf"\nabla {of}" if len(d.gradients) == 1 else rf"\frac{{\partial {of}}}{{\partial {shown}}}"


def _shape(i: Input) -> str:
    return "×".join(map(str, dims_of(i.struct.shape))) or "scalar"


def _wrapped(line: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="       ", break_long_words=False)


def _broken(row: str) -> list[str]:
    """Return a row in pieces of at most 100 columns, broken before a sign or an operation."""
    pieces, indent = [], "  "
    while len(indent + row) > 100:
        at = max((row.rfind(mark, 20, 98 - len(indent)) for mark in (" + ", " − ", " ⊙ ", " ")), default=-1)
        cuts = [row.rfind(mark, 40, 98 - len(indent)) for mark in (" + ", " − ", " ⊙ ")]
        at = max(cuts) if max(cuts) > 0 else at
        if at <= 0:
            break
        pieces.append(indent + row[:at])
        row, indent = row[at + 1 :], "        "
    return [*pieces, indent + row]
