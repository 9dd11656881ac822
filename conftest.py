"""Doctests run as a user would type them: JAX's default float32, with `ct`, `jax`, `jnp` and `np` imported.

Those of `catenary.testing` run in float64, which its checks are made for.
"""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _as_typed(request: pytest.FixtureRequest) -> Iterator[None]:
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import jax
    import jax.numpy as jnp
    import numpy as np

    import catenary as ct

    request.getfixturevalue("doctest_namespace").update(ct=ct, jax=jax, jnp=jnp, np=np)
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", "testing" in request.node.path.parts)
    yield
    jax.config.update("jax_enable_x64", before)
