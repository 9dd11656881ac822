"""Composition of two explicit maps: an einsum over the axes that meet, ties united."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from catenary._maps.coalesce import Merge, coalesce
from catenary._maps.factor import Op, Operand, Work
from catenary._maps.table import volume
from catenary._maps.term import Axis, Size, Term, canonical, labels_of, renumbered, shared


@dataclass(frozen=True, slots=True)
class Source:
    """An operand of a recipe: whose array, what is done to it, and its labels afterwards.

    of      "second" or "first" (the maps composed), None for a mask of positions
    """

    of: str | None
    role: str
    ops: tuple[Op, ...]
    labels: tuple[int, ...]
    delta: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the arrays of two terms become the arrays of their composition ``term``.

    sources         operands
    select          (mask, core, labels): masks applied to a core before the product, and the core's labels
                    afterwards; core is -1 where there is none and the mask itself becomes one; other masks are and-ed
    product         labels of the product of the cores, None where there is none
    merges          segment sums of that product
    core, mask      labels of the results, in the numbering of the sources
    flops           arithmetic operations it takes: products, sums, selections
    multiplications pairs of entries that meet, ones charged: what the literature on elimination orders counts
    products        products of two numbers, ±1 free
    """

    term: Term
    sources: tuple[Source, ...]
    select: tuple[tuple[int, int, tuple[int, ...]], ...]
    product: tuple[int, ...] | None
    merges: tuple[Merge, ...]
    core: tuple[int, ...] | None
    mask: tuple[int, ...] | None
    sizes: dict[int, Size]
    scale: Any
    flops: Any
    multiplications: Any
    products: Any
    precision: Any = None

    __hash__ = object.__hash__


def compose(second: Term, first: Term, untie: bool = True) -> Recipe | None:
    """The map second ∘ first, or None where it is zero.

    Axes that meet without a common factorisation are joined by tables of their positions, or untied by masks; with
    untie=False that raises NoCommonFactorisation instead, for callers who can do better.

    >>> W = Term.of("b m", "b n", core="m n", b=8, m=3, n=2)
    >>> tanh = Term.of("b m", "b m", core="b m", b=8, m=3)
    >>> compose(tanh, W).term
    Term('a b <- a c', core='a b c')
    """
    return (_few if second.tabled or first.tabled else _many)(second, first, untie)


def _compose(second: Term, first: Term, untie: bool) -> Recipe | None:
    shift = len(second.sizes)
    groups = {
        "out": list(second.out),
        "left": list(second.inp),
        "right": [_shifted(a, shift) for a in first.out],
        "inp": [_shifted(a, shift) for a in first.inp],
    }
    operands = []
    for name, term, by in (("second", second, 0), ("first", first, shift)):
        for role, labels in (("core", term.core), ("mask", term.mask)):
            if labels is not None:
                operands.append((name, Operand(role, [i + by for i in labels])))
    sizes = dict(enumerate((*second.sizes, *first.sizes)))
    work = Work(groups, [o for _, o in operands], sizes)
    for k in range(len(second.inp)):
        if not work.align("left", "right", k, untie=untie):
            return None
    names = [name for name, _ in operands]
    return recipe_of(work, names, second.scale * first.scale, first.precision or second.precision)


#: Recipes with tables are as large as the maps themselves: fewer of them are kept.
_few, _many = lru_cache(maxsize=512)(_compose), lru_cache(maxsize=65536)(_compose)


def _shifted(axis: Axis, by: int) -> Axis:
    return Axis(axis.size, axis.start, tuple((i + by, s) for i, s in axis.factors))


def recipe_of(work: Work, names: Sequence[str], scale: Any, precision: Any) -> Recipe:
    """The product of the operands, summed over the labels that stand neither in "out" nor in "inp".

    names   whose array each operand is; the masks of positions that came later are nobody's
    """
    pairs = volume(work.live, work.sizes)
    merges = coalesce(work)
    owners = [*names, *(None for _ in work.operands[len(names) :])]
    sources = [
        Source(n, "core" if o.role == "core" else "mask", tuple(o.ops), tuple(o.labels), o.delta)
        for n, o in zip(owners, work.operands, strict=True)
    ]
    out, inp = tuple(work.groups["out"]), tuple(work.groups["inp"])
    kept = labels_of((*out, *inp))
    sizes = work.sizes
    inside = {i for s in sources for i in s.labels}
    for label in sorted(work.live):
        if label not in kept and label not in inside:
            scale = scale * sizes[label]
    summed = {i for i in inside if i not in kept}
    cores = [s.labels for s in sources if s.role == "core"]
    select = _selections(sources, cores, summed)
    product = product_labels(cores, (*kept, *(m.label for m in merges))) if cores or merges else None
    core = product
    for merge in merges:
        assert core is not None
        core = tuple(merge.fresh if i == merge.label else i for i in core)
        core = core if merge.fresh in core else (merge.fresh, *core)
    waiting = [s.labels for k, s in enumerate(sources) if s.role == "mask" and k not in {x[0] for x in select}]
    mask = tuple(dict.fromkeys(i for labels in waiting for i in labels)) if waiting else None
    flops, products = _cost(sources, select, cores, product, sizes, scale)
    flops += sum(volume(product, sizes) for m in merges if m.label in (product or ()))
    if len(waiting) > 1:
        flops += volume(mask, sizes)
    term = Term(out, inp, tuple(sizes[i] for i in range(len(sizes))), core, mask, scale, precision)
    term = canonical(renumbered(term, kept, sizes))
    if core is not None:
        term = replace(term, scale=1)
    term = shared(term)
    return Recipe(
        term,
        tuple(sources),
        select,
        product,
        merges,
        core,
        mask,
        dict(sizes),
        scale if core is not None else 1,
        flops,
        pairs,
        products,
        precision,
    )


def _selections(sources: Sequence[Source], cores: list[tuple[int, ...]], summed: set[int]) -> tuple[Any, ...]:
    """Masks along a summed label must select before the sum; ``cores`` is brought up to date."""
    select = []
    for k, source in enumerate(sources):
        if source.role == "mask" and not summed.isdisjoint(source.labels):
            inside = [c for c, labels in enumerate(cores) if set(source.labels) <= set(labels)]
            if not cores:
                cores.append(source.labels)
                select.append((k, -1, source.labels))
                continue
            c = inside[0] if inside else 0
            cores[c] = (*cores[c], *(i for i in source.labels if i not in cores[c]))
            select.append((k, c, cores[c]))
    return tuple(select)


def product_labels(cores: Sequence[tuple[int, ...]], kept: Sequence[int]) -> tuple[int, ...]:
    """The labels of a product in the order in which they come out, so that nothing is transposed on the way.

    Entry by entry the order is that of the wider factor; a contraction gives (shared, left, right).
    """
    keep = set(kept)
    if len(cores) <= 1:
        return tuple(i for labels in cores for i in labels if i in keep)
    a, b = cores
    if keep >= {*a, *b}:
        wide, narrow = (b, a) if len(b) > len(a) else (a, b)
        return (*wide, *(i for i in narrow if i not in wide))
    shared = [i for i in a if i in keep and i in b]
    free_a, free_b = ([i for i in x if i in keep and i not in y] for x, y in ((a, b), (b, a)))
    return (*shared, *free_a, *free_b)


def _cost(sources: Any, select: Any, cores: Any, core: Any, sizes: Any, scale: Any) -> tuple[Any, Any]:
    """Arithmetic of one recipe: (flops, products).

    A label of one operand alone that is summed is summed first; what is left is one product.
    """
    flops: Any = sum(volume(labels, sizes) for _, _, labels in select)
    times: Any = 0
    if not cores:
        return flops, times
    operands = [set(c) for c in cores]
    for k, mine in enumerate(operands):
        others = set(core).union(*(o for j, o in enumerate(operands) if j != k))
        if mine - others:
            flops += volume(mine, sizes)
            mine &= others
    if len(operands) == 2:
        full = volume(operands[0] | operands[1], sizes)
        times += full
        flops += 2 * full if (operands[0] | operands[1]) - set(core) else full
    if not _unit(scale):
        smallest = min((volume(o, sizes) for o in operands), key=_orderable)
        flops += smallest
        times += 0 if _unit(-scale) else smallest
    return flops, times


def _unit(scale: Any) -> bool:
    return isinstance(scale, int | float) and scale == 1


def _orderable(n: Any) -> Any:
    return n if isinstance(n, int) else 0
