"""The user's code as it stands in the file: the function, and the functions of its module that it calls."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

LONGEST = 200  # lines; a longer program is shown by its own function alone


def listing(fun: Callable[..., Any]) -> str:
    """Return the source of a function and of what it calls in its module, in the file's order; "" if there is none.

    >>> print(listing(listing).splitlines()[0])
    def listing(fun: Callable[..., Any]) -> str:
    """
    found = _reached(inspect.unwrap(fun))
    sources = {f: _source(f) for f in sorted(found, key=_line)}
    text = "\n\n".join(s for s in sources.values() if s)
    return text if text.count("\n") < LONGEST else _source(inspect.unwrap(fun))


def _reached(fun: Any) -> list[Any]:
    found = [fun]
    for f in found:
        code, scope = getattr(f, "__code__", None), getattr(f, "__globals__", {})
        for name in code.co_names if code else ():
            other = inspect.unwrap(scope[name]) if callable(scope.get(name)) else None
            if inspect.isfunction(other) and other.__module__ == f.__module__ and other not in found:
                found.append(other)
    return found


def _source(fun: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(fun)).rstrip()
    except (OSError, TypeError):
        return ""


def _line(fun: Any) -> int:
    return fun.__code__.co_firstlineno if hasattr(fun, "__code__") else 0
