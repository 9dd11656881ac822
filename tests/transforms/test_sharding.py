"""Arrays whose type says where they lie: the derivative lies there too."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np

import catenary as ct

PROGRAM = """
import json
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, PartitionSpec as P
import catenary as ct

mesh = jax.make_mesh((2, 2), ("x", "y"), axis_types=(AxisType.Explicit,) * 2)

def loss(x, w):
    return jnp.sum(jnp.dot(jnp.tanh(x) * 2, w, out_sharding=P("x", "y")) ** 2)

def mapped(x):
    body = lambda x: jax.lax.psum(jnp.sin(x), "x")
    return jnp.sum(jax.shard_map(body, mesh=mesh, in_specs=P("x", "y"), out_specs=P(None, "y"))(x) ** 2)

def elsewhere(x):
    x = jnp.sin(x)
    other = mesh.abstract_mesh.update(axis_sizes=(4, 1), axis_names=("a", "b"))
    with jax.sharding.use_abstract_mesh(other):
        y = jnp.sin(jax.reshard(x, P(("a", "b"), None)))
    return jnp.sum(jax.reshard(y, P("x", None)) ** 2)

def layers(x, w):
    return jnp.sum(jax.lax.scan(lambda c, _: (jnp.tanh(jnp.dot(c, w, out_sharding=P("x"))), None), x, length=2)[0])

def taken(x):
    return jnp.sum(x.at[jnp.arange(2)].get(out_sharding=P("x", None)) ** 2)

rows = []
with jax.set_mesh(mesh):
    x = jax.device_put(np.arange(32.0).reshape(8, 4) / 32, P("x", "y"))
    w = jax.device_put(np.arange(16.0).reshape(4, 4) / 16, P(None, "y"))
    reduced = jax.reshard(w, P(reduced={"x"}))
    replicated = jax.reshard(x, P("x", None))
    both, jitted = (jax.jit, lambda f: f), (jax.jit,)
    programs = ((loss, (x, w), both), (mapped, (x,), both), (elsewhere, (replicated,), jitted), (taken, (w,), jitted),
                (layers, (replicated, reduced), jitted))
    for fun, args, wraps in programs:
        for wrap in wraps:
            ours, theirs = (wrap(ad.grad(fun, argnums=tuple(range(len(args)))))(*args) for ad in (ct, jax))
            for a, b in zip(ours, theirs):
                error = jnp.max(jnp.abs(jax.reshard(a, P()) - jax.reshard(b, P())))
                rows.append([str(jax.typeof(a)), str(jax.typeof(b)), float(error)])

    line = jax.device_put(np.arange(8.0) / 10, P("x"))
    loop = lambda x: jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, length=3)[0]
    matrix, slopes = ct.jacobian(loop)(line), jax.grad(lambda x: jnp.sum(loop(x)))(line)
    rows.append(["", "", float(jnp.max(jnp.abs(jax.reshard(matrix, P()) - jnp.diag(jax.reshard(slopes, P())))))])
    row = jax.device_put(np.ones((1, 4)), P(None, "x"))
    for fun in (lambda x: jnp.sum(x * jax.lax.rsqrt(jnp.mean(x**2, 0, keepdims=True))),
                lambda x: jnp.sum(jnp.expand_dims(x, -1))):
        rows.append([str(jax.typeof(jax.jit(ad.grad(fun))(row))) for ad in (ct, jax)] + [0.0])
    wide = lambda x: jax.lax.broadcast(x, [2], out_sharding=P("y", None, "x"))
    rows.append([str(jax.typeof(jax.jit(ad.jacrev(wide))(row))) for ad in (ct, jax)] + [0.0])

    def within(ad):
        def two(w, xs):
            return [jnp.sum(x @ w, -1) for x in xs]

        def at(w, x, y):
            blocks = ad.jacrev(two, 1)(w, (x, y))
            seen.append([str(jax.typeof(b)) for row in blocks for b in row])
            value, pull = ad.vjp(two, w, (x, y))
            pulled = pull(jax.tree.map(jnp.ones_like, value))[1]
            return pulled

        seen = []
        inside = jax.jit(jax.shard_map(at, in_specs=(P(), P("x"), P("y")), out_specs=(P("x"), P("y"))))
        inside(jnp.ones((4, 2)), replicated, jax.reshard(x, P("y", None)))
        return str(seen[-1])

    rows.append([within(ct), within(jax), 0.0])

    def automatic(params, x):
        model = jax.sharding.auto_axes(lambda x: params * x, out_sharding=P())
        return jax.lax.scan(lambda c, _: (model(c), None), x, length=3)[0]

    pair = [jax.jit(ad.grad(automatic))(1.0, 2.0) for ad in (ct, jax)]
    rows.append([*(str(jax.typeof(y).shape) for y in pair), float(abs(pair[0] - pair[1]))])

    def inner(x):
        return jax.shard_map(lambda x: x * x, in_specs=P(None, "y"), out_specs=P(None, "y"))(x)

    def nested(x):
        outer = jax.shard_map(inner, in_specs=P("x", None), out_specs=P("x", None), check_vma=False, axis_names={"x"})
        return jnp.sum(outer(x))

meshed = jax.make_mesh((2, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
with jax.set_mesh(meshed):
    x = jnp.arange(32.0).reshape(4, 8)
    rows.append([str(jax.typeof(ct.grad(jax.jit(nested))(x))), str(jax.typeof(x)),
                 float(jnp.max(jnp.abs(ct.grad(jax.jit(nested))(x) - 2 * x)))])
p, t = jnp.ones(1), jnp.ones(2)
try:
    push = lambda t: ct.linearize(lambda x: jnp.mean(x**2), p)[1](t)
    jax.shard_map(push, mesh=meshed, in_specs=P("x"), out_specs=P())(t)
except ValueError as error:
    assert "pcast" in str(error)
else:
    raise AssertionError("a tangent that varies, of a primal that does not")

auto = jax.NamedSharding(jax.make_mesh((2,), ("x",), axis_types=(AxisType.Auto,)), P("x"))
told = jax.jit(lambda x: jnp.sin(x) * 2, in_shardings=auto, out_shardings=auto)
x = jnp.arange(8.0)
for pair in zip(*(ad.jvp(told, (x,), (x,)) for ad in (ct, jax))):
    rows.append([*(str(y.sharding) for y in pair), float(jnp.max(jnp.abs(pair[0] - pair[1])))])

first, second = jax.devices()[:2]
x, w = jax.device_put(jnp.arange(3.0), first), jax.device_put(jnp.arange(3.0), second)
ours, theirs = (ad.grad(lambda x: jnp.sum(jax.device_put(jnp.sin(x), second) * w))(x) for ad in (ct, jax))
rows.append([str(ours.devices()), str(theirs.devices()), float(jnp.max(jnp.abs(ours - theirs)))])
print(json.dumps(rows))
"""


def test_gradients_lie_where_jaxs_do(tmp_path):
    """On four forced devices, so in a process of its own."""
    file = tmp_path / "sharded.py"
    file.write_text(PROGRAM)
    env = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    assert len(rows) == 20
    for ours, theirs, error in rows:
        assert ours == theirs and error < 1e-5


def test_a_program_across_devices():
    """Outside jit the cotangents go back to where the values lie."""
    here, there = jax.devices()[:2]
    x, w = jax.device_put(jnp.arange(3.0), here), jax.device_put(jnp.arange(3.0) + 1, there)
    fun = lambda x: jax.device_put(jnp.sin(x), there) * w
    calls = [
        lambda d: d.grad(lambda x: fun(x).sum())(x),
        lambda d: d.jvp(fun, (x,), (x,))[1],
        lambda d: d.vjp(fun, x)[1](w)[0],
        lambda d: d.grad(lambda x: jax.device_put(x, there))(x[0]),
    ]
    for call in calls:
        ours, theirs = call(ct), call(jax)
        assert ours.devices() == theirs.devices()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
