"""From a traced program to the graph of its local derivatives: an edge a rule, a node where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from catenary import _jax, _recorder
from catenary._graph import Atom, Constants, Equation, Graph, Lit
from catenary._graph.activity import arrived, differentiable
from catenary._graph.fallback import pushed, whole
from catenary._graph.read import graph_of_jaxpr
from catenary._local.local import Edge, Implicit, Local, Node
from catenary._maps.term import Term
from catenary._rules import LINEAR, RULES, ZERO, Piece, Row, Site
from catenary._rules.relabel import reshaped
from catenary._rules.row import position

#: Control flow and custom rules, handled as wholes when code is emitted.
CONTROL = {_jax.primitive(name): name for name in ("scan", "while", "cond", "remat", "custom_vjp_call")}
CONTROL |= {p: p.name for p in (_recorder.RECORDED, _recorder.RECORDED_VJP)} | {
    _jax.primitive("call_hi_primitive"): "whole"
}
CUSTOM_JVP = _jax.primitive("custom_jvp_call")
BILINEAR = {_jax.primitive("conv_general_dilated")}
IDENTITY = Row()


def build(graph: Graph, inputs: Sequence[int], outputs: Sequence[Atom]) -> Local:
    """Local derivatives of every equation on a path from ``inputs`` to ``outputs``; ``graph`` is left as it is."""
    graph = graph.copy()
    builder = _Builder(graph, inputs)
    equations, graph.equations = graph.equations, []
    for equation in equations:
        builder.visit(equation)
    return builder.finish(outputs)


class _Builder:
    def __init__(self, graph: Graph, inputs: Sequence[int]):
        self.graph = graph
        self.inputs = tuple(inputs)
        self.active: dict[int, int] = {v: v for v in inputs if differentiable(graph.avals[v])}
        self.edges: list[Edge] = []
        self.nodes: list[Node] = []
        self.constants = Constants(graph)
        self.tangents: set[int] = set()  # values of derivative programs: vertices that are never computed

    def visit(self, equation: Equation, linear: bool = False) -> None:
        """Add an equation: to the forward pass, and its local derivatives where it is active.

        linear: it stems from a derivative's jaxpr, depends linearly on its active inputs, and is not computed.
        """
        standing = self.tangents if linear else self.active
        active = [k for k, a in enumerate(equation.inputs) if isinstance(a, int) and a in standing]
        if not active or equation.primitive in ZERO or not (linear or arrived(equation, active)):
            self._constant(equation)
            return
        if linear and equation.primitive is CUSTOM_JVP:
            self._body(equation)
            return
        if self._explicit(equation, active):
            if not linear:
                self.graph.equations.append(equation)
            return
        row = LINEAR.get(equation.primitive)
        if equation.primitive in CONTROL and not linear:
            only = _jax.pulled_only(equation.primitive, equation.params)
            self._implicit("custom_vjp_call" if only else CONTROL[equation.primitive], equation, active)
        elif row is not None and row.operands is not None and all(k in row.operands for k in active):
            kind = "bilinear" if equation.primitive in BILINEAR else "linear"
            self._implicit(kind, equation, active)
        elif linear:
            self._implicit("linear", equation, active)
        else:
            self._fallback(equation, active)
            return
        if not linear:
            self.graph.equations.append(equation)

    def _constant(self, equation: Equation) -> None:
        self.graph.equations.append(equation)
        self.constants.add(equation)

    def _site(self, equation: Equation) -> Site:
        avals = self.graph.avals
        return Site(
            equation.primitive,
            equation.params,
            tuple(self.graph.aval(a) for a in equation.inputs),
            tuple(avals[v] for v in equation.outputs),
            tuple(a.val if isinstance(a, Lit) else None for a in equation.inputs),
            lambda operand: self.constants(equation.inputs[operand]),
        )

    def _explicit(self, equation: Equation, active: Sequence[int]) -> bool:
        rule = RULES.get(equation.primitive)
        site = self._site(equation)
        if rule is None or equation.setting or any(map(_jax.sharded, (*site.ins, *site.outs))):
            return False
        answers = {k: rule(site, k) for k in active}
        if any(answer is None for answer in answers.values()):
            return False
        for output, vertex in enumerate(equation.outputs):
            if not differentiable(self.graph.avals[vertex]):
                continue
            paths = [(self.active[equation.inputs[k]], a[output]) for k, a in answers.items() if a and output in a]  # type: ignore[index]
            for tail, sum_ in paths:
                for path in sum_ if isinstance(sum_, list) else [sum_]:
                    self._path(equation, tail, vertex, path)
            if paths:
                self._add(Node((vertex,)))
        return True

    def _path(self, equation: Equation, tail: int, head: int, path: Sequence[Piece]) -> None:
        for k, piece in enumerate(path):
            last = k == len(path) - 1
            end = head if last else self.graph.new(self._like(head, piece.term))
            reads = tuple(equation.outputs[0] if c == "y" else equation.inputs[position(c)] for c in piece.row.reads)
            self.edges.append(Edge(tail, end, piece, reads))
            if not last:
                self._add(Node((end,)))
            tail = end

    def _like(self, vertex: int, term: Term) -> Any:
        return self.graph.avals[vertex].update(shape=tuple(axis.size for axis in term.out))

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self.active.update((v, v) for v in node.vertices)

    def _implicit(self, kind: str, equation: Equation, active: Sequence[int]) -> None:
        avals, site = self.graph.avals, self._site(equation)
        row = LINEAR.get(equation.primitive)
        split = row.split(site) if row is not None else None
        # a derivative's own equation is not computed: all that it makes are vertices
        made = range(len(equation.outputs)) if kind == "linear" else arrived(equation, active)
        outputs = tuple((k, equation.outputs[k]) for k in made if differentiable(avals[equation.outputs[k]]))
        slots = []
        for k in active:
            tail = self.active[equation.inputs[k]]  # type: ignore[index]
            slots.append(self.graph.new(avals[tail] if split is None else avals[tail].update(shape=split[k])))
            self.edges.append(self._reshape(tail, slots[-1]))
        if split is not None:
            ends, outputs = outputs, tuple((k, self.graph.new(avals[v].update(shape=split[-1]))) for k, v in outputs)
        node = Implicit(kind, equation, site, tuple(slots), tuple(active), outputs)
        self._add(Node(tuple(v for _, v in outputs), node))
        for (_, tail), (_, head) in zip(outputs, ends, strict=True) if split is not None else ():
            self.edges.append(self._reshape(tail, head))
            self._add(Node((head,)))

    def _reshape(self, tail: int, head: int) -> Edge:
        """The edge between two vertices of one array: the identity, or where its axes are split or merged."""
        inp, out = self.graph.avals[tail].shape, self.graph.avals[head].shape
        term = Term.identity(inp) if inp == out else reshaped(inp, out)
        assert term is not None
        return Edge(tail, head, Piece(term, IDENTITY))

    def _fallback(self, equation: Equation, active: Sequence[int]) -> None:
        """Splice the tangent program that JAX's rule traces to."""
        avals = [self.graph.aval(a) for a in equation.inputs]
        outputs = [k for k, v in enumerate(equation.outputs) if differentiable(self.graph.avals[v])]
        n = len(equation.inputs)
        try:
            with equation.within():
                inner = pushed(equation, avals, active, outputs, [self.graph.avals[v] for v in equation.outputs])
            kind = whole(inner, n, len(equation.outputs))
        except ValueError as error:
            if not _jax.value_asked(error):
                raise
            kind = "whole"  # its rule has a way only where values are known
        if kind:
            self._implicit(kind, equation, active)
            self.graph.equations.append(equation)
            return
        names: dict[int, Atom] = dict(zip(inner.inputs[:n], equation.inputs, strict=True))
        for k, tangent in zip(active, inner.inputs[n:], strict=True):
            # the name of a tangent is a value of its own, never computed, that stands at the input's vertex
            names[tangent] = self._tangent(self.graph.aval(equation.inputs[k]))
            self.active[names[tangent]] = self.active[equation.inputs[k]]  # type: ignore[index]
        self._splice(equation, inner, names, self._primal_names(inner, equation, names))
        for out, value in zip(inner.outputs, equation.outputs, strict=False):
            atom = names[out] if isinstance(out, int) else out
            if atom != value:
                self.graph.equations.append(Equation(COPY, {}, (atom,), (value,)))
        for k, out in zip(outputs, inner.outputs[len(equation.outputs) :], strict=True):
            made = names[out] if isinstance(out, int) else None
            if isinstance(made, int) and made in self.active:
                self.active[equation.outputs[k]] = self.active[made]

    def _body(self, equation: Equation) -> None:
        """Splice the function that a rule applies to tangents: linear, it is its own derivative."""
        inner = graph_of_jaxpr(_jax.call_body(equation.params))
        names: dict[int, Atom] = dict(zip(inner.inputs, equation.inputs, strict=True))
        self._splice(equation, inner, names)
        for out, value in zip(inner.outputs, equation.outputs, strict=True):
            made = names[out] if isinstance(out, int) else None
            if isinstance(made, int) and made in self.tangents and made in self.active:
                self.active[value] = self.active[made]

    def _splice(
        self, equation: Equation, inner: Graph, names: dict[int, Atom], made: dict[int, int] | None = None
    ) -> None:
        """Add the equations of a program that stands for ``equation``: what reads tangents is not computed.

        names   inner → here, of its inputs; learns the rest
        made    those of its values that are named here already
        """
        names.update((c, self.graph.const(value)) for c, value in inner.consts.items())
        made = made or {}
        for eqn in inner.equations:
            reads = [names[a] for a in eqn.inputs if isinstance(a, int)]
            linear = any(isinstance(a, int) and a in self.tangents for a in reads)
            for v in eqn.outputs:
                new = self._tangent if linear else self.graph.new
                names[v] = made[v] if v in made else new(inner.avals[v])
            renamed = Equation(
                eqn.primitive,
                eqn.params,
                tuple(names[a] if isinstance(a, int) else a for a in eqn.inputs),
                tuple(names[v] for v in eqn.outputs),  # type: ignore[misc]
                equation.source,
                eqn.setting or equation.setting,
            )
            if linear:
                self.visit(renamed, linear=True)
            else:
                self._constant(renamed)

    def _tangent(self, aval: Any) -> int:
        value = self.graph.new(aval)
        self.tangents.add(value)
        return value

    @staticmethod
    def _primal_names(inner: Graph, equation: Equation, names: dict[int, Atom]) -> dict[int, int]:
        """Which of the inner values are the equation's outputs; those that are inputs or stand twice are copied."""
        primal: dict[int, int] = {}
        for out, value in zip(inner.outputs, equation.outputs, strict=False):
            if isinstance(out, int) and out not in names:
                primal.setdefault(out, value)
        return primal

    def finish(self, outputs: Sequence[Atom]) -> Local:
        """Give each output a sink of its own and drop what leads to none."""
        sinks = []
        for atom in outputs:
            sink = self.graph.new(self.graph.aval(atom))
            sinks.append(sink)
            if isinstance(atom, int) and atom in self.active:
                self.edges.append(self._reshape(self.active[atom], sink))
        live = set(sinks)
        slots = {v: node for node in self.nodes if node.implicit for v in node.vertices}
        edges = []
        for edge in reversed(self.edges):
            if edge.head in live:
                edges.append(edge)
                live.add(edge.tail)
                node = slots.get(edge.tail)
                if node is not None and node.implicit is not None:
                    live.update(node.implicit.slots)
        nodes = [_alive(node, live) for node in self.nodes if not live.isdisjoint(node.vertices)]
        return Local(self.graph, self.inputs, tuple(sinks), nodes, edges[::-1], vertices=self.active)


def _alive(node: Node, live: set[int]) -> Node:
    """A node without the outputs that lead nowhere."""
    if node.implicit is None or live.issuperset(node.vertices):
        return node
    outputs = tuple((k, v) for k, v in node.implicit.outputs if v in live)
    return Node(tuple(v for _, v in outputs), replace(node.implicit, outputs=outputs))


COPY: Any = _jax.primitive("copy")
