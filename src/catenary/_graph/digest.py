"""A digest of structure: the same for the same program in every process, on every day.

What a program does enters: primitives, parameters, nested programs, numbers written into it. What a process adds does
not: addresses, the order of sets, where the code stands.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

from catenary import _jax

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|0x[0-9a-fA-F]{6,}")


def digest(parts: Iterable[Any]) -> str:
    """Sixteen hexadecimal digits of what ``parts`` are.

    >>> digest([1, (2.0, "a")]), digest([{"b": 1, "a": 2}]) == digest([{"a": 2, "b": 1}])
    ('be6425bc538bf0d7', True)
    """
    found = hashlib.sha256()
    for part in parts:
        found.update((part if isinstance(part, str) else as_text(part)).encode())
    return found.hexdigest()[:16]


def as_text(thing: Any) -> str:
    """A thing as text that holds its structure and nothing of the process.

    >>> as_text({"b": (1, None), "a": "x"})
    "a='x';b=tuple(1;None;)"
    """
    kind = type(thing)
    if kind in _PLAIN:
        return f"{thing!r};"
    if kind is tuple or kind is list:
        return f"{kind.__name__}({''.join([as_text(part) for part in thing])})"
    if kind is dict:
        return "".join([f"{key}={as_text(thing[key])}" for key in sorted(thing, key=str)])
    if isinstance(thing, np.dtype):
        return _dtype(thing)
    return "".join(_text(thing))


@cache
def _dtype(dtype: Any) -> str:
    return f"{dtype!r};"


_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})


def _text(thing: Any) -> Iterator[str]:
    """The text of what is no plain number, name, list or dictionary of such."""
    if isinstance(thing, bool | int | float | complex | str | bytes):
        yield f"{thing!r};"
    elif isinstance(thing, enum.Enum):
        yield f"{type(thing).__name__}.{thing.name};"
    elif isinstance(thing, tuple | list):
        yield f"{type(thing).__name__}({''.join([as_text(part) for part in thing])})"
    elif isinstance(thing, dict):
        yield as_text(dict(thing))
    elif isinstance(thing, set | frozenset):
        yield from sorted(as_text(part) for part in thing)
    elif hasattr(thing, "eqns") or hasattr(thing, "jaxpr"):
        yield from _program(thing)
    elif hasattr(thing, "shape") and hasattr(thing, "dtype"):
        yield from _array(thing)
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        yield type(thing).__name__
        for field in dataclasses.fields(thing):
            if field.compare:
                yield f".{field.name}={as_text(getattr(thing, field.name))}"
    elif isinstance(thing, type) or callable(thing):
        yield f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing).__qualname__)};"
    else:
        yield f"{type(thing).__name__}:{_ADDRESS.sub('', str(thing))};"


def _array(array: Any) -> Iterator[str]:
    """Shape and dtype; of whole numbers known now, as tables of indices are, the numbers too."""
    yield f"{array.dtype}{array.shape}"
    known = isinstance(array, np.ndarray | np.generic)
    if known and (array.dtype.kind in "iub" or array.ndim == 0):
        yield hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _program(jaxpr: Any) -> Iterator[str]:
    """A nested program, its values numbered as they come."""
    body, consts = _jax.closed(jaxpr)
    numbers: dict[Any, int] = {}

    def name(v: Any) -> str:
        if isinstance(v, _jax.Literal):
            return f"{v.val}:{v.aval.str_short()}"
        return f"v{numbers.setdefault(v, len(numbers))}:{v.aval.str_short()}"

    yield "{"
    for v, const in zip(body.constvars, consts, strict=False):
        yield name(v)
        yield as_text(const)
    yield " ".join(name(v) for v in body.invars)
    for eqn in body.eqns:
        primitive, params = _jax.older(eqn.primitive, eqn.params)
        yield f"{' '.join(map(name, eqn.outvars))}={primitive.name}("
        yield as_text(params)
        yield f"{' '.join(map(name, eqn.invars))})"
    yield f"->{' '.join(map(name, body.outvars))}}}"
