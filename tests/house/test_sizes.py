"""Size as a number: every run prints what is long, and what is much too long fails."""

import ast

import pytest

from tests.house.source import SRC, files, parsed

FILE, FUNCTION = 500, 50  # asking to be split; asking to be thought about again
FILE_CEILING, FUNCTION_CEILING = 700, 90


def functions(tree: ast.AST) -> list[tuple[str, int]]:
    """Each function with its lines of code: from `def` to its end, its docstring left out."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node):
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            found.append((node.name, lines))
    return found


def too_long(text: str, tree: ast.AST, file_limit: int, function_limit: int) -> list[str]:
    """What of a file is over the limits, in words."""
    lines = text.count("\n")
    found = [f"{lines} lines in the file (over {file_limit})"] if lines > file_limit else []
    return found + [
        f"{n} lines in {name}() (over {function_limit})" for name, n in functions(tree) if n > function_limit
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SRC)))
def test_nothing_is_over_the_ceiling(path):
    found = too_long(path.read_text(), parsed(path), FILE_CEILING, FUNCTION_CEILING)
    assert not found, f"{path.relative_to(SRC)}: split this: {found}"


def test_sizes_are_printed(capsys):
    sizes = {path: path.read_text().count("\n") for path in files()}
    lengths = sorted(n for path in files() for _, n in functions(parsed(path)))
    with capsys.disabled():
        print(f"\nsize: {sum(sizes.values())} lines in {len(sizes)} files, longest {max(sizes.values())};", end=" ")
        print(f"{len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, longest {lengths[-1]}")
        for path, text in ((path, path.read_text()) for path in files()):
            for what in too_long(text, parsed(path), FILE, FUNCTION):
                print(f"size: {path.relative_to(SRC)}: {what}")


def test_a_long_file_and_a_long_function_are_caught():
    body = "def f():\n" + "    x = 1\n" * 60
    assert too_long(body, ast.parse(body), 10, 50) == ["61 lines in the file (over 10)", "61 lines in f() (over 50)"]
    said = 'def f():\n    """' + "word\n" * 60 + '"""\n    return 1\n'
    assert too_long(said, ast.parse(said), 100, 50) == []
