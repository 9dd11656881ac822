"""The dense form of a map: an entry for each pair of positions, but for what is tied."""

from __future__ import annotations

from collections.abc import Sequence

from catenary._maps.restrict import tied_axes, untwinned
from catenary._maps.term import Axis, Size, Term, one, plain_axes


def dense_term(out: Sequence[Size], inp: Sequence[Size], ties: Sequence[tuple[int, int]] = ()) -> Term:
    """The structure of a map without any but the given ties: a core with all axes of both sides, each tie once.

    >>> dense_term((2, 1), (3,))
    Term('a 1 <- b', core='a b')
    >>> dense_term((5, 2), (5, 3), [(0, 0)])
    Term('a b <- a c', core='a b c')
    """
    left, sizes = plain_axes(out)
    twin = {j: left[k] for k, j in ties}
    right, all_sizes = [], list(sizes)
    for j, n in enumerate(inp):
        if j in twin or one(n):
            right.append(twin.get(j, Axis(1)))
        else:
            right.append(Axis(n, 0, ((len(all_sizes), 1),)))
            all_sizes.append(n)
    return Term(left, tuple(right), tuple(all_sizes), tuple(range(len(all_sizes))))


def blocked(terms: Sequence[Term]) -> tuple[Term, list[Term]]:
    """The structure of a sum of terms, dense but for what all of them tie; and the terms without those ties.

    >>> blocked([Term.of("b m", "b m", core="b m", b=5, m=2), Term.of("b m", "b n", core="m n", b=5, m=2, n=2)])[0]
    Term('a b <- a c', core='a b c')
    """
    out, inp = ([axis.size for axis in side] for side in (terms[0].out, terms[0].inp))
    ties = tied_axes(terms, out, inp)
    return dense_term(out, inp, ties), [untwinned(term, ties) for term in terms]
