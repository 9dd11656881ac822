"""Symbolic dimensions: the shapes of example arrays, with names in the place of numbers.

Which sizes must agree is read off the program, traced once with the numbers: an equation ties axes
together.  Equal numbers that nothing ties get different names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jax import export

Axis = tuple[Any, int]
LETTERS = ("n", "m", "k", "p", "q", "r", "s", "t")


class Ties:
    """A partition of axes into classes of one size (union-find)."""

    def __init__(self) -> None:
        """Start with every axis alone."""
        self.parent: dict[Any, Any] = {}

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


def _pairs(eqn: Any) -> Iterator[tuple[Axis, Axis]]:
    """Yield the pairs of axes that one equation ties."""
    name, outs, ins = eqn.primitive.name, eqn.outvars, [v for v in eqn.invars]
    out = outs[0]
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
        kept = [n for n in range(ins[0].aval.ndim) if n not in eqn.params["axes"]]
        yield from (((ins[0], k), (out, n)) for n, k in enumerate(kept))
    elif name in ("reshape", "squeeze", "expand_dims"):
        old = [n for n, d in enumerate(ins[0].aval.shape) if d != 1]
        new = [n for n, d in enumerate(out.aval.shape) if d != 1]
        if [ins[0].aval.shape[n] for n in old] == [out.aval.shape[n] for n in new]:
            yield from (((ins[0], o), (out, n)) for o, n in zip(old, new, strict=True))
    else:
        for v in ins:
            if getattr(v.aval, "ndim", 0) == getattr(out.aval, "ndim", -1):
                same = [n for n in range(out.aval.ndim) if out.aval.shape[n] == v.aval.shape[n] != 1]
                yield from (((v, n), (out, n)) for n in same)


def symbolic(flat: Sequence[Any], jaxpr: Any, batch: Sequence[bool]) -> Iterator[list[jax.ShapeDtypeStruct]]:
    """Yield the flat arguments with named sizes: the most general first, then sharing by number, then numbers.

    ``batch[n]`` says whether argument n may lead with the batch axis N (data rather than parameters).
    """
    ties = ties_of(jaxpr)
    axes = [(n, a) for n, x in enumerate(flat) for a in range(len(x.shape))]
    general = {(n, a): ties.find((((), id(jaxpr.invars[n])), a)) for n, a in axes}
    by_number = {(n, a): flat[n].shape[a] for n, a in axes}
    for classes in (general, by_number):
        yield _structs(flat, axes, classes, batch)
    yield [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in flat]


def _structs(flat: Sequence[Any], axes: Sequence[Axis], classes: dict[Axis, Any], batch: Sequence[bool]) -> list[Any]:
    names: dict[Any, str] = {}
    # the first axis of the data is N where nothing that is differentiated shares it
    owned = {classes[a] for a in axes if not batch[a[0]]}
    leading = [classes[n, 0] for n, x in enumerate(flat) if batch[n] and len(x.shape) > 0]
    candidates = [c for c in leading if c not in owned]
    if candidates:
        names[max(candidates, key=lambda c: (candidates.count(c), -candidates.index(c)))] = "N"
    lettered = sorted(axes, key=lambda a: (-len(flat[a[0]].shape), a[0] if batch[a[0]] else 1000 + a[0], a[1]))
    fresh = iter([*LETTERS, *(f"n{i}" for i in range(1, 1000))])
    for a in lettered:
        if flat[a[0]].shape[a[1]] != 1 and classes[a] not in names:
            names[classes[a]] = next(fresh)
    scope = export.SymbolicScope()
    sizes = dict(zip(names.values(), export.symbolic_shape(", ".join(names.values()), scope=scope), strict=True)) if names else {}
    return [
        jax.ShapeDtypeStruct(tuple(sizes[names[classes[n, a]]] if d != 1 else 1 for a, d in enumerate(x.shape)), x.dtype)
        for n, x in enumerate(flat)
    ]
