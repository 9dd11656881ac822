"""Third and fourth derivatives of the primitives, ours nested in ours, against JAX's nested in JAX's."""

import jax
import jax.numpy as jnp
import numpy as np

import catenary as ct
from catenary.testing import EXAMPLES, Report

#: The primitives with higher derivatives of their own; of matrix factorisations one, and of linear primitives a few.
CURVED = """acos asin atan atan2 atanh cbrt cholesky cond conv_general_dilated cos cumprod custom_jvp_call
    custom_vjp_call div dot_general erf erf_inv exp expm1 gather integer_pow lgamma log log1p logistic mul pow
    reduce_prod remat2 rsqrt scan scatter-mul sin sinh sort sqrt square tan tanh""".split()
FORWARD = ["while"]
TOGETHER = 6  # primitives compiled as one


def inner(x, y):
    return sum(jnp.vdot(a, b).real for a, b in zip(jax.tree.leaves(x), jax.tree.leaves(y), strict=True))


def like(rng, tree):
    return jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), tree)


def high(ad, first, names):
    """The third and the fourth derivative, along random directions, of a curved scalar of some primitives.

    Both as pytrees: an entry for each argument of each primitive.
    """
    rng = np.random.default_rng(3)
    rows = {name: EXAMPLES[name][0] for name in names}
    points = {name: row.args() for name, row in rows.items()}
    weights = {name: like(rng, jax.eval_shape(row.fun, *points[name])) for name, row in rows.items()}

    def curved(points):
        return sum(inner(weights[n], jax.tree.map(jnp.sin, row.fun(*points[n]))) for n, row in rows.items())

    fun = first(curved)
    for v in [like(rng, points) for _ in range(2)]:
        fun = lambda x, f=fun, v=v: ad.jvp(f, (x,), (v,))[1]
    along = like(rng, points)
    return jax.jit(lambda points: ad.jvp(fun, (points,), (along,)))(points)


def test_a_gradient_pushed_three_times():
    report = Report("third and fourth derivatives")
    for k in range(0, len(CURVED), TOGETHER):
        names = CURVED[k : k + TOGETHER]
        report.compare("", high(ct, ct.grad, names), high(jax, jax.grad, names), 1e-8)
    report.compare("", high(ct, ct.jacfwd, FORWARD), high(jax, jax.jacfwd, FORWARD), 1e-8)
    report.require()
