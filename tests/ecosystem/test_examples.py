"""Programs of other libraries train, fit and sample with our transforms in the place of JAX's: `.[ecosystem]`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDS = {
    "diffrax_pendulum": "diffrax",
    "equinox_perceptron": "equinox",
    "flax_perceptron": "flax",
    "lineax_poisson": "lineax",
    "numpyro_regression": "numpyro",
}


@pytest.mark.parametrize("name", NEEDS)
def test_example(name):
    """In float32 and a process of its own, as a user runs it; each asserts what it found."""
    pytest.importorskip(NEEDS[name])
    pytest.importorskip("optax")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "CATENARY_"))}
    env["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES), str(EXAMPLES.parent / "src")])
    file = EXAMPLES / "ecosystem" / f"{name}.py"
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
