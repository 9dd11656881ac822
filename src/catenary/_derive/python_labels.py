"""Python source for what has no matrix form: broadcasting over labelled axes, and sums."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from . import expr as ex
from . import matrix as mx


def labelled(x: mx.Labelled, printer: Any) -> str:
    """Return source for an expression over labelled axes, laid out along its axes."""
    arrays = dict(x.names)
    text = _lay(x.expr, x.axes, arrays, printer)
    full = [printer.size(i.size) for i in x.axes]
    return f"jnp.broadcast_to({text}, ({', '.join(full)}{',' if len(full) == 1 else ''}))" if full else text


def _lay(e: ex.Expr, axes: tuple[ex.Index, ...], arrays: dict[ex.Array, str], p: Any) -> str:
    """Return source for an expression as an array with one axis for each of ``axes``."""

    def go(x: ex.Expr) -> str:
        return _lay(x, axes, arrays, p)

    match e:
        case ex.Num():
            if not isinstance(e.value, Fraction):
                return f"float('{e.value}')"  # an infinity
            return str(float(e.value)) if e.value.denominator > 1 else str(e.value)
        case ex.Dim():
            return p.size(e.name)
        case ex.Pos():
            return _placed(f"jnp.arange({p.size(e.index.size)})", (e.index,), axes)
        case ex.At():
            return _entry(e, axes, arrays, p)
        case ex.Add():
            return "(" + " + ".join(map(go, e.children)) + ")"
        case ex.Mul():
            return "(" + " * ".join(map(go, e.children)) + ")"
        case ex.Pow():
            return f"({go(e.base)} ** {float(e.exponent)})"
        case ex.Fn():
            inner = mx.Apply((), tuple(mx.Symbol((), f"\0{n}") for n in range(len(e.children))), e.name)
            p.names |= {f"\0{n}": go(c) for n, c in enumerate(e.children)}
            return f"({p(inner)})"
        case ex.Reduce():
            wide = (*axes, *e.indices)
            numbers = tuple(range(len(axes), len(wide)))
            body = _lay(e.body, wide, arrays, p)
            if e.name == "logsumexp":
                return f"jnp.log(jnp.sum(jnp.exp({body}), axis={numbers}))"
            return f"jnp.{e.name}({body}, axis={numbers})"
        case ex.Along() if e.name in p.whole:
            rest = tuple(i for i in axes if i not in e.outer)
            text = p.whole[e.name].format(_lay(e.body, (*rest, *e.inner), arrays, p))
            return _placed(text, (*rest, *e.outer), axes)
        case ex.Along():
            p.used.add(e.name)
            name = {"softmax": "softmax", "reverse": "jnp.flip"}.get(e.name, f"jnp.{e.name}")
            inside = tuple(e.inner[e.outer.index(i)] if i in e.outer else i for i in axes)
            return f"{name}({_lay(e.body, inside, arrays, p)}, axis={axes.index(e.outer[0])})"
    raise TypeError(f"{type(e).__name__} has no Python form")


def _entry(e: ex.At, axes: tuple[ex.Index, ...], arrays: dict[ex.Array, str], p: Any) -> str:
    if e.array.body is not None and e.array not in arrays:
        name = _lay(e.array.body, tuple(i for i in e.array.axes if i.size != 1), arrays, p)
    else:
        name = p.name(e.array.symbol or arrays[e.array])
    own = tuple(i for i in e.indices if isinstance(i, ex.Index))
    written = e.indices
    if e.array.body is not None:  # a definition has no axes of size 1
        written = tuple(i for i, d in zip(e.indices, e.array.dims, strict=True) if d != 1)
    if len(own) < len(written):
        name = f"{name}[{', '.join(':' if isinstance(i, ex.Index) else str(i) for i in written)}]"
    if len(set(own)) < len(own):
        letters = {i: "abcdefghij"[n] for n, i in enumerate(dict.fromkeys(own))}
        name = f"jnp.einsum('{''.join(letters[i] for i in own)}->{''.join(letters.values())}', {name})"
        own = tuple(letters)
    return _placed(name, own, axes)


def _placed(text: str, own: tuple[ex.Index, ...], axes: tuple[ex.Index, ...]) -> str:
    """Return source that transposes an array to the order of the axes and adds those it lacks."""
    order = [own.index(i) for i in axes if i in own]
    if order != sorted(order):
        text = f"{text}.transpose({', '.join(map(str, order))})"
    if own and len(own) < len(axes):
        text += "[" + ", ".join(":" if i in own else "None" for i in axes) + "]"
    return text
