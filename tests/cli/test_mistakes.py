"""Every mistake in a file, a function or a shape: one line that tells what to do, exit code 2, no traceback."""

import re
from pathlib import Path

import pytest

from catenary.cli import main

GOOD = """
import jax.numpy as jnp

def loss(w: "n", X: "N n", y: "N"):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))

def bare(x, y):
    return jnp.sum(x * y)

def mismatch(A: "N n", x: "m"):
    return jnp.sum(A @ x)

def text(mode: str, x: "n"):
    return jnp.sum(x)

def fails(x: "3"):
    raise KeyError("no such thing")

def opaque(x: "*batch n"):
    return jnp.sum(x)

def branch(x: "n"):
    return jnp.sum(x) if x[0] > 0 else x[0]

def concrete(x: "N"):
    return jnp.sum(x[:3] * jnp.arange(3.0))
"""

FILES = {
    "good.py": GOOD,
    "unclosed.py": "x = 1\ndef f(x:\n    return x\n",
    "needs.py": "import math\nimport nosuchmodule\n",
    "exits.py": "import sys\nprint('hello')\nsys.exit(3)\n",
    "divides.py": "\n\nx = 1 / 0\n",
    "empty.py": "x = 1\n",
    "notes.txt": "",
}

MISTAKES = [
    # arguments                                     what the line says
    (["derive"], r"Missing argument 'FILE.py:function'\. See catenary --help"),
    (["derive", "good.py:loss", "--nonsense"], r"No such option: --nonsense"),
    (["derive", "good.py:loss", "--form", "tensor"], r"--form tensor: there is no form 'tensor'; choose among matrix"),
    (["derive", "good.py:loss", "--check", "2 * v"], r"--check '2 \* v': NameError: name 'v' is not defined"),
    (["derive", "good.py:loss", "--check", "2 *"], r"--check '2 \*': SyntaxError: invalid syntax"),
    (["derive", "good.py:loss", "--html", "."], r"cannot write \.: Is a directory"),
    (["demo", "--out", "notes.txt"], r"cannot write to notes\.txt: File exists; choose another place with --out"),
    (["sing"], r"No such command 'sing'"),
    (["derive", "absent.py:loss"], r"absent\.py does not exist; write FILE\.py:function"),
    (["derive", "."], r"\. is a directory; write FILE\.py:function"),
    (["derive", "notes.txt:f"], r"notes\.txt is no Python file"),
    (["derive", "unclosed.py:f"], r"unclosed\.py, line 2: .*never closed"),
    (["derive", "needs.py:f"], r"needs\.py, line 2: ModuleNotFoundError: No module named 'nosuchmodule'"),
    (["derive", "exits.py:f"], r"exits\.py, line 3: SystemExit: 3"),
    (["derive", "divides.py:f"], r"divides\.py, line 3: ZeroDivisionError: division by zero"),
    (["derive", "empty.py:f"], r"empty\.py has no function 'f'; it defines none"),
    (["derive", "good.py"], r"which function of good\.py\? it has loss, bare, .*\. Write good\.py:loss"),
    (["derive", "good.py:los"], r"good\.py has no function 'los'; it has loss, bare"),
    (["derive", "good.py:jnp"], r"good\.py has no function 'jnp'"),
    (["derive", "good.py:bare"], r"argument 'x' has no annotation that tells its shape; .*--shape x=N,n"),
    (["plan", "good.py:bare", "--shape", "x=n"], r"argument 'y' has no annotation.*--shape y=N,n"),
    (["plan", "good.py:text"], r"argument 'mode' is annotated str, which is no array; .*--shape mode=N,n"),
    (["plan", "good.py:opaque"], r"argument 'x' may have any number of axes \(\*batch\)"),
    (["plan", "good.py:loss", "--shape", "X"], r"--shape X: write NAME=SIZES, as in --shape X=N,n"),
    (["plan", "good.py:loss", "--shape", "Z=3"], r"there is no argument 'Z'; the arguments are w, X, y"),
    (
        ["plan", "good.py:loss", "--shape", "X=N;n"],
        r"argument 'X': cannot read the sizes 'N;n'; write names or numbers",
    ),
    (["plan", "good.py:loss", "--shape", "X=-3,n"], r"argument 'X': cannot read the sizes '-3,n'"),
    (["plan", "good.py:loss", "--shape", "y=N:float23"], r"argument 'y': 'float23' is no dtype"),
    (
        ["plan", "good.py:loss", "--argnums", "3"],
        r"--argnums 3: the function has 3 arguments, numbered from 0: w, X, y",
    ),
    (["plan", "good.py:loss", "--argnums", "v"], r"--argnums v: there is no argument 'v'; write numbers, or names"),
    (["plan", "good.py:loss", "--order", "sideways"], r"unknown order"),
    (["plan", "good.py:loss", "--shape", "w=n:int32"], r"argument 'w' has dtype int32; give it a float dtype, or"),
    (["derive", "good.py:loss", "--shape", "y=N:int32", "--argnums", "y"], r"argument 'y' has dtype int32"),
    (["plan", "good.py:branch"], r"good\.py, line 23: TracerBoolConversionError: .* jnp\.where or jax\.lax\.cond"),
    (["plan", "good.py:concrete"], r"good\.py, line 26: TypeError: .* If it needs numbers for its sizes, pass them"),
    (["derive", "good.py:mismatch"], r"good\.py, line 11: TypeError: dot_general requires contracting dimensions"),
    (["derive", "good.py:fails"], r"good\.py, line 17: KeyError: 'no such thing'"),
    (["plan", "good.py:fails"], r"good\.py, line 17: KeyError: 'no such thing'"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with FILES in it, as the current one."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # so that what the command adds to sys.path is taken off again
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"), MISTAKES, ids=lambda value: " ".join(value) if type(value) is list else ""
)
def test_one_line_and_exit_code_2(here, capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert ended.value.code == 2
    assert out == ""
    assert last.startswith("catenary: ")
    assert "Traceback" not in err
    assert re.search(says, last), last


def test_the_demo_says_what_it_needs(here, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        main(["demo"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "catenary: the demo needs matplotlib and jaxtyping: pip install 'catenary[demo]'\n"
    )
