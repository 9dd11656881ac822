"""A derivation as a page: MathML, no script, nothing loaded from elsewhere; on paper as on a screen, dark or light.

It is well-formed XML as well as HTML.  A row too wide for the page is broken before a sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree as xml

from .._derive.printing.mathml import MathML, infix, tokens
from .._derive.printing.rows import Row, Rows, beside
from .._derive.reading.read import dims_of
from .style import CSS, PAGE

if TYPE_CHECKING:
    from .._derive.defining.recursion import Line
    from .._derive.derivation import Derivation
    from .._derive.reading.program import Input

BRACKETS = frozenset("()[]|‖")
WIDTH = 58  # letters that fit beside the left side


def page(d: Derivation) -> str:
    """Return a whole page."""
    title = f"The derivative of {escape(d.function)}"
    head = f'<meta charset="utf-8"/><meta name="viewport" content="width=device-width"/><title>{title}</title>'
    return (
        f'<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml">\n<head>{head}\n'
        f"<style>{PAGE}{CSS}</style></head>\n<body>\n{fragment(d, style=False)}\n</body>\n</html>\n"
    )


def fragment(d: Derivation, style: bool = True) -> str:
    """Return a derivation as one element, for a notebook."""
    sections = [_heading(d), *_code(d), _symbols(d), *_preface(d), *(_part(d, *part) for part in d.lines())]
    sections += [_notes(d), _python(d)]
    inside = "\n".join(s for s in sections if s)
    look = f"<style>{CSS}</style>\n" if style else ""
    return f'<article class="catenary">\n{look}{inside}\n</article>'


def _heading(d: Derivation) -> str:
    chosen = [_math(MathML().symbol(i.name)) for i in d.inputs if i.chosen]
    by = ", ".join(chosen) if len(chosen) <= 12 else f"{len(chosen)} parameters"
    return f"<h1>The derivative of {escape(d.function)}</h1>\n<p>with respect to {by}</p>"


def _code(d: Derivation) -> list[str]:
    return [f"<h2>Program</h2>\n<pre><code>{escape(d.code)}</code></pre>"] if d.code else []


def _symbols(d: Derivation) -> str:
    """Return the symbols with their shapes, and the layout."""
    cells = [f"<li>{_math(MathML().symbol(i.name))} <span class='shape'>{_shape(i)}</span></li>" for i in d.inputs]
    return f"<h2>Shapes</h2>\n<ul class='shapes'>{''.join(cells)}</ul>\n<p>{escape(d.layout)}.</p>"


def _shape(i: Input) -> str:
    sizes = [tokens(str(n).replace("*", "")) for n in dims_of(i.struct.shape)]
    return _math(infix("×").join(sizes)) if sizes else "scalar"


def _preface(d: Derivation) -> list[str]:
    lists = ["".join(f"<li>{escape(text)}</li>" for text, _ in rows) for _, rows in d.preface]
    return [f"<h2>{_title(t)}</h2>\n<ul>{rows}</ul>" for (t, _), rows in zip(d.preface, lists, strict=True)]


def _part(d: Derivation, title: str, lines: Sequence[Line]) -> str:
    name, _, why = title.partition(", ")
    writers = [Rows(d, MathML(), form) for form in d.forms]
    result = " result" if any(line.differential for line in lines) else ""
    return (
        f"<h2>{_title(name)}</h2>\n{f'<p>{_title(why)}.</p>' if why else ''}<table class='equations{result}'>"
        f"{_columns(d)}\n{''.join(_row([w(line) for w in writers]) for line in lines)}</table>"
    )


def _columns(d: Derivation) -> str:
    if len(d.forms) == 1:
        return ""
    return "<tr>" + "".join(f"<th colspan='2'>{form}</th>" for form in d.forms) + "<th></th></tr>"


def _row(rows: list[Row]) -> str:
    """Return one line of a derivation, its forms side by side."""
    span = next((_math(r.span) for r in rows if r.span), "")
    wide = (WIDTH - 8 * (len(rows) - 1)) // len(rows)  # each form has a left side of its own
    if len(beside(rows)) == 1 and len(rows) > 1:
        rows = [rows[0]] + [Row("", "")] * (len(rows) - 1)
    lefts = [_math(r.left) if r.left else "" for r in rows]
    rights = [_right(r, wide) for r in rows]
    cells = [f"<td class='left'>{a}</td><td class='right'>{b}</td>" for a, b in zip(lefts, rights, strict=True)]
    return f"<tr>{''.join(cells)}<td class='span'>{span}</td></tr>\n"


def _right(r: Row, width: int) -> str:
    return " ".join(map(_math, broken(infix("=") + r.right, width))) if r.right else ""


def _math(inside: str) -> str:
    root = xml.fromstring(f'<math displaystyle="true">{inside}</math>')
    for group in root.iter("mrow"):
        if not any(e.tag == "mfrac" and e.get("displaystyle") != "false" for e in group.iter()):
            for bracket in group.iter("mo"):
                if bracket.text in BRACKETS:
                    bracket.set("stretchy", "false")  # as large as the letters, without the gaps of large ones
    return xml.tostring(root, encoding="unicode")


def _notes(d: Derivation) -> str:
    rows = "".join(f"<li>{escape(r)}</li>" for r in d.remarks())
    return f"<h2>Notes</h2>\n<ul class='notes'>{rows}</ul>" if rows else ""


def _python(d: Derivation) -> str:
    return f"<details><summary>The same as Python</summary>\n<pre><code>{escape(d.python())}</code></pre></details>"


def _title(text: str) -> str:
    return escape(text[:1].upper() + text[1:])


# --- breaking rows ----------------------------------------------------------------------------------------------


def broken(inside: str, width: int) -> list[str]:
    """Return a row of MathML in pieces between which a line may end: before signs, inside brackets where it must.

    >>> broken("<mi>a</mi>" + infix("+") + "<mi>b</mi>", 1)
    ['<mi>a</mi>', '<mo form="infix">+</mo><mi>b</mi>']
    """
    pieces = _split(list(xml.fromstring(f"<mrow>{inside}</mrow>")), width)
    return ["".join(xml.tostring(e, encoding="unicode") for e in piece) for piece in pieces]


def _split(elements: list[xml.Element], width: int) -> list[list[xml.Element]]:
    if sum(map(_width, elements)) <= width:
        return [elements]
    pieces: list[list[xml.Element]] = [[]]
    for e in elements:
        if pieces[-1] and e.tag == "mo" and e.get("form") == "infix" and e.text != "=":
            pieces.append([])
        pieces[-1].append(e)
    return [part for piece in pieces for part in _opened(piece, width)]


def _opened(piece: list[xml.Element], width: int) -> list[list[xml.Element]]:
    """Return a piece that is still too wide with its widest brackets opened."""
    groups = [e for e in piece if e.tag == "mrow" and len(e) > 1 and _breakable(e)]
    if sum(map(_width, piece)) <= width or not groups:
        return [piece]
    widest = max(groups, key=_width)
    at = piece.index(widest)
    for bracket in widest:
        if bracket.tag == "mo" and bracket.text in BRACKETS:
            bracket.set("stretchy", "false")
    return _split([*piece[:at], *widest, *piece[at + 1 :]], width)


def _breakable(e: xml.Element) -> bool:
    return any((c.tag == "mo" and c.get("form") == "infix") or (c.tag == "mrow" and _breakable(c)) for c in e)


def _width(e: xml.Element) -> float:
    """Return about how many letters wide an element is."""
    own = {"mo": 1.6 if e.get("form") == "infix" else 0.7, "mspace": 0.3}.get(e.tag, 1.0) * len(e.text or "")
    inner = [_width(c) for c in e]
    if e.tag in ("mfrac", "munder"):
        return max(inner) * (0.7 if e.get("displaystyle") == "false" else 1)
    if e.tag in ("msub", "msup", "msubsup"):
        return inner[0] + 0.6 * max(inner[1:])
    return own + sum(inner)
