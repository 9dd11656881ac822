"""Names: what the user called things.

Inputs are named by parameter and key, ``params["W1"]`` as W₁; intermediates by the variable on the
left of the line that made them.  A name that a loop assigns several times is numbered.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jax import tree_util

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε", "lam": "λ", "lambda": "λ",
    "lmbda": "λ", "mu": "μ", "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω",
    "theta": "θ", "eta": "η", "kappa": "κ", "xi": "ξ", "Sigma": "Σ", "Lambda": "Λ", "Theta": "Θ", "Phi": "Φ",
    "Delta": "Δ", "pi": "π",
}  # fmt: skip

D = "\N{DOUBLE-STRUCK ITALIC SMALL D}"  # before a name, the name of its differential; every style prints a d

SHORT = {"weight": "W", "kernel": "W", "bias": "b"}


def parameters(fun: Callable[..., Any], count: int) -> list[str]:
    """Return the names of a function's positional parameters; ``x1, x2, …`` where it has none."""
    try:
        found = [
            p.name
            for p in inspect.signature(fun).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        found = []
    return [found[n] if n < len(found) else f"x{n + 1}" for n in range(count)]


def leaves(parameter: str, tree: Any) -> list[tuple[str, Any]]:
    """Return (name, leaf) for the leaves of one argument, named as a person would.

    >>> [n for n, _ in leaves("params", {"W1": 1.0, "b1": 2.0})]
    ['W1', 'b1']
    """
    found = tree_util.tree_flatten_with_path(tree)[0]
    names = [_leaf(parameter, path, leaf, found) for path, leaf in found]
    if len(set(names)) < len(names):
        names = [_spelled(parameter, path) for path, _ in found]
    return [(n, leaf) for n, (_, leaf) in zip(names, found, strict=True)]


def _leaf(parameter: str, path: Sequence[Any], leaf: Any, found: Sequence[Any]) -> str:
    keys = [k for k in (_key(p) for p in path) if isinstance(k, str)]
    numbers = [k for k in (_key(p) for p in path) if isinstance(k, int)]
    if not path:
        return parameter
    if keys:
        # a list of layers numbers them from 1
        base = SHORT.get(keys[-1], keys[-1]) if _plain(keys, found) else "_".join(keys)
        return base + "".join(f"_{n + 1}" for n in numbers)
    if len(numbers) == 2:
        return ("W" if getattr(leaf, "ndim", 0) > 1 else "b") + f"_{numbers[0] + 1}"
    if len(parameter) < 3 and len(path) == 1:
        return f"{parameter.removesuffix('s') or 's'}_{numbers[0] + 1}"
    return ("W" if getattr(leaf, "ndim", 0) > 1 else "b") + "_".join(["", *(str(n + 1) for n in numbers)])


def _plain(keys: list[str], found: Sequence[Any]) -> bool:
    last = [tuple(_key(p) for p in path if isinstance(_key(p), str))[-1:] for path, _ in found]
    numbered = [tuple(_key(p) for p in path if isinstance(_key(p), int)) for path, _ in found]
    return len(set(zip(last, numbered, strict=True))) == len(found)


def _key(entry: Any) -> str | int:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)


def _spelled(parameter: str, path: Sequence[Any]) -> str:
    return "_".join([parameter, *(str(_key(p)) for p in path)])


def numbered(name: str) -> tuple[str, str]:
    """Return the base of a name and its subscript.

    >>> numbered("W1"), numbered("b_12"), numbered("x")
    (('W', '1'), ('b', '12'), ('x', ''))
    """
    match = re.fullmatch(r"(.*?[^\d_])_?(\d+)", name)
    return (match[1], match[2]) if match else (name, "")


Position = tuple[Any, ...]  # file, line, what tells places on a line apart; then the call that stands there
PLACE = 5


def assigned(positions: Sequence[Position | None]) -> list[str | None]:
    """Return, for each equation's place in the source, the variable its value is assigned to.

    Only the last of a run of equations from one statement makes the value that the statement names;
    a position that comes again after another one means that a loop is in its next round.
    """
    result: list[str | None] = [None] * len(positions)
    current: tuple[int, str] | None = None
    seen: set[Position] = set()
    for n, p in enumerate(positions):
        statement = _assignments(p[0]).get(p[1]) if p else None
        again = _again(p, positions[n - 1] if n else None, seen)
        if n and current is not None and (statement != current or again):
            result[n - 1] = current[1]
        if statement != current or again:
            seen = set()
        if p:
            seen.add(p[:PLACE])
        current = statement
    if current is not None:
        result[-1] = current[1]
    return result


def _again(position: Position | None, before: Position | None, seen: set[Position]) -> bool:
    """Say whether a place is reached once more: after another place, or by another call."""
    if position is None or position[:PLACE] not in seen or before is None:
        return False
    return position[:PLACE] != before[:PLACE] or position[PLACE:] != before[PLACE:]


def names_something(position: Position | None) -> bool:
    """Say whether a place in the source is inside an assignment to a variable."""
    return position is not None and position[1] in _assignments(position[0])


def place(positions: Sequence[Position]) -> Position | None:
    """Return the place, of those from the innermost call outwards, whose statement may name a value.

    What a function returns is named where it is called: ``u = layer_norm(x)``.
    """
    for inner, outer in pairwise(positions):
        if inner[1] not in _returns(inner[0]) or outer[1] not in _assignments(outer[0]):
            return inner
    return positions[-1] if positions else None


@lru_cache(maxsize=64)
def _returns(file: str) -> frozenset[int]:
    """Return the lines of a file's return statements."""
    import linecache

    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return frozenset()
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    return frozenset(n for node in found for n in range(node.lineno, (node.end_lineno or node.lineno) + 1))


@lru_cache(maxsize=64)
def _assignments(file: str) -> dict[int, tuple[int, str]]:
    import linecache

    found: dict[int, tuple[int, str]] = {}
    if "site-packages" in file or "dist-packages" in file:
        return found  # a library's names are not the user's
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        target = None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            target = node.target
        if isinstance(target, ast.Name) and not isinstance(getattr(node, "value", None), ast.Lambda):
            found |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), (node.lineno, target.id))
    return found
