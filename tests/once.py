"""What one JAX is enough for: our own algebra, tests that break our code on purpose, and how formulas look."""

import jax
import pytest

once = pytest.mark.skipif(not jax.__version__.startswith("0.10"), reason="once, on the oldest JAX of .ci/run")
