"""Formulas as Python source: one function of the user's arguments, on ``jax.numpy`` alone.

It differentiates nothing and takes its sizes from its arguments.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ..matrices import family
from ..matrices import matrix as mx
from ..matrices.matrix import Matrix
from ..matrices.matrix_parts import explicit, inside, slices
from ..reading.names import GREEK, D
from .python_labels import labelled
from .python_parts import block

SUM, TIMES, UNARY, ATOM = range(4)
BETWEEN = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
CALL = {"exp": "jnp.exp", "log": "jnp.log", "tanh": "jnp.tanh", "sin": "jnp.sin", "cos": "jnp.cos", "tan": "jnp.tan",
        "abs": "jnp.abs", "sign": "jnp.sign", "max": "jnp.maximum", "min": "jnp.minimum", "where": "jnp.where",
        "floor": "jnp.floor", "ceil": "jnp.ceil", "round": "jnp.round", "sinh": "jnp.sinh", "cosh": "jnp.cosh",
        "asin": "jnp.arcsin", "acos": "jnp.arccos", "atan": "jnp.arctan", "asinh": "jnp.arcsinh",
        "acosh": "jnp.arccosh", "atanh": "jnp.arctanh", "atan2": "jnp.arctan2", "pow": "jnp.power",
        "expm1": "jnp.expm1", "rem": "jnp.fmod", "finite": "jnp.isfinite",
        "erf": "lax.erf", "erfinv": "lax.erf_inv", "lgamma": "lax.lgamma",
        "digamma": "lax.digamma"}  # fmt: skip
HELPERS = {
    "cumlogsumexp": (
        "def cumlogsumexp(x, axis):\n    top = jnp.max(x)\n"
        "    return top + jnp.log(jnp.cumsum(jnp.exp(x - top), axis=axis))"
    ),
    "trigamma": "def trigamma(x):\n    return lax.polygamma(jnp.ones_like(x), x)",
    "sigmoid": "def sigmoid(x):\n    return jnp.exp(-jnp.logaddexp(0, -x))",
    "softplus": "def softplus(x):\n    return jnp.logaddexp(0, x)",
    "relu": "def relu(x):\n    return jnp.maximum(x, 0)",
    "step": "def step(x):\n    return jnp.heaviside(x, 0.5)",
    "sgn": "def sgn(x):\n    return jnp.where(x >= 0, 1, -1)",
    "tanh_prime": "def tanh_prime(x):\n    return 1 - jnp.tanh(x) ** 2",
    "sigmoid_prime": "def sigmoid_prime(x):\n    return jnp.exp(-jnp.logaddexp(0, x) - jnp.logaddexp(0, -x))",
    "softmax": (
        "def softmax(x, axis):\n    e = jnp.exp(x - jnp.max(x, axis=axis, keepdims=True))\n"
        "    return e / jnp.sum(e, axis=axis, keepdims=True)"
    ),
    "logsumexp": (
        "def logsumexp(x, axis):\n    top = jnp.max(x, axis=axis, keepdims=True)\n"
        "    return jnp.squeeze(top, axis) + jnp.log(jnp.sum(jnp.exp(x - top), axis=axis))"
    ),
}
REDUCE = {
    "sum": "jnp.sum", "max": "jnp.max", "min": "jnp.min", "prod": "jnp.prod", "logsumexp": "logsumexp",
    "argmax": "jnp.argmax", "argmin": "jnp.argmin",
}  # fmt: skip
ALONG = {
    "softmax": "softmax", "reverse": "jnp.flip", "sort": "jnp.sort", "argsort": "jnp.argsort", "cumsum": "jnp.cumsum",
    "cumprod": "jnp.cumprod", "cumlogsumexp": "cumlogsumexp",
}  # fmt: skip
WHOLE = {
    "inv": "jnp.linalg.inv({})", "det": "jnp.linalg.det({})", "logdet": "jnp.linalg.slogdet({})[1]",
    "cholesky": "jnp.linalg.cholesky({})", "eigenvalues": "jnp.linalg.eigvalsh({})",
    "eigenvectors": "jnp.linalg.eigh({})[1]",
}  # fmt: skip


SPELLED = {letter: latin for latin, letter in reversed(GREEK.items())}


def identifier(name: str) -> str:
    """Return a name as Python allows it: ``z̄_1`` is ``bar_z_1``."""
    if name.startswith(D):
        return f"differential_{identifier(name[1:])}"
    bar = "\u0304" in name
    name = re.sub(r"\W", "", "".join(SPELLED.get(c, c) for c in name.replace("\u0304", "")))
    return ("bar_" if bar else "") + name


def number(value: Fraction | float) -> str:
    """Return a number as a Python expression."""
    if not isinstance(value, Fraction):
        return {"inf": "jnp.inf", "-inf": "-jnp.inf"}.get(str(value), "jnp.nan")
    if value.denominator == 1:
        return str(value.numerator)
    return repr(float(value)) if mx.is_decimal(value) else f"{value.numerator} / {value.denominator}"


TEMPLATES: dict[type[Matrix], str] = {
    mx.Diag: "jnp.diag({})", mx.Trace: "jnp.trace({})", mx.Inverse: "jnp.linalg.inv({})", mx.Vec: "jnp.ravel({})",
}  # fmt: skip


class PythonPrinter:
    """Prints matrix expressions; ``names`` maps symbols to expressions in the arguments."""

    def __init__(self, names: dict[str, str]) -> None:
        """Remember the names."""
        self.names = names
        self.used: set[str] = set()
        self.whole = WHOLE
        self.here: frozenset[str] = frozenset()  # the names that have a value of their own within a step

    def __call__(self, x: Matrix, level: int = SUM, spread: bool = False) -> str:
        """Return the expression; with ``spread``, a repeated vector may keep an axis of size 1."""
        text, own = self.piece(x, spread)
        return text if own >= level else f"({text})"

    def name(self, name: str) -> str:
        """Return what stands for a symbol; one of a loop before its step is ``h_before``."""
        base, loop, shift = name.partition("@")
        if loop:
            return identifier(base) + ("" if not shift else "_after" if shift == "!" else "_before")
        return self.names.get(name) or identifier(name)

    @contextlib.contextmanager
    def within(self, names: Iterable[str]) -> Iterator[None]:
        """Print what is inside as within a step, where the given names have values of their own."""
        before, self.here = self.here, frozenset(names)
        try:
            yield
        finally:
            self.here = before

    def size(self, size: object) -> str:
        """Return the size of an axis."""
        names = re.findall(r"[A-Za-z_]\w*", str(size))
        self.used.update(names)
        return str(size) if len(names) <= 1 and str(size).isalnum() else f"({size})"

    def slice(self, where: str) -> str:
        """Return a slice, its sizes taken from the arguments."""
        return ":".join(self.size(part) if re.search("[A-Za-z_]", part) else part for part in where.split(":"))

    def _shape(self, dims: tuple[object, ...]) -> str:
        return self.size(dims[0]) if len(dims) == 1 else f"({', '.join(map(self.size, dims))})"

    def call(self, name: str) -> str:
        """Return a function's name and remember that it needs a definition."""
        self.used.add(name)
        return CALL.get(name, name)

    def piece(self, x: Matrix, spread: bool) -> tuple[str, int]:
        """Return the expression and how tightly it binds; a vector repeated by ``spread`` keeps an axis of size 1."""
        if template := TEMPLATES.get(type(x)):
            return template.format(self(x.parts[0])), ATOM
        found = self._atom(x) or self._operation(x, spread) or self._family(x)
        if found is None:
            raise TypeError(f"{type(x).__name__} has no Python form")
        return found

    def _atom(self, x: Matrix) -> tuple[str, int] | None:
        """Return what stands by itself: names, numbers, constant matrices, entries."""
        match x:
            case mx.Symbol():
                return self._symbol(x)
            case mx.Number():
                text = number(x.value)
                return text, TIMES if "/" in text else UNARY if text.startswith("-") else ATOM
            case mx.Dimension():
                return self.size(x.name), ATOM
            case mx.Ones():
                return f"jnp.ones({self._shape(x.dims)})", ATOM
            case mx.Identity():
                return f"jnp.eye({self.size(x.dims[0])})", ATOM
            case mx.OneHot():
                return self._one_hot(x), ATOM
            case mx.Entry():
                return f"{self(x.x, ATOM)}[{', '.join(':' if f is None else str(f) for f in x.fixed)}]", ATOM
            case mx.Difference():
                return f"jnp.diff(jnp.eye({self.size(x.dims[1])}), axis=0)", ATOM
            case mx.Step():
                return x.letter, ATOM
            case mx.Labelled():
                return labelled(x, self), ATOM
        return None

    def _operation(self, x: Matrix, spread: bool) -> tuple[str, int] | None:
        """Return functions, powers, products and sums."""
        match x:
            case mx.Transpose(x=mx.Inverse() as inner) if len(x.dims) == 2:
                return f"jnp.linalg.inv({self(inner.x)}).T", ATOM
            case mx.Transpose():
                return (self(x.x, ATOM) + (".T" if len(x.dims) == 2 else "")), ATOM
            case mx.SquaredNorm():
                return f"jnp.sum({self(x.x, ATOM)} ** 2)", ATOM
            case mx.Whole():
                return WHOLE[x.name].format(self(x.x)), ATOM
            case mx.Power():
                return self._power(x, spread)
            case mx.Along():
                name = self.call(x.name) if x.name in HELPERS else ALONG[x.name]
                return f"{name}({self(x.x)}, axis={x.axis})", ATOM
            case mx.Reduction():
                return self._reduction(x), ATOM
            case mx.Apply():
                return self._apply(x, spread)
            case mx.Sum():
                terms = [self(t, SUM if n == 0 else TIMES, len(x.dims) > 0) for n, t in enumerate(x.items)]
                return self._sum(terms), SUM
            case mx.Hadamard():
                return self._selected(x.items)
            case mx.Product():
                return self._product(list(x.items), spread), TIMES
            case mx.Scaled():
                return self._scaled(x, spread)
            case mx.Kronecker():
                return f"jnp.kron({', '.join(map(self._matrix, x.items))})", ATOM
            case mx.Commuted():
                return self._commuted(x), ATOM
            case mx.Convolution():
                return f"jnp.convolve({self(x.items[0])}, {self(x.items[1])}, mode='{x.mode}')", ATOM
        return None

    def _family(self, x: Matrix) -> tuple[str, int] | None:
        """Return parts and blocks, families and steps, and changes of shape."""
        match x:
            case mx.Laid():
                return f"jnp.reshape({self(x.x)}, ({', '.join(map(self.size, x.dims))},))", ATOM
            case mx.Select():
                return self(explicit(x)), ATOM
            case mx.Part():
                where = ", ".join(self.slice(w) for w in slices(x))
                return f"{self(inside(x), ATOM)}[{where}]", ATOM
            case mx.Block():
                return block(x, self), ATOM
            case family.Family() | family.FamilySum() | family.Blocks() | family.Reshaped() | family.Lower():
                from .python_family import family as printed  # built on this printer

                return printed(x, self)
            case mx.Each():
                text = self._each(x.x, x.letter, x.dims[x.axis])
                return (f"jnp.moveaxis({text}, 0, {x.axis})" if x.axis else text), ATOM
            case mx.Over():
                return self._over(x), ATOM
        return None

    def _symbol(self, x: mx.Symbol) -> tuple[str, int]:
        base = self.name(x.name)
        if x.name in self.here:
            return base, ATOM
        where = ", ".join(":" if f is None else str(f) for f in x.fixed)
        return (f"{base}[{where}]" if where else base), ATOM if base.isidentifier() or where else UNARY

    def _each(self, x: Matrix, letter: str, length: object) -> str:
        self.used.add("lax")
        return f"lax.map(lambda {letter}: {self(x)}, jnp.arange({self.size(length)}))"

    def _over(self, x: mx.Over) -> str:
        """Return a sum over steps; of products u vᵀ it is one product of the stacked arrays."""
        stacked = [self._stacked(f, x.letter) for f in (x.x.items if isinstance(x.x, mx.Product) else (x.x,))]
        if len(stacked) == 1 and stacked[0]:
            return f"jnp.sum({stacked[0]}, axis=0)"
        if len(stacked) == 2 and all(stacked) and len(x.dims) == 2:
            return f"({stacked[0]}.T @ {stacked[1]})"
        return f"jnp.sum({self._each(x.x, x.letter, x.length)}, axis=0)"

    def _stacked(self, x: Matrix, letter: str) -> str:
        """Return a vector of every step as the matrix of all steps, if it is an array that has them in front."""
        x = x.x if isinstance(x, mx.Transpose) else x
        vector = isinstance(x, mx.Symbol) and x.fixed in ((letter, None), (letter,)) and x.name not in self.here
        return self.name(x.name) if isinstance(x, mx.Symbol) and vector and len(x.dims) == 1 else ""

    def _power(self, x: mx.Power, spread: bool) -> tuple[str, int]:
        base = self(x.x, ATOM, spread)
        if x.exponent == -1:
            return f"1 / {base}", TIMES
        if x.exponent == Fraction(1, 2):
            return f"jnp.sqrt({self(x.x, SUM, spread)})", ATOM
        exponent = number(x.exponent)
        return f"{base} ** {exponent if exponent.isdigit() else f'({exponent})'}", UNARY

    def _reduction(self, x: mx.Reduction) -> str:
        name = self.call(x.name) if x.name in HELPERS else REDUCE[x.name]
        if x.axis is not None:
            return f"{name}({self(x.x)}, axis={x.axis})"
        flat = f"jnp.ravel({self(x.x)})" if x.name in HELPERS and len(x.x.dims) > 1 else self(x.x)
        return f"{name}({flat}, axis=0)" if x.name in HELPERS else f"{name}({flat})"

    def _apply(self, x: mx.Apply, spread: bool) -> tuple[str, int]:
        wide = spread or len(x.dims) > 0
        if x.name in BETWEEN:
            # as a number: two truths add up to a truth, not to 2
            return f"jnp.where({self._test(x, wide)}, 1, 0)", ATOM
        args = [self(a, SUM, wide) for a in x.items]
        first = next(iter(x.items), None)
        if x.name == "where" and isinstance(first, mx.Apply) and first.name in BETWEEN:
            args[0] = self._test(first, wide)
        if not x.items:
            return f"jnp.{x.name}", ATOM
        if x.name == "stop":
            return self.piece(x.items[0], spread)
        if x.name == "not":
            return f"(1 - {args[0]})", ATOM
        if x.name == "and":
            return " * ".join(f"({a})" for a in args), TIMES
        if x.name == "or":
            return f"jnp.maximum({', '.join(args)})", ATOM
        if x.name not in CALL and x.name not in HELPERS:
            raise NotImplementedError(f"no Python form for {x.name}")
        if CALL.get(x.name, "").startswith("lax."):
            args = [f"{a}.0" if a.isdigit() else a for a in args]  # lax computes with floats only
        return f"{self.call(x.name)}({', '.join(args)})", ATOM

    def _one_hot(self, x: mx.OneHot) -> str:
        labels = self(x.x, ATOM) + ("[:, None]" if x.x.dims else "")
        return f"jnp.where({labels} == jnp.arange({self.size(x.dims[-1])}), 1, 0)"

    def _test(self, x: mx.Apply, wide: bool) -> str:
        a, b = (self(item, TIMES, wide) for item in x.items)
        return f"{a} {BETWEEN[x.name]} {b}"

    def _sum(self, terms: Sequence[str]) -> str:
        text = terms[0]
        for t in terms[1:]:
            text += " - " + t[1:] if t.startswith("-") else " + " + t
        return text

    def _matrix(self, x: Matrix) -> str:
        """Return an expression as a matrix: a column or a row with two axes."""
        if len(x.dims) == 2:
            return self(x)
        return f"{self(x.x, ATOM)}[None, :]" if isinstance(x, mx.Transpose) else f"{self(x, ATOM)}[:, None]"

    def _commuted(self, x: mx.Commuted) -> str:
        """Return x K: the columns of x belong to Xᵀ, row after row, and are put in the order of X."""
        rows, columns = map(self.size, x.shape)
        return f"jnp.reshape({self(x.x, ATOM)}.reshape(-1, {columns}, {rows}).swapaxes(1, 2), (-1, {rows} * {columns}))"

    def _selected(self, items: Sequence[Matrix]) -> tuple[str, int]:
        """Return a product entry by entry; an indicator selects and never multiplies, so that 0 times ∞ is 0."""
        tests = [f for f in items if indicator(f)]
        rest = [f for f in items if f not in tests]
        if not (tests and rest):
            return self._times(items), TIMES
        text = self._times(rest)
        for test in tests:
            assert isinstance(test, mx.Apply)
            text = f"jnp.where({self._test(test, True)}, {text}, 0)"
        return text, ATOM

    def _times(self, items: Sequence[Matrix]) -> str:
        text = ""
        for f in items:
            if isinstance(f, mx.Power) and f.exponent == -1:
                text = f"{text or '1'} / {self(f.x, UNARY, True)}"
            else:
                text += (" * " if text else "") + self(f, UNARY, True)
        return text

    def _scaled(self, x: mx.Scaled, spread: bool) -> tuple[str, int]:
        number_part, items = Fraction(1), []
        for part in x.parts:
            if isinstance(part, mx.Number) and isinstance(part.value, Fraction):
                number_part *= part.value
            else:
                items.append(part)
        above = [p for p in items if not (isinstance(p, mx.Power) and p.exponent == -1)]
        below = [p for p in items if p not in above]
        minus = "-" if number_part < 0 else ""
        size = abs(number_part)
        plain = mx.is_decimal(size)
        front = [] if size.numerator == 1 and not plain else [number(size) if plain else str(size.numerator)]
        tops = [*front, *(self(p, UNARY, spread) for p in above)] or ["1"]
        text = minus + " * ".join(tops)
        for p in below:
            assert isinstance(p, mx.Power)
            text += f" / {self(p.x, UNARY)}"
        return text + ("" if plain or size.denominator == 1 else f" / {size.denominator}"), TIMES

    def _product(self, items: list[Matrix], spread: bool) -> str:
        if len(items) == 2 and column(items[0]) and row(items[1]):
            return self._outer(items[0], items[1], spread)
        for n in range(len(items) - 1):
            if column(items[n]) and row(items[n + 1]):
                left, right = items[: n + 1], items[n + 1 :]
                return f"jnp.outer({self._chain(left)}, {self._chain(right)})"
        return self._chain(items)

    def _outer(self, u: Matrix, v: Matrix, spread: bool) -> str:
        assert isinstance(v, mx.Transpose)
        if spread and isinstance(v.x, mx.Ones):
            return f"{self(u, ATOM)}[:, None]"
        if spread and isinstance(u, mx.Ones):
            return self(v.x, UNARY)
        return f"jnp.outer({self(u)}, {self(v.x)})"

    def _chain(self, items: list[Matrix]) -> str:
        """Return a product of matrices, a row in front or a column behind, in parentheses that cost least."""
        if len(items) == 1:
            return self(items[0], UNARY)
        first, last = items[0], items[-1]
        if len(items) == 2 and row(first) and column(last) and any(map(indicator, (first.parts[0], last))):
            return f"jnp.sum({self._selected([first.parts[0], last])[0]})"
        for n, item in enumerate(items[:-1]):
            turned = isinstance(item, mx.Transpose) and isinstance(item.x, mx.Inverse)
            inverse = item.x if isinstance(item, mx.Transpose) else item
            if isinstance(inverse, mx.Inverse) and not (n == len(items) - 2 and row(last)):
                matrix = self(inverse.x, ATOM) + ".T" if turned else self(inverse.x)
                solved = f"jnp.linalg.solve({matrix}, {self._wrapped(items[n + 1 :])})"
                return f"{self._wrapped(items[:n])} @ {solved}" if n else solved
        if isinstance(first, mx.Diag) and len(first.dims) == 2:
            rest = items[1:]
            upright = len(rest[-1].dims) == 1 and not row(rest[-1])
            return f"{self(first.x, ATOM)}{'' if upright else '[:, None]'} * {self._wrapped(rest)}"
        if isinstance(last, mx.Diag) and len(last.dims) == 2:
            return f"{self._wrapped(items[:-1])} * {self(last.x, UNARY)}"
        if row(first) and isinstance(first.x, mx.Ones):  # type: ignore[attr-defined]
            return f"jnp.sum({self._chain(items[1:])}{', axis=0' if not column(last) else ''})"
        if isinstance(first, mx.Difference):
            return f"jnp.diff({self._chain(items[1:])}{'' if column(last) else ', axis=0'})"
        if isinstance(first, mx.Transpose) and isinstance(first.x, mx.Difference):
            side = "" if column(last) else ", axis=0"
            return f"-jnp.diff({self._chain(items[1:])}{side}, prepend=0, append=0)"
        if isinstance(last, mx.Ones):
            return f"jnp.sum({self._chain(items[:-1])}{', axis=1' if not row(first) else ''})"
        if column(last) and not row(first):
            return f"{self(first, UNARY)} @ {self._wrapped(items[1:])}"
        for n, item in enumerate(items):
            if n > 0 and isinstance(item, mx.Diag) and len(item.dims) == 2:
                return f"{self._wrapped(items[: n + 1])} @ {self._wrapped(items[n + 1 :])}"
        return " @ ".join(self(f, UNARY) for f in items)

    def _wrapped(self, items: list[Matrix]) -> str:
        text = self._chain(items)
        return f"({text})" if len(items) > 1 else text


def indicator(x: Matrix) -> bool:
    """Say whether an expression is 1 where a comparison holds and 0 elsewhere."""
    return isinstance(x, mx.Apply) and x.name in BETWEEN


def row(x: Matrix) -> bool:
    """Say whether an expression is a row."""
    return isinstance(x, mx.Transpose) and len(x.dims) == 1


def column(x: Matrix) -> bool:
    """Say whether an expression is a column."""
    return len(x.dims) == 1 and not row(x)
