"""The source of a loop: one function of a step, and the scan that makes the steps."""

from __future__ import annotations

from collections.abc import Sequence

from ..defining.steps import Block
from ..matrices import matrix as mx
from ..matrices.matrix import Matrix
from .python import PythonPrinter, identifier


def loop_source(block: Block, printer: PythonPrinter, number: int) -> list[str]:
    """Return the lines that run a loop: all steps of what it defines, and the values at its end."""
    name = ("back" if block.backward else "step") + (f"_{number}" if number else "")
    starts = [_start(first, printer) for _, first, _ in block.carried]
    with printer.within([*(n for n, _, _ in block.carried), *(n for n, _ in block.body)]):
        body = [f"    {printer.name(n)} = {printer(value)}" for n, value in block.body]
        handed = _tuple([printer(value) for *_, value in block.carried])
    carried = [printer.name(n) for n, _, _ in block.carried]
    steps = _tuple([printer.name(n) for n, _ in block.body])
    ends = _tuple([identifier(n) for n in block.ends])
    how = ", reverse=True" if block.reverse else ""
    opening = [f"    {_tuple(carried)} = carried"] if len(carried) > 1 else []
    lines = [
        f"def {name}({'carried' if opening else carried[0]}, {block.letter}):",
        *opening,
        *body,
        f"    return {handed}, {steps}",
        f"{ends}, {steps} = lax.scan({name}, {_tuple(starts)}, jnp.arange({printer.size(block.length)}){how})",
    ]
    printer.used.add("lax")
    return lines if block.backward else lines + _shifted(block, printer, starts)


def _shifted(block: Block, printer: PythonPrinter, starts: Sequence[str]) -> list[str]:
    """Return the lines that give each step the value before it."""
    lines = []
    for (before, now), start in zip(block.before, starts, strict=True):
        values = printer.name(now)
        parts = [f"{values}[1:]", f"jnp.asarray({start})[None]"]
        parts = parts if block.reverse else [parts[1], f"{values}[:-1]"]
        lines.append(f"{printer.name(before)} = jnp.concatenate([{', '.join(parts)}])")
    return lines


def _start(value: Matrix, printer: PythonPrinter) -> str:
    """Return a first value; a number as a real one, so that steps do not change its type."""
    return repr(float(value.value)) if isinstance(value, mx.Number) else printer(value)


def _tuple(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"
