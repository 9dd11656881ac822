"""The decompiler: a jaxpr, equation by equation, becomes expressions over labelled axes.

A value is an expression in ``axis(0), axis(1), …`` and its dimensions.  A value that grows large becomes an array of
its own, so that expressions stay small and shared; so does every value the caller asks to keep.  Calls are read
through, but for those of the library that are known for what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np

from ..expressions.build import add, along_axis, fn, mul, num, power, reduce, size
from ..expressions.dims import Value, dims_of, entry_of
from ..expressions.expr import Array, At, Expr, Index, Num, Pos, Size, axis, temporary, walk
from ..expressions.rename import rename
from ..expressions.reshape import reshaped
from ..unreadable import UnreadableError
from .library import known


class Reader:
    """Reads equations into values; arrays made on the way are shared by what they say."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Start with no arrays; ``taken`` are names that mean something."""
        self.made: dict[tuple[Expr, tuple[Size, ...]], Array] = {}
        self.loops: list[Any] = []  # the recurrences met, in order
        self.within: tuple[Index, ...] = ()  # the steps of the loops around what is being read
        self.inside: dict[Array, str] = {}  # the names of what is made within loops
        self.taken: set[str] = set(taken)
        self.rules: dict[Array, Any] = {}  # what stands behind symbols whose derivative is a rule of its author

    def read(
        self,
        jaxpr: Any,
        consts: Sequence[Any],
        inputs: Sequence[Value],
        keep: Sequence[Any] = (),
        instead: dict[Any, Value] | None = None,
    ) -> list[Value]:
        """Return the values of a jaxpr's outputs; variables in ``keep`` become arrays of their own.

        What they need is read first and in their order, so that a later equal value is seen to be the kept one.
        A variable in ``instead`` is read as the value there, which is then replaced by what was computed.
        """
        instead = {} if instead is None else instead
        kept = {v for v in keep if not hasattr(v, "val")}
        env: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
        env |= {v: literal(c) for v, c in zip(jaxpr.constvars, consts, strict=True)}
        for eqn in in_order_of_need(jaxpr, keep):
            values = [literal(a.val) if hasattr(a, "val") else env[a] for a in eqn.invars]
            for var, value in zip(eqn.outvars, self.equation(eqn, values), strict=True):
                env[var] = self.named(value, var in kept)
                if var in instead:
                    env[var], instead[var] = instead[var], value
        return [literal(v.val) if hasattr(v, "val") else env[v] for v in jaxpr.outvars]

    def equation(self, eqn: Any, values: list[Value]) -> list[Value]:
        """Return the values of one equation's outputs."""
        name = eqn.primitive.name
        if library := known(eqn):
            shapes = [dims_of(v.aval.shape) for v in eqn.outvars]
            return list(map(Value, library(values, shapes), shapes))
        from .rules import own_rule, read_rule

        if own_rule(eqn):
            return read_rule(self, eqn, values)
        if name in CALLS:
            inner = eqn.params[CALLS[name]]
            jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "jaxpr") else (inner, ())
            return self.read(jaxpr, consts, values)
        from ..calculus.recurrence import ended
        from .read_index import READ_INDEX, READ_SEVERAL  # built on the functions of this file
        from .read_linalg import READ_LINALG

        if name == "optimization_barrier":
            return values
        if name == "scan":
            from .read_scan import read_scan

            return read_scan(self, eqn, values)
        if name == "cond":
            return self._cases(eqn, values)
        if several := READ_LINALG.get(name) or READ_SEVERAL.get(name):
            shapes = [dims_of(v.aval.shape) for v in eqn.outvars]
            return list(map(Value, several(eqn, values), shapes))
        row = READ.get(name) or READ_INDEX.get(name)
        if row is None or len(eqn.outvars) != 1:
            raise UnreadableError(NO_FORMULA.get(name, f"no formula yet for the primitive {name!r}"))
        dims = dims_of(eqn.outvars[0].aval.shape)
        if any("(" in str(d) for d in dims):
            raise UnreadableError(f"an array whose sizes ({_list(dims)}) are no polynomials in the names")
        return [Value(ended(row(eqn, values, dims), self.loops if name in INDEXING else ()), dims)]

    def _cases(self, eqn: Any, values: list[Value]) -> list[Value]:
        """Return the values of a choice among branches: each where the index is its number."""
        index, *operands = values
        found = [self.read(b.jaxpr, b.consts, operands) for b in eqn.params["branches"]]
        choice = found[-1]
        for n in reversed(range(len(found) - 1)):
            own = fn("eq", index.expr, num(n))
            choice = [Value(fn("where", own, a.expr, b.expr), a.dims) for a, b in zip(found[n], choice, strict=True)]
        return choice

    def named(self, value: Value, keep: bool = False) -> Value:
        """Return the value, as an array of its own if that is asked for or if it has grown large."""
        if isinstance(value.expr, At) and value.expr.array.body is None and not keep:
            return value
        known = not self.within and (value.expr, value.dims) in self.made
        large = sum(1 for _ in islice(walk(value.expr), LARGE)) == LARGE
        return self.array(*value) if (keep or known or large) and not isinstance(value.expr, Num | At) else value

    def array(self, body: Expr, dims: tuple[Size, ...]) -> Value:
        """Return the entry of the array with this body; one made within loops has their steps for its first axes."""
        steps = tuple(i for i in self.within if i in body.free)
        moved = {i: axis(n, i.size) for n, i in enumerate(steps)}
        moved |= {axis(n, d): axis(n + len(steps), d) for n, d in enumerate(dims)}
        body, shape = rename(body, moved), (*(i.size for i in steps), *dims)
        array = self.made.setdefault((body, shape), Array("", shape, body, "real"))
        if steps:
            self.inside.setdefault(array, "")
        return Value(At(array, (*steps, *(0 if d == 1 else axis(n, d) for n, d in enumerate(dims)))), dims)


LARGE = 60  # distinct nodes: what has more becomes an array, so that expressions stay small


def in_order_of_need(jaxpr: Any, first: Sequence[Any]) -> list[Any]:
    """Return the equations that the outputs need, those that the ``first`` variables need before the rest."""
    makers = {v: n for n, eqn in enumerate(jaxpr.eqns) for v in eqn.outvars}
    order: dict[int, None] = {}
    for target in (*first, *jaxpr.outvars):
        needed: set[int] = set()
        pending = [target]
        while pending:
            n = makers.get(v) if not hasattr(v := pending.pop(), "val") else None
            if n is not None and n not in order and n not in needed:
                needed.add(n)
                pending += jaxpr.eqns[n].invars
        order |= dict.fromkeys(sorted(needed))
    return [jaxpr.eqns[n] for n in order]


def named(name: str, struct: Any, fact: str = "") -> Array:
    """Return an input of the program as an array, of which a fact may be known."""
    kind = "real" if np.issubdtype(struct.dtype, np.inexact) or str(struct.dtype) == "bfloat16" else "int"
    return Array(name, dims_of(struct.shape), None, fact or kind)


def symbol(name: str, struct: Any, fact: str = "") -> Value:
    """Return an input of the program as a value."""
    array = named(name, struct, fact)
    return Value(entry_of(array), array.dims)


def literal(value: Any) -> Value:
    """Return a constant as a value: a number; an array only if all its entries are equal."""
    array = np.asarray(value)
    if array.size != 1 and not (array.size and (array == array.flat[0]).all()):
        raise UnreadableError(f"a constant array of shape {array.shape} inside the program; pass it as an argument")
    dims = dims_of(array.shape)
    scalar = array.flat[0]
    if array.dtype.kind in "iub":
        return Value(num(int(scalar)), dims)
    return Value(_real(scalar) if np.isfinite(scalar) else Num(float(scalar)), dims)


def _real(scalar: Any) -> Expr:
    """Return a number as the user wrote it: a simple fraction, a constant that has a name, or a decimal."""
    from ..expressions.constants import constant

    exact = _rational(scalar)
    return (constant(float(scalar)) if exact.denominator > 100_000 else None) or Num(exact)


def _rational(scalar: Any) -> Fraction:
    """Return what the user wrote: a simple fraction if it rounds to the number, else the shortest decimal."""
    simple = Fraction(float(scalar)).limit_denominator(100_000)
    return simple if scalar.dtype.type(float(simple)) == scalar else Fraction(str(scalar))


# Reading one equation: (equation, values of its operands, dimensions of its output) to an expression

Row = Callable[[Any, list[Value], tuple[Size, ...]], Expr]


def elementwise(name: str) -> Row:
    """Read a function of entries by its name."""
    return lambda eqn, v, dims: fn(name, *(x.expr for x in v))


def formula(build: Callable[..., Expr]) -> Row:
    """Read an arithmetic operation."""
    return lambda eqn, v, dims: build(*(x.expr for x in v))


def _same(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    return v[0].expr


def _convert(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    source, target = eqn.invars[0].aval.dtype, eqn.params["new_dtype"]
    if isinstance(v[0].expr, Num) and v[0].expr.value == int(v[0].expr.value):
        return v[0].expr
    if np.issubdtype(source, np.inexact) and not (np.issubdtype(target, np.inexact) or str(target) == "bfloat16"):
        raise UnreadableError(f"a conversion from {source} to {target}")
    return v[0].expr


def _select(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    if len(v) != 3:
        raise UnreadableError("a select among more than two cases")
    return fn("where", v[0].expr, v[2].expr, v[1].expr)


def place(value: Value, targets: Sequence[int], dims: tuple[Size, ...]) -> Expr:
    """Return the value with its axis ``n`` called axis ``targets[n]`` of an array of the given dimensions."""
    pairs = ((axis(n, d), axis(t, dims[t])) for n, (d, t) in enumerate(zip(value.dims, targets, strict=True)) if d != 1)
    return rename(value.expr, dict(pairs))


def _broadcast(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    return place(v[0], eqn.params["broadcast_dimensions"], dims)


def _transpose(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    order = eqn.params["permutation"]
    return place(v[0], [order.index(n) for n in range(len(order))], dims)


def _reshape(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    old, new = ([axis(n, d) for n, d in enumerate(sizes) if d != 1] for sizes in (v[0].dims, dims))
    made = reshaped(new, old, v[0].expr)
    if made is None:
        raise UnreadableError(f"a reshape of ({_list(v[0].dims)}) to ({_list(dims)})")
    return made


def _list(dims: tuple[Size, ...]) -> str:
    return ", ".join(map(str, dims))


def _reduction(name: str) -> Row:
    def read(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
        axes = eqn.params["axes"]
        gone = [axis(n, v[0].dims[n]) for n in axes]
        stay = [n for n in range(len(v[0].dims)) if n not in axes]
        # the axes that go are called by temporary names while those that stay move up
        hidden = {g: temporary(g.size) for g in gone}
        moved = {axis(n, v[0].dims[n]): axis(m, v[0].dims[n]) for m, n in enumerate(stay)}
        return reduce(name, hidden.values(), rename(v[0].expr, hidden | moved))

    return read


def _dot_general(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    (lc, rc), (lb, rb) = eqn.params["dimension_numbers"]
    left, right = v
    out = iter(range(len(dims)))
    maps: list[dict[Any, Any]] = [{}, {}]
    for a, b in zip(lb, rb, strict=True):
        n = next(out)
        maps[0][axis(a, left.dims[a])] = maps[1][axis(b, right.dims[b])] = axis(n, dims[n])
    summed = []
    for a, b in zip(lc, rc, strict=True):
        summed.append(temporary(left.dims[a]))
        maps[0][axis(a, left.dims[a])] = maps[1][axis(b, right.dims[b])] = summed[-1]
    for side, value, used in ((0, left, (*lc, *lb)), (1, right, (*rc, *rb))):
        for n, d in enumerate(value.dims):
            if n not in used:
                m = next(out)
                maps[side][axis(n, d)] = axis(m, dims[m])
    factors = [rename(value.expr, m) for value, m in zip(v, maps, strict=True)]
    return reduce("sum", [s for s in summed if s.size != 1], mul(factors))


def _iota(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    n = eqn.params["dimension"]
    return num(0) if dims[n] == 1 else Pos(axis(n, dims[n]))


def _reversed(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    result = v[0].expr
    for n in eqn.params["dimensions"]:
        result = along_axis("reverse", axis(n, dims[n]), result) if axis(n, dims[n]) in result.free else result
    return result


def _dim(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    return size(dims_of((eqn.params["dim"],))[0])


def _clamp(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    low, x, high = (value.expr for value in v)
    return fn("min", fn("max", x, low), high)


def _power_of(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    base, exponent = v[0].expr, v[1].expr
    if isinstance(exponent, Num) and isinstance(exponent.value, Fraction):
        return power(base, exponent.value)
    return fn("pow", base, exponent)


def _minus(a: Expr, b: Expr) -> Expr:
    return add((a, mul((num(-1), b))))


HALF = Fraction(1, 2)
# What never has a formula, and why.
NO_FORMULA = {
    "while": "a while loop: how many steps it makes depends on its values, so it has no closed formula; with a known "
    "number of steps, write lax.scan or lax.fori_loop",
    "fft": "fft: a Fourier transform has complex entries, which no formula here has",
    "le_to": "searchsorted: where an entry would stand changes in steps and has no derivative",
    "cummax": "cummax: the largest so far has no matrix form",
    "cummin": "cummin: the least so far has no matrix form",
    **{n: f"{n}: what it computes is not in the program" for n in ("pure_callback", "io_callback", "custom_lin")},
}
INDEXING = frozenset({"gather", "slice", "dynamic_slice"})
CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "checkpoint": "jaxpr",
    "remat2": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}  # fmt: skip
READ: dict[str, Row] = {
    **{n: elementwise(n) for n in (
        "exp tanh sin cos tan abs sign max min eq ne lt le gt ge and or not floor ceil round erf lgamma digamma"
        " sinh cosh asin acos atan asinh acosh atanh atan2 log rem".split())},
    "logistic": elementwise("sigmoid"),
    "erf_inv": elementwise("erfinv"),
    "erfc": formula(lambda x: _minus(num(1), fn("erf", x))),
    "is_finite": elementwise("finite"),
    "log1p": formula(lambda x: fn("log", add((num(1), x)))),
    "expm1": formula(lambda x: add((fn("exp", x), num(-1)))),
    "neg": formula(lambda x: mul((num(-1), x))),
    "add": formula(lambda a, b: add((a, b))),
    "add_any": formula(lambda a, b: add((a, b))),
    "sub": formula(_minus),
    "mul": formula(lambda a, b: mul((a, b))),
    "div": formula(lambda a, b: mul((a, power(b, -1)))),
    "square": formula(lambda x: power(x, 2)),
    "sqrt": formula(lambda x: power(x, HALF)),
    "rsqrt": formula(lambda x: power(x, -HALF)),
    "integer_pow": lambda eqn, v, dims: power(v[0].expr, eqn.params["y"]),
    "exp2": formula(lambda x: fn("exp", mul((x, fn("log", num(2)))))),
    "pow": _power_of,
    "clamp": _clamp,
    "stop_gradient": elementwise("stop"),
    **dict.fromkeys(("copy", "copy_p", "reduce_precision", "name"), _same),
    "convert_element_type": _convert,
    "select_n": _select,
    "broadcast_in_dim": _broadcast,
    "transpose": _transpose,
    **dict.fromkeys(("reshape", "squeeze", "expand_dims"), _reshape),
    **{f"reduce_{n}": _reduction(n) for n in ("sum", "max", "min", "prod")},
    "dot_general": _dot_general,
    "iota": _iota,
    "rev": _reversed,
    "dim_as_value": _dim,
}  # fmt: skip
