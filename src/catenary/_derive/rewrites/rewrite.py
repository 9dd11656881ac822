"""The rewrites: a table of identities, each application of which is checked on numbers.

A row is a name, the node types it may fit, and a function that returns the better expression or
``None``.  A result with another value is refused: that costs a simplification, never correctness.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..expressions.expr import Add, Along, Expr, Fn, Mul, Pow, Reduce
from ..expressions.value import same
from . import rewrite_axes as axes
from . import rewrite_entry as entry
from . import rewrite_linalg as linalg
from . import rewrite_product as product
from . import rewrite_reshape as reshape
from . import rewrite_sum as sums
from . import rewrite_where as choices


class Rule(NamedTuple):
    """One identity: its name for people, the nodes it may fit, and how to apply it."""

    name: str
    types: tuple[type[Expr], ...]
    apply: Callable[[Any], Expr | None]


def rewrite(node: Expr) -> Expr:
    """Return the node after the first rule that fits and keeps its value, or the node itself."""
    for rule in RULES if node.children else ():
        if isinstance(node, rule.types):
            new = rule.apply(node)
            if new is not None and new is not node and same(node, new):
                return new
    return node


RULES: list[Rule] = [
    Rule("numbers, and one order for symmetric functions", (Fn,), entry.fold_numbers),
    Rule("where(c, a, 0) = c a", (Fn,), entry.where),
    Rule("where(c, f(c), g(c)) = where(c, f(1), g(0))", (Fn,), choices.known_inside),
    Rule("not a > b = a <= b", (Fn,), entry.negation),
    Rule("max(x, 0) = relu(x)", (Fn,), entry.relu),
    Rule("relu(x) > 0 = x > 0", (Fn,), entry.sign_of_relu),
    Rule("[a >= b] > 0 = a >= b", (Fn,), entry.indicator_over_zero),
    Rule("log(1 + exp u) = softplus(u)", (Fn,), entry.log_of_one_plus_exp),
    Rule("log(exp(u) s) = u + log s", (Fn,), entry.log_of_product),
    Rule("log Σ exp u = logsumexp(u)", (Fn,), entry.log_of_sum_of_exp),
    Rule("log softmax(u) = u - logsumexp(u)", (Fn,), entry.log_of_softmax),
    Rule("exp(a + c log s) = exp(a) s^c", (Fn,), entry.exp_of_log),
    Rule("max(a, b) + softplus(-|a - b|) = a + softplus(b - a)", (Add,), sums.max_plus_softplus),
    Rule("1 - tanh² = tanh′, 1 - σ(u) = σ(-u)", (Add,), sums.complements),
    Rule("a b + a c = a (b + c)", (Add,), sums.common_factor),
    Rule("Σ a² - (Σ a)²/N = Σ (a - (Σ a)/N)²", (Add,), sums.sum_of_squares_about_mean),
    Rule("a σ(u) + b σ(-u) = a + (b - a) σ(-u) where that is shorter", (Add,), sums.opposite_steps),
    Rule("Σ a f + Σ a g = Σ a (f + g)", (Add,), sums.joined_sums),
    Rule("a (b + c) + d multiplied out where that is shorter", (Add,), sums.expanded_if_shorter),
    Rule("a b + a c + d = a (b + c) + d where that is shorter", (Add,), sums.partly_common),
    Rule("f (a + b / f) = a f + b", (Mul,), product.cancelled_inside),
    Rule("exp(u) σ(-u) = σ(u), σ(u) σ(-u) = σ′(u)", (Mul,), product.sigmoid_products),
    Rule("δ_ij f(j) = δ_ij f(i)", (Mul,), product.at_one_index),
    Rule("a (δ + b) = a δ + a b", (Mul,), product.over_a_delta),
    Rule("σ′(u) / σ(u) = σ(-u)", (Mul,), product.sigmoid_quotient),
    Rule("(1 - t)(1 + t) = 1 - t²", (Mul,), product.difference_of_squares),
    Rule("exp(v) / Σ exp(v) = softmax(v)", (Mul,), product.softmax),
    Rule("[u > 0] f([u > 0], |u|) = [u > 0] f(1, u)", (Mul,), choices.known_beside),
    Rule("[x ≠ 0] x f = x f", (Mul,), choices.zero_times),
    Rule("c softmax(where(c, v, −∞)) = softmax(where(c, v, −∞))", (Mul,), product.mask_of_softmax),
    Rule("x [x > 0] = relu(x) = relu(x) [x > 0]", (Mul,), product.relu_product),
    Rule("sinh x / cosh x = tanh x, sin x / cos x = tan x, sign x / |x| = 1 / x", (Mul,), product.quotients),
    Rule("1 / (1 + exp u) = σ(-u)", (Pow,), axes.reciprocal_of_one_plus_exp),
    Rule("[a > b]² = [a > b]", (Pow,), axes.power_of_indicator),
    Rule("Σ softmax = 1", (Reduce,), axes.sum_of_softmax),
    Rule("Σ_k [k = y] = 1", (Reduce,), axes.sum_of_one_hot),
    Rule("Σ w (a + c) = Σ w a + c Σ w where that is shorter", (Reduce,), axes.constant_out_of_sum),
    Rule("Σ exp(u + c) = exp(c) Σ exp(u)", (Reduce,), axes.exp_out_of_sum),
    Rule("softmax(v + c) = softmax(v)", (Along,), axes.shift_of_softmax),
    Rule("an involution undoes itself", (Along,), axes.involution),
    Rule("logsumexp(v + c) = c + logsumexp(v)", (Reduce,), axes.shift_of_logsumexp),
    Rule("Σ_k y_k = 1 of a one-hot y, ‖u‖ = 1", (Reduce,), axes.sum_of_fact),
    Rule("sign(x) / |x| = 1 / x", (Mul,), product.sign_over_abs),
    Rule("(A⁻¹)⁻¹ = A", (Along,), linalg.inverse_of_inverse),
    Rule("(c A)⁻¹ = A⁻¹ / c", (Along,), linalg.scalar_out),
    Rule("diag(v)⁻¹ = diag(1 / v)", (Along,), linalg.of_diagonal),
    Rule("det(A B) = det A det B", (Along,), linalg.determinant_of_factors),
    Rule("log |det A| = logdet A", (Fn,), linalg.log_of_determinant),
    Rule("[i ≥ j] L_ij = L_ij", (Mul,), linalg.triangular),
    Rule("A A⁻¹ = I, L⁻ᵀ L⁻¹ = S⁻¹", (Reduce,), linalg.joined),
    Rule("Σ log L_ii = ½ logdet S", (Reduce,), linalg.sum_of_logs),
    Rule("a reshape leaves alone what does not depend on its axes", (Along,), reshape.constant),
    Rule("a reshape of a reshape is one", (Along,), reshape.reshape_of_reshape),
    Rule("f(a, b)[h k] = f(a[h k], b[h k])", (Along,), reshape.split_inside),
    Rule("a merge goes into a sum of products", (Along,), reshape.merge_inside),
    Rule("f(a[(h k)], b[(h k)]) = f(a, b)[(h k)]", (Fn, Pow, Mul, Add), reshape.merge_outside),
    Rule("Σ_hk a[h k] b[h k] = Σ_j a_j b_j", (Reduce,), reshape.sum_of_reshape),
]
