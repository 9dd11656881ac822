"""Random differentiable programs, as text that runs and reproduces itself."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import jax
import jax.ad_checkpoint
import jax.numpy as jnp
import numpy as np
from jax import lax

import catenary as ct

from ._operations import FAMILIES, Families, NoFit, Shape, fill

LARGEST = 32  # entries of an intermediate array: Jacobians stay small, and so do compile times
SIZES = (3, 2, 4, 1)
NAMESPACE = {"jax": jax, "jnp": jnp, "lax": lax, "ct": ct}


@dataclass(frozen=True)
class Program:
    """A differentiable function as its own source code, with a point to differentiate it at.

    Call it as the function that it is; `print` gives a script that reproduces it. Two programs are equal if their
    code and their point are.

    >>> p = random_program(0)
    >>> jax.tree.structure(p(*p.point())) == jax.tree.structure(p(*p.point()))
    True
    """

    code: str
    shapes: tuple[Any, ...]
    seed: int

    @cached_property
    def _function(self) -> Callable:
        namespace: dict[str, Any] = dict(NAMESPACE)
        exec(self.code, namespace)
        return namespace["program"]

    def __call__(self, *args):
        """The program's value: any pytree of arrays."""
        return self._function(*args)

    def point(self) -> tuple[Any, ...]:
        """Arguments drawn from ±[0.2, 1.4], by the program's seed: in float64 if JAX allows it, away from 0."""
        rng = np.random.default_rng(self.seed)

        def draw(shape: Shape) -> jax.Array:
            return jnp.asarray(rng.uniform(0.2, 1.4, shape) * rng.choice([-1.0, 1.0], shape))

        return jax.tree.map(draw, self.shapes, is_leaf=_is_shape)

    @property
    def argnums(self) -> tuple[int, ...]:
        """All arguments of the program."""
        return tuple(range(len(self.shapes)))

    def __repr__(self) -> str:
        return (
            "import catenary as ct, jax, jax.numpy as jnp\nfrom jax import lax\n"
            "from catenary.testing import Program\n\n"
            f"code = '''\\\n{self.code}'''\n"
            f"program = Program(code, shapes={self.shapes!r}, seed={self.seed})\n"
            "args = program.point()\n"
        )

    __str__ = __repr__


def _is_shape(node: Any) -> bool:
    return isinstance(node, tuple) and all(isinstance(n, int) for n in node)


def _draw_shape(rng: Random) -> Shape:
    return tuple(rng.choice(SIZES) for _ in range(rng.choice((2, 1, 2, 3, 0))))


def _result_shape(expression: str, pool: dict[str, Shape]) -> Shape:
    """The shape of an expression over the pool's variables, traced and not computed."""
    function = eval(f"lambda {', '.join(pool)}: {expression}", dict(NAMESPACE))
    return jax.eval_shape(function, *(jax.ShapeDtypeStruct(s, float) for s in pool.values())).shape


def _stage(rng: Random, pool: dict[str, Shape], families: Families) -> tuple[str, Shape]:
    """One more expression over the pool's variables, and its shape."""
    while True:
        template = rng.choice(rng.choice(families))
        try:
            expression = fill(template, rng, pool, families)
            shape = _result_shape(expression, pool)
        except NoFit:
            continue
        if 0 < math.prod(shape) <= LARGEST:
            return expression, shape


def _signature(rng: Random) -> tuple[list[str], list[str], dict[str, Shape], tuple[Any, ...]]:
    """Parameters, first lines, variables and shapes: one to three arguments, the last one perhaps a tuple."""
    names = ["x", "y", "z"][: rng.choice((1, 2, 2, 3))]
    pool = {name: _draw_shape(rng) for name in names}
    if len(names) < 3 or rng.randint(0, 1):
        return names, [], pool, tuple(pool.values())
    return ["x", "w"], ["y, z = w"], pool, (pool["x"], (pool["y"], pool["z"]))


def _result(rng: Random, pool: dict[str, Shape], used: set[str]) -> str:
    """What is returned: the variables that nothing has read, as an array, a tuple or a dictionary."""
    loose = [name for name in pool if name not in used and name not in "xyz"] or [list(pool)[-1]]
    if len(loose) == 1 and rng.randint(0, 3):
        return loose[0]
    if rng.randint(0, 1):
        return f"({', '.join(loose)},)"
    return "{" + ", ".join(f"{name!r}: {name}" for name in loose) + "}"


def draw_program(rng: Random, max_stages: int = 6, families: Families = FAMILIES) -> Program:
    """A program of one to `max_stages` stages out of some families, every choice taken from `rng`."""
    parameters, lines, pool, shapes = _signature(rng)
    used: set[str] = set()
    for stage in range(rng.randint(1, max_stages)):
        expression, shape = _stage(rng, pool, families)
        used |= {name for name in pool if name in _words(expression)}
        pool[f"v{stage}"] = shape
        lines.append(f"v{stage} = {expression}")
    lines.append(f"return {_result(rng, pool, used)}")
    code = f"def program({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in lines)
    return Program(code, shapes, seed=rng.randint(0, 2**16))


def _words(expression: str) -> set[str]:
    return set(re.findall(r"\w+", expression))


def random_program(seed: int, max_stages: int = 6) -> Program:
    """A random differentiable program: the same one for the same seed.

    >>> random_program(3) == random_program(3)
    True
    """
    return draw_program(Random(seed), max_stages)


def programs(max_stages: int = 6) -> Any:
    """A Hypothesis strategy of random differentiable programs; failures shrink to few and simple stages.

    Needs Hypothesis, which `pip install catenary[test]` brings.

    >>> from hypothesis import given
    >>> @given(program=programs(max_stages=4))
    ... def test_it_runs(program):
    ...     program(*program.point())
    """
    from hypothesis import strategies

    rngs = strategies.randoms(use_true_random=False)
    return rngs.map(lambda rng: draw_program(rng, max_stages))
