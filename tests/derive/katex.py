"""KaTeX, a real renderer of LaTeX: one process of node that answers line by line.

`make test` installs it beside Python, in .venv/node_modules, where there is npm; in CI it must be there.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

MODULE = Path(sys.prefix) / "node_modules" / "katex"
SERVER = """
const katex = require(process.argv[1]);
require("readline").createInterface({input: process.stdin}).on("line", line => {
  let said = "";
  try { katex.renderToString(JSON.parse(line), {displayMode: true, throwOnError: true, strict: "error"}); }
  catch (error) { said = String(error); }
  console.log(JSON.stringify(said));
});
"""


@cache
def _server() -> subprocess.Popen | None:
    node = shutil.which("node")
    if not node or not MODULE.is_dir():
        return None
    command = [node, "-e", SERVER, str(MODULE)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


def complaint(latex: str) -> str:
    """What KaTeX says against a formula, "" if it renders it; skips the test where there is no KaTeX."""
    server = _server()
    if server is None:
        assert not os.environ.get("CI"), f"CI renders LaTeX: node and {MODULE} are missing"
        pytest.skip("needs node, and KaTeX by npm: make test installs it")
    assert server.stdin and server.stdout
    server.stdin.write(json.dumps(latex) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())
