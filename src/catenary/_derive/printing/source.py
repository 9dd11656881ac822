"""The Python source of a derivation: arguments in, gradients out in the arguments' own structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jax import tree_util

from ..defining.recursion import Line
from ..expressions.dims import dims_of
from ..reading.program import Input
from .python import HELPERS, PythonPrinter, identifier


def source(
    name: str,
    parameters: Sequence[str],
    args: Sequence[Any],
    inputs: Sequence[Input],
    definitions: Iterable[Line],
    gradients: Sequence[Line],
    argnums: int | tuple[int, ...] | None,
    summary: str,
    order: int = 1,
) -> str:
    """Return the source of one function of the given parameters; it imports ``jax.numpy`` alone.

    Without ``argnums`` it returns the one value of ``gradients``.
    """
    access = _access(parameters, args, inputs)
    names = {i.name: i.name if i.name in parameters else identifier(i.name) for i in inputs}
    printer = PythonPrinter(names)
    body = _defined(definitions, printer)
    results = {line.name: printer(line.value) for line in gradients}
    if len(results) > 1:
        body += [f"grad_{identifier(leaf)} = {result}" for leaf, result in results.items()]
        results = {leaf: f"grad_{identifier(leaf)}" for leaf in results}
    returned = next(iter(results.values())) if argnums is None else _returned(args, inputs, results, argnums, order)
    text = "\n".join((*body, returned))
    used = [i for i in inputs if i.name not in parameters and _mentions(text, names[i.name])]
    unpack = [f"{names[i.name]} = {access[i.name]}" for i in used]
    sizes = _sizes(printer.used, inputs, access)
    helpers = [HELPERS[h] for h in HELPERS if h in printer.used]
    lines = [f'"""{summary}"""', *"\n".join(helpers).splitlines(), *unpack, *sizes, *body, f"return {returned}"]
    inside = "\n".join("    " + line for line in lines)
    also = "from jax import lax\n" if "lax." in inside else ""
    return f"import jax.numpy as jnp\n{also}\n\ndef {name}({', '.join(parameters)}):\n{inside}\n"


def _defined(lines: Iterable[Line], printer: PythonPrinter) -> list[str]:
    """Return the source of definitions, in order; the lines of a loop are one piece."""
    from .python_steps import loop_source

    body: list[str] = []
    blocks: list[Any] = []
    for line in lines:
        if line.block is None:
            body.append(f"{identifier(line.name)} = {printer(line.value)}")
        elif line.block not in blocks:
            alike = sum(b.backward == line.block.backward for b in blocks)
            blocks.append(line.block)
            body += loop_source(line.block, printer, alike)
    return body


def _mentions(text: str, name: str) -> bool:
    import re

    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _access(parameters: Sequence[str], args: Sequence[Any], inputs: Sequence[Input]) -> dict[str, str]:
    """Return for each leaf the expression that takes it out of its argument."""
    found: list[str] = []
    for parameter, arg in zip(parameters, args, strict=True):
        for path, _ in tree_util.tree_flatten_with_path(arg)[0]:
            found.append(parameter + tree_util.keystr(path))
    return {i.name: f for i, f in zip(inputs, found, strict=True)}


def _sizes(used: set[str], inputs: Sequence[Input], access: dict[str, str]) -> list[str]:
    where: dict[str, str] = {}
    for i in inputs:
        for n, d in enumerate(dims_of(i.struct.shape)):
            where.setdefault(str(d), f"{access[i.name]}.shape[{n}]")
    for product in [d for d in where if "*" in d and "+" not in d and "-" not in d]:
        for name in product.split("*"):
            others = product.split("*")
            others.remove(name)
            if name.isidentifier() and name not in where and all(o.isdigit() or o in where for o in others):
                below = " * ".join(o if o.isdigit() else where[o] for o in others)
                where[name] = f"{where[product]} // {below if len(others) == 1 else f'({below})'}"
    return [f"{d} = {where[d]}" for d in sorted(used) if d in where]


def _returned(
    args: Sequence[Any], inputs: Sequence[Input], results: dict[str, str], argnums: int | tuple[int, ...], order: int
) -> str:
    """Return the results in the arguments' structure; for a second derivative, a structure for each leaf of another."""

    def all_of(by: str, left: int) -> str:
        if isinstance(argnums, int):
            return of(argnums, by, left)
        return f"({', '.join(of(n, by, left) for n in argnums)},)"

    def of(n: int, by: str, left: int) -> str:
        names = iter([f"{by}·{i.name}".lstrip("·") for i in inputs if i.argument == n])
        return _structure(args[n], lambda: all_of(next(names), left - 1) if left > 1 else results[next(names)])

    return all_of("", order)


def _structure(tree: Any, leaf: Callable[[], str]) -> str:
    """Return source that builds a pytree of dicts, lists and tuples; other nodes become tuples of their children."""
    if tree_util.all_leaves([tree]):
        return leaf()
    if tree is None:
        return "None"
    if isinstance(tree, dict):
        inside = {k: _structure(tree[k], leaf) for k in sorted(tree)}
        return "{" + ", ".join(f"{k!r}: {v}" for k, v in inside.items()) + "}"
    children = tree_util.tree_leaves(tree, is_leaf=lambda x: x is not tree)
    inside_list = [_structure(c, leaf) for c in children]
    if isinstance(tree, list):
        return f"[{', '.join(inside_list)}]"
    return f"({', '.join(inside_list)}{',' if len(inside_list) == 1 else ''})"
