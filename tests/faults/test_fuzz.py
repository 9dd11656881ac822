"""The fuzzer finds a planted fault and makes its program short; on sound code it finds nothing."""

import subprocess
import sys

from catenary._rules import RULES
from catenary._rules.row import Piece
from catenary.testing._fuzz import failure, shrunk
from catenary.testing._programs import Program

LONG = """\
def program(x, y):
    v0 = jnp.sin(x) * y
    v1 = jnp.tanh(v0)
    v2 = jnp.exp(v1) + v0
    v3 = jnp.cos(v2)
    return (v3, v1)
"""


def test_a_planted_fault_is_found_and_its_program_shortened(monkeypatch):
    program = Program(LONG, ((2,), (2,)), seed=1)
    assert failure(program) is None

    primitive = next(p for p in RULES if p.name == "tanh")
    rule = RULES[primitive]

    def doubled(site, operand):
        return {
            out: tuple(Piece(p.term, p.row.__class__("y", lambda y: 2 - 2 * y * y)) for p in path)
            for out, path in rule(site, operand).items()
        }

    monkeypatch.setitem(RULES, primitive, doubled)
    assert "differ by" in failure(program)
    short = shrunk(program)
    assert "tanh" in short.code and short.code.count("\n") <= 4


def test_a_branch_on_a_rounding_is_nobodys_fault():
    """A sum that is 0 but for roundings may fall on either side: there is no numerical derivative to compare with."""
    code = "def program(x):\n    return jnp.where(jnp.sin(x) ** 2 + jnp.cos(x) ** 2 > 1, jnp.cos(x), x)\n"
    assert failure(Program(code, ((16,),), seed=1)) is None


def test_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "catenary.testing", "fuzz", "--minutes", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
