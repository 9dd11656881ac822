"""What one JAX is enough for: tests that break our own code on purpose, what is generated, and how formulas look."""

import jax
import pytest

once = pytest.mark.skipif(not jax.__version__.startswith("0.10"), reason="once, on the oldest JAX of .ci/run")
