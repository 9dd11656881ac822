"""A traced program: values numbered in the order of their making, and the equations that make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from catenary import _jax
from catenary._graph.setting import Setting


@dataclass(frozen=True, slots=True)
class Lit:
    """A number written into the program, as the 2.0 of ``2.0 * x``."""

    val: Any
    aval: Any


Atom = int | Lit


@dataclass(frozen=True, slots=True, eq=False)
class Equation:
    """outputs = primitive[params](*inputs).

    inputs      values (integers) and literals
    outputs     values, each made here and nowhere else
    source      the jaxpr equation it was read from: for messages and names only
    setting     what it is computed under, None where that is what is in force
    """

    primitive: _jax.Primitive
    params: dict[str, Any]
    inputs: tuple[Atom, ...]
    outputs: tuple[int, ...]
    source: Any = None
    setting: Setting | None = None

    @property
    def shows(self) -> bool:
        """Whether it has effects: then it is computed, whoever reads it."""
        return bool(getattr(self.source, "effects", None))

    def within(self) -> AbstractContextManager[None]:
        """Its setting, to be entered where it, or its derivative, is computed."""
        return self.setting() if self.setting else nullcontext()

    def call(self, args: Sequence[Any]) -> list[Any]:
        """The outputs at other inputs."""
        with self.within():
            return _jax.bind(self.primitive, self.params, args)

    def evaluate(self, env: dict[int, Any]) -> None:
        """Compute the outputs from the inputs, all in ``env``."""
        args = [env[a] if isinstance(a, int) else a.val for a in self.inputs]
        env.update(zip(self.outputs, self.call(args), strict=True))


@dataclass(slots=True)
class Graph:
    """A straight-line program: inputs → equations → outputs.

    avals       shape and dtype of each value, by number
    consts      values that stand in the program as arrays
    fixed       whether whole numbers in it are the same whenever it runs: then a plan may go by them
    """

    avals: list[Any] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    inputs: tuple[int, ...] = ()
    outputs: tuple[Atom, ...] = ()
    consts: dict[int, Any] = field(default_factory=dict)
    fixed: bool = True

    def copy(self) -> Graph:
        """The same program, with lists of its own to be added to."""
        return Graph(list(self.avals), list(self.equations), self.inputs, self.outputs, dict(self.consts), self.fixed)

    def new(self, aval: Any) -> int:
        """A fresh value of the given shape and dtype."""
        self.avals.append(aval)
        return len(self.avals) - 1

    def aval(self, atom: Atom) -> Any:
        """Shape and dtype of a value or a literal."""
        return self.avals[atom] if isinstance(atom, int) else atom.aval

    def const(self, value: Any) -> int:
        """A value known before the program runs."""
        number = self.new(_jax.aval_of(value))
        self.consts[number] = _jax.as_array(value)
        return number

    def run(self, args: Sequence[Any]) -> dict[int, Any]:
        """Every value of the program at ``args``."""
        env = dict(self.consts)
        env.update(zip(self.inputs, args, strict=True))
        for equation in self.equations:
            equation.evaluate(env)
        return env


def live(equations: Sequence[Equation], wanted: Iterable[Atom]) -> list[Equation]:
    """The equations that some values need, and those that show something."""
    needed = needs(equations, wanted)
    return [e for e in equations if e.shows or not needed.isdisjoint(e.outputs)]


def needs(equations: Sequence[Equation], wanted: Iterable[Atom]) -> set[int]:
    """The values that some values need, and effects."""
    needed = {a for a in wanted if isinstance(a, int)}
    for equation in reversed(equations):
        if equation.shows or not needed.isdisjoint(equation.outputs):
            needed.update(equation.outputs)
            needed.update(a for a in equation.inputs if isinstance(a, int))
    return needed


def validate(graph: Graph) -> None:
    """Raise AssertionError unless every value is made once, before it is read."""
    made = set(graph.inputs) | set(graph.consts)
    assert len(made) == len(graph.inputs) + len(graph.consts), "an input is also a constant"
    for equation in graph.equations:
        for atom in equation.inputs:
            assert not isinstance(atom, int) or atom in made, (
                f"{equation.primitive}: value {atom} is read before it is made"
            )
        for value in equation.outputs:
            assert value not in made, f"{equation.primitive}: value {value} is made twice"
            made.add(value)
    for atom in graph.outputs:
        assert not isinstance(atom, int) or atom in made, f"output {atom} is never made"
