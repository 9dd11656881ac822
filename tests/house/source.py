"""The package as text: its files and their syntax trees, for the tests that read it."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "catenary"

# From the ground up. Rooms of one floor may know each other; a room may import its own floor and those below.
FLOORS = (
    ("errors",),
    ("_signature", "_argnums"),
    ("_jax", "_recorder", "_eager", "_dimensions"),
    ("_graph",),
    ("_maps",),
    ("_rules",),
    ("_local",),
    ("_sparsity",),
    ("_plan",),
    ("_derive", "_emit"),
    ("_call", "_handed"),
    ("_transforms", "_vectors", "_planning", "_derivative", "_composition"),
    ("testing", "extend"),
    ("_report",),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once."""
    return ast.parse(path.read_text(), filename=str(path))


def files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(SRC.rglob("*.py"))


def module_name(path: Path) -> str:
    """The dotted name of a file under src/, a package's __init__ by the package's name."""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def dotted(node: ast.expr) -> str | None:
    """`a.b.c` as text, None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (stem := dotted(node.value)):
        return f"{stem}.{node.attr}"
    return None


def imports(tree: ast.AST, package: str) -> list[str]:
    """Every name that a tree imports, absolute: `from a import b` gives a.b; lazy imports and TYPE_CHECKING too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(stem + ([base] if base else []))
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def package_of(path: Path) -> str:
    """The package against which a file's relative imports are resolved."""
    name = module_name(path)
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def aliases(tree: ast.AST, package: str) -> dict[str, str]:
    """What each imported name stands for: `from jax import numpy as jnp` gives jnp → jax.numpy."""
    table = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                table[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias, name in zip(node.names, imports(node, package), strict=True):
                table[alias.asname or alias.name] = name
    return table


def uses(tree: ast.AST, package: str) -> list[tuple[int, str]]:
    """Every dotted name that is read, with its line, its first part replaced by what was imported under it."""
    table, found = aliases(tree, package), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := dotted(node)):
            head, _, rest = name.partition(".")
            if head in table:
                found.append((node.lineno, f"{table[head]}.{rest}" if rest else table[head]))
    return found
