"""A plan as JSON: numbers as numbers, symbolic costs and sizes as their formulas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from catenary import _dimensions
from catenary.errors import PlanError

#: Metadata of a field that stays in the process.
UNSAVED = {"saved": False}

#: Raised when the fields change: an older file is refused rather than misread.
FORMAT = 1


def dumps(plan: Any) -> str:
    """A plan as text, a line a field: any dataclass of numbers, texts, sizes, and tuples and dictionaries of them."""
    values = {"catenary plan": FORMAT} | {f.name: _plain(getattr(plan, f.name)) for f in _saved(plan)}
    return "{\n" + ",\n".join(f'"{k}": {json.dumps(v, ensure_ascii=False)}' for k, v in values.items()) + "\n}"


def loads(cls: Any, text: str, nested: Mapping[str, Any]) -> Any:
    """An object of ``cls`` from its text; ``nested`` says of which class the entries of a field are.

    Raises:
        PlanError: the text is no plan, or one of another format.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise PlanError(f"this is no plan: {error}.") from None
    names = {f.name for f in _saved(cls)}
    found = values.pop("catenary plan", None) if isinstance(values, dict) else None
    if found != FORMAT or set(values) != names:
        raise PlanError(
            f"this is no plan of format {FORMAT}, but of format {found}. Make it again with ct.plan(fun, *args)."
        )
    size = _dimensions.of_text()
    read = {name: _sized(value, size) for name, value in values.items() if name not in nested}
    for name, kind in nested.items():
        read[name] = tuple(kind(*_sized(entry, size)) for entry in values[name])
    return cls(**read)


def _saved(cls: Any) -> list[Any]:
    return [f for f in fields(cls) if f.metadata != UNSAVED]


def _plain(value: Any) -> Any:
    """What JSON can hold; a size with names in it is marked, so that it is not taken for a word."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return {"size": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset):
        return {"set": sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return {"size": str(value)}


def _sized(value: Any, size: Any) -> Any:
    if isinstance(value, list):
        return tuple(_sized(v, size) for v in value)
    if isinstance(value, dict) and set(value) == {"size"}:
        return float(value["size"]) if "inf" in value["size"] else size(value["size"])
    if isinstance(value, dict) and set(value) == {"set"}:
        return frozenset(value["set"])
    return {k: _sized(v, size) for k, v in value.items()} if isinstance(value, dict) else value
