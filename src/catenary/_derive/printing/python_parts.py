"""Python source for blocks: concatenations and pads."""

from __future__ import annotations

from typing import Any

from ..expressions.expr import Size
from ..matrices import matrix as mx
from ..matrices.matrix_parts import pieces


def block(x: mx.Block, printer: Any) -> str:
    """Return source for the pieces of a block one behind the other."""
    found = pieces(x)
    if len(x.items) == 1 and x.items[0].dims and len(x.items[0].dims) == len(x.dims):
        return _pad(x, found, printer)
    if len(x.dims) == 1 and all(isinstance(p, mx.Matrix) and not p.dims for p in found):
        return f"jnp.array([{', '.join(printer(p) for p in found)}])"
    parts = [_piece(p, x, printer) for p in found]
    return f"jnp.concatenate([{', '.join(parts)}]{', axis=1' if x.axis else ''})"


def _pad(x: mx.Block, found: list[mx.Matrix | Size], printer: Any) -> str:
    at = found.index(x.items[0])
    ends = [printer.size(found[0]) if at else "0", printer.size(found[-1]) if at < len(found) - 1 else "0"]
    own = f"({', '.join(ends)})"
    width = own if len(x.dims) == 1 else f"({own}, (0, 0))" if x.axis == 0 else f"((0, 0), {own})"
    return f"jnp.pad({printer(x.items[0])}, {width})"


def _piece(p: mx.Matrix | Size, x: mx.Block, printer: Any) -> str:
    if not isinstance(p, mx.Matrix):
        if len(x.dims) == 1:
            return f"jnp.zeros({printer.size(p)})"
        shape = [printer.size(p if n == x.axis else d) for n, d in enumerate(x.dims)]
        return f"jnp.zeros(({', '.join(shape)}))"
    text = printer(p)
    if not p.dims:
        return f"jnp.array([{text}])"
    if len(p.dims) == len(x.dims):
        return text
    column = p.x if isinstance(p, mx.Transpose) else p
    return f"jnp.reshape({printer(column)}, {'(-1, 1)' if x.axis else '(1, -1)'})"
