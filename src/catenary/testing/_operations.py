"""What a random program can do in one stage: a table of code templates.

A template is a Python expression with holes. `fill` puts variables of the program into the holes:

    {a}  any array                      {b}  an array that broadcasts against {a}     {c}  an array of {a}'s shape
    {r}  an array with an axis          {axis} one of its axes     {n} its size     {i} an index along it
    {m}  a matrix                       {w}  a matrix with as many columns as {m}     {v}  a vector
    {perm}  an order of {r}'s axes      {shape}  another shape for {r}'s entries

Every template keeps values moderate and is differentiable almost everywhere, wherever its arguments stand: domains
are kept by construction (`sqrt(1 + a²)`), so that a program needs no precondition.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from string import Formatter
from typing import Any

Shape = tuple[int, ...]
Families = Sequence[Sequence[str]]

ELEMENTWISE = (
    "{a} + {b}",
    "{a} - {b}",
    "{a} * {b}",
    "-{a}",
    "0.5 * {a}",
    "jnp.tanh({a})",
    "jnp.sin({a})",
    "jnp.cos({a})",
    "jnp.exp(-jnp.square({a}))",
    "jnp.exp(jnp.tanh({a}))",
    "jnp.log(1.5 + jnp.tanh({a}))",
    "jnp.log1p(jnp.square({a}))",
    "jnp.sqrt(1.0 + {a} ** 2)",
    "lax.rsqrt(2.0 + jnp.sin({a}))",
    "{a} / (1.5 + {b} ** 2)",
    "jnp.power(1.5 + jnp.sin({a}), {b})",
    "jnp.arctan2({a}, 1.0 + {b} ** 2)",
    "jnp.arctan({a})",
    "jnp.expm1(jnp.sin({a}))",
    "jnp.cbrt(2.0 + jnp.sin({a}))",
    "jax.nn.sigmoid({a})",
    "jax.nn.softplus({a})",
    "jax.nn.gelu({a})",
    "lax.erf({a})",
    "jnp.logaddexp({a}, {b})",
    "lax.integer_pow(jnp.sin({a}), 3)",
)

KINKED = (
    "jnp.abs({a})",
    "jax.nn.relu({a})",
    "jnp.maximum({a}, {b})",
    "jnp.minimum({a}, 0.7)",
    "jnp.clip({a}, -0.5, 0.9)",
    "jnp.where({a} > 0.1, jnp.sin({b}), {a} * {b})",
    "jnp.where({a} > 0, jnp.log(jnp.where({a} > 0, {a}, 1.0)), {a})",
    "lax.select_n({a} > 0, jnp.cos({a}), {c})",
    "jnp.sign({a}) * {b}",
    "lax.rem({a}, 1.7)",
)

SHAPED = (
    "jnp.transpose({r}, {perm})",
    "jnp.reshape({r}, {shape})",
    "jnp.ravel({r})",
    "jnp.expand_dims({r}, {axis})",
    "jnp.squeeze(jnp.expand_dims({r}, {axis}), {axis})",
    "jnp.broadcast_to({r}, (2, *{r}.shape))",
    "jnp.flip({r}, {axis})",
    "jnp.roll({r}, 1, {axis})",
    "jnp.concatenate([{r}, 0.5 * {r}], {axis})",
    "jnp.concatenate([lax.slice_in_dim({r}, 0, 1, axis={axis}), {r}], {axis})",
    "jnp.stack([{a}, {c}])",
    "jnp.stack([{a}, {c}], axis=-1)",
    "jnp.pad({r}, 1)",
    "lax.pad({v}, 0.0, [(1, -1, 1)])",
    "lax.slice_in_dim({r}, 0, {i} + 1, axis={axis})",
    "lax.slice_in_dim({r}, 0, {n}, 2, axis={axis})",
    "jnp.split({r}, [{i}], {axis})[1]",
    "jnp.tile({v}, 2)",
    "jnp.repeat({v}, 2)",
    "jnp.swapaxes({m}, 0, 1)",
    "{m}[::-1, ::2]",
    "jnp.diagonal({m})",
    "jnp.triu({m})",
    "jnp.swapaxes(jnp.reshape({r}, {shape}), 0, 1)",
    "jnp.reshape(jnp.swapaxes({m}, 0, 1), (-1,))",
    "jnp.pad({m}, ((0, 0), (1, 0)))[:, :-1] - {m}",
    "jnp.pad({v}, 1, mode='wrap')[2:] - {v}",
    "{r} - jnp.roll({r}, 1, {axis})",
    "jnp.concatenate([{r}[1:], {r}[:1]]) * {r}",
    "lax.pad({m}, 0.0, [(-1, 2, 0), (0, 0, 0)])",
)

PRODUCTS = (
    "{m} @ {w}.T",
    "{m}.T @ {m}",
    "jnp.einsum('ij,kj->ik', {m}, {w})",
    "jnp.einsum('ij,ij->i', {m}, {m})",
    "jnp.einsum('ij,kj->ikj', {m}, {w})",
    "jnp.outer({v}, {v})",
    "jnp.vdot({v}, {v})",
    "jnp.tensordot({r}, {r}, axes=(({axis},), ({axis},)))",
    "jnp.matmul({m}[None], {m}.T[None])",
    "lax.conv_general_dilated({m}[None, None], {w}[None, None, :1, :2], (1, 1), 'SAME')",
    "jax.vmap(lambda t: jnp.convolve(t, t, mode='same'))({m})",
    "jnp.convolve({v}, {v}, mode='same')",
    "lax.conv_general_dilated({m}[:, None, :], {w}[:, None, :2], (1,), 'SAME')",
    "lax.conv_general_dilated({m}[:, None, :], {w}[:, None, :], (2,), [(1, 1)], rhs_dilation=(2,))",
)

REDUCTIONS = (
    "jnp.sum({r}, {axis})",
    "jnp.sum({a})",
    "jnp.mean({r}, {axis}, keepdims=True)",
    "jnp.max({r}, {axis})",
    "jnp.min({r}, {axis})",
    "jnp.prod({r}, {axis})",
    "jnp.var({r}, {axis})",
    "jax.nn.softmax({r}, {axis})",
    "jax.nn.log_softmax({r}, {axis})",
    "jax.nn.logsumexp({r}, {axis})",
    "jnp.sqrt(0.1 + jnp.sum({r} ** 2, {axis}))",
    "jnp.cumsum({r}, {axis})",
    "lax.cumsum({r}, {axis}, reverse=True)",
    "lax.cumprod({r}, {axis})",
    "lax.cummax({r}, {axis})",
    "lax.cumlogsumexp({r}, {axis})",
    "jnp.sort({r}, {axis})",
    "{v}[jnp.argsort({v})]",
    "jax.vmap(jnp.sort)({m})",
    "lax.top_k({v}, 1)[0]",
    "jax.vmap(lambda t: jnp.cumsum(t) * t)({m})",
    "jnp.linalg.cholesky({m} @ {m}.T + jnp.eye({m}.shape[0]))",
    "jax.scipy.linalg.solve_triangular(jnp.tril({m} @ {m}.T) + jnp.eye({m}.shape[0]), {m}, lower=True)",
    "jnp.linalg.solve({m}.T @ {m} + jnp.eye({m}.shape[1]), {m}.T)",
)

INDEXED = (
    "{r}[{k}]",
    "lax.index_in_dim({r}, {i}, {axis}, keepdims=False)",
    "jnp.take({r}, jnp.array([{i}, 0, {i}]), axis={axis})",
    "{r}[jnp.array([0, {k}])]",
    "{v}[jnp.argmax({v})]",
    "lax.dynamic_index_in_dim({r}, jnp.argmin(jnp.ravel({a})) % {n}, {axis})",
    "lax.dynamic_slice_in_dim({r}, jnp.int32(jnp.sum({a}) > 0), 1, {axis})",
    "lax.dynamic_update_slice_in_dim({r}, lax.slice_in_dim(jnp.sin({r}), 0, 1, axis={axis}), {i}, {axis})",
    "{r}.at[{k}].set(0.5 * {r}[0])",
    "{r}.at[jnp.array([{k}, 0])].add({r}[jnp.array([0, 0])])",
    "{v}.at[jnp.argmax({v})].multiply(0.5)",
    "jnp.take_along_axis({r}, jnp.argsort({r}, {axis}), {axis})",
    "{m}[jnp.array([0, -1]), jnp.array([-1, 0])]",
    "jax.ops.segment_sum({r}, jnp.arange({r}.shape[0]) % 2, 2)",
    "{v}[jnp.arange({v}.size) // 2] - {v}",
    "jax.vmap(lambda t: t[jnp.argmax(t)])({m})",
    "jnp.zeros(({n} + 1,)).at[jnp.arange({n})].add(jnp.moveaxis({r}, {axis}, -1).sum(tuple(range({r}.ndim - 1))))",
)

CONTROL = (
    "lax.cond(jnp.sum({a}) > 0, jnp.sin, jnp.square, {a})",
    "lax.cond(jnp.sum({a}) > 0, lambda s, t: s * t, lambda s, t: s - t, {a}, {c})",
    "lax.switch(jnp.int32(jnp.sum({a}) > 0), [jnp.tanh, jnp.cos], {a})",
    "lax.scan(lambda c, t: (jnp.tanh(c + t), c * t), {r}[0], {r})[0]",
    "lax.scan(lambda c, t: (jnp.tanh(c + t), c * t), {r}[0], {r})[1]",
    "lax.scan(lambda c, t: (jnp.sin(c) * t, c), {r}[0], {r}, reverse=True)[1]",
    "lax.scan(lambda c, t: (c * jnp.cos({a}) + t, t), {a}, jnp.arange(2.0))[0]",
    "lax.fori_loop(0, 2, lambda i, c: jnp.sin(c) + {c} / (i + 1), {a})",
    "jax.vmap(lambda t: t * jnp.sum(jnp.tanh(t)))({r})",
    "jax.jit(lambda t: jnp.sin(t) * t)({a})",
    "jax.checkpoint(lambda t: jnp.tanh(jnp.sin(t)))({a})",
    "lax.stop_gradient({a}) * {b}",
    "lax.map(lambda t: jnp.exp(-t * t), {r})",
    "lax.scan(lambda c, t: ((c[1] * t, jnp.sin(c[0])), c[0]), ({r}[0], 0.5 * {r}[0]), {r})[1]",
    "jax.vmap(lambda t: lax.scan(lambda c, s: (jnp.sin(c) * s, c), 1.0, t)[1])({m})",
    "jax.vmap(lambda t: lax.cond(t[0] > 0, jnp.sin, jnp.cos, t))({m})",
    "jax.vmap(lambda t: lax.fori_loop(0, 2, lambda i, c: jnp.sin(c) * t, t))({r})",
)

FOURIER = (
    "jnp.real(jnp.fft.fft({r}, axis={axis}))",
    "jnp.fft.irfft(jnp.fft.rfft({v}) * 0.5, {v}.size)",
    "jax.vmap(lambda t: jnp.imag(jnp.fft.ifft(t)))({m})",
)

FAMILIES = (ELEMENTWISE, KINKED, SHAPED, PRODUCTS, REDUCTIONS, INDEXED, CONTROL)

#: Stages that only one direction passes, or that only real ends admit: for tests that choose their orders.
PULLED = ("jax.custom_gradient(lambda t: (jnp.sin(t), lambda g: (g * jnp.cos(t),)))({a})",)
PUSHED = ("lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, jnp.sin(c[1]) * {c}), (0, {a}))[1]",)


class NoFit(Exception):
    """No variable of the program fits the template."""


def _broadcasts(a: Shape, b: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def _other_shape(rng: Random, shape: Shape) -> Shape:
    """Another shape with as many entries: one divisor split off.

    >>> _other_shape(Random(0), (4, 3)) in {(1, 12), (2, 6), (3, 4), (4, 3), (6, 2), (12, 1)}
    True
    """
    size = math.prod(shape)
    rows = rng.choice([d for d in range(1, size + 1) if size % d == 0])
    return rows, size // rows


def _holes(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def fill(template: str, rng: Random, pool: Mapping[str, Shape], families: Families = FAMILIES) -> str:
    """The template with variables of `pool` (name → shape) in its holes; raises NoFit if none fits.

    A hole for a whole stage is filled with a template out of `families`, of the variable u.
    """

    def pick(fits: Callable[[Shape], bool]) -> str:
        # The youngest first: a program is a chain more often than a bush.
        names = [name for name in reversed(list(pool)) if fits(pool[name])]
        if not names:
            raise NoFit(template)
        return names[0] if rng.randint(0, 2) else rng.choice(names)

    holes = _holes(template)
    found: dict[str, Any] = {}
    if holes & {"a", "b", "c"}:
        found["a"] = pick(lambda s: True)
        found["b"] = pick(lambda s: _broadcasts(s, pool[found["a"]]))
        found["c"] = pick(lambda s: s == pool[found["a"]])
    if holes & {"r", "axis", "n", "i", "k", "perm", "shape"}:
        found["r"] = pick(lambda s: len(s) > 0)
        shape = pool[found["r"]]
        axis = rng.randint(0, len(shape) - 1)
        perm = list(range(len(shape)))
        rng.shuffle(perm)
        found |= {"axis": axis, "n": shape[axis], "i": rng.randint(0, shape[axis] - 1), "perm": tuple(perm)}
        found |= {"k": rng.randint(0, shape[0] - 1), "shape": _other_shape(rng, shape)}
    if holes & {"m", "w"}:
        found["m"] = pick(lambda s: len(s) == 2)
        found["w"] = pick(lambda s: len(s) == 2 and s[1] == pool[found["m"]][1])
    if "v" in holes:
        found["v"] = pick(lambda s: len(s) == 1)
    if "inside" in holes:
        found["inside"] = fill(rng.choice(rng.choice(families)), rng, {"u": pool[found["a"]]}, families)
    if "within" in holes:
        found["within"] = fill(rng.choice(rng.choice(families)), rng, {"u": pool[found["r"]][1:]}, families)
    return template.format(**found)
