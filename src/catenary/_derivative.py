"""The derivative at a point as one linear map, in no basis until one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_flatten, tree_structure, tree_unflatten

from catenary import _jax
from catenary._argnums import Argnums, numbered
from catenary._call import GRADIENTS, Call, check_callable, check_differentiable, traced_call
from catenary._emit.algebra import force
from catenary._emit.basis import total
from catenary._emit.product import fixed, joined, matrix, reversible
from catenary._emit.program import Point, local_of, run
from catenary._emit.second import second
from catenary._emit.sparse import bcoo, entries, fewer
from catenary._local import Local
from catenary._maps.describe import instead, nonzeros, summary
from catenary._maps.pattern import Pattern, pattern
from catenary._maps.restrict import tied_axes, untwinned
from catenary._maps.table import concrete
from catenary._plan.costs.count import Count
from catenary._plan.costs.sweep import swept
from catenary._plan.elimination.eliminate import eliminate
from catenary._plan.orders.choose import directed, pick

Terms = list[tuple[Any, Any]]
Run = Callable[[Sequence[Any]], Point]


@dataclass(frozen=True, slots=True)
class Space:
    """The pytrees that a linear map takes or gives: a structure and the leaves' shapes and dtypes."""

    tree: Any
    avals: tuple[Any, ...]

    @property
    def size(self) -> Any:
        """How many numbers an element has."""
        return sum(prod(a.shape) for a in self.avals)

    def leaves(self, tree: Any, name: str) -> list[Any]:
        """The leaves of an element, checked."""
        leaves, found = tree_flatten(tree)
        if found != self.tree:
            raise TypeError(f"{name}: the vector has tree structure {found}; expected {self.tree}.")
        for leaf, aval in zip(leaves, self.avals, strict=True):
            if np.shape(leaf) != tuple(aval.shape):
                raise ValueError(f"{name}: a leaf of the vector has shape {np.shape(leaf)}; expected {aval.shape}.")
        return [jnp.asarray(leaf, aval.dtype) for leaf, aval in zip(leaves, self.avals, strict=True)]

    def __str__(self) -> str:
        shapes = [str(tuple(a.shape)) for a in self.avals]
        return shapes[0] if len(shapes) == 1 else "(" + ", ".join(shapes) + ")"


class _At:
    """Where a derivative is taken: the program is run when its values are first asked for.

    leaves    what it is run on; None where the point is given
    run       what runs it
    """

    __slots__ = ("_point", "leaves", "local", "run")

    def __init__(self, local: Local, leaves: Sequence[Any] | None, run: Run | None, point: Point | None = None):
        self.local, self.leaves, self.run, self._point = local, leaves, run, point

    @property
    def point(self) -> Point:
        if self._point is None:
            assert self.leaves is not None and self.run is not None
            self._point = self.run(self.leaves)
        return self._point


@dataclass(frozen=True, slots=True)
class _Factor:
    """One derivative in a product, as it is or transposed."""

    at: _At
    domain: Space
    codomain: Space
    transposed: bool = False

    @property
    def point(self) -> Point:
        return self.at.point

    @property
    def inp(self) -> Space:
        return self.codomain if self.transposed else self.domain

    @property
    def out(self) -> Space:
        return self.domain if self.transposed else self.codomain

    def apply(self, vectors: Sequence[Any]) -> list[Any]:
        return self.point.pull(vectors) if self.transposed else self.point.push(vectors)

    @property
    def complex(self) -> bool:
        """Whether complex numbers stand in the way of some orders."""
        return directed(self.at.local) is not None


class LinearMap:
    """A linear map between pytrees of arrays: a derivative, its transpose, or a product of such.

    Nothing is multiplied until a vector or a basis is given. ``D @ v`` pushes a vector of the domain, ``D.T @ w`` pulls
    one of the codomain; ``D @ E`` is the product with another map.

    Example:
        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> D = ct.derivative(lambda x: x**2)(jnp.arange(3.0))
        >>> print(D @ jnp.ones(3), D.T @ jnp.ones(3), D.diagonal())
        [0. 2. 4.] [0. 2. 4.] [0. 2. 4.]
        >>> print((D.T @ D).dense())
        [[ 0.  0.  0.]
         [ 0.  4.  0.]
         [ 0.  0. 16.]]
    """

    __slots__ = ("factors",)

    def __init__(self, factors: Sequence[_Factor]):
        self.factors = tuple(factors)

    @property
    def domain(self) -> Space:
        """What the map takes.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> print(ct.derivative(jnp.sum)(jnp.ones(3)).domain)
        (3,)
        """
        return self.factors[-1].inp

    @property
    def codomain(self) -> Space:
        """What the map gives.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> print(ct.derivative(jnp.sum)(jnp.ones(3)).codomain)
        ()
        """
        return self.factors[0].out

    @property
    def T(self) -> LinearMap:
        """The transpose; of complex maps too, without conjugation.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.derivative(jnp.sum)(jnp.ones(3)).T.dense().shape
        (3,)
        """
        return LinearMap(tuple(replace(f, transposed=not f.transposed) for f in reversed(self.factors)))

    def __matmul__(self, other: Any) -> Any:
        """The product with a map, or the map applied to a vector.

        An array of shape domain + domain, where the domain is one array, is a matrix: ``F @ P @ F.T``.
        """
        if (square := _matrix(other, self.domain)) is not None:
            other = square
        if isinstance(other, LinearMap):
            mine, theirs = self.domain, other.codomain
            if [a.shape for a in mine.avals] != [a.shape for a in theirs.avals]:
                raise ValueError(f"D @ E: E gives {theirs}, D takes {mine}; the shapes must agree, leaf by leaf.")
            return LinearMap((*self.factors, *other.factors))
        vectors = self.domain.leaves(other, "D @ v")
        for factor in reversed(self.factors):
            vectors = factor.apply(vectors)
        return tree_unflatten(self.codomain.tree, vectors)

    def __rmatmul__(self, other: Any) -> LinearMap:
        """The product of a matrix, an array of shape codomain + codomain, with the map: ``P @ D``."""
        square = _matrix(other, self.codomain)
        if square is None:
            raise ValueError(f"P @ D: P is no array of shape codomain + codomain; D gives {self.codomain}.")
        return square @ self

    def _point(self, part: str = "whole") -> Point:
        """The product as one derivative, of which a part is wanted."""
        if len(self.factors) == 1:
            (factor,) = self.factors
            point = factor.point if not factor.transposed else joined([(factor.point, True)])
        else:
            point = joined([_alone(f) if f.complex else (f.point, f.transposed) for f in self.factors])
        return replace(point, local=replace(point.local, part=part))

    def _maps(self, part: str = "whole") -> list[list[Terms]]:
        """Explicit maps [out][inp] of the product, or the wanted part of each, by the cheapest order."""
        return _explicit(self._point(part))

    def dense(self) -> Any:
        """The matrix in JAX's layout: for each output leaf a pytree like the domain, arrays of shape out + in.

        Cost: the plan's, plus writing out the zeros.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.derivative(lambda x: x[:2])(jnp.ones(3)).dense().tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        """
        return self._blocks(lambda terms, o, i: total(terms, (*o.shape, *i.shape), _dtype(o, i)))

    def blocks(self) -> Any:
        """As ``dense``, but axes along which the map is diagonal stand once: shape tied + rest of out + rest of in.

        The Jacobian of a batched function, (b, m) by (b, n), has blocks (b, m, n).

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> ct.derivative(lambda x: x @ jnp.ones((4, 3)))(jnp.ones((5, 4))).blocks().shape
        (5, 3, 4)
        """
        return self._blocks(_block)

    def sparse(self) -> Any:
        """The matrix as ``dense`` lays it out, each array a ``BCOO`` of the entries that can differ from zero.

        Which these are follows from the structure of the program: nothing is detected and nothing coloured. The indices
        are sorted, none stands twice, and they are known before any number is.

        Raises:
            ValueError: a size is symbolic.

        Cost: the plan's, compiled as one program with the forward pass.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> S = ct.derivative(lambda x: x[1:] * x[:-1])(jnp.arange(4.0)).sparse()
        >>> S.nse, S.todense().tolist()
        (6, [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 1.0, 0.0], [0.0, 0.0, 3.0, 2.0]])
        """
        found: list[Pattern] = []

        def numbers(leaves: Sequence[Any]) -> list[Any]:
            cells = []
            for row, o in zip(self._moved(leaves)._maps("entries"), self.codomain.avals, strict=True):
                for terms, i in zip(row, self.domain.avals, strict=True):
                    if not concrete(*o.shape, *i.shape):
                        raise ValueError(f"D.sparse(): {self.codomain} ← {self.domain} has symbolic sizes.")
                    parts = fewer(terms, _dtype(o, i))
                    found.append(pattern(tuple(t for t, _ in parts)))
                    cells.append(entries(parts, found[-1], _dtype(o, i)))
            return cells

        data = jax.jit(numbers)([f.at.leaves for f in self.factors])
        arrays = zip(data, found, strict=True)
        rows = []
        for o in self.codomain.avals:
            row = [bcoo(*next(arrays), (*o.shape, *i.shape)) for i in self.domain.avals]
            rows.append(tree_unflatten(self.domain.tree, row))
        return tree_unflatten(self.codomain.tree, rows)

    def _moved(self, leaves: Sequence[Any]) -> LinearMap:
        """The same product at another point, given as the leaves of each factor's."""
        ats: dict[int, _At] = {}
        factors = []
        for f, new in zip(self.factors, leaves, strict=True):
            at = f.at if new is None else ats.setdefault(id(f.at), _At(f.at.local, new, f.at.run))
            factors.append(replace(f, at=at))
        return LinearMap(factors)

    def diagonal(self) -> Any:
        """The diagonal, of a map from a space to one of the same shapes: a pytree like the domain.

        Raises:
            ValueError: the two spaces differ.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> print(ct.derivative(jnp.exp)(jnp.zeros(2)).diagonal())
        [1. 1.]
        """
        maps = self._square("diagonal")
        cells = [total(maps[k][k], aval.shape, aval.dtype) for k, aval in enumerate(self.domain.avals)]
        return tree_unflatten(self.domain.tree, cells)

    def trace(self) -> Any:
        """The sum of the diagonal: a scalar.

        Raises:
            ValueError: domain and codomain differ.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> print(ct.derivative(lambda x: 2 * x)(jnp.zeros(3)).trace())
        6.0
        """
        maps = self._square("trace")
        result: Any = 0
        for k, aval in enumerate(self.domain.avals):
            result = result + total(maps[k][k], (), aval.dtype)
        return result

    def _square(self, name: str) -> list[list[Terms]]:
        if [a.shape for a in self.domain.avals] != [a.shape for a in self.codomain.avals]:
            raise ValueError(
                f"D.{name}(): the map goes from {self.domain} to {self.codomain}; they must have the same shapes."
            )
        return self._maps(name)

    def _blocks(self, write: Callable[[Terms, Any, Any], Any]) -> Any:
        maps = self._maps()
        rows = []
        for row, o in zip(maps, self.codomain.avals, strict=True):
            cells = [write(terms, o, i) for terms, i in zip(row, self.domain.avals, strict=True)]
            rows.append(tree_unflatten(self.domain.tree, cells))
        return tree_unflatten(self.codomain.tree, rows)

    def __repr__(self) -> str:
        """What the map is, and what it takes instead of one vector after the other."""
        names = " @ ".join("Dᵀ" if f.transposed else "D" for f in self.factors)
        head = f"LinearMap {self.codomain} ← {self.domain}" + (f" = {names}" if len(self.factors) > 1 else "")
        local = self._point().local
        count = Count(local, "flops")
        rows = eliminate(local, pick(local, "auto", kind=_jax.device_kind())[0], count)
        cells = [[term for term, _ in cell] for row in rows for cell in row]
        out, inp = self.codomain.size, self.domain.size
        rank = min(f.inp.size for f in self.factors[:-1]) if len(self.factors) > 1 else out
        what = summary(cells) + (f" of rank {rank:,} at most" if 2 * rank <= min(out, inp) else "")
        held = f"{min(sum(map(nonzeros, cells)), out * inp):,} of {out * inp:,} entries"
        passes, each, way = min(
            ((out, swept(local, "inp").cost, "reverse"), (inp, swept(local, "out").cost, "forward")),
            key=lambda sweep: sweep[0] * sweep[1],
        )
        return f"{head}: {what}; {held}\n  {instead(count.total, passes, each, way)}"


def _dtype(o: Any, i: Any) -> Any:
    return i.dtype if o.dtype == i.dtype else _jax.promoted(o.dtype, i.dtype)


def _block(terms: Terms, o: Any, i: Any) -> Any:
    """The dense array with the axes that every term ties standing once, in front."""
    ties = tied_axes([t for t, _ in terms], o.shape, i.shape)
    rest = [k for k in range(len(i.shape)) if k not in {j for _, j in ties}]
    parts = [(untwinned(t, ties), v) for t, v in terms]
    array = total(parts, (*o.shape, *(i.shape[k] for k in rest)), _dtype(o, i))
    return jnp.moveaxis(array, [k for k, _ in ties], range(len(ties)))


def _explicit(point: Point) -> list[list[Terms]]:
    """The maps [out][inp] of a derivative, by the cheapest order."""
    order, pushed = pick(point.local, "auto", kind=_jax.device_kind())
    chosen = {point.local.nodes[k].implicit for k in pushed}
    rows = point.jacobian(order, chosen.__contains__)
    return [[[(t, force(v)) for t, v in cell] for cell in row] for row in rows]


def _alone(factor: _Factor) -> tuple[Point, bool]:
    """A factor made explicit before it is multiplied: what has complex values does not go in every order."""
    return fixed(_explicit(factor.point), factor.codomain.avals, factor.domain.avals), factor.transposed


def _matrix(array: Any, space: Space) -> LinearMap | None:
    """An array of shape space + space as a map, None for anything else."""
    (aval, *more) = space.avals
    if isinstance(array, LinearMap) or more or not aval.shape or np.shape(array) != (*aval.shape, *aval.shape):
        return None
    point = matrix(jnp.asarray(array), aval, aval)
    return LinearMap((_Factor(_At(point.local, None, None, point), space, space),))


def derivative(fun: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., LinearMap]:
    """The derivative of ``fun`` at a point, as one linear map over pytrees.

    Args:
        fun: the function.
        argnums: which positional arguments to differentiate; with a sequence the domain is a tuple.

    Returns:
        A function of the same arguments that gives a ``LinearMap``: ``D @ v``, ``D.T @ w``, ``D.dense()``,
        ``D.sparse()``, ``D.diagonal()``, ``D.blocks()``, ``D.trace()``, products ``D.T @ D``, and ``print(D)``.

    Raises:
        TypeError: an argument that is no array of real or complex numbers.
        ValueError: ``argnums`` out of range.

    Cost: one forward pass; the rest when a vector or a basis is given.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> D = ct.derivative(lambda x: jnp.tanh(x).sum())(jnp.zeros(4))
    >>> print(D)
    LinearMap () ← (4,): row vector; 4 of 4 entries
      0 FLOP, one reverse pass
    """
    check_callable("derivative", fun)
    argnums = numbered("derivative", fun, argnums)

    def at(*args: Any, **kwargs: Any) -> LinearMap:
        if (hessian := _hessian(fun, argnums, args, kwargs)) is not None:
            return hessian
        call = traced_call("derivative", fun, argnums, args, kwargs, False)
        for leaf, path in zip(call.leaves, call.paths, strict=True):
            check_differentiable("derivative", fun, leaf, path)
        return LinearMap((_factor(call, argnums),))

    return at


def _hessian(fun: Any, argnums: Argnums, args: Any, kwargs: Any) -> LinearMap | None:
    """The derivative of a gradient from the function's own graph; None for any other function, or where it hides."""
    of, by = GRADIENTS.get(fun, (None, None)) if isinstance(fun, FunctionType) else (None, None)
    if of is None or by != argnums:
        return None
    call = traced_call("derivative", of, argnums, args, kwargs, False)
    local = local_of(call.graph, call.graph.inputs, call.results)
    real = all(jnp.issubdtype(_jax.dtype_of(x), jnp.floating) for x in call.leaves) and directed(local) is None
    if not real or [local.shape(v) for v in local.outputs] != [()]:
        return None
    if (hessian := second(local)) is None:
        return None
    space = _domain(call, argnums)
    return LinearMap((_Factor(_At(hessian.local, call.leaves, hessian.at), space, space),))


def _domain(call: Call, argnums: Argnums) -> Space:
    dynamic = call.dynamic[0] if isinstance(argnums, int) else call.dynamic
    return Space(tree_structure(dynamic), tuple(_jax.aval_of(x) for x in call.leaves))


def _factor(call: Call, argnums: Argnums) -> _Factor:
    local = local_of(call.graph, call.graph.inputs, call.results)
    _, pushed = pick(local, "auto", kind=_jax.device_kind())
    chosen = frozenset(local.nodes[k].implicit for k in pushed)

    def at(leaves: Sequence[Any]) -> Point:
        return reversible(run(local, leaves, chosen.__contains__), chosen)

    codomain = Space(call.traced.out_tree, tuple(call.graph.aval(a) for a in call.results))
    return _Factor(_At(local, call.leaves, at), _domain(call, argnums), codomain)
