"""Programs as practitioners write them, with the formula a careful author would write.

A row: the function, its arguments, and the lines of the derivative that must come out, to the letter.
"""

import jax
import jax.numpy as jnp

one = jnp.ones


def logistic(w, X, y):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def logistic_by_logaddexp(w, X, y):
    return jnp.mean(jnp.logaddexp(0, -y * (X @ w)))


def logistic_by_softplus(w, X, y):
    return jnp.mean(jax.nn.softplus(-(X @ w) * y))


def logistic_by_log_sigmoid(w, X, y):
    return -jnp.sum(jax.nn.log_sigmoid(y * (X @ w))) / X.shape[0]


def cross_entropy(w, X, y):
    p = jax.nn.sigmoid(X @ w)
    return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


def least_squares(w, X, y):
    return jnp.mean((X @ w - y) ** 2)


def ridge(w, X, y, lam):
    r = X @ w - y
    return jnp.mean(r**2) + lam * jnp.sum(w**2)


def ridge_by_products(w, X, y, lam):
    return (X @ w - y) @ (X @ w - y) / y.shape[0] + lam * w @ w


def residual_norm(x, A, b):
    return jnp.linalg.norm(A @ x - b)


def quadratic(x, A):
    return x @ A @ x / 2


def trace(X, A, B):
    return jnp.trace(A @ X @ B)


def factorisation(U, V, A):
    return jnp.sum((A - U @ V.T) ** 2)


def poisson(w, X, y):
    return jnp.mean(jnp.exp(X @ w) - y * (X @ w))


def softmax_regression(W, X, Y):
    z = X @ W
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(z), axis=1))


def softmax_by_hand(W, X, Y):
    P = jnp.exp(X @ W) / jnp.sum(jnp.exp(X @ W), axis=1, keepdims=True)
    return -jnp.mean(jnp.sum(Y * jnp.log(P), axis=1))


def softmax_of_labels(W, X, y):
    z = X @ W
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - z[jnp.arange(z.shape[0]), y])


def softmax_of_one_hot(W, X, y):
    z = X @ W
    return -jnp.mean(jnp.sum(jax.nn.one_hot(y, W.shape[1]) * jax.nn.log_softmax(z), axis=-1))


def softmax_taking_along(W, X, y):
    z = X @ W
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


def attention(Wq, Wk, Wv, X):
    V = X @ Wv
    S = (X @ Wq) @ (X @ Wk).T / jnp.sqrt(Wq.shape[1])
    A = jax.nn.softmax(S, axis=-1)
    return jnp.sum((A @ V) ** 2)


def perceptron(params, x, y):
    a = x
    for W, b in params:
        z = W @ a + b
        a = jnp.tanh(z)
    return jnp.sum((a - y) ** 2) / 2


def classifier(params, x, y):
    a = x
    for W, b in params[:-1]:
        a = jax.nn.relu(a @ W + b)
    W, b = params[-1]
    p = jax.nn.log_softmax(a @ W + b)
    return -jnp.mean(jnp.sum(y * p, axis=-1))


def spelled_out(params, x, y):
    a = jax.nn.sigmoid(params["W1"] @ x + params["b1"])
    a = jax.nn.sigmoid(params["W2"] @ a + params["b2"])
    out = params["W3"] @ a + params["b3"]
    return 0.5 * jnp.sum((out - y) ** 2)


def unbiased(Ws, x):
    for W in Ws:
        x = jnp.tanh(W @ x)
    return jnp.sum(x)


data = (one(4), one((9, 4)), one(9))
classes = (one((4, 3)), one((9, 4)), one((9, 3)))
labels = (one((4, 3)), one((9, 4)), one(9, int))
column = [(one((5, 3)), one(5)), (one((6, 5)), one(6)), (one((2, 6)), one(2))]
rows = [(one((3, 5)), one(5)), (one((5, 6)), one(6)), (one((6, 2)), one(2))]
spelled = {"W1": one((5, 3)), "b1": one(5), "W2": one((6, 5)), "b2": one(6), "W3": one((2, 6)), "b3": one(2)}

LOGISTIC = "−(1/N) Xᵀ (y ⊙ σ(−y ⊙ Xw))"
LABELS = "z = XW\n∇{} = (1/N) Xᵀ (softmax(z) − onehot(y))"
EXAMPLES = [
    (logistic, data, f"∇logistic = {LOGISTIC}"),
    (logistic_by_logaddexp, data, f"∇logistic_by_logaddexp = {LOGISTIC}"),
    (logistic_by_softplus, data, f"∇logistic_by_softplus = {LOGISTIC}"),
    (logistic_by_log_sigmoid, data, f"∇logistic_by_log_sigmoid = {LOGISTIC}"),
    (cross_entropy, data, "p = σ(Xw)\n∇cross_entropy = (1/N) Xᵀ (p − y)"),
    (least_squares, data, "∇least_squares = (2/N) Xᵀ (Xw − y)"),
    (ridge, (*data, 1.0), "r = Xw − y\n∇ridge = (2/N) Xᵀr + 2 λ w"),
    (ridge_by_products, (*data, 1.0), "∇ridge_by_products = (2/N) Xᵀ (Xw − y) + 2 λ w"),
    (residual_norm, (one(4), one((9, 4)), one(9)), "∇residual_norm = (1/‖Ax − b‖) Aᵀ (Ax − b)"),
    (quadratic, (one(4), one((4, 4))), "∇quadratic = (1/2) (A + Aᵀ) x"),
    (trace, (one((3, 4)), one((5, 3)), one((4, 5))), "∇trace = AᵀBᵀ"),
    (factorisation, (one((5, 2)), one((4, 2)), one((5, 4))), "∇factorisation = 2 (UVᵀ − A) V"),
    (poisson, data, "∇poisson = (1/N) Xᵀ (exp(Xw) − y)"),
    (softmax_regression, classes, "z = XW\n∇softmax_regression = (1/N) Xᵀ (diag(Y 1) softmax(z) − Y)"),
    (softmax_by_hand, classes, "P = softmax(XW)\n∇softmax_by_hand = (1/N) Xᵀ (diag(Y 1) P − Y)"),
    (softmax_of_labels, labels, LABELS.format("softmax_of_labels")),
    (softmax_of_one_hot, labels, LABELS.format("softmax_of_one_hot")),
    (softmax_taking_along, labels, LABELS.format("softmax_taking_along")),
    (
        perceptron,
        (column, one(3), one(2)),
        "z_i = W_i a_{i−1} + b_i    (i = 1, …, L, a₀ = x)\n"
        "a_i = tanh(z_i)    (i = 1, …, L)\n"
        "δ_L = (a_L − y) ⊙ tanh′(z_L)\n"
        "δ_i = (W_{i+1}ᵀ δ_{i+1}) ⊙ tanh′(z_i)    (i = L−1, …, 1)\n"
        "∂perceptron/∂W_i = δ_i a_{i−1}ᵀ    (i = 1, …, L, a₀ = x)\n"
        "∂perceptron/∂b_i = δ_i    (i = 1, …, L)",
    ),
    (
        spelled_out,
        (spelled, one(3), one(2)),
        "z_i = W_i a_{i−1} + b_i    (i = 1, …, L−1, a₀ = x)\n"
        "a_i = σ(z_i)    (i = 1, …, L−1)\n"
        "out = W_L a_{L−1} + b_L\n"
        "δ_L = out − y\n"
        "δ_i = (W_{i+1}ᵀ δ_{i+1}) ⊙ σ′(z_i)    (i = L−1, …, 1)\n"
        "∂spelled_out/∂W_i = δ_i a_{i−1}ᵀ    (i = 1, …, L, a₀ = x)\n"
        "∂spelled_out/∂b_i = δ_i    (i = 1, …, L)",
    ),
    (
        classifier,
        (rows, one((10, 3)), one((10, 2))),
        "z_i = a_{i−1} W_i + 1 b_iᵀ    (i = 1, …, L, a₀ = x)\n"
        "a_i = relu(z_i)    (i = 1, …, L−1)\n"
        "δ_L = (1/N) (diag(y 1) softmax(z_L) − y)\n"
        "δ_i = (δ_{i+1} W_{i+1}ᵀ) ⊙ [z_i > 0]    (i = L−1, …, 1)\n"
        "∂classifier/∂W_i = a_{i−1}ᵀ δ_i    (i = 1, …, L, a₀ = x)\n"
        "∂classifier/∂b_i = δ_iᵀ 1    (i = 1, …, L)",
    ),
]
