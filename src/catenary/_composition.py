"""f_N ∘ … ∘ f_1 with all parameters as one vector θ: the chain of the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_unflatten

from catenary import _jax, errors
from catenary._derivative import LinearMap, derivative


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """One vector θ from any pytree of parameters, and the way back.

    Args:
        tree: a dict, a tuple, a dataclass, an Equinox module, …: its real and complex arrays become θ; everything else
            (integers, functions, strings) is kept aside.

    Returns:
        ``(theta, rebuild)``: theta has shape (P,) and the leaves' common dtype; ``rebuild(theta)`` is a pytree like
        ``tree``, each leaf in its own shape and dtype.

    Raises:
        ValueError: from ``rebuild``, for a vector of another length.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> theta, rebuild = ct.flatten({"W": jnp.ones((2, 3)), "b": jnp.zeros(2), "name": "layer"})
    >>> theta.shape, rebuild(theta)["W"].shape
    ((8,), (2, 3))
    """
    leaves, structure = tree_flatten(tree)
    places = [
        k for k, leaf in enumerate(leaves) if hasattr(leaf, "dtype") and _jax.tangent_dtype(leaf.dtype) != _jax.float0
    ]
    arrays = [jnp.asarray(leaves[k]) for k in places]
    sizes = [a.size for a in arrays]
    theta = jnp.concatenate([a.reshape(-1) for a in arrays]) if arrays else jnp.zeros(0)
    shapes = [(a.shape, a.dtype) for a in arrays]

    def rebuild(vector: Any) -> Any:
        if jnp.shape(vector) != (sum(sizes),):
            raise ValueError(f"rebuild: found a vector of shape {jnp.shape(vector)}; expected ({sum(sizes)},).")
        full, start = list(leaves), 0
        for k, size, (shape, dtype) in zip(places, sizes, shapes, strict=True):
            full[k] = vector[start : start + size].reshape(shape).astype(dtype)
            start += size
        return tree_unflatten(structure, full)

    return theta, rebuild


class Composition:
    """L_θ(x) = (f_N ∘ … ∘ f_1)(x), each stage f_i(θ_i, x).

    Made by ``compose``. ``theta`` is the sequence (θ_1, …, θ_N), or one vector when ``rebuild`` was given.

    Example:
        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> L = ct.compose(lambda W, x: jnp.tanh(W @ x), lambda w, a: w @ a)
        >>> theta = (jnp.ones((3, 2)), jnp.ones(3))
        >>> [a.shape for a in L.forward(theta, jnp.ones(2))]
        [(2,), (3,), ()]
    """

    __slots__ = ("rebuild", "stages")

    def __init__(self, stages: Sequence[Callable[..., Any]], rebuild: Callable[[Any], Any] | None = None):
        self.stages, self.rebuild = tuple(stages), rebuild

    def split(self, theta: Any) -> tuple[Any, ...]:
        """θ as (θ_1, …, θ_N).

        Raises:
            ValueError: another number of parts than stages.

        >>> import catenary as ct
        >>> ct.compose(lambda a, x: a * x, lambda b, x: b + x).split((1.0, 2.0))
        (1.0, 2.0)
        """
        parts = self.rebuild(theta) if self.rebuild is not None else theta
        if not isinstance(parts, tuple | list) or len(parts) != len(self.stages):
            found = f"{len(parts)} parts" if isinstance(parts, tuple | list) else type(parts).__name__
            raise ValueError(
                f"compose: theta is {found}; expected {len(self.stages)} parts, one a stage (None for a stage without "
                "parameters), or one vector with compose(…, rebuild=rebuild) from ct.flatten."
            )
        return tuple(parts)

    def __call__(self, theta: Any, x: Any) -> Any:
        """L_θ(x)."""
        for stage, part in zip(self.stages, self.split(theta), strict=True):
            x = stage(part, x)
        return x

    def forward(self, theta: Any, x: Any) -> list[Any]:
        """[x, f_1(x), f_2(f_1(x)), …]: what a forward pass remembers.

        >>> import catenary as ct
        >>> ct.compose(lambda a, x: a * x, lambda b, x: b + x).forward((2.0, 1.0), 3.0)
        [3.0, 6.0, 7.0]
        """
        values = [x]
        for stage, part in zip(self.stages, self.split(theta), strict=True):
            values.append(stage(part, values[-1]))
        return values

    def factors(self, theta: Any, x: Any) -> list[tuple[LinearMap, LinearMap]]:
        """[(∂f_i/∂f_{i−1}, ∂f_i/∂θ_i), …]: their product, bracketed as you like, is the gradient.

            dL/dθ_i = ∂f_N/∂f_{N−1} · … · ∂f_{i+1}/∂f_i · ∂f_i/∂θ_i

        Cost: one forward pass; nothing is multiplied yet.

        >>> import jax.numpy as jnp
        >>> import catenary as ct
        >>> L = ct.compose(lambda W, x: jnp.tanh(W @ x), lambda w, a: w @ a)
        >>> (_, by_W), (by_a, by_w) = L.factors((jnp.zeros((3, 2)), jnp.ones(3)), jnp.ones(2))
        >>> (by_a @ by_W).dense().tolist()  # dL/dW
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
        """
        result = []
        for stage, part, value in zip(self.stages, self.split(theta), self.forward(theta, x), strict=False):
            result.append((derivative(stage, 1)(part, value), derivative(stage, 0)(part, value)))
        return result

    def __repr__(self) -> str:
        return " ∘ ".join(errors.name_of(f) for f in reversed(self.stages))


def compose(*stages: Callable[..., Any], rebuild: Callable[[Any], Any] | None = None) -> Composition:
    """The composition L_θ(x) = (f_N ∘ … ∘ f_1)(x), with all parameters as one object θ.

    Args:
        *stages: f_1, …, f_N, first to last, each a function (θ_i, x) ↦ f_i(x).
        rebuild: from ``flatten((θ_1, …, θ_N))``, when θ is to be one vector.

    Returns:
        A ``Composition``: ``L(theta, x)``, ``L.split``, ``L.forward``, ``L.factors``.

    Raises:
        TypeError: a stage that cannot be called, or none.

    >>> import jax.numpy as jnp
    >>> import catenary as ct
    >>> parts = (jnp.ones((3, 2)), jnp.ones(3))
    >>> theta, rebuild = ct.flatten(parts)
    >>> L = ct.compose(lambda W, x: W @ x, lambda w, a: w @ a, rebuild=rebuild)
    >>> print(L(theta, jnp.ones(2)), ct.grad(L)(theta, jnp.ones(2)).shape)
    6.0 (9,)
    """
    if not stages:
        raise TypeError("compose: found no stages; pass at least one function (theta_i, x) -> value.")
    for k, stage in enumerate(stages):
        if not callable(stage):
            raise TypeError(f"compose: stage {k + 1} is {stage!r}, which cannot be called.")
    return Composition(stages, rebuild)
