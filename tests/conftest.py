"""A strict JAX for every test: float64, two CPU devices, the validator on.

The variables are set before JAX is imported; a test that needs float32 says so with dtypes of its own.
"""

import gc
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

#: Two devices; programs compiled in one piece, as they are small; and with JAX 0.10 XLA's older emitters of fused
#: loops, which compile in half the time.
FLAGS = "--xla_force_host_platform_device_count=2 --xla_cpu_parallel_codegen_split_count=1"
if version("jaxlib").startswith("0.10."):
    FLAGS += " --xla_cpu_use_fusion_emitters=false"
if FLAGS not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # of XLA's: a third of the tests' time was compilation
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "0")  # without a folder to keep them in, keys are computed still
os.environ.setdefault("CATENARY_VALIDATE", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import jax
import pytest
from jax._src.interpreters import mlir

from tests.once import once

jax.config.update("jax_enable_x64", True)

gc.set_threshold(20_000, 20, 50)  # tracing makes and keeps many small objects
mlir.make_ir_context = cache(mlir.make_ir_context)  # JAX makes one a program, of every dialect: 5 to 10 ms on 0.10
KEPT = 500  # compiled programs, of a megabyte or two each: a process that keeps them all grows to 4 GB

# The same programs on every run and every machine; CATENARY_EXAMPLES=1000 looks further.
hypothesis.settings.register_profile(
    "catenary",
    deadline=None,
    derandomize="CATENARY_EXAMPLES" not in os.environ,
    max_examples=int(os.environ.get("CATENARY_EXAMPLES", "50")),
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("catenary")


@pytest.fixture(scope="module", autouse=True)
def _programs_let_go() -> Iterator[None]:
    """Forget what is compiled once there is much of it: the next module compiles other programs."""
    yield
    if len(jax.devices()[0].client.live_executables()) > KEPT:
        jax.clear_caches()
        mlir.make_ir_context.cache_clear()


@pytest.fixture
def key() -> jax.Array:
    """A fixed random key: a test that fails today fails tomorrow."""
    return jax.random.key(0)


#: What one JAX is enough for: our own algebra and searches, how formulas and the code look, faults planted in our code.
ONCE = frozenset("benchmarks derive docs ecosystem faults house literature maps plan report".split())
#: Of those, what reads programs as JAX writes them: that changes from one JAX to the next.
BOTH = frozenset(
    "test_check test_default_mode test_examples test_plan test_readme test_refusals test_rules test_special".split()
)
#: And of the others, what is our own algebra, command and weight.
ALONE = frozenset(
    "test_commands test_composition test_derivative test_hessians test_high_order test_import_time test_orders "
    "test_products test_scenarios test_sparse test_tiny".split()
)


def pytest_collection_finish() -> None:
    """What is imported stays: no collection need look at it."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the oldest JAX of .ci/run what does not depend on it; long tests come first."""
    items.sort(key=lambda item: item.path.parent.name != "tests")
    for item in items:
        folder, name = item.path.parent.name, item.path.stem
        if name in ALONE or (folder in ONCE and name not in BOTH):
            item.add_marker(once)
