"""Symbolic dimensions: the shapes of example arrays, with names in the place of numbers.

Which sizes must agree is read off the program, traced once with the numbers: an equation ties axes
together.  Equal numbers that nothing ties get different names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jax import export

from ... import _jax
from ..._graph.scan import scan_parts
from ..expressions.expr import Index
from ..expressions.positions import FEWEST
from ..expressions.reshape import groups

Axis = tuple[Any, int]
SQUARE = frozenset({"lu", "cholesky", "eigh", "triangular_solve", "custom_linear_solve"})  # of a square matrix
LETTERS = ("n", "m", "k", "p", "q", "r", "s", "t")


class Ties:
    """A partition of axes into classes of one size (union-find)."""

    def __init__(self) -> None:
        """Start with every axis alone."""
        self.parent: dict[Any, Any] = {}
        self.steps: list[Axis] = []  # axes that loops run along
        # an axis, and those it splits into or is merged from, with their lengths
        self.products: list[tuple[Any, list[tuple[Any, int]]]] = []

    def find(self, a: Any) -> Any:
        """Return the representative of an axis' class."""
        while self.parent.get(a, a) != a:
            a = self.parent[a]
        return a

    def join(self, a: Any, b: Any) -> None:
        """Put two axes in one class."""
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[b] = a


def ties_of(jaxpr: Any) -> Ties:
    """Return which axes of a jaxpr's variables its equations tie together."""
    ties = Ties()
    _scan(jaxpr, ties)
    return ties


def _scan(jaxpr: Any, ties: Ties, path: tuple[int, ...] = ()) -> None:
    # JAX shares the body of a call among its callers: a variable is known by the path to its body
    def name(v: Any, path: tuple[int, ...] = path) -> Any:
        return path, id(v)

    for place, eqn in enumerate(jaxpr.eqns):
        for (u, n), (v, m) in _pairs(eqn):
            ties.join((name(u), n), (name(v), m))
        for (u, n), parts in _products(eqn):
            ties.products.append(((name(u), n), [((name(v), m), v.aval.shape[m]) for v, m in parts]))
        if eqn.primitive.name == "scan":
            _loop(eqn, ties, path, place)
            continue
        for param in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
            inner = eqn.params.get(param)
            inner = getattr(inner, "jaxpr", inner)
            if inner is None or len(inner.invars) != len(eqn.invars) or len(inner.outvars) != len(eqn.outvars):
                continue
            below = (*path, place)
            for u, v in zip((*eqn.invars, *eqn.outvars), (*inner.invars, *inner.outvars), strict=True):
                for n in range(getattr(v.aval, "ndim", 0)):
                    ties.join((name(u), n), (name(v, below), n))
            _scan(inner, ties, below)


def _loop(eqn: Any, ties: Ties, path: tuple[int, ...], place: int) -> None:
    """Tie what goes into a scan and comes out to its body: stacked arrays have the steps for their first axis."""
    parts = scan_parts(eqn.params, len(eqn.invars))
    body = _jax.closed(parts.body)[0]
    below = (*path, place)
    whole = parts.consts + parts.carry
    pairs = [(v, u, n >= whole) for n, (v, u) in enumerate(zip(eqn.invars, body.invars, strict=True))]
    pairs += [(v, u, n >= parts.carry) for n, (v, u) in enumerate(zip(eqn.outvars, body.outvars, strict=True))]
    stacked = [v for v, _, is_stacked in pairs if is_stacked]
    for v, u, is_stacked in pairs:
        for n in range(getattr(u.aval, "ndim", 0)):
            ties.join(((path, id(v)), n + is_stacked), ((below, id(u)), n))
    ties.steps += [((path, id(v)), 0) for v in stacked[:1]]
    for v in stacked[1:]:
        ties.join(((path, id(stacked[0])), 0), ((path, id(v)), 0))
    carried = zip(body.invars[parts.consts : whole], body.outvars[: parts.carry], strict=True)
    for u, v in carried:
        for n in range(getattr(u.aval, "ndim", 0)):
            ties.join(((below, id(u)), n), ((below, id(v)), n))
    _scan(body, ties, below)


def _pairs(eqn: Any) -> Iterator[tuple[Axis, Axis]]:
    """Yield the pairs of axes that one equation ties."""
    name, outs, ins = eqn.primitive.name, eqn.outvars, [v for v in eqn.invars]
    out = outs[0]
    if name in SQUARE:
        rank = ins[0].aval.ndim
        yield (ins[0], rank - 2), (ins[0], rank - 1)
    if name == "dot_general":
        (lc, rc), (lb, rb) = eqn.params["dimension_numbers"]
        left, right = ins
        yield from (((left, a), (right, b)) for a, b in zip((*lc, *lb), (*rc, *rb), strict=True))
        kept = [(left, a) for a in lb]
        kept += [(left, a) for a in range(left.aval.ndim) if a not in (*lc, *lb)]
        kept += [(right, b) for b in range(right.aval.ndim) if b not in (*rc, *rb)]
        yield from ((k, (out, n)) for n, k in enumerate(kept))
    elif name == "broadcast_in_dim":
        for n, m in enumerate(eqn.params["broadcast_dimensions"]):
            if ins[0].aval.shape[n] == out.aval.shape[m]:
                yield (ins[0], n), (out, m)
    elif name == "transpose":
        yield from (((ins[0], p), (out, n)) for n, p in enumerate(eqn.params["permutation"]))
    elif name.startswith("reduce_") and "axes" in eqn.params:
        left = [n for n in range(ins[0].aval.ndim) if n not in eqn.params["axes"]]
        yield from (((ins[0], k), (out, n)) for n, k in enumerate(left))
    elif name in ("reshape", "squeeze", "expand_dims"):
        yield from ((one[0], other[0]) for one, other in _runs(eqn) if len(one) == len(other) == 1)
    else:
        for v in ins:
            if getattr(v.aval, "ndim", 0) == getattr(out.aval, "ndim", -1):
                same = [n for n in range(out.aval.ndim) if out.aval.shape[n] == v.aval.shape[n] != 1]
                yield from (((v, n), (out, n)) for n in same)


def _products(eqn: Any) -> Iterator[tuple[Axis, list[Axis]]]:
    """Yield each axis that one equation splits, or makes by a merge, with its parts."""
    if eqn.primitive.name == "reshape":
        for old, new in _runs(eqn):
            if len(old) != len(new) and 1 in (len(old), len(new)):
                yield (old[0], new) if len(old) == 1 else (new[0], old)


def _runs(eqn: Any) -> Iterator[tuple[list[Axis], list[Axis]]]:
    """Yield the smallest runs of axes of a reshape's argument and result with the same number of entries."""
    sides = []
    for v in (eqn.outvars[0], eqn.invars[0]):
        sides.append({Index(str(n), d): (v, n) for n, d in enumerate(v.aval.shape) if d != 1})
    for new, old in groups([*sides[0]], [*sides[1]]):
        yield [sides[1][i] for i in old], [sides[0][i] for i in new]


def symbolic(
    flat: Sequence[Any],
    jaxpr: Any,
    data: Sequence[bool],
    given: dict[Axis, str],
    taken: set[str],
    tied: Sequence[tuple[Axis, Axis]] = (),
) -> Iterator[list[jax.ShapeDtypeStruct]]:
    """Yield the flat arguments with named sizes: the most general first, then sharing by number, then numbers.

    ``data[n]`` says whether argument n is data, whose first axis may be N, rather than a parameter;
    ``given`` are names the user chose for axes, ``taken`` names that mean something else, ``tied`` pairs of axes of one
    size.
    """
    ties = ties_of(jaxpr)
    for (n, a), (m, b) in tied:
        ties.join((((), id(jaxpr.invars[n])), a), (((), id(jaxpr.invars[m])), b))
    axes = [(n, a) for n, x in enumerate(flat) for a in range(len(x.shape))]
    general = {(n, a): ties.find((((), id(jaxpr.invars[n])), a)) for n, a in axes}
    by_number = {(n, a): flat[n].shape[a] for n, a in axes}
    steps = {ties.find(a) for a in ties.steps}
    products = [(ties.find(whole), [(ties.find(p), d) for p, d in parts]) for whole, parts in ties.products]
    for end in (-1, 0) if products else ():
        names = _names(flat, axes, general, data, given, taken, {})
        yield _structs(flat, axes, _split(names, general, products, end, taken))
    for classes in (general, by_number):
        loops = [classes[a] for a in axes if general[a] in steps]
        called = dict.fromkeys(loops[:1] if "T" not in taken | set(given.values()) else [], "T")
        yield _structs(flat, axes, _names(flat, axes, classes, data, given, taken, called))
    yield [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in flat]


def _names(
    flat: Sequence[Any], axes: Sequence[Axis], classes: dict[Axis, Any], data: Sequence[bool],
    given: dict[Axis, str], taken: set[str], called: dict[Any, str],
) -> dict[Axis, str]:  # fmt: skip
    """Return a name for each axis: the user's, else T for steps, N for the first axis of the data, else n, m, k, ….

    ``called`` are names for classes of axes.
    """
    names: dict[Any, str] = called | {classes[a]: name for a, name in given.items()}
    owned = {classes[a] for a in axes if not data[a[0]]}
    leading = [classes[n, 0] for n, x in enumerate(flat) if data[n] and x.shape and classes[n, 0] not in owned]
    leading = [c for c in leading if c not in called]
    if leading and leading[0] not in names and "N" not in taken | set(names.values()):
        names[max(leading, key=lambda c: (leading.count(c), -leading.index(c)))] = "N"
    # matrices of data first, so that X is N × n
    order = sorted(axes, key=lambda a: (-len(flat[a[0]].shape), not data[a[0]], a))
    used = taken | set(names.values())
    fresh = (letter for letter in (*LETTERS, *(f"n{i}" for i in range(1, 10_000))) if letter not in used)
    for a in order:
        if flat[a[0]].shape[a[1]] != 1 and classes[a] not in names:
            names[classes[a]] = next(fresh)
    return {a: names[classes[a]] for a in axes if classes[a] in names}


def _split(
    names: dict[Axis, str], classes: dict[Axis, Any],
    products: Sequence[tuple[Any, list[tuple[Any, int]]]], end: int, taken: set[str],
) -> dict[Axis, str]:  # fmt: skip
    """Return the names with a product for an axis that splits: 4*d for 4 heads.

    Of the parts that no argument's axis is, the one at the given end gets a name and the others are numbers.
    """
    known = {classes[a]: name for a, name in names.items()}
    used = {*taken, *names.values()}
    found: dict[Any, str] = {}
    for whole, parts in products:
        if whole not in known:
            continue
        free = [p for p, _ in parts if p not in known]
        if free:
            known[free[end]] = next(c for c in ("d", *LETTERS) if c not in used)
            used.add(known[free[end]])
        known |= {p: str(d) for p, d in parts if p not in known}
        found.setdefault(whole, "*".join(sorted((known[p] for p, _ in parts), key=lambda name: not name.isdigit())))
    return {a: found.get(classes[a], name) for a, name in names.items()}


def _structs(flat: Sequence[Any], axes: Sequence[Axis], names: dict[Axis, str]) -> list[jax.ShapeDtypeStruct]:
    distinct = list(dict.fromkeys(names.values()))
    least = {name: min(FEWEST, *(flat[n].shape[a] for (n, a), m in names.items() if m == name)) for name in distinct}
    scope = export.SymbolicScope([f"{name} >= {size}" for name, size in least.items()])
    sizes = (
        dict(zip(distinct, export.symbolic_shape(", ".join(distinct), scope=scope), strict=True)) if distinct else {}
    )
    shapes: list[list[Any]] = [list(x.shape) for x in flat]
    for (n, a), name in names.items():
        shapes[n][a] = sizes[name] if shapes[n][a] != 1 else 1
    return [jax.ShapeDtypeStruct(tuple(shape), x.dtype) for shape, x in zip(shapes, flat, strict=True)]
