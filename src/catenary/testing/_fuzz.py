"""Random programs until the time is up: everything that must agree is compared, and what does not is made short.

After ∇Fuzz (Yang, Deng, Yao, Yuan, Zhang and Ding, Fuzzing Automatic Differentiation in Deep-Learning Libraries,
ICSE 2023): values, orders, forward and reverse, numerical derivatives and transforms are each other's oracles.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import catenary as ct

from ._check import ORDERS, numerical_push
from ._programs import Program, random_program
from ._report import Report


@dataclass(frozen=True)
class Finding:
    """A program on which something disagrees, as short as it was found to be, and what."""

    seed: int
    program: Program
    report: str

    def __str__(self) -> str:
        return f"seed {self.seed}\n{self.report}\n\n{self.program}"


def fuzz(minutes: float, seed: int = 0, told: Callable[[int, int], None] = lambda tried, found: None) -> list[Finding]:
    """Examine random programs for a time; what was found, each program shrunk.

    Args:
        minutes: when to stop; a program that was begun is finished.
        seed: of the first program; the next ones count up, so a run can go on where another stopped.
        told: called after every program with how many were tried and how many of them failed.

    Cost: two to five seconds a program, most of it compilation.

    >>> fuzz(0)
    []
    """
    end, found = time.monotonic() + 60 * minutes, []
    for number in count(seed):
        if time.monotonic() >= end:
            return found
        program = random_program(number)
        if failure(program) is not None:
            short = shrunk(program)
            found.append(Finding(number, short, failure(short) or ""))
        told(number - seed + 1, len(found))
    raise AssertionError("unreachable")


def failure(program: Program) -> str | None:
    """What disagrees on a program, or how it fails; None where all agrees."""
    try:
        report = examine(program)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if report.ok else str(report)


def examine(program: Program) -> Report:
    r"""Compare, at the program's point, everything that must agree.

    The Jacobian in every order with JAX's; a push with the numerical derivative and with the pull; the Hessian of a
    scalar made of it with JAX's, in both nestings; a gradient outside jit, inside, and over a batch.

    >>> examine(Program("def program(x):\n    return jnp.sin(x)\n", ((2,),), seed=0)).ok
    True
    """
    args, by, report = program.point(), program.argnums, Report("fuzz")
    rng = np.random.default_rng(program.seed)
    v, w = (
        jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), t)
        for t in (args, jax.eval_shape(program, *args))
    )

    def scalar(*args: Any) -> Any:
        return _inner(w, jax.tree.map(lambda y: y * y, program(*args)))

    def batched(grad: Any, *args: Any) -> Any:
        return jax.vmap(grad)(*jax.tree.map(lambda x: jnp.stack([x, 0.9 * x]), args))

    @jax.jit
    def compute(*args: Any) -> dict[str, tuple[Any, Any]]:
        theirs, hessian = jax.jacrev(program, by)(*args), jax.hessian(scalar, by)(*args)
        pairs = {f"{order} and JAX": (ct.jacobian(program, by, order=order)(*args), theirs) for order in ORDERS}
        value, pushed = ct.jvp(program, args, v)
        pulled = ct.vjp(program, *args)[1](w)
        pairs["values"] = value, program(*args)
        pairs["⟨w, J v⟩ and ⟨Jᵀ w, v⟩"] = _inner(w, pushed), _inner(pulled, v)
        pairs["J v and the numerical derivative"] = pushed, numerical_push(program, args, v)
        pairs["Hessian and JAX"] = ct.hessian(scalar, by)(*args), hessian
        pairs["JAX's Jacobian of our gradient"] = jax.jacfwd(ct.grad(scalar, by), by)(*args), hessian
        pairs["vmap and JAX"] = batched(ct.grad(scalar, by), *args), batched(jax.grad(scalar, by), *args)
        pairs["gradient and JAX"] = ct.grad(scalar, by)(*args), jax.grad(scalar, by)(*args)
        return pairs

    pairs = compute(*args)
    pairs["outside jit"] = ct.grad(scalar, by)(*args), pairs["gradient and JAX"][1]
    for what, (ours, theirs) in pairs.items():
        report.compare(what, ours, theirs, 1e-6 if "numerical" in what else 1e-9)
    return report


def _inner(x: Any, y: Any) -> Any:
    return sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True))


def shrunk(program: Program, fails: Callable[[Program], Any] = failure) -> Program:
    r"""A shorter program that still fails: of its shorter variants the first that does, again and again.

    >>> long = random_program(3)
    >>> shrunk(long, fails=lambda p: "x" in p.code).code.count("\n") <= long.code.count("\n")
    True
    """
    while True:
        shorter = next((p for p in _shorter(program) if fails(p)), None)
        if shorter is None:
            return program
        program = shorter


def _shorter(program: Program) -> Iterator[Program]:
    """Programs with a line less: they return what the line made, or have ones in its place, or never read it."""
    lines = program.code.splitlines()
    stages = [k for k, line in enumerate(lines) if re.match(r" +v\d+ = ", line)]
    for k in stages[:-1]:
        yield _with(program, [*lines[: k + 1], f"    return {lines[k].split()[0]}"])
    for k in reversed(stages):
        name = lines[k].split()[0]
        rest = [*lines[:k], *lines[k + 1 :]]
        if not any(re.search(rf"\b{name}\b", line) for line in rest):
            yield _with(program, rest)
        elif "jnp.ones(" not in lines[k]:
            shape = _shape_of(program, lines, k)
            yield _with(program, [*lines[:k], f"    {name} = jnp.ones({shape})", *lines[k + 1 :]])


def _shape_of(program: Program, lines: list[str], k: int) -> tuple[int, ...]:
    made = _with(program, [*lines[: k + 1], f"    return {lines[k].split()[0]}"])
    return tuple(jax.eval_shape(made, *made.point()).shape)


def _with(program: Program, lines: list[str]) -> Program:
    return replace(program, code="\n".join(lines) + "\n")
