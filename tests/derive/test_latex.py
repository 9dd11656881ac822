"""Every LaTeX compiles, by a real renderer: of the examples in all forms, and of any names and any node."""

import re
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import catenary as ct
from catenary._derive.expressions import expr as ex
from catenary._derive.matrices import matrix as mx
from catenary._derive.printing.entries import Axes
from catenary._derive.printing.latex import OPERATORS, Latex
from catenary._derive.printing.mathml import MathML
from catenary._derive.printing.render import Printer
from catenary._derive.printing.text import BETWEEN, Text
from catenary._derive.reading.names import GREEK

from .examples import EXAMPLES
from .katex import complaint


@pytest.mark.parametrize(("fun", "args", "_"), EXAMPLES, ids=[e[0].__name__ for e in EXAMPLES])
def test_the_examples_render(fun, args, _):
    made = ct.derive(fun, *args)
    for form in ("matrix", "labels", "index", ("matrix", "index")):
        shown = made.with_form(form)
        assert not complaint(shown.latex()), shown.latex()
        for formula in re.findall(r"\$\$\n(.*?)\n\$\$|\$(.*?)\$", shown.markdown(), re.DOTALL):
            assert not complaint("".join(formula)), formula


# --- any name, any node -------------------------------------------------------------------------------------------

BASES = st.one_of(
    st.sampled_from([*GREEK, *GREEK.values()]),
    st.sampled_from("W x Wq dW loss W_out ln_1_gamma __x a_b_c x_".split()),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True),
)
NAMES = st.builds(
    lambda base, bar, sub: base + bar + sub,
    BASES,
    st.sampled_from(["", "\u0304"]),
    st.sampled_from(["", "_1", "_12", "_{i}", "_{i+1}", "_{i−1}", "_{L}"]),
)
FUNCTIONS = [*OPERATORS, *BETWEEN, "abs", "sqrt", "not", "where", "softmax", "logsumexp", "atan2", "some_function"]
NUMBERS = st.one_of(
    st.fractions(min_value=-99, max_value=99, max_denominator=2000), st.sampled_from([float("inf"), -float("inf")])
)
REDUCTIONS = st.sampled_from(["max", "logsumexp", "prod"])
POWERS = st.sampled_from([Fraction(p) for p in (2, -1, -2, 3)] + [Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2)])


def _one(inner):
    wrap = st.sampled_from([mx.Transpose, mx.Diag, mx.Trace, mx.SquaredNorm, mx.OneHot])
    along = st.sampled_from(["softmax", "cumsum", "reverse"])
    return st.one_of(
        st.builds(lambda node, x: node(("n", "m"), x), wrap, inner),
        st.builds(lambda x, p: mx.Power(("n", "m"), x, p), inner, POWERS),
        st.builds(lambda x, name, axis: mx.Along(("n", "m"), x, name, axis), inner, along, st.sampled_from([0, 1])),
        st.builds(lambda x, name: mx.Reduction((), x, name, None), inner, REDUCTIONS),
    )


def _many(inner):
    items = st.lists(inner, min_size=2, max_size=3).map(tuple)
    node = st.sampled_from([mx.Product, mx.Hadamard, mx.Sum])
    numbers = NUMBERS.filter(lambda v: v != 0).map(lambda v: mx.Number((), v))
    scalars = st.lists(st.one_of(numbers, SIZES), min_size=1, max_size=2)
    return st.one_of(
        st.builds(lambda kind, parts: kind(("n", "m"), parts), node, items),
        st.builds(lambda parts, name: mx.Apply(("n", "m"), parts, name), items, st.sampled_from(FUNCTIONS)),
        st.builds(lambda front, x: mx.Scaled(("n", "m"), tuple(front), x), scalars, inner),
    )


SIZES = st.builds(lambda name: mx.Dimension((), name), st.sampled_from(["N", "n", "n1", "batch"]))
LEAVES = st.one_of(
    st.builds(lambda name: mx.Symbol(("n", "m"), name), NAMES),
    st.builds(lambda name, k: mx.Symbol((), name, (k, None)), NAMES, st.integers(0, 12)),
    NUMBERS.map(lambda v: mx.Number((), v)),
    st.sampled_from([mx.Ones(("n",)), mx.Identity(("n", "n"))]),
    SIZES,
)
MATRICES = st.recursive(LEAVES, lambda inner: st.one_of(_one(inner), _many(inner)), max_leaves=8)

I, J = ex.axis(0, "N"), ex.axis(1, "n_heads")
B = ex.Index("b0", 3)
ENTRIES = st.builds(
    lambda name, where: ex.At(ex.Array(name, ("N", "n_heads"), None, "real"), where),
    NAMES,
    st.sampled_from([(I, J), (J, I), (I, 0), (I, B), (-1, J)]),
)
INDEXED = st.recursive(
    st.one_of(
        ENTRIES,
        NUMBERS.map(ex.Num),
        st.sampled_from([ex.Pos(I), ex.Pos(J), ex.Dim("N"), ex.Dim("n_heads")]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda k: ex.Mul(tuple(k))),
        st.lists(inner, min_size=2, max_size=3).map(lambda k: ex.Add(tuple(k))),
        st.builds(lambda x, p: ex.Pow(p, (x,)), inner, POWERS),
        st.builds(lambda x, y, name: ex.Fn(name, (x, y)), inner, inner, st.sampled_from(FUNCTIONS)),
        st.builds(lambda x, name: ex.Reduce(name, (B,), (x,)), inner, st.sampled_from(["sum", "max", "logsumexp"])),
        st.builds(lambda x: ex.Along("softmax", (J,), (B,), (x,)), inner),
        st.builds(lambda x: ex.Along("inv", (I, J), (B, ex.Index("b1", 3)), (x,)), inner),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(MATRICES)
def test_any_matrix_formula_renders(x):
    source = Printer(Latex())(x)
    assert source.isascii()
    assert not complaint(source), source
    _other_styles(x, Axes())


@settings(deadline=None, max_examples=150)
@given(INDEXED, st.booleans())
def test_any_formula_with_indices_renders(e, labels):
    x = mx.Labelled(("N", "n_heads"), e, (I, J, B), ())
    source = Printer(Latex(), Axes(labels))(x)
    assert source.isascii()
    assert not complaint(source), source
    _other_styles(x, Axes(labels))


def _other_styles(x, axes):
    from xml.etree import ElementTree

    assert Printer(Text(), axes)(x)
    ElementTree.fromstring(f"<math>{Printer(MathML(), axes)(x)}</math>")
