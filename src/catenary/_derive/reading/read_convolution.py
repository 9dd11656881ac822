"""Reading convolutions: sums with an indicator of three positions, y[o] = Σ_{s,k} [s = o + k] x[s] w[k]."""

from __future__ import annotations

from typing import Any

from ..expressions.build import ZERO, fn, mul, size, total
from ..expressions.dims import Value, dims_of
from ..expressions.expr import Expr, Pos, Size, axis, temporary
from ..expressions.positions import combined
from ..expressions.rename import rename
from ..unreadable import UnreadableError


def read_convolution(eqn: Any, v: list[Value], dims: tuple[Size, ...]) -> Expr:
    """Return a convolution of two arrays as JAX has it: correlated windows, with strides, dilations and padding."""
    how, p = eqn.params["dimension_numbers"], eqn.params
    if p["feature_group_count"] != 1 or p["batch_group_count"] != 1:
        raise UnreadableError("a convolution in groups")
    (left, right), (batch, feature, *space) = v, how.out_spec
    channel = temporary(left.dims[how.lhs_spec[1]])
    here = {how.lhs_spec[0]: axis(batch, dims[batch]), how.lhs_spec[1]: channel}
    there = {how.rhs_spec[0]: axis(feature, dims[feature]), how.rhs_spec[1]: channel}
    factors, summed = [], [channel]
    for d, o in enumerate(space):
        s, k = (temporary(x.dims[spec[d + 2]]) for x, spec in ((left, how.lhs_spec), (right, how.rhs_spec)))
        here[how.lhs_spec[d + 2]], there[how.rhs_spec[d + 2]] = s, k
        (low, high), summed = dims_of(p["padding"][d]), [*summed, s, k]
        if "(" in f"{low}{high}":
            raise UnreadableError("a convolution whose padding is no polynomial in the names")
        places = [(p["window_strides"][d], axis(o, dims[o])), (p["rhs_dilation"][d], k)]
        window = combined([(c, Pos(i) if i.size != 1 else ZERO) for c, i in places])
        position = combined([(p["lhs_dilation"][d], Pos(s) if s.size != 1 else ZERO), (1, size(low))])
        factors.append(fn("eq", position, window))
    for x, names in ((left, here), (right, there)):
        factors.append(rename(x.expr, {axis(n, x.dims[n]): i for n, i in names.items() if x.dims[n] != 1}))
    return total(tuple(i for i in summed if i.size != 1), mul(factors))
