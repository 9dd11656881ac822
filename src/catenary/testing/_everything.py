"""What else a random program can do in one stage: the rest of what JAX differentiates, and stages inside stages.

The tests' programs, the same for the same seed for ever, draw from ``_operations.FAMILIES`` alone. The fuzzer draws
from all. Templates are as there; two more holes are for whole stages:

    {inside}  a stage of a variable u of {a}'s shape          {within}  a stage of a variable u, of the shape of {r}[0]

Left out is what JAX itself does not differentiate twice under vmap: eig, ragged_dot, linear_call, references.
"""

import jax

from ._operations import FAMILIES, FOURIER, PULLED, PUSHED

SPECIAL = (
    "jnp.tan(0.9 * jnp.sin({a}))",
    "jnp.sinh(jnp.sin({a}))",
    "jnp.cosh(jnp.tanh({a}))",
    "jnp.arcsin(0.9 * jnp.sin({a}))",
    "jnp.arccos(0.9 * jnp.tanh({a}))",
    "jnp.arcsinh({a})",
    "jnp.arccosh(2.5 + jnp.sin({a}))",
    "jnp.arctanh(0.9 * jnp.sin({a}))",
    "jnp.exp2(jnp.sin({a}))",
    "jnp.log2(1.5 + jnp.tanh({a}))",
    "jnp.hypot(1.0 + {a} ** 2, {b})",
    "lax.erfc({a})",
    "lax.erf_inv(0.9 * jnp.sin({a}))",
    "lax.lgamma(2.5 + jnp.sin({a}))",
    "lax.digamma(2.5 + jnp.sin({a}))",
    "lax.polygamma(1.0, 2.5 + jnp.sin({a}))",
    "lax.igamma(1.7, 1.5 + jnp.sin({a}))",
    "lax.igammac(1.7, 1.5 + jnp.sin({a}))",
    "lax.betainc(1.3, 0.7, 0.5 + 0.3 * jnp.sin({a}))",
    "lax.bessel_i0e({a})",
    "lax.bessel_i1e({a})",
    "jax.scipy.special.xlogy(1.0 + {b} ** 2, 1.5 + jnp.sin({a}))",
    "jax.scipy.special.log_ndtr({a})",
    "jax.scipy.special.betaln(2.0 + jnp.sin({a}), 1.0 + {b} ** 2)",
    "jnp.sinc(0.5 + 0.2 * jnp.sin({a}))",
    "jax.nn.silu({a}) + jax.nn.elu({b})",
    "jax.nn.log_sigmoid({a})",
    "jax.nn.mish({a}) * jax.nn.soft_sign({b})",
    "jnp.polyval(jnp.array([0.3, -0.2, 0.5]), jnp.sin({a}))",
    "lax.integer_pow(1.5 + jnp.sin({a}), -2)",
    "jnp.float_power(1.5 + jnp.sin({a}), jnp.tanh({b}))",
    "lax.reduce_precision({a}, 11, 52)",
    "lax.optimization_barrier({a}) * {b}",
    "jax.ad_checkpoint.checkpoint_name(jnp.sin({a}), 'kept') * {a}",
    "jax.device_put({a}) + jnp.copy({b})",
    "jax.random.normal(jax.random.key(3), {a}.shape) * {a}",
)

KINKED = (
    "jnp.floor({a}) * {b}",
    "(jnp.ceil({a}) + jnp.round({a})) * {b}",
    "jnp.fmod({a}, 1.0 + {b} ** 2)",
    "jnp.mod({a}, 1.3)",
    "lax.clamp(jnp.sin({a}) - 1.0, {c}, jnp.cos({a}) + 1.0)",
    "lax.select_n(jnp.int32({a} > 0) + jnp.int32({a} > 0.5), jnp.sin({a}), {a}, jnp.cos({a}))",
    "jnp.select([{a} > 0.5, {a} > 0], [jnp.sin({a}), {b}], {a} * {b})",
    "jnp.interp({a}, jnp.array([-1.0, 0.1, 1.2]), jnp.array([0.3, -0.4, 0.9]))",
    "jnp.where(jax.random.bernoulli(jax.random.key(1), 0.5, {a}.shape), {a}, 0.0)",
    "jnp.where(({a} > 0) & ~({a} > 0.8) | ({a} < -1), {a}, jnp.sin({a}))",
    "jax.nn.leaky_relu({a}) * jax.nn.hard_tanh({b})",
    "jnp.nan_to_num({a}) + jnp.heaviside({a}, 0.5) * {b}",
    "jnp.linalg.norm({r}, axis={axis}, ord=1)",
)

SHAPED = (
    "lax.pad({v}, jnp.mean({v}), [(2, -1, 2)])",
    "lax.pad({m}, jnp.sin({m}[0, 0]), [(1, 0, 1), (-1, 1, 0)])",
    "jnp.pad({r}, 1, mode='edge')",
    "jnp.pad({v}, 2, mode='symmetric')",
    "jnp.pad({v}, 1, constant_values=0.5)",
    "lax.expand_dims({r}, (0, {axis} + 1))",
    "jnp.rot90({m}) * jnp.rot90({m})",
    "jnp.kron({v}, jnp.sin({v}))",
    "jnp.diag({v}) + jnp.vander({v}, {v}.size) * 0.1",
    "jnp.diff({r}, axis={axis}, append=0.3)",
    "jnp.moveaxis({r}, {axis}, 0)[::-1]",
    "jnp.concatenate(jnp.meshgrid({v}, {v}))",
    "jnp.stack(jnp.unstack({r}, axis={axis})[::-1], {axis})",
    "jnp.array_split({r}, 2, {axis})[0] * 2.0",
    "lax.rev({m}, (0, 1)) * jnp.fliplr({m})",
    "lax.broadcast_in_dim({v}, (2, {v}.size, 1), (1,))",
    "lax.split({v}, (1, {v}.size - 1))[0] * {v}",
    "jnp.tril({m}, -1) + jnp.triu({m}, 1)",
    "jnp.reshape({r}, -1, order='F')",
)

PRODUCTS = (
    "lax.dot_general({m}[None], {w}[None], (((2,), (2,)), ((0,), (0,))))",
    "lax.batch_matmul(jnp.stack([{m}, {m} + 1.0]), jnp.stack([{m}.T, jnp.sin({m}.T)]))",
    "jnp.einsum('ij,ij,kj->k', {m}, {m}, {w})",
    "jnp.einsum('ii->i', {m}.T @ {m})",
    "jnp.cov(jnp.stack([{v}, jnp.sin({v}), jnp.cos({v})], 1))",
    "lax.conv_general_dilated({m}[None, None], {w}[None, None, :2, :2], (2, 1), ((1, 1), (1, 0)), lhs_dilation=(2, 1))",
    "lax.conv_general_dilated({m}.T[None], {m}.T[:, None, :2], (1,), 'SAME', feature_group_count={m}.shape[1])",
    "lax.conv_general_dilated({m}.T[:, None], {m}.T[:, None, :1], (1,), 'VALID', batch_group_count={m}.shape[1])",
    "lax.conv_transpose({v}[None, :, None], jnp.sin({v})[:2, None, None], (2,), 'SAME')",
    "jax.lax.conv_general_dilated_patches({m}[None, None], (2, 1), (1, 1), 'SAME')",
)

POOLING = (
    "lax.reduce_window({m}, 0.0, lax.add, (2, 1), (1, 1), 'SAME')",
    "lax.reduce_window({m}, 0.0, lax.add, (2, 2), (2, 1), ((0, 1), (1, 1)))",
    "lax.reduce_window({v}, 0.0, lax.add, (2,), (1,), ((1, 2),), base_dilation=(2,), window_dilation=(2,))",
    "lax.reduce_window({m}, -jnp.inf, lax.max, (2, 1), (1, 1), 'SAME')",
    "lax.reduce_window({m}, -jnp.inf, lax.max, (2, 2), (2, 1), ((0, 1), (1, 0)))",
    "lax.reduce_window({v}, jnp.inf, lax.min, (2,), (1,), 'SAME')",
    "jax.vmap(lambda t: lax.reduce_window(t, -jnp.inf, lax.max, (2,), (1,), 'SAME'))({m})",
    "lax.reduce({r}, 0.0, lax.add, ({axis},))",
    "lax.reduce({r}, -jnp.inf, lax.max, ({axis},))",
    "lax.reduce({r}, 1.0, lax.mul, ({axis},))",
    "lax.cummin({r}, {axis})",
    "lax.cummax({r}, {axis}, reverse=True)",
    "lax.cumprod({r}, {axis}, reverse=True)",
    "lax.cumlogsumexp({r}, {axis}, reverse=True)",
    "lax.sort(({v}, jnp.sin({v}) * {v}), num_keys=1)[1]",
    "lax.sort((jnp.floor({v}), {v}), num_keys=2)[1]",
    "-jnp.sort(-{r}, {axis}) * {r}",
    "lax.top_k({r}, 1)[0]",
    "lax.top_k({v}, 1)[0] * jnp.mean({v})",
    "lax.approx_max_k({v}, 1)[0]",
    "jnp.median({r}, {axis})",
    "jnp.quantile({r}, 0.3, {axis})",
    "jnp.std(jnp.concatenate([{r}, 2.0 + jnp.sin({r})], {axis}), {axis})",
    "jnp.linalg.norm(jnp.concatenate([{v}, jnp.ones(1)]))",
    "jax.nn.logsumexp({r}, {axis}, b=0.5 + jnp.sin({r}) ** 2)",
    "jax.nn.standardize(jnp.concatenate([{r}, 3.0 + jnp.sin({r}), jnp.cos({r})], {axis}), {axis})",
    "jnp.trapezoid({r}, axis={axis})",
    "jnp.prod(jnp.where({r} > 0, {r}, 0.0), {axis})",
)

INDEXED = (
    "{r}.at[jnp.array([{k}, 0])].max(0.3)",
    "{r}.at[jnp.array([{k}, 0])].min(jnp.sin({r})[jnp.array([0, 0])])",
    "{r}.at[{k}].subtract(jnp.sin({r}[0]))",
    "{r}.at[{k}].multiply(1.0 + jnp.sin({r}[0]), unique_indices=True)",
    "{r}.at[{k}].divide(1.5 + jnp.sin({r}[0]))",
    "{r}.at[jnp.array([{k}, 9])].set(0.5 * {r}[jnp.array([0, 0])], mode='drop', unique_indices=True)",
    "{r}.at[jnp.array([{k}, 9])].add(jnp.sin({r}[0]), mode='clip')",
    "{r}.at[jnp.array([9, {k}])].get(mode='fill', fill_value=0.5)",
    "{r}.at[jnp.array([9, {k}]) + jnp.argmin({r})].get(mode='fill', fill_value=0.5)",
    "jnp.take({r}, jnp.array([{i}, 9, -1]), axis={axis}, mode='wrap')",
    "jnp.take({r}, jnp.array([9, {i}]), axis={axis}, mode='clip')",
    "jnp.take({r}, jnp.argsort(jnp.ravel({a}))[:2] % {n}, axis={axis})",
    "{m}.at[jnp.argmax({m}[:, 0]), ::2].set(jnp.sin({m}[0, ::2]))",
    "{m}[:, jnp.argsort({m}[0])] * {m}",
    "{m}[jnp.argsort({m}[:, 0])][:, ::-1]",
    "{m}.at[jnp.arange({m}.shape[0]), jnp.argmin({m}, 1)].add(1.0 + jnp.sum({m}, 1))",
    "lax.dynamic_slice({m}, (jnp.int32({m}[0, 0] > 0), jnp.int32(5)), (1, 1))",
    "lax.dynamic_update_slice({m}, jnp.cos({m}[:1, :1]), (jnp.int32({m}[0, 0] > 0), jnp.int32(5)))",
    "jax.ops.segment_max(jnp.concatenate([{r}, {r} * 0.5]), jnp.arange(2 * {r}.shape[0]) % 2, 2)",
    "jax.vmap(lambda t, i: lax.dynamic_index_in_dim(t, i, keepdims=False))({m}, jnp.argmax({m}, 1))",
    "jax.vmap(lambda t, i: t.at[i].set(jnp.sin(t[0])))({m}, jnp.argmin({m}, 1))",
    "jnp.zeros_like({v}).at[jnp.argsort({v})].set(jnp.sin({v}), unique_indices=True)",
)

COMPLEX = (
    "jnp.abs(jnp.fft.fft({r}, axis={axis}) + (3.0 + 1.0j))",
    "jnp.real(jnp.fft.fftn({m}) * jnp.conj(jnp.fft.fftn(jnp.sin({m}))))",
    "jnp.fft.irfftn(jnp.fft.rfftn({m}), {m}.shape) * {m}",
    "jnp.fft.hfft({v} + 0.0j, {v}.size)",
    "jnp.real(lax.complex({a}, {c}) ** 2)",
    "jnp.imag(jnp.log(lax.complex(1.5 + jnp.sin({a}), {c})))",
    "jnp.angle(2.0 + lax.complex(jnp.sin({a}), {c}))",
    "jnp.real(jnp.exp(1j * {a}) / (2.0 + 1j * {b}))",
    "jnp.real((lambda z: jnp.conj(z) * jnp.sin(z))(lax.complex({a}, {c})))",
    "jnp.imag(jnp.tanh(lax.complex(0.5 * jnp.sin({a}), {c} * 0.3)))",
    "jnp.real(jnp.einsum('ij,kj->ik', jnp.exp(1j * {m}), jnp.exp(-1j * {w})))",
    "jnp.real(jnp.cumprod(1.0 + 0.5j * jnp.sin({v})))",
    "jnp.abs(jnp.sum(lax.complex(1.0 + {r} ** 2, {r}), {axis}))",
    "jnp.imag(lax.scan(lambda c, t: (c * jnp.exp(1j * t), c), 1.0 + 0.0j, {v})[1])",
    "jnp.real(jnp.sqrt(lax.complex(2.0 + jnp.sin({a}), {c})) * (1.0 - 2.0j))",
    "jnp.real(jnp.where({a} > 0, 1j * {a}, lax.complex({a}, {c})) ** 3)",
)

#: A symmetric matrix with eigenvalues apart, and one that is far from singular.
_SYMMETRIC = "(0.1 * jnp.tanh({m}) @ jnp.tanh({m}).T + jnp.diag(jnp.arange(1.0, {m}.shape[0] + 1)))"
_REGULAR = "(0.1 * jnp.tanh({m}).T @ jnp.sin({m}) + 2.0 * jnp.eye({m}.shape[1]))"

LINALG = (
    f"jnp.linalg.eigh({_SYMMETRIC})[0]",
    f"jnp.linalg.eigh({_SYMMETRIC})[1] ** 2",
    f"jnp.linalg.eigvalsh({_SYMMETRIC})",
    "jnp.linalg.svd(jnp.tanh({m}) + jnp.eye(*{m}.shape) * (3.0 + jnp.arange({m}.shape[1])), compute_uv=False)",
    "(lambda u, s, v: (u * jnp.tanh(s)) @ v)(*jnp.linalg.svd(jnp.sin({m}) + jnp.eye(*{m}.shape) * "
    "(3.0 + jnp.arange({m}.shape[1])), full_matrices=False))",
    "jnp.linalg.qr(jnp.concatenate([{m}, 2.0 * jnp.eye({m}.shape[1])]))[1]",
    f"jnp.linalg.qr({_REGULAR})[0]",
    f"jnp.linalg.det({_REGULAR})",
    f"jnp.linalg.slogdet({_REGULAR})[1]",
    f"jnp.linalg.inv({_REGULAR})",
    f"jax.scipy.linalg.lu({_REGULAR})[2]",
    f"jax.scipy.linalg.lu_solve(jax.scipy.linalg.lu_factor({_REGULAR}), {{m}}.T)",
    f"jnp.linalg.solve({_REGULAR}, {{m}}[0])",
    f"jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor({_SYMMETRIC}), {{m}})",
    f"lax.linalg.triangular_solve({_REGULAR}, {{m}}, left_side=False, lower=False, transpose_a=True)",
    f"lax.linalg.triangular_solve({_REGULAR}, {{m}}, left_side=False, lower=True, unit_diagonal=True)",
    f"jax.vmap(lambda t: jnp.linalg.solve({_REGULAR} + jnp.outer(t, t), t))({{m}})",
    f"jax.vmap(lambda t: jnp.linalg.cholesky({_SYMMETRIC} + t[0] ** 2))({{m}})",
    "lax.linalg.tridiagonal_solve(0.3 * jnp.sin({v}).at[0].set(0.0), 2.0 + jnp.cos({v}), "
    "0.2 * {v}.at[-1].set(0.0), {v}[:, None])",
    f"jnp.linalg.matrix_power({_REGULAR}, 3) * 0.1",
    f"lax.custom_linear_solve(lambda t: {_SYMMETRIC} @ t, {{m}}[:, 0], "
    f"lambda mv, t: jnp.linalg.solve({_SYMMETRIC}, t), symmetric=True)",
    f"lax.custom_linear_solve(lambda t: {_REGULAR} @ t, {{m}}[0], lambda mv, t: jnp.linalg.solve({_REGULAR}, t), "
    f"lambda vm, t: jnp.linalg.solve({_REGULAR}.T, t))",
    "lax.custom_root(lambda t: t + 0.3 * jnp.sin(t) * {c} ** 2 / (1.0 + {c} ** 2) - {a}, {a}, "
    "lambda f, t: lax.fori_loop(0, 50, lambda i, s: s - f(s), t), "
    "lambda g, y: y / g(jnp.ones_like(y)))",
)

LOOPS = (
    "lax.associative_scan(lambda p, q: p * jnp.cos(q), {r}, axis={axis})",
    "lax.associative_scan(lambda p, q: (p[0] * q[0], p[1] * q[0] + q[1]), (jnp.sin({r}), {r}), axis={axis})[1]",
    "lax.associative_scan(jnp.maximum, {r}, axis={axis}, reverse=True)",
    "lax.switch(jnp.argmax(jnp.ravel({a})) % 3, [jnp.tanh, jnp.cos, lambda t: t * jnp.sum(t)], {a})",
    "lax.map(lambda t: jnp.sum({r}) * t, {r}, batch_size=2)",
    "lax.scan(lambda c, t: (c + jnp.sin(t), None), {r}[0], {r}, unroll=2)[0]",
    "lax.scan(lambda c, i: (c.at[i].set(jnp.sin(c[i]) * c[0]), c[i]), {r}, jnp.arange({r}.shape[0]))[0]",
    "lax.scan(lambda c, _: (jnp.tanh(c @ {m}.T @ {w} + 0.5), c.sum()), jnp.sin({m}), None, length=2)[1]",
    "lax.scan(lambda c, t: lax.scan(lambda d, s: (jnp.sin(d + s), d * t), c, {v}), 0.3, {v})[1]",
    "lax.scan(jax.checkpoint(lambda c, t: (jnp.tanh(c * t), c + t)), {r}[0], {r})[1]",
    "lax.scan(lambda c, t: (lax.cond(t.sum() > 0, jnp.sin, lambda s: s * t, c), c), {r}[0], {r})[1]",
    "lax.scan(lambda c, t: ((c[0] + 1, jnp.sin(c[1]) * t), (c[0], c[1])), (0, {r}[0]), {r})[1][1]",
    "lax.fori_loop(0, 3, lambda i, c: c.at[i % {r}.shape[0]].multiply(0.5), {r})",
    "jax.checkpoint(lambda t: jnp.sin(t) @ {w}.T, policy=jax.checkpoint_policies.dots_saveable)({m})",
    "jax.checkpoint(lambda t: jax.checkpoint(jnp.sin)(t) * {c}, policy=jax.checkpoint_policies.nothing_saveable)({a})",
    "jax.vmap(lambda t: t - lax.pmean(t, 'i') * lax.axis_index('i'), axis_name='i')({r})",
    "jax.vmap(lambda t: lax.all_gather(jnp.sin(t), 'i') * t, axis_name='i')({v})",
    "jax.vmap(lambda t: lax.psum(t * t, 'i') * lax.pshuffle(t, 'i', range({v}.size)[::-1]), axis_name='i')({v})",
    "jax.vmap(jax.vmap(lambda s, t: lax.scan(lambda c, u: (c * s + u, c), t, {v})[0], (0, None)), (None, 0))({v}, {v})",
    "jax.vmap(lambda t: lax.switch(jnp.int32(t[0] > 0), [jnp.sin, jnp.cos], t), in_axes=1, out_axes=1)({m})",
    "jax.vmap(lambda t: jnp.sort(jnp.sin(t) * t)[::-1], in_axes=-1)({m})",
)

CUSTOM = (
    "(lambda f: (f.defjvps(lambda g, y, t: g * (jnp.cos(t) + 0.0 * y)), f)[1])(jax.custom_jvp(jnp.sin))({a})",
    "(lambda f: (f.defjvps(lambda g, y, s, t: g * t, None), f)[1])(jax.custom_jvp(lambda s, t: s * t))({a}, 0.7)",
    "jax.vmap((lambda f: (f.defjvps(lambda g, y, t: g * (1.0 - y * y)), f)[1])(jax.custom_jvp(jnp.tanh)))({r})",
    "lax.scan(lambda c, t: (jax.nn.relu(c + t) + jax.nn.silu(t), c), {r}[0], {r})[1]",
)

NESTED = (
    "jax.jit(lambda u: {inside})({a})",
    "jax.checkpoint(lambda u: {inside})({a})",
    "jax.checkpoint(lambda u: {inside}, policy=jax.checkpoint_policies.everything_saveable)(jnp.sin({a}))",
    "jax.vmap(lambda u: {within})({r})",
    "jax.vmap(jax.checkpoint(lambda u: {within}))({r})",
    "lax.map(lambda u: {within}, {r})",
    "lax.scan(lambda s, u: (jnp.tanh(s + jnp.mean({within})), s * {within}), jnp.sum({r}), {r})[1]",
    "lax.scan(lambda s, u: (jnp.sin(s + jnp.mean({within})), s), 0.5, {r}, reverse=True)[1]",
    "lax.fori_loop(0, 2, lambda i, u: jnp.tanh(u + 0.3 * jnp.mean({inside})), {a})",
    "lax.cond(jnp.sum({a}) > 0, lambda u: {inside}, lambda u: 0.5 * {inside}, {a})",
)

DERIVED = (
    "jax.grad(lambda u: jnp.sum({inside} ** 2))({a})",
    "jax.jvp(lambda u: {inside}, ({a},), (jnp.cos({a}),))[1]",
    "jax.linearize(lambda u: {inside}, {a})[1](jnp.sin({a}))",
    "jax.vmap(jax.grad(lambda u: jnp.sum(jnp.tanh({within}))))({r})",
    "ct.grad(lambda u: jnp.sum(jnp.sin({inside})))({a})",
    "jax.vmap(ct.grad(lambda u: jnp.sum({within} * 0.5)))({r})",
    "ct.jvp(lambda u: {inside}, ({a},), (jnp.sin({a}),))[1]",
)

#: Stages for reverse mode alone, and for forward mode alone.
REVERSE = (
    *PULLED,
    "(lambda f: (f.defvjp(lambda t: (jnp.sin(t), t), lambda t, g: (g * jnp.cos(t),)), f)[1])"
    "(jax.custom_vjp(lambda t: jnp.sin(t)))({a})",
    "(lambda f: (f.defvjp(lambda s, t: (s * t, (s, t)), lambda k, g: (g * k[1], g * k[0])), f)[1])"
    "(jax.custom_vjp(lambda s, t: s * t))({a}, {c})",
    "lax.scan(lambda c, t: (jax.custom_gradient(lambda s: (s * s, lambda g: (2 * g * s,)))(c * t), c), {r}[0], {r})[1]",
)
FORWARD = (
    *PUSHED,
    "lax.fori_loop(0, jnp.int32(jnp.sum({a}) > 0) + 1, lambda i, s: jnp.sin(s) * {c}, {a})",
    "lax.while_loop(lambda s: jnp.sum(s ** 2) > 0.5, lambda s: 0.7 * jnp.sin(s), {a})",
    "jax.vmap(lambda t: lax.fori_loop(0, jnp.int32(t[0] > 0) + 1, lambda i, s: jnp.sin(s) * t, t))({m})",
)
#: How to know them in a program.
REVERSE_ONLY, FORWARD_ONLY = r"custom_vjp|custom_gradient", r"while_loop|fori_loop\(0, jnp"

#: Only a newer JAX differentiates these.
NEWER = ("jnp.nextafter({a}, {c}) * {b}", "lax.polynomial(jnp.sin({a}), (0.3, -0.2, 0.5))")

_REST = (SPECIAL, KINKED, SHAPED, PRODUCTS, POOLING, INDEXED, COMPLEX, LINALG, LOOPS, CUSTOM, NESTED)
EVERYTHING = (*FAMILIES, FOURIER, *_REST, *([NEWER] if hasattr(jax.lax, "polynomial") else []))
