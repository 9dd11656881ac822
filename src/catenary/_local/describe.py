"""What a plan is made from, as plain data: the equations with a derivative, the maps between their values.

Values are numbered as they are met, so that it is one program whether an array is an argument that is not
differentiated, is closed over, or is traced by an outer jit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from catenary._graph import Atom
from catenary._graph.digest import as_text

if TYPE_CHECKING:
    from catenary._local.local import Local


def describe(local: Local, maps: bool = True) -> Iterator[Any]:
    """The structure of a graph of local derivatives, part by part.

    Without its ``maps`` it is the program alone: the same whether indices are known, and so in the structure of a
    gather, or traced.
    """
    graph = local.graph
    numbers: dict[int, int] = {}
    terms: dict[int, str] = {}
    kinds: dict[Any, str] = {}  # dtypes are slow to print

    def name(atom: Atom) -> Any:
        """A number; where it is new, with its dtype and shape."""
        if isinstance(atom, int) and atom in numbers:
            return numbers[atom]
        aval = graph.aval(atom)
        kind = aval.dtype, aval.shape
        if kind not in kinds:
            kinds[kind] = f"{aval.dtype}{aval.shape}"
        what = numbers.setdefault(atom, len(numbers)) if isinstance(atom, int) else str(atom.val)
        return f"{what}:{kinds[kind]}"

    def names(atoms: Iterable[Atom]) -> str:
        return " ".join(str(name(a)) for a in atoms)

    yield names((*local.inputs, *local.outputs))
    vertices = {v for node in local.nodes for v in node.vertices}
    for equation in graph.equations:
        if not vertices.isdisjoint(equation.outputs):
            yield f"{names(equation.outputs)}={equation.primitive.name}({names(equation.inputs)})"
            yield equation.params
    if not maps:
        sinks = {v: k for k, v in enumerate(local.outputs)}
        yield [f"{name(e.tail)}>{sinks[e.head]}" for e in local.edges if e.head in sinks], len(local.nodes)
        return
    for node in local.nodes:
        yield names(node.vertices)
        if (implicit := node.implicit) is not None:
            turned = "transpose of " if implicit.of else ""
            yield f"{turned}{implicit.kind} {implicit.active} {names(implicit.slots)}"
            yield implicit.equation.primitive.name, implicit.equation.params
    yield local.part
    yield sorted(local.mirror.items())
    for edge in local.edges:
        term = edge.piece.term
        if id(term) not in terms:
            terms[id(term)] = as_text(term)
        yield f"{name(edge.tail)}>{name(edge.head)}{terms[id(term)]}"
