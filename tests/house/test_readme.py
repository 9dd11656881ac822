"""The README runs: its Python blocks in order, as one session, and what it says they print is what they print."""

import contextlib
import io
import re

import jax
import pytest

from tests.house.source import ROOT

README = ROOT / "README.md"
ROUNDING = re.compile(r"\b\d(\.\d+)?e-1\d\b")  # differs from one JAX to the next
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str | None]]:
    """Each Python block with the text block that follows it directly, if one does."""
    found = list(BLOCK.finditer(text))
    pairs = []
    for here, after in zip(found, [*found[1:], None], strict=False):
        if here[1] == "python":
            printed = after and after[1] == "text" and not text[here.end() : after.start()].strip()
            pairs.append((here[2], after[2] if printed else None))
    return pairs


def run(text: str) -> None:
    """Run the blocks of a page in one namespace; compare what they print, trailing blanks aside."""
    namespace: dict[str, object] = {"__name__": "readme"}
    for number, (code, expected) in enumerate(blocks(text), 1):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, f"README.md, Python block {number}", "exec"), namespace)
        if expected is not None:
            pages = (ROUNDING.sub("1e-16", page.strip()) for page in (out.getvalue(), expected))
            lines = [[line.rstrip() for line in page.splitlines()] for page in pages]
            assert lines[0] == lines[1], f"block {number} prints\n{out.getvalue()}"


def test_the_readme_runs():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)  # as somebody types it
    try:
        run(README.read_text())
    finally:
        jax.config.update("jax_enable_x64", before)


def test_files_named_in_the_readme_exist():
    for name in re.findall(r"\]\((?!http|#)([^)#]+)", README.read_text()):
        assert (ROOT / name).exists(), name


def test_a_wrong_readme_is_caught():
    with pytest.raises(AssertionError, match="block 2 prints"):
        run("```python\nx = 1\n```\n```python\nprint(x + 1)\n```\n\n```text\n3\n```\n")
    with pytest.raises(ZeroDivisionError):
        run("```python\n1 / 0\n```\n")
    run("```python\nprint(1)\n```\nwords\n```text\n2\n```\n")
