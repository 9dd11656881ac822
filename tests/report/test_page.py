"""The page of a derivation: it parses, stands alone, and says everything."""

from html.parser import HTMLParser
from xml.etree import ElementTree as xml

import jax.numpy as jnp
import pytest

import catenary as ct
from catenary._report.page import broken
from tests.derive.examples import EXAMPLES, column, one, perceptron

VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Raises where a tag is not closed, or closed twice."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open += [tag] * (tag not in VOID)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    reader = Balanced()
    reader.feed(page)
    assert not reader.open
    return xml.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


@pytest.mark.parametrize(("fun", "args", "_"), EXAMPLES[::3], ids=[e[0].__name__ for e in EXAMPLES[::3]])
@pytest.mark.parametrize("form", ["matrix", ("matrix", "index", "labels")])
def test_the_page_parses_and_stands_alone(fun, args, _, form):
    made = ct.derive(fun, *args, form=form)
    page = made.html()
    parsed(page)
    parsed(made._repr_html_())
    alone = page.replace("http://www.w3.org/1999/xhtml", "")
    assert not any(word in alone for word in ("<script", "http", "url(", "@import", "src="))


def test_the_page_says_everything():
    made = ct.derive(perceptron, column, one(3), one(2))
    page = made.html()
    assert "def perceptron(params, x, y):" in page and "import jax.numpy as jnp" in page
    headings = [h.text for h in parsed(page).iter("{http://www.w3.org/1999/xhtml}h2")]
    assert headings == ["Program", "Shapes", "Composition", "Local derivatives", "Derivative", "Notes"]
    assert "agrees with the computed derivative" in page


def test_code_that_cannot_be_found_is_left_out():
    scope = {"jnp": jnp}
    exec("def f(x): return jnp.sum(x ** 2)", scope)
    assert "Program" not in ct.derive(scope["f"], one(3)).html()


def test_what_looks_like_markup_is_text():
    def f(x):
        return jnp.sum(jnp.where(x < 0, x, 0.0) ** 2)  # <b> & </b>

    assert "&lt;b&gt; &amp; &lt;/b&gt;" in ct.derive(f, one(3)).html()


def test_long_rows_are_broken_before_signs_and_inside_brackets():
    sign, left, right = '<mo form="infix">+</mo>', "<mrow><mo>(</mo>", "<mo>)</mo></mrow>"
    letters = sign.join(f"<mi>{c}</mi>" for c in "abcdefgh")
    assert len(broken(letters, 100)) == 1
    pieces = broken(f"<mi>X</mi>{left}{letters}{right}", 8)
    assert len(pieces) == 8 and all(p.startswith(sign) for p in pieces[1:])
