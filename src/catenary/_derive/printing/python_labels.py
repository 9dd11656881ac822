"""Python source for what has no matrix form: labelled axes as the axes of arrays, contractions as einsum."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..expressions import expr as ex
from ..expressions.expr import Index
from ..expressions.look import factors
from ..matrices import matrix as mx
from .python_convolution import convolution

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
Piece = tuple[str, tuple[Index, ...]]  # source, and the axes of the array it computes, each once
WHOLE = {"softmax": "softmax", "reverse": "jnp.flip"}


def labelled(x: mx.Labelled, printer: Any) -> str:
    """Return source for an expression over labelled axes, laid out along its axes."""
    source = _Source(dict(x.names), printer)
    text, own = source(x.expr)
    text = placed(text, own, x.axes)
    return text if len(own) == len(x.axes) else f"jnp.broadcast_to({text}, {source.shape(x.axes)})"


class _Source:
    """Writes expressions; ``names`` are the names of arrays with a body."""

    def __init__(self, names: dict[ex.Array, str], printer: Any) -> None:
        self.names, self.printer = names, printer

    def __call__(self, e: ex.Expr) -> Piece:
        """Return source for an expression as an array over the axes it depends on."""
        p = self.printer
        match e:
            case ex.Num():
                whole = isinstance(e.value, Fraction) and e.value.denominator == 1
                return str(e.value) if whole else _decimal(float(e.value)), ()
            case ex.Dim():
                return p.size(e.name), ()
            case ex.Pos():
                return f"jnp.arange({p.size(e.index.size)})", (e.index,)
            case ex.At():
                return self._entry(e)
            case ex.Add():
                return self._joined(" + ", e.children)
            case ex.Mul():
                return self._joined(" * ", e.children)
            case ex.Pow():
                text, own = self(e.base)
                return f"({text} ** {float(e.exponent)})", own
            case ex.Fn():
                return self._function(e)
            case ex.Reduce():
                return self._reduced(e)
            case ex.Along():
                return self._along(e)
        raise TypeError(f"{type(e).__name__} has no Python form")

    def shape(self, axes: Sequence[Index]) -> str:
        """Return the shape of an array over axes."""
        return f"({', '.join(self.printer.size(i.size) for i in axes)},)"

    def _joined(self, operator: str, children: Sequence[ex.Expr]) -> Piece:
        texts, axes = self._together(children)
        return f"({operator.join(texts)})", axes

    def _together(self, children: Sequence[ex.Expr]) -> tuple[list[str], tuple[Index, ...]]:
        """Return sources that broadcast together, and their axes."""
        pieces = [self(c) for c in children]
        longest = sorted(pieces, key=lambda piece: -len(piece[1]))
        axes = tuple(dict.fromkeys(i for _, own in longest for i in own))
        return [placed(text, own, axes) for text, own in pieces], axes

    def _entry(self, e: ex.At) -> Piece:
        if e.array.body is not None and e.array not in self.names:
            text, inside = self(e.array.body)
            name = placed(text, inside, tuple(i for i in e.array.axes if i.size != 1))
        else:
            name = self.printer.name(e.array.symbol or self.names[e.array])
        written = e.indices
        if e.array.body is not None:  # a definition has no axes of size 1
            written = tuple(i for i, d in zip(e.indices, e.array.dims, strict=True) if d != 1)
        own = tuple(i for i in written if isinstance(i, Index))
        if len(own) < len(written):
            name = f"{name}[{', '.join(':' if isinstance(i, Index) else str(i) for i in written)}]"
        if len(set(own)) < len(own):
            letters = {i: LETTERS[n] for n, i in enumerate(dict.fromkeys(own))}
            name = f"jnp.einsum('{''.join(letters[i] for i in own)}->{''.join(letters.values())}', {name})"
            own = tuple(letters)
        return name, own

    def _function(self, e: ex.Fn) -> Piece:
        p = self.printer
        texts, axes = self._together(e.children)
        inner = mx.Apply((), tuple(mx.Symbol((), f"\0{n}") for n in range(len(texts))), e.name)
        before = dict(p.names)
        p.names |= {f"\0{n}": text for n, text in enumerate(texts)}
        text = f"({p(inner)})"
        p.names.clear()
        p.names |= before
        return text, axes

    def _reduced(self, e: ex.Reduce) -> Piece:
        if e.name == "sum" and len(factors(e.body)) > 1:
            return self._contraction(e)
        text, own = self(e.body)
        numbers = ", ".join(str(own.index(i)) for i in e.indices)
        where = numbers if len(e.indices) == 1 else f"({numbers})"
        left = tuple(i for i in own if i not in e.indices)
        if e.name != "logsumexp":
            return f"jnp.{e.name}({text}, axis={where})", left
        if len(e.indices) == 1:
            return f"{self.printer.call('logsumexp')}({text}, axis={where})", left
        return f"jnp.log(jnp.sum(jnp.exp({text}), axis={where}))", left

    def _contraction(self, e: ex.Reduce) -> Piece:
        made = convolution(e, lambda x, axes: placed(*self(x), axes))
        if made is not None:
            return made
        pieces = [self(f) for f in factors(e.body)]
        letters = {i: LETTERS[n] for n, i in enumerate(dict.fromkeys(i for _, own in pieces for i in own))}
        left = tuple(i for i in letters if i not in e.indices)
        inside = ",".join("".join(letters[i] for i in own) for _, own in pieces)
        operands = ", ".join(text for text, _ in pieces)
        return f"jnp.einsum('{inside}->{''.join(letters[i] for i in left)}', {operands})", left

    def _along(self, e: ex.Along) -> Piece:
        """Return a function of whole axes, which stand last among those of its bodies."""
        p = self.printer
        pieces = [self(c) for c in e.children]
        rest = tuple(dict.fromkeys(i for _, own in pieces for i in own if i not in e.inner))
        texts = [placed(text, own, (*rest, *e.inner)) for text, own in pieces]
        for n, (_, own) in enumerate(pieces):
            if set(own) < {*rest, *e.inner}:
                texts[n] = f"jnp.broadcast_to({texts[n]}, {self.shape((*rest, *e.inner))})"
        if e.name == "reshape":
            return f"jnp.reshape({texts[0]}, {self.shape((*rest, *e.outer))})", (*rest, *e.outer)
        if e.name in p.whole:
            return p.whole[e.name].format(*texts), (*rest, *e.outer)
        p.used.add(e.name)
        return f"{WHOLE.get(e.name, f'jnp.{e.name}')}({', '.join(texts)}, axis=-1)", (*rest, *e.outer)


def _decimal(value: float) -> str:
    return {"inf": "jnp.inf", "-inf": "(-jnp.inf)", "nan": "jnp.nan"}.get(str(value), repr(value))


def placed(text: str, own: Sequence[Index], axes: Sequence[Index]) -> str:
    """Return source that transposes an array to the order of the axes and adds those it lacks."""
    order = [own.index(i) for i in axes if i in own]
    if order != sorted(order):
        text = f"{text}.transpose({', '.join(map(str, order))})"
    if own and len(own) < len(axes):
        text += "[" + ", ".join(":" if i in own else "None" for i in axes) + "]"
    return text
