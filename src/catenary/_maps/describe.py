"""What a map is, in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from catenary._maps.term import Term, labels_of


def nonzeros(terms: Sequence[Term]) -> Any:
    """How many entries can differ from zero, overlaps counted once at most per term.

    >>> nonzeros([Term.of("b m", "b n", core="b m n", b=256, m=16, n=16)])
    65536
    """
    return sum(prod(t.sizes) for t in terms)


def describe(terms: Sequence[Term]) -> str:
    """The structure of a sum of terms.

    >>> describe([Term.of("b m", "b n", core="b m n", b=256, m=16, n=16)])
    'block-diagonal, 256 blocks of 16 × 16'
    >>> describe([Term.of("b m", "b m", b=2, m=3)])
    'identity'
    >>> from catenary._maps.term import Axis
    >>> near = [Term((Axis(9, k, ((0, 1),)),), (Axis(9, 1, ((0, 1),)),), (7,), (0,)) for k in (0, 1, 2)]
    >>> describe(near)
    '3 diagonals, offsets −1, 0, 1'
    """
    offsets = [_offset(t) for t in terms]
    if len(terms) > 1 and None not in offsets:
        return f"{len(terms)} diagonals, offsets {_offsets(sorted(k for k in offsets if k is not None))}"
    words = [_one(t) for t in terms]
    counts = {w: words.count(w) for w in words}
    return " + ".join(w if n == 1 else f"{n} × ({w})" for w, n in counts.items()) or "zero"


def summary(cells: Sequence[Sequence[Term]]) -> str:
    """The structures of the blocks of a map between pytrees, equal ones once.

    >>> row = Term.of("", "n", core="n", n=3)
    >>> summary([[row], [row], []])
    '2 × row vector, zero'
    """
    words = [describe(terms) for terms in cells]
    counts = {w: words.count(w) for w in words}
    found = [w if n == 1 else f"{n} × {w}" for w, n in counts.items()]
    return ", ".join([*found[:4], f"and {len(found) - 4} other kinds of block"] if len(found) > 5 else found)


def instead(flops: float, passes: int, each: float, way: str) -> str:
    """What a plan takes, and what as many passes of one vector would.

    >>> instead(26e6, 4096, 1.1e6, "reverse")
    '26 MFLOP; 4,096 reverse passes would take 4.51 GFLOP'
    >>> instead(41, 1, 41, "reverse")
    '41 FLOP, one reverse pass'
    """
    if not flops and not each:
        return "no arithmetic"
    times = f"{passes:,} {way} passes" if passes > 1 else f"one {way} pass"
    if passes * each <= flops or passes == 1:
        return f"{_flop(flops)}, {times}"
    return f"{_flop(flops)}; {times} would take {_flop(passes * each)}"


def _flop(n: float) -> str:
    """A number of operations in the largest unit of which there is one."""
    units = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1))
    name, unit = next((name, unit) for name, unit in units if n >= unit or not name)
    return f"{n / unit:,.3g} {name}FLOP"


def _offsets(shifts: Sequence[tuple[int, ...]]) -> str:
    """Shifts of diagonals: numbers for vectors, else tuples; the ends where there are many."""
    texts = [str(s[0]) if len(s) == 1 else f"({', '.join(map(str, s))})" for s in shifts]
    texts = texts if len(texts) <= 5 else [texts[0], "…", texts[-1]]
    return ", ".join(texts).replace("-", "−").replace(", …, ", " … ")


def _offset(term: Term) -> tuple[int, ...] | None:
    """How far a shifted diagonal is from the diagonal, axis by axis; None for other structures."""
    if len(term.out) != len(term.inp) or any(o.factors != i.factors for o, i in zip(term.out, term.inp, strict=True)):
        return None
    return tuple(o.start - i.start for o, i in zip(term.out, term.inp, strict=True) if o.size != 1) or (0,)


def _one(term: Term) -> str:
    out, inp, ties = set(labels_of(term.out)), set(labels_of(term.inp)), set(term.ties)
    rows, columns = (_size(term, side - ties) for side in (out, inp))
    scale = "" if term.scale == 1 else "−" if term.scale == -1 else f"{term.scale:.3g} · "
    if not out and not inp:
        return f"{scale}one entry"
    if not out:
        return f"{scale}sum of {columns:,} entries" if term.one and not isinstance(columns, str) else "row vector"
    if not inp:
        return f"{scale}copies of one entry" if term.one else "column vector"
    if not ties:
        return f"{scale}{'ones' if term.one else 'dense'} {rows} × {columns}"
    if ties == out == inp:
        return scale + _selection(term, ties)
    ones = "copies" if columns == 1 else "sums" if rows == 1 else "blocks of ones"
    name = "block-diagonal" if term.core is not None else ones
    return f"{scale}{name}, {_count(_size(term, ties))} blocks of {rows} × {columns}"


def _selection(term: Term, ties: set[int]) -> str:
    """A map that takes each entry from one place: the diagonal, an identity, entries moved or picked."""
    shift, size = _offset(term), _count(_size(term, ties))
    whole = all(n == prod(a.size for a in side) for side in (term.out, term.inp) for n in [_size(term, ties)])
    if shift is not None and whole:
        return f"diagonal, {size} entries" if not term.one else "identity"
    if shift is not None and any(shift):
        return f"shifted diagonal, {size} entries"
    moved = "reordering" if whole else "selection"
    return f"{moved} of {size} entries" + ("" if term.one else ", each scaled")


def _count(n: Any) -> str:
    return f"{n:,}" if isinstance(n, int) else str(n)


def _size(term: Term, labels: set[int]) -> Any:
    return prod(term.sizes[i] for i in sorted(labels))
