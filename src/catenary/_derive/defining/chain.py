"""The chain of the question: L_θ(x) = (f_N ∘ … ∘ f_1)(x) with all parameters as one θ.

What can be said of every such chain, with its own sizes: the total derivative without indices, what
the two bracketings of the product cost, and what it costs to remember nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import jax

from ..reading import names as naming
from ..reading.program import Input
from ..reading.shapes import Axis

Row = tuple[str, str]  # as text and as LaTeX; a remark has no LaTeX
TOTAL = (
    "dL/dθ = ∂f_N/∂θ_N · dθ_N/dθ + ∂f_N/∂f_{N−1} · (∂f_{N−1}/∂θ_{N−1} · dθ_{N−1}/dθ"
    " + ∂f_{N−1}/∂f_{N−2} · (… ∂f_1/∂θ_1 · dθ_1/dθ))"
)
TOTAL_LATEX = (
    r"\frac{dL}{d\theta} &= \frac{\partial f_N}{\partial\theta_N}\frac{d\theta_N}{d\theta}"
    r" + \frac{\partial f_N}{\partial f_{N-1}}\left(\frac{\partial f_{N-1}}{\partial\theta_{N-1}}"
    r"\frac{d\theta_{N-1}}{d\theta} + \frac{\partial f_{N-1}}{\partial f_{N-2}}\left(\dots"
    r"\frac{\partial f_1}{\partial\theta_1}\frac{d\theta_1}{d\theta}\right)\right)"
)


def shapes_of(stages: Sequence[Callable[..., Any]], parts: Sequence[Any], x: Any) -> list[tuple[int, ...]]:
    """Return the shapes of x, f_1(x), f_2(f_1(x)) and so on."""
    shapes, value = [tuple(x.shape)], jax.ShapeDtypeStruct(x.shape, x.dtype)
    for stage, part in zip(stages, parts, strict=True):
        value = jax.eval_shape(stage, part, value)
        shapes.append(tuple(value.shape))
    return shapes


def named(inputs: Sequence[Input], stages: Sequence[Callable[..., Any]], parts: Sequence[Any]) -> list[Input]:
    """Return the inputs named by the stages' own parameters and numbered by stage: W_1, b_1, …, and x."""
    found = []
    for n, (stage, part) in enumerate(zip(stages, parts, strict=True), 1):
        for name, _ in naming.leaves(naming.parameters(stage, 2)[0], part):
            base, number = naming.numbered(name)
            found.append(f"{base}{number}_{n}" if number and number != str(n) else f"{base}_{n}")
    if len(set(found)) < len(found):
        found = [f"{name}_{k}" for k, name in enumerate(found)]
    x = naming.parameters(stages[0], 2)[1]
    return [replace(i, name=name) for i, name in zip(inputs, [*found, x], strict=True)]


def dimension_names(
    inputs: Sequence[Input], parts: Sequence[Any], shapes: Sequence[tuple[int, ...]]
) -> dict[Axis, str]:
    """Return D0, D1, … for the axes that are the sizes of the chain's vectors."""
    if any(len(s) != 1 for s in shapes[:-1]) or len(shapes[-1]) > 1:
        return {}
    sizes = [prod(s) for s in shapes]
    given: dict[Axis, str] = {}
    stage_of = [n for n, part in enumerate(parts, 1) for _ in jax.tree_util.tree_leaves(part)]
    for leaf, n in enumerate(stage_of):
        shape = inputs[leaf].struct.shape
        ends = [(sizes[n], n), (sizes[n - 1], n - 1)]
        if len(shape) == 2 and tuple(s for s, _ in ends) != shape:
            ends.reverse()
        if len(shape) == 1 and n == len(parts) and shape[0] != sizes[n]:
            ends.reverse()
        for axis, (size, number) in zip(range(len(shape)), ends, strict=False):
            if shape[axis] == size > 1:
                given[leaf, axis] = f"D{number}"
    return given | {(len(stage_of), 0): "D0"}


def preface(stages: Sequence[Callable[..., Any]], shapes: Sequence[tuple[int, ...]]) -> list[tuple[str, list[Row]]]:
    """Return what is said of the chain before its own formulas."""
    count = len(stages)
    sizes = [prod(s) for s in shapes]
    chain = " ∘ ".join(f"f_{n}" for n in range(count, 0, -1))
    theta = ", ".join(f"θ_{n}" for n in range(1, count + 1))
    sizes_text = ", ".join(f"D{n} = {d}" for n, d in enumerate(sizes))
    latex = f"({chain})(x), \\quad \\theta = ({theta})".replace("∘", r"\circ").replace("θ", r"\theta")
    rows = [
        (f"L_θ(x) = ({chain})(x),  θ = ({theta})", rf"L_\theta(x) &= {latex}"),
        (f"f_i maps R^D(i−1) × R^P(i) to R^D(i),  N = {count},  {sizes_text}", ""),
    ]
    return [
        ("chain", rows),
        ("total derivative", [(TOTAL, TOTAL_LATEX)]),
        ("two bracketings of ∂f_N/∂f_{N−1} · … · ∂f_1/∂f_0", _bracketings(sizes)),
        ("what is remembered", _memory(count)),
    ]


def _bracketings(sizes: Sequence[int]) -> list[Row]:
    count = len(sizes) - 1
    last = sizes[-1]
    rows = [(n, n - 1) for n in range(count - 1, 0, -1)]
    out = _polynomial([[count, a, b] for a, b in rows], sizes)
    back = _polynomial([[n + 1, n, 0] for n in range(1, count)], sizes)
    kind = "a row times a matrix, O(D²) a stage" if last == 1 else "O(D³) a stage, as from the input end"
    return [
        (f"from the output end: {kind}:  {out} multiplications", ""),
        (f"from the input end: a matrix times a matrix, O(D³) a stage:  {back} multiplications", ""),
    ]


def _polynomial(terms: Sequence[Sequence[int]], sizes: Sequence[int]) -> str:
    """Return Σ of products of sizes as a formula and its value."""
    if not terms:
        return "0"
    text = " + ".join("·".join(f"D{n}" for n in term if sizes[n] != 1) or "1" for term in terms)
    return f"{text} = {sum(prod(sizes[n] for n in term) for term in terms):,}"


def _memory(count: int) -> list[Row]:
    again = count * (count - 1) // 2
    return [
        (f"each factor needs the output of the stage before it; remembered, that is N = {count} stages, O(N)", ""),
        (f"forgotten, f_1 … f_(i−1) run again for factor i:  N(N−1)/2 = {again} more stages, O(N²)", ""),
    ]
