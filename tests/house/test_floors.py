"""Imports point down, and JAX's inside is entered through one door."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.source import FLOOR, FLOORS, ROOT, SRC, files, imports, module_name, package_of, parsed, uses

# What the package may use of JAX; `_jax.py` may use the rest.
JAX_ALLOWED = ("jax", "jax.numpy", "jax.lax", "jax.extend.core", "jax.tree_util", "jax.tree", "jax.export", "jax.nn",
               "jax.random", "jax.typing", "jax.sharding", "jax.dtypes", "jax.scipy", "jax.errors", "jax.image",
               "jax.experimental.sparse")  # fmt: skip
JAX_INSIDE = ("jax._src", "jax.interpreters", "jax.core", "jax.extend.linear_util", "jax.extend.source_info_util",
              "jax.extend.backend", "jax.extend.mlir", "jaxlib")  # fmt: skip
LIBRARIES = {"jax", "numpy", "rich", "typer", "matplotlib", "jaxtyping", "hypothesis"}
# Libraries that are slow to import or optional: only inside the function that needs them.
LAZY = {"rich", "typer", "matplotlib", "jaxtyping"}
# What prints asks for its page when it is shown: the imports that point up.
PAGES = ("catenary._report.page", "catenary._report.planned")
LAZY_EXEMPT = {"cli", "_report", "testing"}


def room(module: str) -> str | None:
    """The room of a module: catenary._maps.term → _maps; None for the face and the world outside."""
    parts = module.split(".")
    return parts[1] if parts[0] == "catenary" and len(parts) > 1 else None


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def upward(tree: ast.Module, module: str, package: str) -> list[str]:
    """Imports of a room above one's own, and of the face from any room that the face itself stands on."""
    here = FLOOR.get(room(module), len(FLOOR)) if room(module) else len(FLOOR)
    top_level = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    at_once = [name for node in top_level for name in imports(node, package)]
    bad = []
    for name in imports(tree, package):
        target = room(name)
        late = name not in at_once and any(within(name, page) for page in PAGES)
        above = target in FLOOR and FLOOR[target] > here and not late
        face = within(name, "catenary") and target not in FLOOR and here < FLOOR["testing"]
        if above or face:
            bad.append(name)
    return bad


def inside_jax(tree: ast.AST, package: str) -> list[str]:
    """Names of JAX's inside that a tree imports or reaches by attribute."""
    names = imports(tree, package) + [name for _, name in uses(tree, package)]
    return sorted({name for name in names if any(within(name, inside) for inside in JAX_INSIDE)})


def strangers(tree: ast.AST, package: str) -> list[str]:
    """Imports of libraries that are not in the list, and of parts of JAX that are not."""
    bad = []
    for name in imports(tree, package):
        top = name.partition(".")[0]
        if top == "catenary" or top in sys.stdlib_module_names:
            continue
        if top not in LIBRARIES:
            bad.append(name)
        elif top == "jax":
            # `import jax.numpy` names a module, `from jax import grad` a public name of one
            stem = name.rpartition(".")[0]
            if name not in JAX_ALLOWED and stem not in JAX_ALLOWED:
                bad.append(name)
    return bad


def eager(tree: ast.Module, package: str) -> list[str]:
    """Imports at module level of what should be imported late."""
    top_level = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [name for node in top_level for name in imports(node, package)]
    return [name for name in names if name.partition(".")[0] in LAZY]


def ids(path: Path) -> str:
    return str(path.relative_to(SRC))


@pytest.mark.parametrize("path", files(), ids=ids)
def test_imports_point_down(path):
    bad = upward(parsed(path), module_name(path), package_of(path))
    assert not bad, f"{ids(path)} must not import {bad}: a floor above it"


@pytest.mark.parametrize("path", files(), ids=ids)
def test_jax_has_one_door(path):
    if path.name == "_jax.py":
        pytest.skip("the door itself")
    tree, package = parsed(path), package_of(path)
    assert not inside_jax(tree, package), f"{ids(path)} reaches inside JAX; that belongs in _jax.py"
    assert not strangers(tree, package), f"{ids(path)} imports what is not in the list of libraries"


@pytest.mark.parametrize("path", files(), ids=ids)
def test_slow_libraries_are_imported_late(path):
    if room(module_name(path)) in LAZY_EXEMPT:
        pytest.skip("nothing imports this room")
    assert not eager(parsed(path), package_of(path)), f"{ids(path)}: import these inside the function that needs them"


def test_every_room_has_a_floor():
    rooms = {room(module_name(path)) for path in files()} - {None, "__main__"}
    assert rooms <= set(FLOOR), f"give {sorted(rooms - set(FLOOR))} a floor in tests/house/source.py and pyproject.toml"


def test_both_lists_of_floors_agree():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = [tuple(name.strip(" ()") for name in layer.split(":")) for layer in reversed(contract["layers"])]
    assert layers == list(FLOORS)


# ------------------------------------------------------------ the tests of the tests


@pytest.mark.parametrize("text", [
    "from catenary._emit import recipe",
    "from .._emit.recipe import build",
    "def f():\n    import catenary._plan.order",
    "import catenary as ct",
    "from catenary import grad",
    "from .._report.page import page",
])  # fmt: skip
def test_an_upward_import_is_caught(text):
    assert upward(ast.parse(text), "catenary._maps.term", "catenary._maps")


@pytest.mark.parametrize("text", ["from catenary._graph import Graph", "from .term import Term", "import jax"])
def test_a_downward_import_is_let_through(text):
    assert not upward(ast.parse(text), "catenary._maps.add", "catenary._maps")


def test_a_page_may_be_asked_for_late():
    late = "def html():\n    from .._report.page import page"
    assert not upward(ast.parse(late), "catenary._maps.add", "catenary._maps")


@pytest.mark.parametrize("text", [
    "from jax._src import core",
    "import jax._src.core as c",
    "from jax.interpreters import ad",
    "from jax import core",
    "import jax\nx = jax.core.Literal",
    "from jax import interpreters as i\ny = i.ad.primitive_jvps",
])  # fmt: skip
def test_a_second_door_is_caught(text):
    assert inside_jax(ast.parse(text), "catenary._rules")


@pytest.mark.parametrize("text", ["import scipy", "from jax.experimental import pallas", "import torch.nn"])
def test_a_stranger_is_caught(text):
    assert strangers(ast.parse(text), "catenary._rules")


def test_an_eager_import_is_caught():
    assert eager(ast.parse("from rich.table import Table"), "catenary._plan")
    assert not eager(ast.parse("def show():\n    from rich.table import Table"), "catenary._plan")
