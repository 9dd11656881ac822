"""The LaTeX on the gallery's pages is rendered by KaTeX."""

import re
from pathlib import Path

import pytest

from tests.derive.katex import complaint

PAGES = sorted((Path(__file__).parents[2] / "docs" / "gallery").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_latex_of_a_page_renders(page):
    for formula in re.findall(r"^\$\$\n(.*?)\n\$\$$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        assert not complaint(formula), formula
