"""Random programs until the time is up: everything that must agree is compared, and what does not is made short.

After ∇Fuzz (Yang, Deng, Yao, Yuan, Zhang and Ding, Fuzzing Automatic Differentiation in Deep-Learning Libraries,
ICSE 2023): values, orders, forward and reverse, numerical derivatives and transforms are each other's oracles.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import catenary as ct

from ._check import ORDERS, numerical_push
from ._everything import DERIVED, EVERYTHING, FORWARD, FORWARD_ONLY, REVERSE, REVERSE_ONLY
from ._programs import Program, draw_program
from ._report import Report

#: What is compared → ours and theirs.
Pairs = dict[str, tuple[Any, Any]]


#: Numerical derivatives with one step and with half of it.
STEPS = "the numerical derivative and with half the step"

#: What only JAX says where it and not we are wrong: each has its program in docs/found_in_jax.md.
FOUND_IN_JAX = (
    "reduce_precision does not accept dtype complex",
    "LayoutUtil::IsMonotonicWithDim0Major(input_shape_.layout())",
)


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
        program = drawn(number)
        if failure(program) is not None:
            short = shrunk(program)
            found.append(Finding(number, short, failure(short) or ""))
        told(number - seed + 1, len(found))
    raise AssertionError("unreachable")


def drawn(seed: int) -> Program:
    """A program over all primitives; of six, four take derivatives inside, and two have but one direction.

    >>> drawn(3) == drawn(3)
    True
    """
    more = {4: REVERSE, 5: FORWARD}.get(seed % 6, DERIVED)
    return draw_program(Random(seed), families=(*EVERYTHING, *(more,) * 4))


def failure(program: Program) -> str | None:
    """What disagrees on a program, or how it fails; None where all agrees."""
    try:
        report = examine(program)
    except Exception as error:
        known = any(words in str(error) for words in FOUND_IN_JAX)
        return None if known else f"{type(error).__name__}: {error}"
    return None if report.ok else str(report)


def examine(program: Program) -> Report:
    r"""Compare, at the program's point, everything that must agree.

    The Jacobian in every order with JAX's; a push and a pull with JAX's and with the numerical derivative; the Hessian
    of a scalar made of it with JAX's, in both nestings; a gradient outside jit, inside, and over a batch. Where JAX has
    no derivative in one direction, as of a while loop in reverse, the program is examined in the other.

    >>> examine(Program("def program(x):\n    return jnp.sin(x)\n", ((2,),), seed=0)).ok
    True
    """
    args, by, rng = program.point(), program.argnums, np.random.default_rng(program.seed)
    v, w = (
        jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), t)
        for t in (args, jax.eval_shape(program, *args))
    )
    forward, backward = (re.search(other, program.code) is None for other in (REVERSE_ONLY, FORWARD_ONLY))

    def scalar(*args: Any) -> Any:
        return _inner(w, jax.tree.map(lambda y: y * y, program(*args)))

    @jax.jit
    def compute(*args: Any) -> Pairs:
        pairs = _jacobians(program, args, forward, backward)
        pairs |= _products(program, args, v, w, forward, backward)
        return pairs | _gradients(scalar, by, args, backward)

    pairs = compute(*args)
    ours, theirs = ct.grad if backward else ct.jacfwd, pairs["gradient and JAX"][1]
    pairs["outside jit"] = ours(scalar, by)(*args), theirs
    pairs["outside jit, of a jitted function"] = ours(jax.jit(scalar), by)(*args), theirs
    steps, report = Report("numerical"), Report("fuzz")
    one, half = pairs.pop(STEPS, ((), ()))
    steps.compare(STEPS, one, half, 1e-6)
    for what, (ours, theirs) in pairs.items():
        if "numerical" not in what:
            report.compare(what, ours, theirs, 1e-9)
        elif steps.ok:  # else the program is not smooth here, or branches on a rounding
            report.compare(what, ours, theirs, 1e-6)
    return report


def _jacobians(program: Program, args: Any, forward: bool, backward: bool) -> Pairs:
    """The Jacobian in every order that the program has."""
    closed = {"forward"} if not forward else set() if backward else {"reverse"}
    by, oracle = program.argnums, jax.jacrev if backward else jax.jacfwd
    theirs = oracle(program, by)(*args)
    return {f"{o} and JAX": (ct.jacobian(program, by, order=o)(*args), theirs) for o in ORDERS if o not in closed}


def _products(program: Program, args: Any, v: Any, w: Any, forward: bool, backward: bool) -> Pairs:
    """A push along v and a pull of w, where the program has them, and the numerical derivative of its value."""
    pairs: Pairs = {}
    numerical: Any = None
    if "stop_gradient" not in program.code:
        numerical = numerical_push(program, args, v)
        pairs[STEPS] = numerical, numerical_push(program, args, v, 0.5)
    if forward:
        value, pushed = ct.jvp(program, args, v)
        pairs["values"] = value, program(*args)
        if numerical is not None:
            # beside the value and 1, whose roundings it has
            pairs["J v and the numerical derivative"] = (pushed, value, 1.0), (numerical, program(*args), 1.0)
    if backward:
        value, pull = ct.vjp(program, *args)
        pulled = _inner(pull(w), v)
        pairs["values beside a pull"] = value, program(*args)
        if forward:
            pairs["⟨Jᵀ w, v⟩ and ⟨w, J v⟩"] = pulled, _inner(w, pushed)
        elif numerical is not None:
            theirs = _inner(w, numerical), program(*args), 1.0
            pairs["⟨Jᵀ w, v⟩ and the numerical derivative"] = (pulled, value, 1.0), theirs
    return pairs


def _gradients(scalar: Callable[..., Any], by: tuple[int, ...], args: Any, backward: bool) -> Pairs:
    """The gradient and the Hessian of a scalar, nested in JAX's transforms and they in ours."""
    ours, theirs = (ct.grad, jax.grad) if backward else (ct.jacfwd, jax.jacfwd)
    hessian = jax.jacfwd(theirs(scalar, by), by)(*args)

    def batched(grad: Any) -> Any:
        return jax.vmap(grad(scalar, by))(*jax.tree.map(lambda x: jnp.stack([x, 0.9 * x]), args))

    return {
        "gradient and JAX": (ours(scalar, by)(*args), theirs(scalar, by)(*args)),
        "vmap and JAX": (batched(ours), batched(theirs)),
        "Hessian and JAX": (ct.hessian(scalar, by)(*args), hessian),
        "JAX's Jacobian of our gradient": (jax.jacfwd(ours(scalar, by), by)(*args), hessian),
        "our Jacobian of JAX's gradient": (ct.jacobian(theirs(scalar, by), by)(*args), hessian),
    }


def _inner(x: Any, y: Any) -> Any:
    return sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True))


def shrunk(program: Program, fails: Callable[[Program], Any] = failure) -> Program:
    r"""A shorter program that still fails: of its shorter variants the first that does, again and again.

    >>> long = drawn(3)
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
