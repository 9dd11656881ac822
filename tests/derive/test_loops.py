"""Loops: a scan is one recursion in time, forward and backward, in formula and in source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import catenary as ct
from tests.oracle import together

one = jnp.ones
n, m, k, T = 3, 2, 5, 4


def last_state(W, U, b, x, h0):
    def step(h, x):
        z = W @ h + U @ x + b
        h = jnp.tanh(z)
        return h, h

    return jnp.sum(lax.scan(step, h0, x)[0] ** 2)


def readout(W, U, C, x, h0, y):
    def step(h, x):
        z = W @ h + U @ x
        h = jnp.tanh(z)
        return h, C @ h

    _, o = lax.scan(step, h0, x)
    return jnp.sum((o - y) ** 2)


def loss_over_time(W, x, y, h0):
    def step(carry, xy):
        h, loss = carry
        x, y = xy
        h = jnp.tanh(W @ h + x)
        return (h, loss + jnp.sum((h - y) ** 2)), None

    return lax.scan(step, (h0, 0.0), (x, y))[0][1]


def backwards(W, x, h0):
    def step(h, x):
        h = jnp.tanh(W @ h + x)
        return h, h

    return jnp.sum(lax.scan(step, h0, x, reverse=True)[1] ** 2)


def lstm(p, x, y):
    def step(carry, x):
        h, c = carry
        i = jax.nn.sigmoid(p["Wi"] @ h + p["Ui"] @ x)
        f = jax.nn.sigmoid(p["Wf"] @ h + p["Uf"] @ x)
        g = jnp.tanh(p["Wg"] @ h + p["Ug"] @ x)
        c = f * c + i * g
        h = jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros(p["Wi"].shape[0])
    (h, _), _ = lax.scan(step, (zero, zero), x)
    return jnp.sum((h - y) ** 2)


def linear_system(A, B, u, x0, y):
    def step(x, u):
        x = A @ x + B @ u
        return x, x

    return jnp.sum((lax.scan(step, x0, u)[1] - y) ** 2) / 2


def moving_average(a, x):
    def step(s, x):
        return {"m": a * s["m"] + (1 - a) * x}, s["m"]

    return jnp.sum(lax.scan(step, {"m": 0.0}, x)[1] ** 2)


def euler(A, x0, y, dt):
    x = lax.fori_loop(0, 10, lambda i, x: x + dt * jnp.tanh(A @ x), x0)
    return jnp.sum((x - y) ** 2)


def momentum(lr, w0, A, b):
    def step(s, _):
        w, v = s
        v = 0.9 * v - lr * A.T @ (A @ w - b)
        return (w + v, v), None

    (w, _), _ = lax.scan(step, (w0, jnp.zeros_like(w0)), None, length=6)
    return jnp.sum((A @ w - b) ** 2)


def batched(W, U, x, y):
    def one_sequence(x, y):
        def step(h, x):
            return jnp.tanh(W @ h + U @ x), None

        return jnp.sum((lax.scan(step, jnp.zeros(W.shape[0]), x)[0] - y) ** 2)

    return jnp.mean(jax.vmap(one_sequence)(x, y))


def mapped(W, x):
    return jnp.sum(lax.map(lambda x: jnp.tanh(W @ x), x) ** 2)


def hidden_markov(A, B, pi, y):
    def step(alpha, o):
        return jax.nn.logsumexp(alpha[:, None] + A, axis=0) + B[:, o], None

    alpha, _ = lax.scan(step, pi + B[:, y[0]], y[1:])
    return jax.nn.logsumexp(alpha)


def kalman(A, Q, H, R, m0, P0, y):
    def step(state, y):
        m, P = state
        m, P = A @ m, A @ P @ A.T + Q
        S = H @ P @ H.T + R
        v = y - H @ m
        K = P @ H.T @ jnp.linalg.inv(S)
        return (m + K @ v, P - K @ S @ K.T), v @ jnp.linalg.solve(S, v) + jnp.linalg.slogdet(S)[1]

    return jnp.sum(lax.scan(step, (m0, P0), y)[1])


def indexed_steps(A, x0, x):
    return jnp.sum(lax.fori_loop(0, x.shape[0], lambda i, s: jnp.tanh(A @ s + x[i]), x0) ** 2)


def stacked_layers(W1, W2, x):
    zero = jnp.zeros(W1.shape[0])
    below = lax.scan(lambda h, x: (jnp.tanh(W1 @ h + x),) * 2, zero, x)[1]
    return jnp.sum(lax.scan(jax.checkpoint(lambda s, h: (jnp.tanh(W2 @ s + h), None)), zero, below)[0] ** 2)


def attended(W, v, x):
    h = lax.scan(lambda h, x: (jnp.tanh(W @ h + x),) * 2, jnp.zeros(3), x)[1]
    a = jax.nn.softmax(h @ v)
    return jnp.sum((a @ h) ** 2)


GATES = {a + b: one((n, n) if a == "W" else (n, m)) for a in "WU" for b in "ifg"}
PROGRAMS = [
    (last_state, (one((n, n)), one((n, m)), one(n), one((T, m)), one(n)), (0, 1, 2, 3, 4)),
    (readout, (one((n, n)), one((n, m)), one((k, n)), one((T, m)), one(n), one((T, k))), (0, 1, 2, 3, 4, 5)),
    (loss_over_time, (one((n, n)), one((T, n)), one((T, n)), one(n)), (0, 1, 3)),
    (backwards, (one((n, n)), one((T, n)), one(n)), (0, 1, 2)),
    (lstm, (GATES, one((T, m)), one(n)), (0, 1)),
    (linear_system, (one((n, n)), one((n, m)), one((T, m)), one(n), one((T, n))), (0, 1, 3)),
    (moving_average, (0.5, one(T)), (0, 1)),
    (euler, (one((n, n)), one(n), one(n), 0.1), (0, 1, 3)),
    (momentum, (0.1, one(n), one((k, n)), one(k)), (0, 1, 2)),
    (batched, (one((n, n)), one((n, m)), one((6, T, m)), one((6, n))), (0, 1)),
    (hidden_markov, (one((n, n)), one((n, k)), one(n), jnp.ones(T, int)), (0, 1, 2)),
    (kalman, (one((n, n)), jnp.eye(n), one((m, n)), jnp.eye(m), one(n), jnp.eye(n), one((T, m))), (0, 1)),
    (indexed_steps, (one((n, n)), one(n), one((T, n))), (0, 1, 2)),
    (stacked_layers, (one((n, n)), one((n, n)), one((T, n))), (0, 1, 2)),
    (attended, (one((n, n)), one(n), one((T, n))), (0, 1, 2)),
    (mapped, (one((n, m)), one((T, m))), (0, 1)),
]
_made = {}


def derived(fun):
    if fun not in _made:
        (args, argnums), *_ = [(a, r) for f, a, r in PROGRAMS if f is fun]
        _made[fun] = ct.derive(fun, *args, argnums=argnums)
    return _made[fun]


def _random(key, x):
    x = jnp.asarray(x)
    if x.dtype.kind == "i" or (x.ndim == 2 and bool((x == jnp.eye(*x.shape)).all())):
        return x  # labels, and covariances
    return jax.random.normal(jax.random.fold_in(key, jnp.size(x)), jnp.shape(x), jnp.float64) / 2


@pytest.mark.parametrize(("fun", "args", "argnums"), PROGRAMS, ids=[f.__name__ for f, *_ in PROGRAMS])
def test_the_source_is_the_gradient(fun, args, argnums):
    made = derived(fun)
    source = made.python("gradient")
    assert "grad(" not in source and "vjp" not in source
    scope = {}
    exec(source, scope)
    args = jax.tree.map(lambda x: _random(jax.random.key(2), x), args)
    got, wanted = together(scope["gradient"], jax.grad(fun, argnums=argnums), *args)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("fun", "args", "argnums"), PROGRAMS, ids=[f.__name__ for f, *_ in PROGRAMS])
def test_it_is_printed(fun, args, argnums):
    made = derived(fun)
    assert max(map(len, str(made).splitlines())) <= 100
    source = made.latex()
    assert source.count("{") == source.count("}")
    assert "@" not in source and "@" not in str(made)
    assert made.html()


@pytest.mark.parametrize("form", ["index", "labels"])
def test_it_is_printed_with_indices(form):
    shown = str(derived(loss_over_time).with_form(form))
    assert "@" not in shown and "−1" in shown


def test_a_recurrent_network():
    assert derived(last_state).steps == [
        "z_t = U x_t + W h_{t−1} + b    (t = 1, …, T)",
        "h_t = tanh(z_t)    (t = 1, …, T)",
        "last_state = ‖h_T‖²",
        "δ_T = 2 h_T ⊙ tanh′(z_T)",
        "δ_t = (Wᵀ δ_{t+1}) ⊙ tanh′(z_t)    (t = T−1, …, 1)",
        "h̄₀ = Wᵀ δ₁",
        "∂last_state/∂W = Σₜ δ_t h_{t−1}ᵀ",
        "∂last_state/∂U = Σₜ δ_t x_tᵀ",
        "∂last_state/∂b = Σₜ δ_t",
        "∂last_state/∂x_t = Uᵀ δ_t    (t = 1, …, T)",
        "∂last_state/∂h₀ = h̄₀",
    ]


def test_a_loss_summed_on_the_way_is_a_sum():
    assert derived(loss_over_time).steps[2:5] == [
        "loss_over_time = Σₜ ‖h_t − y_t‖²",
        "δ_t = (Wᵀ δ_{t+1} + 2 h_t − 2 y_t) ⊙ tanh′(z_t)    (t = T, …, 1, δ_{T+1} = 0)",
        "h̄₀ = Wᵀ δ₁",
    ]


def test_a_linear_system():
    assert derived(linear_system).steps[2] == "x̄_t = Aᵀ x̄_{t+1} + x_t − y_t    (t = T, …, 1, x̄_{T+1} = 0)"


def test_a_loop_that_runs_backwards():
    assert "(t = 1, …, T, δ₀ = 0)" in derived(backwards).formula
    assert "h_{T+1} = h₀" in derived(backwards).formula


def test_a_second_derivative_is_refused():
    with pytest.raises(NotImplementedError, match="second derivative through a loop"):
        ct.derive(linear_system, *PROGRAMS[5][1], order=2)


def test_a_jacobian_is_refused():
    with pytest.raises(NotImplementedError, match="through a loop"):
        ct.derive(lambda W, x: lax.scan(lambda h, x: (jnp.tanh(W @ h + x),) * 2, x[0], x)[0], one((n, n)), one((T, n)))
