"""Differentiation is ours: no derivative of JAX's is taken under src/, three files excepted."""

import ast

import pytest

from tests.house.source import SRC, files, package_of, parsed, uses

FORBIDDEN = {
    "grad", "value_and_grad", "jvp", "vjp", "linearize", "linear_transpose", "jacobian", "jacfwd", "jacrev", "hessian",
    "fwd_and_bwd", "vjp3", "saved_input_vjp", "backward_pass",
}  # fmt: skip
# One equation's own rule, calls on values that are no arrays, and the oracle that users compare with.
EXEMPT = {"_graph/fallback.py", "_handed.py", "testing.py"}
# The transpose that the first of them asks for, from JAX's inside.
TRANSPOSE = ("_jax.py", "backward_pass")


def derivatives_taken(tree: ast.AST, package: str) -> list[str]:
    """Lines that read one of JAX's derivatives, however it was imported, or named through getattr."""
    found = [
        f"line {line}: {name}"
        for line, name in uses(tree, package)
        if name.split(".")[0] == "jax" and name.rpartition(".")[2] in FORBIDDEN
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            found += [f"line {node.lineno}: getattr {name}" for name in names if name in FORBIDDEN]
    return found


def exempt(relative: str) -> bool:
    return relative in EXEMPT or relative.startswith("testing/")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SRC)))
def test_no_derivative_of_jax_is_taken(path):
    if exempt(path.relative_to(SRC).as_posix()):
        pytest.skip("one of the documented exceptions")
    found = derivatives_taken(parsed(path), package_of(path))
    if path.name == TRANSPOSE[0]:
        found = [line for line in found if not line.endswith(f".{TRANSPOSE[1]}")]
    assert not found, f"{path.relative_to(SRC)} leaves the differentiation to JAX: {found}"


@pytest.mark.parametrize("text", [
    "import jax\ng = jax.grad(f)",
    "import jax as j\ng = j.jacrev(f)",
    "from jax import vjp\ny, back = vjp(f, x)",
    "from jax import jvp as push\npush(f, x, t)",
    "import jax\nd = getattr(jax, 'linearize')",
    "from jax import hessian\nh = hessian",
    "from jax._src.interpreters import ad\nad.backward_pass(jaxpr, True, (), xs, cts)",
])  # fmt: skip
def test_a_derivative_of_jax_is_caught(text):
    assert derivatives_taken(ast.parse(text), "catenary._emit")


@pytest.mark.parametrize("text", ["def grad(fun): ...\ngrad(f)", "from catenary._vectors import vjp\nvjp(f, x)"])
def test_our_own_derivatives_are_let_through(text):
    assert not derivatives_taken(ast.parse(text), "catenary._emit")
