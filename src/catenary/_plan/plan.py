"""A plan: an elimination order as data, what it costs, what the others cost, and what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from catenary._local import Local
from catenary._plan.costs.bound import lower_bound
from catenary._plan.links import Link, links_of
from catenary._plan.orders.choose import candidates
from catenary._plan.store import UNSAVED, dumps, loads
from catenary._plan.text import quantity, text
from catenary.errors import PlanError


class Step(NamedTuple):
    """One elimination: which value goes, what made it, and its size."""

    number: int
    primitive: str
    shape: tuple[Any, ...]
    dtype: str
    implicit: bool = False

    def __str__(self) -> str:
        return f"{self.primitive} of shape {self.shape}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The order in which a program's derivative is multiplied, with its cost and the alternatives'.

    Attributes:
        name: of the order, as the registries of orders and searches call it: reverse, forward, chain, markowitz, ….
        order: the numbers of the program's vertices, as they are eliminated.
        pushed: those among them, implicit equations, that are pushed; the others are pulled.
        cost: in ``model``: seconds (time), flops or multiplications; a polynomial where dimensions are symbolic, but
            for time, which then stands for typical sizes.
        device: the kind of device that the model ``time`` is about.
        flops: of the order, whatever the model; a polynomial where dimensions are symbolic.
        alternatives: name → cost of every order considered.
        rank: the cost as a number, at typical sizes where dimensions are symbolic: what orders are compared by.
        remembered: (what, shape, bytes) of each forward value that the derivative reads.
        inputs: (shape, dtype) of each array that is differentiated.
        links: the maps between the vertices, as they are before anything is eliminated.
        program: a digest of the program that the plan was made for.
        measured: seconds of one call of the compiled Jacobian; None before ``measure``.

    A plan is a pure function of the program's structure and of the options, and can be given as ``order=`` to any
    transform of the same function at the same shapes and argnums.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> plan = ct.plan(lambda x: jnp.tanh(x) ** 2, jnp.ones(5))
    >>> plan.cost == min(plan.alternatives.values())
    True
    >>> ct.jacobian(lambda x: jnp.tanh(x) ** 2, order=plan)(jnp.ones(5)).shape
    (5, 5)
    """

    name: str
    order: tuple[int, ...]
    pushed: frozenset[int]
    cost: Any
    model: str
    device: str
    flops: Any
    alternatives: dict[str, Any]
    rank: float
    remembered: tuple[tuple[str, tuple[Any, ...], Any], ...]
    steps: tuple[Step, ...]
    inputs: tuple[tuple[tuple[Any, ...], str], ...]
    links: tuple[Link, ...]
    program: str
    function: str = "function"
    measured: float | None = None
    least: float | Callable[[], float] = field(default=0, compare=False, repr=False)
    stopwatch: Callable[[Plan], float] | None = field(default=None, compare=False, repr=False, metadata=UNSAVED)

    @property
    def formula(self) -> str:
        """The cost as text: a number, or a polynomial in the dimensions' names; of time, the flops.

        >>> import jax, jax.numpy as jnp
        >>> from jax.export import symbolic_shape
        >>> import catenary as ct
        >>> N, n = symbolic_shape("N, n")
        >>> X, w = jax.ShapeDtypeStruct((N, n), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.float32)
        >>> ct.plan(lambda w, X: (X @ w).sum(), w, X).formula
        'N*n'
        """
        cost = self.flops if self.model == "time" else self.cost
        return f"{cost:,}" if isinstance(cost, int) else str(cost)

    @property
    def bytes(self) -> Any:
        """Bytes of the forward values that the derivative reads.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(lambda x: jnp.sin(x).sum(), jnp.ones(5, jnp.float32)).bytes
        20
        """
        return sum(n for _, _, n in self.remembered)

    @property
    def lower_bound(self) -> float:
        """What no elimination order costs less than, as ``rank``; 0 where nothing is known. Found when first asked for.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(lambda x: jnp.sum(jnp.ones((4, 5)) @ x) ** 2, jnp.ones(5), cost="multiplications").lower_bound
        24
        """
        return self.least() if callable(self.least) else self.least

    @property
    def gap(self) -> float | None:
        """How far the cost can be from the least: 0.04 for 4 %, 0 for optimal, None where nothing is known.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(lambda x: jnp.sum(jnp.ones((4, 5)) @ x) ** 2, jnp.ones(5), cost="multiplications").gap
        0.0
        """
        return self.rank / self.lower_bound - 1 if self.lower_bound else None

    @property
    def headline(self) -> str:
        """The cost in its unit, in a few words.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(lambda x: jnp.sin(x).sum(), jnp.ones(5), cost="flops").headline
        '0 flops'
        """
        return quantity(self.cost, self.model)

    def measure(self) -> Plan:
        """The plan with what it takes here: the compiled Jacobian is called, and the fastest call counts.

        Raises:
            PlanError: the plan was read from a file, or made for sizes with names.

        Cost: one compilation and a few calls.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(jnp.sin, jnp.ones(5)).measure().measured > 0
        True
        """
        if self.stopwatch is None:
            raise PlanError("only a plan that ct.plan(fun, *args) just made can be measured: this one has no function.")
        return replace(self, measured=self.stopwatch(self))

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dictionary a step: the vertex, its primitive, shape and dtype; which way an implicit equation is passed.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> [row["primitive"] for row in ct.plan(lambda x: jnp.sin(x).sum(), jnp.ones(5)).rows()]
        ['reduce_sum', 'sin']
        """
        for step in self.steps:
            way = {"way": "push" if step.number in self.pushed else "pull"} if step.implicit else {"way": ""}
            yield {"vertex": step.number, "primitive": step.primitive, "shape": step.shape, "dtype": step.dtype} | way

    def check(self, local: Local) -> None:
        """Raise PlanError, which says what differs, unless the plan was made for this program.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> plan = ct.plan(jnp.sin, jnp.ones(5))
        >>> ct.jacobian(jnp.cos, order=plan)(jnp.ones(5))
        Traceback (most recent call last):
        catenary.errors.PlanError: this plan was made for another program (sin): vertex 0 is a sin ...
        """
        if local.program() != self.program:
            raise PlanError(
                f"this plan was made for another program ({self.function}): {self._difference(local)}. A plan holds "
                "for one function at one set of shapes and dtypes: make one with ct.plan(fun, *args) here."
            )
        if sorted(self.order) != list(range(len(local.nodes))):
            raise PlanError(f"the order of this plan for {self.function} is none of its {len(local.nodes)} vertices.")

    def _difference(self, local: Local) -> str:
        """What is not as it was when the plan was made, in words."""
        here = _inputs(local)
        if len(here) != len(self.inputs):
            return f"it was differentiated by {len(self.inputs)} arrays, this one by {len(here)}"
        for k, (mine, theirs) in enumerate(zip(self.inputs, here, strict=True)):
            if mine != theirs:
                return f"array {k} was {mine[1]} of shape {mine[0]}, here it is {theirs[1]} of shape {theirs[0]}"
        if len(local.nodes) != len(self.order):
            return f"it has {len(self.order)} vertices, this one {len(local.nodes)}"
        for old, new in zip(sorted(self.steps), sorted(_steps(local, self.order)), strict=True):
            if old != new:
                return f"vertex {old.number} is a {old}, here a {new}"
        return "the operations are the same, but not their parameters or how they hang together"

    def to_json(self) -> str:
        """The plan as JSON; symbolic costs and sizes as their formulas.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> plan = ct.plan(jnp.sin, jnp.ones(5))
        >>> ct.Plan.from_json(plan.to_json()) == plan
        True
        """
        return dumps(replace(self, least=self.lower_bound))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan from its JSON.

        Raises:
            PlanError: the text is no plan of this version.

        >>> import catenary as ct
        >>> ct.Plan.from_json("{}")
        Traceback (most recent call last):
        catenary.errors.PlanError: this is no plan of format 1, but of format None. ...
        """
        plan: Plan = loads(cls, text, {"steps": Step, "links": Link})
        return plan

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plan to a file, as JSON.

        Raises:
            OSError: the file cannot be written.

        >>> import tempfile
        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> plan = ct.plan(jnp.sin, jnp.ones(5))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plan.save(f"{folder}/sin.json")
        ...     ct.Plan.load(f"{folder}/sin.json") == plan
        True
        """
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Plan:
        """Read a plan that ``save`` wrote.

        Raises:
            OSError: the file cannot be read.
            PlanError: the file is no plan of this version.

        >>> import catenary as ct
        >>> ct.Plan.load("nowhere.json")
        Traceback (most recent call last):
        FileNotFoundError: ...
        """
        return cls.from_json(Path(path).read_text(encoding="utf-8"))

    def figure(self) -> Any:
        """The plan as a matplotlib figure: the maps drawn to scale, and how they are bracketed.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.plan(jnp.sin, jnp.ones(5)).figure().savefig("/dev/null", format="png")
        """
        from catenary._report.planned import figure

        return figure(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text, and below it the figure where matplotlib is installed."""
        from catenary._report.planned import fragment

        return fragment(self)

    def html(self) -> str:
        """The plan as a page that loads nothing: what it costs, its picture, its steps.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> "<svg" in ct.plan(jnp.sin, jnp.ones(5)).html()
        True
        """
        from catenary._report.planned import page

        return page(self)

    def __str__(self) -> str:
        return text(self)


def make_plan(
    local: Local,
    function: str,
    choice: str,
    model: str,
    kind: str = "cpu",
    search: str | float = "fast",
    report: Callable[[Any, int], Any] | None = None,
) -> Plan:
    """Plan a program: count every order that ``choice`` considers and take the cheapest."""
    found = candidates(local, choice, model, kind=kind, search=search, report=report)
    best = found[0]
    return Plan(
        name=best.name,
        order=best.order,
        pushed=best.pushed,
        cost=best.cost,
        model=model,
        device=kind,
        flops=best.work.flops,
        alternatives={c.name: c.cost for c in found},
        rank=best.rank,
        remembered=tuple(_remembered(local)),
        steps=tuple(_steps(local, best.order)),
        inputs=_inputs(local),
        links=tuple(links_of(local)),
        program=local.program(),
        function=function,
        least=cache(partial(lower_bound, local, model, kind)),
    )


def _remembered(local: Local) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """The forward values that local derivatives read."""
    reads: dict[int, None] = {}
    for edge in local.edges:
        reads.update((a, None) for a in edge.reads if isinstance(a, int))
    for node in local.nodes:
        if node.implicit is not None:
            reads.update((a, None) for a in node.implicit.equation.inputs if isinstance(a, int))
    made = {v: e.primitive.name for e in local.graph.equations for v in e.outputs}
    for value in reads:
        aval = local.graph.avals[value]
        if value in made or value in local.graph.inputs:
            yield made.get(value, "argument"), aval.shape, prod(aval.shape) * aval.dtype.itemsize


def _inputs(local: Local) -> tuple[tuple[tuple[Any, ...], str], ...]:
    return tuple((tuple(local.shape(v)), str(local.dtype(v))) for v in local.inputs)


def _steps(local: Local, order: Iterable[int]) -> Iterator[Step]:
    heads = {v: e.primitive.name for e in local.graph.equations for v in e.outputs}
    dtypes: dict[Any, str] = {}  # slow to print
    for k in order:
        vertex = local.nodes[k].vertices[0]
        aval = local.graph.avals[vertex]
        implicit = local.nodes[k].implicit is not None
        dtype = dtypes.get(aval.dtype) or dtypes.setdefault(aval.dtype, str(aval.dtype))
        yield Step(k, heads.get(vertex, "derivative"), tuple(aval.shape), dtype, implicit)
