"""``ct.plan``: a program planned, and, when asked, a stopwatch held to what follows the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import tree_leaves

from catenary import _jax, _signature, errors
from catenary._argnums import Argnums, numbered, positions
from catenary._call import check_order, plan_local
from catenary._plan.costs.cost import MODELS
from catenary._plan.orders.search import EFFORTS
from catenary._plan.plan import Plan, make_plan
from catenary._transforms import jacobian


def plan(
    fun: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    cost: str = "time",
    search: str | float = "fast",
    order: str = "auto",
    report: Callable[[Any, int], Any] | None = None,
) -> Plan:
    """Plan the derivative of ``fun`` at arguments of these shapes, without computing it.

    Args:
        fun: the function.
        *args: its arguments: arrays, or ``jax.ShapeDtypeStruct``s, whose sizes may be symbolic; none, to read the
            annotations of ``fun`` (``Float[Array, "N n"]``).
        argnums: which of them to differentiate.
        cost: the model. ``"time"`` is the roofline of the kind of device that is here; ``"flops"`` is what XLA counts;
            ``"multiplications"`` what the literature on elimination orders counts; ``"products"`` those of two numbers.
        search: ``"fast"`` is not felt beside tracing and lowering ``fun``; ``"thorough"`` goes many more steps; a
            number is seconds of one core, and then alone the plan depends on how fast the computer is.
        order: which orders to consider, as in ``jacobian``.
        report: called as ``report(best cost, moves)`` while a search goes on; an answer that is true stops it, and the
            best order so far is the plan.

    Returns:
        A ``Plan``: print it, read its numbers, draw it, save it, or pass it as ``order=``.

    Raises:
        ValueError: unknown ``cost``, ``search`` or ``order``.
        TypeError: an argument that is neither an array nor a shape.

    Cost: one trace of ``fun`` and one symbolic elimination for each order considered; no arrays are made. Orders are
    kept in the process, and in the folder that the environment variable ``CATENARY_CACHE_DIR`` names, if it does.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> print(ct.plan(lambda x: jnp.tanh(x).sum(), jnp.ones(5), cost="flops"))
    plan for <lambda>: 2 vertices, order reverse
      order         from the outputs to the inputs
      cost          0 flops
      forward       0 flops
      remembered    1 value, 20 bytes
    """
    check_order("plan", fun, order)
    argnums = numbered("plan", fun, argnums)
    name = errors.call("plan", fun)
    if cost not in MODELS:
        raise ValueError(f"{name}: unknown cost {cost!r}. Choose {', '.join(MODELS)}.")
    seconds = isinstance(search, int | float) and search > 0
    if not (seconds or (isinstance(search, str) and search in EFFORTS)):
        raise ValueError(f"{name}: unknown search {search!r}. Choose {', '.join(EFFORTS)}, or a number of seconds.")
    args = args or _signature.arguments(fun)
    local = plan_local(fun, args, argnums)
    found = make_plan(local, errors.name_of(fun), order, cost, _jax.device_kind(), search, report)
    return replace(found, stopwatch=partial(_seconds, fun, args, argnums))


def _seconds(fun: Callable[..., Any], args: Sequence[Any], argnums: Argnums, plan: Plan) -> float:
    """Seconds of a call of the Jacobian that follows a plan, compiled: the least of a few; ones stand for shapes."""

    def array(leaf: Any) -> Any:
        if any(not isinstance(n, int) for n in np.shape(leaf)):
            raise errors.PlanError(f"{errors.call('plan', fun)}.measure(): sizes with names cannot be measured.")
        return jnp.ones(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf

    arrays = jax.tree.map(array, tuple(args))
    fixed = tuple(k for k, arg in enumerate(arrays) if not all(hasattr(x, "dtype") for x in tree_leaves(arg)))
    fixed = tuple(k for k in fixed if k not in positions("plan", fun, argnums, len(args)))
    moving = [arg for k, arg in enumerate(arrays) if k not in fixed]

    def of_moving(*values: Any) -> Any:
        rest = iter(values)
        return jacobian(fun, argnums, order=plan)(*(a if k in fixed else next(rest) for k, a in enumerate(arrays)))

    compiled = jax.jit(of_moving).lower(*moving).compile()
    return _least(lambda: compiled(*moving))


def _least(call: Callable[[], Any], repeats: int = 7) -> float:
    """The least of the seconds of some calls, each waited for; the first warms up."""
    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        start = perf_counter()
        jax.block_until_ready(call())
        times.append(perf_counter() - start)
    return min(times)


__all__ = ["plan"]
