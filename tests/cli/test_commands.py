"""The commands on real files: derive and plan print text, LaTeX, Python and JSON; the demo writes its figure."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from catenary.cli import _examples, _load, _progress, main

EXAMPLES = _examples()


@pytest.fixture(autouse=True)
def path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command adds to sys.path is taken off again."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert not ended.value.code, err
    return out


def test_help_names_the_commands(capsys):
    text = run(capsys, "--help")
    assert all(command in text for command in ("demo", "derive", "plan"))


def test_derive_prints_the_formula(capsys):
    text = run(capsys, "derive", f"{EXAMPLES}/logistic.py:J")
    assert all(sign in text for sign in ("X", "σ", "⊙", "1/N"))


def test_derive_latex(capsys):
    assert r"\sigma" in run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--latex")


def test_derive_python_compiles(capsys):
    compile(run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--python"), "derived.py", "exec")


def test_derive_markdown_and_forms(capsys):
    text = run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--markdown", "--form", "matrix,index")
    assert "| matrix | index |" in text and r"\sum_{j}" in text
    assert "Σⱼ Xⱼᵢ" in run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--form", "index")


def test_derive_html(capsys, tmp_path: Path):
    assert run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--html", str(tmp_path / "J.html")) == ""
    page = (tmp_path / "J.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<math" in page


RIGHT = "-X.T @ (y / (1 + jnp.exp(y * (X @ w)))) / X.shape[0]"


def test_derive_checks_a_formula(capsys):
    assert "agrees" in run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--check", RIGHT)


def test_derive_says_what_differs_and_ends_with_1(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["derive", f"{EXAMPLES}/logistic.py:J", "--check", RIGHT.removeprefix("-")])
    assert ended.value.code == 1
    assert "sign" in capsys.readouterr().out


def test_a_long_wait_is_announced(capsys, monkeypatch: pytest.MonkeyPatch):
    import time

    monkeypatch.setenv("FORCE_COLOR", "1")
    for seconds, said in ((0.0, False), (0.3, True)):
        with _progress("deriving J", after=0.1):
            time.sleep(seconds)
        assert ("deriving J" in capsys.readouterr().err) is said


def test_derive_json(capsys):
    found = json.loads(run(capsys, "derive", f"{EXAMPLES}/logistic.py:J", "--json"))
    assert {"formula", "latex", "python"} <= set(found)


def test_plan_in_names_and_in_numbers(capsys):
    target = f"{EXAMPLES}/chain.py:loss"
    assert "D" in run(capsys, "plan", target)
    sizes = [f"--shape=A{i}=16,16" for i in range(1, 5)]
    assert len(run(capsys, "plan", target, "--shape=x=16", *sizes).splitlines()) <= 12


def test_plan_json_and_names_as_argnums(capsys):
    found = json.loads(run(capsys, "plan", f"{EXAMPLES}/chain.py:loss", "--json", "--argnums", "A1,A2"))
    assert found["name"] in found["alternatives"] and found["cost"] == found["alternatives"][found["name"]]
    assert {"primitive", "shape"} <= set(found["rows"][0])


def test_the_file_may_print(capsys, tmp_path: Path):
    (tmp_path / "chatty.py").write_text("import jax.numpy as jnp\nprint('hello')\ndef f(x): return jnp.sum(x * x)\n")
    assert "hello" not in run(capsys, "plan", f"{tmp_path}/chatty.py:f", "--shape", "x=n")


def test_demo_trains_and_draws(capsys, tmp_path: Path):
    program = _load(EXAMPLES / "demo.py")
    program.EPOCHS, program.PLANNED, program.COMPILED = 8, (4, 16), (16,)
    program.run(tmp_path)
    text = capsys.readouterr().out
    accuracy = [float(line.split("accuracy ")[1].split("%")[0]) for line in text.splitlines() if "% after" in line]
    assert len(accuracy) == 2 and min(accuracy) >= 95 and accuracy[0] == accuracy[1]
    assert (tmp_path / "demo.png").stat().st_size > 20_000
    assert "sigma" in text or "σ" in text


SCALARS = """
import jax.numpy as jnp
def f(x: "", y: ""):
    for k in range(12):
        x, y = x * y, jnp.sin(x) + jnp.exp(y) * x
    return x, y
"""


def test_a_search_is_stopped_and_keeps_the_best(capsys, tmp_path: Path):
    (tmp_path / "scalars.py").write_text(SCALARS)
    threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    found = json.loads(
        run(capsys, "plan", f"{tmp_path}/scalars.py:f", "--search", "60", "--cost", "multiplications", "--json")
    )
    assert time.monotonic() - began < 30 and found["cost"] <= min(found["alternatives"].values())


def test_plan_writes_a_page(capsys, tmp_path: Path):
    page = tmp_path / "plan.html"
    assert run(capsys, "plan", f"{EXAMPLES}/transformer.py:loss", "--html", str(page)) == ""
    assert "<svg" in page.read_text() and page.stat().st_size < 500_000
