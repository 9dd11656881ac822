"""The work of a compiled program: XLA's own count, with loop bodies multiplied by their trips.

`compiled.cost_analysis()` counts the body of a loop once. We read the optimised HLO text, count it twice with the
same rules, once with and once without trip counts, and add the difference to XLA's figure:

    flops = XLA's count + (our count with trips − our count without)

so a program without loops has exactly the figure that XLA reports. Transcendentals count as one each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*)$")
_HEADER = re.compile(r"^(ENTRY )?%([\w.-]+) \(.*\{$")
_SHAPE = re.compile(r"\w+\[([\d,]*)\]")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')

_FREE = re.compile(
    "parameter|constant|tuple|get-tuple-element|bitcast|bitcast-convert|broadcast|reshape|transpose|copy|slice|"
    "concatenate|pad|reverse|dynamic-slice|dynamic-update-slice|gather|iota|custom-call|copy-start|copy-done|"
    "after-all|rng-bit-generator|partition-id|replica-id|optimization-barrier"
)


@dataclass
class _Computation:
    """One HLO computation: its instructions, and the shape of every name in it."""

    lines: list[tuple[str, str, str]] = field(default_factory=list)  # (name, opcode, rest of the line)
    shapes: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)


def flops(compiled: Any) -> float:
    """Floating-point operations of a `jax.stages.Compiled`, loop bodies times their trips.

    A loop whose trip count XLA does not know counts once, as in `cost_analysis()`.
    """
    analysis = compiled.cost_analysis()
    analysis = analysis[0] if isinstance(analysis, list) else analysis
    text = compiled.as_text()
    once = analysis.get("flops", 0.0) + analysis.get("transcendentals", 0.0)
    return once + count(text, trips=True) - count(text, trips=False)


def count(text: str, *, trips: bool) -> float:
    """Operations in an HLO module's text, by the rules of XLA's cost analysis; `trips` multiplies loop bodies."""
    return sum(work(text, trips=trips).values())


def work(text: str, *, trips: bool = True) -> Counter[str]:
    """Operations in an HLO module's text, by opcode."""
    computations, entry = _parse(text)
    totals: dict[str, Counter[str]] = {}

    def total(name: str) -> Counter[str]:
        if name not in totals:
            totals[name] = Counter()
            for line in computations[name].lines:
                totals[name].update(_work(computations[name], *line, total, trips))
        return totals[name]

    return total(entry)


def opcodes(text: str) -> Counter[str]:
    r"""How often each opcode stands in an HLO module, for a look at where two programs differ.

    >>> opcodes("ENTRY %m (p: f32[2]) -> f32[2] {\n  ROOT %t = f32[2]{0} tanh(%p)\n}")
    Counter({'tanh': 1})
    """
    computations, _ = _parse(text)
    return Counter(opcode for body in computations.values() for _, opcode, _ in body.lines)


def _parse(text: str) -> tuple[dict[str, _Computation], str]:
    """Split HLO text into computations and find the entry."""
    computations: dict[str, _Computation] = {}
    entry, current = "", _Computation()
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = computations[header[2]] = _Computation()
            entry = header[2] if header[1] else entry
        elif found := _INSTRUCTION.match(line):
            name, shape, opcode, rest = found.groups()
            current.shapes[name] = [_sizes(s) for s in _SHAPE.findall(shape)]
            current.lines.append((name, opcode, rest))
    return computations, entry


def _work(body: _Computation, name: str, opcode: str, rest: str, total: Any, trips: bool) -> dict[str, float]:
    """Operations of one instruction by opcode, those of the computations it calls included."""
    if _FREE.fullmatch(opcode):
        return {}
    shapes = body.shapes[name]
    operands = [body.shapes[o] for o in re.findall(r"%([\w.-]+)", rest.split(")")[0]) if o in body.shapes]
    if opcode == "while":
        times = int(found[1]) if trips and (found := _TRIPS.search(rest)) else 1
        once = total(_called(rest, "body")) + total(_called(rest, "condition"))
        return {key: times * value for key, value in once.items()}
    if opcode in ("fusion", "call", "async-start"):
        return total(_called(rest, "calls") or _called(rest, "to_apply"))
    if opcode == "conditional":
        return max((total(branch) for branch in _branches(rest)), key=lambda counts: sum(counts.values()))
    if opcode == "dot":
        contracted = prod(operands[0][0][axis] for axis in _axes(rest, "lhs_contracting_dims"))
        return {opcode: 2 * prod(shapes[0]) * contracted}
    if opcode == "convolution":
        return {opcode: 2 * prod(shapes[0]) * _kernel(rest, operands[1][0])}
    if opcode in ("reduce", "reduce-window", "select-and-scatter", "scatter", "map"):
        return {opcode: max(prod(operands[0][0]), prod(shapes[0]))}
    return {opcode: prod(shapes[0])} if shapes else {}


def _kernel(rest: str, kernel: tuple[int, ...]) -> int:
    """Multiplications for one output entry of a convolution: the kernel without its output features."""
    labels = re.search(r"dim_labels=\w+_(\w+)->", rest)
    features = kernel[labels[1].index("o")] if labels else 1
    return prod(kernel) // max(features, 1)


def _called(rest: str, key: str) -> str:
    found = re.search(rf"\b{key}=%([\w.-]+)", rest)
    return found[1] if found else ""


def _branches(rest: str) -> Iterator[str]:
    found = re.search(r"branch_computations=\{([^}]*)\}", rest)
    names = found[1] if found else " ".join(re.findall(r"(?:true|false)_computation=(%[\w.-]+)", rest))
    yield from re.findall(r"%([\w.-]+)", names)


def _axes(rest: str, key: str) -> tuple[int, ...]:
    found = re.search(rf"{key}=\{{([\d,]*)\}}", rest)
    return _sizes(found[1]) if found else ()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(",") if size)
