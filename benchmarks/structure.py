"""Jacobians with structure: our flops against the ideal derived here, and against `jax.jacfwd` and `jax.jacrev`.

    python -m benchmarks.structure
    python -m benchmarks.structure --only softmax

Each scenario's function `ideal_…` derives, in its docstring, what the Jacobian must cost: what an expert would spend
who knows the structure and the best bracketing. A row may spend 1.1 times that. Two forms are counted where they
differ: `blocks`, without the zeros between examples (`ct.derivative(f)(x).blocks()`), and `dense`, JAX's own output
layout (`ct.jacobian(f)(x)`), whose ideal adds one selection for each entry of the dense array. Only counts: nothing
is run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import catenary as ct
from benchmarks.flops import flops
from benchmarks.measure import compiled, human
from benchmarks.scenarios import normal

LIMIT = 1.10


@dataclass(frozen=True)
class Structured:
    """A function, its arguments (argument 0 is differentiated), and the ideal flops of its Jacobian by form."""

    name: str
    fun: Callable[..., Any]
    args: tuple[Any, ...]
    ideal: dict[str, float]


# --- a batch of perceptrons --------------------------------------------------------------------------------------


def batched_perceptron(x: jax.Array, w1: jax.Array, w2: jax.Array) -> jax.Array:
    """tanh(x W₁) W₂ for every row of x. x [B, n], W₁ [n, h], W₂ [h, m]."""
    return jnp.tanh(x @ w1) @ w2


def ideal_batched_perceptron(b: int, n: int, h: int, m: int) -> dict[str, float]:
    """∂y_b/∂x_b = W₁ diag(1 − a²) W₂, zero between rows.

    a = tanh(x W₁) is 2bnh + bh; 1 − a² is 2bh; scaling the smaller of W₁, W₂ by it is bh·min(n, m); the product of
    the two is 2bnhm. The output y itself is not needed.
    """
    cores = 2 * b * n * h + 3 * b * h + b * h * min(n, m) + 2 * b * n * h * m
    return {"blocks": cores, "dense": cores + b * m * b * n}


# --- softmax, row by row -----------------------------------------------------------------------------------------


def row_softmax(x: jax.Array) -> jax.Array:
    """Softmax along the last axis. x [N, m]."""
    return jax.nn.softmax(x, axis=-1)


def ideal_row_softmax(n: int, m: int) -> dict[str, float]:
    """∂p_r/∂x_r = diag(p_r) − p_r p_rᵀ, zero between rows.

    p takes five passes over the entries: maximum, difference, exponential, sum, quotient. An entry of a block is
    p_i (δ_ij − p_j): one subtraction and one multiplication. The dense array takes one selection an entry more.
    """
    blocks = 5 * n * m + 2 * n * m * m
    return {"blocks": blocks, "dense": blocks + (n * m) ** 2}


# --- the residual of a differential equation ---------------------------------------------------------------------


def burgers(params: tuple[jax.Array, ...], point: jax.Array) -> jax.Array:
    """Burgers' residual u_t + u u_x − ν u_xx at one point (t, x) of a network u with two hidden layers."""
    w1, b1, w2, b2, w3 = params

    def u(p: jax.Array) -> jax.Array:
        return jnp.tanh(jnp.tanh(p @ w1 + b1) @ w2 + b2) @ w3

    along_x = jnp.array([0.0, 1.0])
    slope = jax.grad(u)
    gradient, curvature = jax.jvp(slope, (point,), (along_x,))
    return gradient[0] + u(point) * gradient[1] - 0.01 * curvature[1]


def residuals(params: tuple[jax.Array, ...], points: jax.Array) -> jax.Array:
    """Burgers' residual at every point. points [B, 2] → [B]."""
    return jax.vmap(burgers, (None, 0))(params, points)


def ideal_residuals(params: tuple[jax.Array, ...], points: jax.Array) -> dict[str, float]:
    """Row b of ∂r/∂θ is the gradient of one number, r_b, and no entry of the [B, P] result is zero.

    The cheapest gradient of one number known is reverse mode, a small multiple of the cost of the number itself, so
    the ideal is B reverse sweeps of one point each: vmap(grad), which an expert writes by hand when she knows that
    residual b depends on point b alone. It is counted, as compiled, by the counter that counts us.
    """
    by_hand = jax.vmap(jax.grad(burgers), (None, 0))
    return {"dense": flops(compiled(by_hand, (params, points)))}


# --- what acts along other axes than the batch ---------------------------------------------------------------------


def residual_net(x: jax.Array, k1: jax.Array, k2: jax.Array, w: jax.Array) -> jax.Array:
    """Two convolutions, the second around a skip connection, and a dense layer. x [B, 8, 8, c]."""

    def convolve(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
        numbers = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=numbers)

    h = jnp.tanh(convolve(x, k1, 2))
    h = jnp.tanh(convolve(h, k2, 1)) + h
    return h.reshape(len(x), -1) @ w


def recurrent(x: jax.Array, w: jax.Array, u: jax.Array) -> jax.Array:
    """The last state of h ← tanh(h W + x_t U). x [B, T, n]."""
    h = jnp.zeros((len(x), len(w)), x.dtype)
    return jax.lax.scan(lambda h, x: (jnp.tanh(h @ w + x @ u), None), h, jnp.swapaxes(x, 0, 1))[0]


def attention(x: jax.Array, wq: jax.Array, wk: jax.Array, wv: jax.Array, wo: jax.Array) -> jax.Array:
    """Self-attention with four heads, split and merged by reshapes. x [B, t, d]."""
    b, t, d = x.shape
    q, k, v = ((x @ w).reshape(b, t, 4, d // 4) for w in (wq, wk, wv))
    weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k))
    return jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(b, t, d) @ wo


def whiten(x: jax.Array, points: jax.Array) -> jax.Array:
    """L⁻¹ p, L Lᵀ = I + x xᵀ, for every matrix of a batch and the same points. x [B, n, n]."""
    factor = jnp.linalg.cholesky(jnp.eye(x.shape[-1], dtype=x.dtype) + x @ jnp.swapaxes(x, 1, 2))
    right = jnp.broadcast_to(points, (len(x), *points.shape))
    return jax.lax.linalg.triangular_solve(factor, right, left_side=True, lower=True)


def weights_of_residual_nets(weights: tuple[jax.Array, ...], x: jax.Array) -> jax.Array:
    """The same by the kernels and the dense layer, which all examples share."""
    return residual_net(x, *weights)


def ideal_by_weights(weights: tuple[jax.Array, ...], x: jax.Array) -> dict[str, float]:
    """Row b of the Jacobian is that of example b alone: one example's Jacobian, vmapped over the batch, by hand."""
    one = lambda weights, x: weights_of_residual_nets(weights, x[None])[0]
    return {"blocks": flops(compiled(jax.vmap(jax.jacrev(one), (None, 0)), (weights, x)))}


def ideal_one_by_one(fun: Callable[..., Any], *args: Any) -> dict[str, float]:
    """Examples do not meet: the Jacobian of one example, in the cheaper of JAX's two modes, vmapped over the batch.

    What an expert writes by hand who knows that. It is counted, as compiled, by the counter that counts us.
    """
    one = lambda x, *rest: fun(x[None], *rest)[0]
    by_hand = [jax.vmap(mode(one), (0, *(None,) * (len(args) - 1))) for mode in (jax.jacrev, jax.jacfwd)]
    return {"blocks": min(flops(compiled(jacobian, args)) for jacobian in by_hand)}


def batch_scenarios() -> list[Structured]:
    """A batch through convolutions, a loop, split heads, and a factorisation with a solve."""
    programs = {
        "batch of residual nets": (
            residual_net,
            (normal(32, 8, 8, 3), normal(3, 3, 3, 8), normal(3, 3, 8, 8), normal(128, 10)),
        ),
        "batch of recurrent nets": (recurrent, (normal(32, 10, 8), normal(16, 16), normal(8, 16))),
        "batch of attentions": (attention, (normal(16, 6, 16), *(normal(16, 16, seed=i) for i in range(4)))),
        "batch of factorisations": (whiten, (normal(32, 8, 8), normal(8, 1))),
    }
    x, *weights = programs["batch of residual nets"][1]
    by_weights = (tuple(weights), x)
    return [
        *(Structured(name, fun, args, ideal_one_by_one(fun, *args)) for name, (fun, args) in programs.items()),
        Structured("residual nets by weights", weights_of_residual_nets, by_weights, ideal_by_weights(*by_weights)),
    ]


# --- chains ------------------------------------------------------------------------------------------------------


def chain(x: jax.Array, *maps: jax.Array) -> jax.Array:
    """A_N tanh(A_{N−1} … tanh(A_1 x)). maps A_i [d_i, d_{i−1}]."""
    for a in maps[:-1]:
        x = jnp.tanh(a @ x)
    return maps[-1] @ x


def ideal_chain(*widths: int) -> dict[str, float]:
    """J = A_N D_{N−1} A_{N−1} … D_1 A_1, D_i = diag(1 − a_i²), in the best bracketing.

    The values a_1 … a_{N−1} cost 2·d_i·d_{i−1} + d_i each and D_i another 2·d_i. Joining the product of stages
    i+1 … j, of size d_j × d_k, with that of i … k costs 2·d_j·d_k·d_i, and D_k is multiplied into the narrower of
    the two, d_k·min(d_j, d_i). The classic dynamic programme over all brackets gives the least total.
    """

    @cache
    def cost(low: int, high: int) -> int:
        """Least cost of the product of the maps low+1 … high, a matrix of d_high × d_low."""
        out, inp = widths[high], widths[low]
        joins = range(low + 1, high)
        return min(
            (cost(low, k) + cost(k, high) + widths[k] * (2 * out * inp + min(out, inp)) for k in joins), default=0
        )

    values = sum(2 * d * before + 3 * d for before, d in pairwise(widths[:-1]))
    return {"dense": values + cost(0, len(widths) - 1)}


def chain_scenario(name: str, *widths: int) -> Structured:
    """A chain of the given widths at a point."""
    maps = [normal(out, inp, seed=i) for i, (inp, out) in enumerate(pairwise(widths))]
    return Structured(name, chain, (normal(widths[0]), *maps), ideal_chain(*widths))


def structure_scenarios() -> list[Structured]:
    """The programs of this file."""
    b, n, h, m = 256, 16, 64, 16
    params = (normal(2, 32), jnp.zeros(32), normal(32, 32), jnp.zeros(32), normal(32))
    points = normal(256, 2, scale=1.0)
    return [
        Structured(
            "batched perceptron", batched_perceptron, (normal(b, n), normal(n, h), normal(h, m)),
            ideal_batched_perceptron(b, n, h, m),
        ),
        Structured("row-wise softmax", row_softmax, (normal(128, 32, scale=1.0),), ideal_row_softmax(128, 32)),
        Structured("residual by parameters", residuals, (params, points), ideal_residuals(params, points)),
        *batch_scenarios(),
        chain_scenario("hourglass chain", 1500, 1500, 4, 1500, 1500),
        chain_scenario("tall chain", 8, 64, 256, 1024),
        chain_scenario("wide chain", 1024, 256, 64, 8),
    ]  # fmt: skip


# --- the table ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Flops of one form of one scenario: ours, the ideal, and JAX's two modes."""

    scenario: str
    form: str
    ours: float
    ideal: float
    jacfwd: float
    jacrev: float

    @property
    def ratio(self) -> float:
        """The ratio ours / ideal."""
        return self.ours / self.ideal

    @property
    def ok(self) -> bool:
        """Whether ours is within the limit."""
        return self.ratio <= LIMIT

    def __str__(self) -> str:
        """The printed row."""
        gain = min(self.jacfwd, self.jacrev) / self.ours
        numbers = f"{human(self.ours):>9} {human(self.ideal):>9} {self.ratio:7.3f}  ≤ {LIMIT:.2f}"
        peers = f"{human(self.jacfwd):>9} {human(self.jacrev):>9} {gain:8.1f} ×"
        return f"{self.scenario:<24} {self.form:<11} {numbers} {peers}  {'ok' if self.ok else 'FALLS SHORT'}"


def measure(scenario: Structured) -> Iterator[Row]:
    """The rows of one scenario, one a form that has an ideal."""
    forms = {"blocks": lambda *args: ct.derivative(scenario.fun)(*args).blocks(), "dense": ct.jacobian(scenario.fun)}
    forward, reverse = (
        flops(compiled(transform(scenario.fun), scenario.args)) for transform in (jax.jacfwd, jax.jacrev)
    )
    for form, ideal in scenario.ideal.items():
        ours = flops(compiled(forms[form], scenario.args))
        yield Row(scenario.name, form, ours, ideal, forward, reverse)


def main(arguments: list[str] | None = None) -> int:
    """Print the rows; the exit code is 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows whose name contains WORD")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args(arguments)
    print(f"JAX {jax.__version__}: flops of Jacobians, catenary against the ideal and against JAX")
    print(
        f"{'scenario':<24} {'form':<11} {'ours':>9} {'ideal':>9} {'ratio':>7}  limit  "
        f"{'jacfwd':>9} {'jacrev':>9} best/ours"
    )
    rows = []
    for scenario in structure_scenarios():
        if not asked.only or any(word.lower() in scenario.name.lower() for word in asked.only):
            for row in measure(scenario):
                print(row, flush=True)
                rows.append(row)
    if asked.json:
        asked.json.write_text(json.dumps([vars(row) | {"ratio": row.ratio, "ok": row.ok} for row in rows], indent=1))
    short = sum(not row.ok for row in rows)
    print(f"{len(rows) - short} of {len(rows)} rows within their limits")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
