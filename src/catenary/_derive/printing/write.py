"""A derivation as text, as LaTeX and as Markdown: the same parts in the same order, the result last."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from ..expressions.dims import dims_of
from .latex import Latex, latex_text
from .rows import Row, Rows, beside
from .text import Text

if TYPE_CHECKING:
    from ..defining.recursion import Line
    from ..derivation import Derivation
    from ..reading.program import Input

WIDTH = 100


def shape(i: Input) -> str:
    """Return the shape of an input: N×n."""
    return "×".join(str(d).replace("*", "·") for d in dims_of(i.struct.shape)) or "scalar"


def as_text(d: Derivation) -> str:
    """Return a derivation as text, at most 100 columns wide."""
    shapes = ", ".join(f"{Text().symbol(i.name)}: {shape(i)}" for i in d.inputs)
    out = [f"{d.function}({', '.join(d.parameters)})"]
    out += [*_wrapped(f"with {shapes}", WIDTH - 4), *_wrapped(d.layout, WIDTH)]
    for title, rows in d.preface:
        out += ["", title, *(piece for row, _ in rows for piece in _broken(row))]
    writers = [Rows(d, Text(), form) for form in d.forms]
    for title, lines in d.lines():
        out += ["", title]
        for line in lines:
            for row in beside([w(line) for w in writers]):
                out += _broken(f"{row.left} = {row.right}" + (f"    {row.span}" if row.span else ""))
    out += ["", *(piece for remark in d.remarks() for piece in _wrapped(remark, WIDTH))]
    return "\n".join(out)


def as_latex(d: Derivation) -> str:
    """Return a derivation as one ``aligned`` environment."""
    rows = [formula for _, preface in d.preface for _, formula in preface if formula]
    for title, lines in d.lines():
        rows += [rf"&\text{{{latex_text(title)}}}", *(_aligned(row) for line in lines for row in latex_rows(d, line))]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def latex_rows(d: Derivation, line: Line) -> list[Row]:
    """Return a line in LaTeX, a row a form."""
    return beside([Rows(d, Latex(), form)(line) for form in d.forms])


def _aligned(row: Row) -> str:
    right = " \\\\\n&\\qquad ".join(broken_latex(row.right))
    return f"{row.left} &= {right}" + (rf" \qquad {row.span}" if row.span else "")


def broken_latex(source: str, width: int = 75) -> list[str]:
    r"""Return a formula in pieces that fit a page, broken before a sign that no bracket holds.

    >>> broken_latex(r"a + \left(b + c\right) + d", 3)
    ['a', '+ \\left(b + c\\right)', '+ d']
    """
    pieces, depth = [""], 0
    for token in re.split(r"(\\left|\\right|[{}]| (?=[+-] |\\o(?:dot|slash|times) ))", source):
        depth += (token in ("{", "\\left")) - (token in ("}", "\\right"))
        if token == " " and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += token
    lines = [pieces[0]]
    for piece in pieces[1:]:
        fits = _letters(lines[-1] + piece) <= width
        lines[-1:] = [f"{lines[-1]} {piece}"] if fits else [lines[-1], piece]
    return lines


def _letters(source: str) -> int:
    """Return about how many letters wide a formula is."""
    bare = re.sub(r"\\(left|right|mathrm|mathsf|operatorname|t?frac|,|bar)|[{}_^ ]", "", source)
    return len(re.sub(r"\\[a-zA-Z]+", "x", bare))


def as_markdown(d: Derivation) -> str:
    """Return a derivation as Markdown: a block of formulas a part, or a table of the forms side by side."""
    shapes = ", ".join(f"${Latex().symbol(i.name)}$: {shape(i)}" for i in d.inputs)
    out = [f"### Derivative of `{d.function}`", shapes, d.layout]
    for title, rows in d.preface:
        out += [f"**{title.capitalize()}**", "\n".join(f"- {text}" for text, _ in rows)]
    for title, lines in d.lines():
        out.append(f"**{title[0].upper()}{title[1:]}**")
        out.append(_table(d, lines) if len(d.forms) > 1 else _block(d, lines))
    out.append("\n".join(f"- {r}" for r in d.remarks()))
    return "\n\n".join(out) + "\n"


def _block(d: Derivation, lines: list[Line]) -> str:
    rows = [_aligned(row) for line in lines for row in latex_rows(d, line)]
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


def _table(d: Derivation, lines: list[Line]) -> str:
    out = ["| " + " | ".join(d.forms) + " |", "|---" * len(d.forms) + "|"]
    for line in lines:
        cells = [Rows(d, Latex(), form)(line) for form in d.forms]
        shown = [f"${c.left} = {c.right}{' ' + chr(92) + 'quad ' + c.span if c.span else ''}$" for c in cells]
        out.append("| " + " | ".join(shown) + " |")
    return "\n".join(out)


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="       ", break_long_words=False)


def _broken(row: str) -> list[str]:
    """Return a row in pieces of at most 100 columns, broken before a sign or an operation."""
    pieces, indent = [], "  "
    while len(indent + row) > WIDTH:
        at = max((row.rfind(mark, 20, 98 - len(indent)) for mark in (" + ", " − ", " ⊙ ", " ")), default=-1)
        cuts = [row.rfind(mark, 40, 98 - len(indent)) for mark in (" + ", " − ", " ⊙ ")]
        at = max(cuts) if max(cuts) > 0 else at
        if at <= 0:
            break
        pieces.append(indent + row[:at])
        row, indent = row[at + 1 :], "        "
    return [*pieces, indent + row]
