"""The gallery in tensorgrad: tensors with named edges, differentiated by ``.grad`` and ``.full_simplify``.

A row holds the edges of each array, in the order of the arguments, and the function: ``@`` contracts the edges that two
tensors share, ``*`` multiplies entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
import tensorgrad as tg
from tensorgrad import functions as F
from tensorgrad.extras.to_index import to_index, to_index_free
from tensorgrad.tensor import Rename

from benchmarks.peers import chosen, difference, leaves
from docs.gallery.entry import Entry

sq, mean, total = tg.frobenius2, F.mean, F.sum


def softplus(x: Any) -> Any:
    return F.log(1 + F.exp(x))


def logdet(M: Any) -> Any:
    return F.log(F.det(M))


def norm(x: Any) -> Any:
    return F.sqrt(sq(x))


def attend(Q: Any, K: Any, V: Any) -> Any:
    return F.softmax(Q @ K * 3**-0.5, dim="s") @ V


def logistic(w: Any, X: Any, y: Any) -> Any:
    return total(softplus(-y * (X @ w))) * (1 / 9)


def binary(w: Any, X: Any, y: Any) -> Any:
    return (total(softplus(X @ w)) - y @ X @ w) * (1 / 9)


def poisson(w: Any, X: Any, y: Any) -> Any:
    return (total(F.exp(X @ w)) - y @ X @ w) * (1 / 9)


def multinomial(W: Any, X: Any, y: Any) -> Any:
    return total(F.cross_entropy(X @ W, y, dim="k")) * (1 / 9)


def ridge(w: Any, X: Any, y: Any, lam: Any) -> Any:
    return sq(X @ w - y) * (1 / 9) + lam * sq(w)


def weighted(w: Any, X: Any, y: Any, c: Any) -> Any:
    return c @ F.pow(X @ w - y, 2) * 0.5


def quadratic(x: Any, A: Any) -> Any:
    return x @ A @ x.rename(i="j")


def perceptron(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any, x: Any, y: Any) -> Any:
    for W, b in ((W1, b1), (W2, b2), (W3, b3)):
        x = F.tanh(W @ x + b)
    return sq(x - y) * 0.5


def innovation(m: Any, P: Any, H: Any, R: Any, y: Any) -> Any:
    S = H @ P @ H.rename(a="b", i="j") + R
    v = y - H @ m
    return v @ F.inverse(S) @ v.rename(a="b") * 0.5, S


Row = tuple[str, Callable[..., Any]]
FORMS: dict[str, Row] = {
    "linear form": ("i, i", lambda x, a: a @ x),
    "bilinear form": ("i j, i, j", lambda X, a, b: a @ X @ b),
    "quadratic form": ("i, i j", quadratic),
    "quadratic form, Hessian": ("i, i j", quadratic),
    "energy": ("i, i j, i, ", lambda x, A, b, c: quadratic(x, A) * 0.5 - b @ x + c),
    "two images": ("a i, i, i", lambda X, b, c: (X @ b) @ (X @ c)),
    "weighted residual": ("j, i, i j, i k", lambda s, x, A, W: (x - A @ s) @ W @ (x - A @ s).rename(i="k")),
    "distance": ("i, i", lambda x, a: norm(x - a)),
    "Gram matrix": ("a i", lambda X: sq(X @ X.rename(a="b"))),
    "trace of a product": ("i j, a i, j a", lambda X, A, B: A @ X @ B),
    "trace of a quadratic form": ("i k, i j", lambda X, A: X @ A @ X.rename(i="j")),
    "trace of a cube": ("i j", lambda X: X @ X.rename(i="j", j="k") @ X.rename(i="k", j="i")),
    "linear matrix equation": ("i j, a i, j b, a b", lambda X, A, B, C: sq(A @ X @ B - C)),
    "form of an inverse": ("i j, i, j", lambda X, a, b: b.rename(j="i") @ F.inverse(X) @ a.rename(i="j")),
    "trace of a shifted inverse": ("i j, i j", lambda X, A: tg.trace(F.inverse(X + A))),
    "linear system by its matrix": ("i j, i, i", lambda A, b, c: c.rename(i="j") @ F.inverse(A) @ b),
    "determinant": ("i j", F.det),
    "log determinant": ("i j", logdet),
    "log determinant of a Gram matrix": ("a i", lambda X: logdet(X @ X.rename(i="j"))),
    "D-optimal design": ("a, a i", lambda w, X: -logdet((w * X) @ X.rename(i="j"))),
    "Gaussian precision": ("i j, j i", lambda Theta, S: S @ Theta - logdet(Theta)),
    "Gaussian covariance": ("i j, j i, ", lambda V, S, N: N * (logdet(V) + F.inverse(V) @ S) * 0.5),
    "Gaussian likelihood by Cholesky": (
        "i j, i, i", lambda V, x, m: (logdet(V) + (x - m) @ F.inverse(V) @ (x - m).rename(i="j")) * 0.5
    ),
    "Mahalanobis distance by Cholesky": (
        "i, i, i j", lambda x, m, V: (x - m) @ F.inverse(V) @ (x - m).rename(i="j") * 0.5
    ),
    "divergence from a standard Gaussian": ("i j, i", lambda V, m: (tg.trace(V) + sq(m) - logdet(V)) * 0.5),
}  # fmt: skip

REGRESSION: dict[str, Row] = {
    "least squares": ("i, a i, a", lambda w, X, y: sq(X @ w - y) * (1 / 9)),
    "least squares, Hessian": ("i, a i, a", lambda w, X, y: sq(X @ w - y) * (1 / 9)),
    "ridge regression": ("i, a i, a, ", ridge),
    "ridge regression, Hessian": ("i, a i, a, ", ridge),
    "weighted least squares": ("i, a i, a, a", weighted),
    "weighted least squares, Hessian": ("i, a i, a, a", weighted),
    "logistic regression": ("i, a i, a", logistic),
    "logistic regression, Hessian": ("i, a i, a", binary),
    "binary cross-entropy": ("i, a i, a", binary),
    "softmax regression": ("i k, a i, a k", multinomial),
    "softmax regression, Hessian": ("i k, a i, a k", multinomial),
    "Poisson regression": ("i, a i, a", poisson),
    "Poisson regression, Hessian": ("i, a i, a", poisson),
    "multivariate regression": ("i k, a i, a k", lambda W, X, Y: sq(X @ W - Y) * (1 / 18)),
    "support vector machine": (
        "i, a i, a, ", lambda w, X, y, lam: total(F.relu(1 - y * (X @ w))) * (1 / 9) + lam * sq(w) * 0.5
    ),
    "squared hinge": ("i, a i, a", lambda w, X, y: sq(F.relu(1 - y * (X @ w))) * (1 / 9)),
    "lasso": ("i, a i, a, ", lambda w, X, y, lam: sq(X @ w - y) * 0.5 + lam * total(F.abs(w))),
    "Student's t regression": ("i, a i, a, ", lambda w, X, y, nu: total(F.log(1 + F.pow(X @ w - y, 2) / nu))),
    "nonlinear least squares": ("i, a i, a", lambda w, X, y: sq(F.tanh(X @ w) - y) * 0.5),
    "nonlinear least squares, Hessian": ("i, a i, a", lambda w, X, y: sq(F.tanh(X @ w) - y) * 0.5),
}  # fmt: skip

JACOBIANS: dict[str, Row] = {
    "linear map": ("i, a i", lambda x, A: A @ x),
    "linear map by its matrix": ("a i, i", lambda A, x: A @ x),
    "two-sided product": ("i j, a i, j b", lambda X, A, B: A @ X @ B),
    "entry by entry": ("i", F.sigmoid),
    "gate": ("i, i j", lambda x, A: x * (A @ x.rename(i="j"))),
    "layer": ("i, a i, a", lambda x, W, b: F.tanh(W @ x + b)),
    "softmax": ("i", lambda x: F.softmax(x, dim="i")),
    "log-softmax": ("i", lambda x: F.log_softmax(x, dim="i")),
    "log-sum-exp, Hessian": ("i", lambda x: F.log(total(F.exp(x)))),
    "normalisation": ("i", lambda x: x / norm(x)),
    "outer product": ("i, j", lambda x, y: x @ y),
    "vector times its square": ("i", lambda x: sq(x) * x),
    "inverse": ("i j", F.inverse),
    "residuals": ("i, a i, a", lambda w, X, y: F.exp(X @ w) - y),
}  # fmt: skip

NETWORKS: dict[str, Row] = {
    "perceptron of L layers": ("h i, h, g h, g, o g, o, i, o", perceptron),
    "one hidden layer": ("h i, h, h, i, ", lambda W, b, v, x, y: F.pow(v @ F.sigmoid(W @ x + b) - y, 2) * 0.5),
    "autoencoder": ("h i, i h, a i", lambda V, W, X: sq(F.sigmoid(X @ W) @ V - X) * 0.5),
    "gated linear unit": ("i h, i h, a i, a h", lambda U, V, X, T: sq((X @ U) * F.sigmoid(X @ V) - T) * 0.5),
    "cross-entropy by logits": ("a k, a k", lambda z, y: total(F.cross_entropy(z, y, dim="k")) * (1 / 9)),
    "binary cross-entropy by logits": ("a, a", lambda z, y: (total(softplus(z)) - y @ z) * (1 / 9)),
    "embedding": ("m i, a m, i k, a k", lambda E, t, W, T: sq(t @ E @ W - T) * 0.5),
    "root-mean-square normalisation": (
        "i, i, i", lambda x, gain, g: g @ (gain * x / F.sqrt(mean(F.pow(x, 2), dim="i") + 1e-6))
    ),
    "cosine similarity": ("i, i", lambda x, y: (x @ y) / norm(x) / norm(y)),
    "variance": ("i", lambda x: mean(F.pow(x - mean(x, dim="i"), 2), dim="i")),
    "attention": ("t k, s k, s v, t v", lambda Q, K, V, G: G @ attend(Q, K, V)),
    "attention of several heads": (
        "h t k, h s k, h s v, h t v",
        lambda Q, K, V, G: total(G * F.dot(F.softmax(F.dot(Q, K, "k") * 3**-0.5, dim="s"), V, "s")),
    ),
    "self-attention": (
        "i k, i k, i v, t i",
        lambda Wk, Wq, Wv, X: sq(attend(X @ Wq, X.rename(t="s") @ Wk, X.rename(t="s") @ Wv)) * 0.5,
    ),
    "linear attention": ("t k, s k, s v, t v", lambda Q, K, V, G: G @ (Q @ (K @ V))),
}  # fmt: skip

OTHERS: dict[str, Row] = {
    "matrix factorisation": ("a k, b k, a b", lambda U, V, A: sq(A - U @ V)),
    "matrix completion": (
        "a k, b k, a b, a b, ", lambda U, V, A, M, lam: sq(M * (U @ V - A)) * 0.5 + lam * (sq(U) + sq(V)) * 0.5
    ),
    "non-negative factorisation": ("a k, k b, a b", lambda W, H, A: total(W @ H - A * F.log(W @ H))),
    "skip-gram with negative samples": (
        "i, i, m i", lambda v, u, U: softplus(-(u @ v)) + total(softplus(U @ v))
    ),
    "principal subspace": ("i k, a i", lambda W, X: sq(X - (X @ W) @ W) * 0.5),
    "dictionary": ("i k, i a, k a, ", lambda D, X, Z, lam: sq(X - D @ Z) * 0.5 + lam * sq(D)),
    "gain": ("i a, i j, a i, a b", lambda K, P, H, R: _gain(K, P, H, R)),
    "innovation by the mean": ("i, i j, a i, a b, a", lambda *args: innovation(*args)[0]),
    "predicted covariance": (
        "a i, i j, a b", lambda A, P, Q: tg.trace(A @ P @ A.rename(a="b", i="j") + Q)
    ),
    "estimate of greatest probability": (
        "i, i, i j, a i, a b, a",
        lambda x, m, P, H, R, y: (
            (x - m) @ F.inverse(P) @ (x - m).rename(i="j") + (y - H @ x) @ F.inverse(R) @ (y - H @ x).rename(a="b")
        ) * 0.5,
    ),
    "latent divergence": ("i, i", lambda m, v: (total(F.exp(v)) + sq(m) - total(v)) * 0.5),
    "entropy of softmax": ("i", lambda z: -total(F.softmax(z, dim="i") * F.log_softmax(z, dim="i"))),
    "gate of experts": ("i, a i, a", lambda z, X, y: sq(X @ F.softmax(z, dim="i") - y) * 0.5),
    "Rayleigh quotient": ("i, i j", lambda x, A: quadratic(x, A) / sq(x)),
}  # fmt: skip


def _gain(K: Any, P: Any, H: Any, R: Any) -> Any:
    eye = tg.Delta(P.shape["i"], "i", "c")
    J = eye - (K @ H.rename(i="c"))
    return J @ P.rename(i="c", j="d") @ J.rename(c="d") + K @ R @ K.rename(a="b")


TABLE = FORMS | REGRESSION | JACOBIANS | NETWORKS | OTHERS


def variables(entry: Entry) -> dict[str, tuple[Any, np.ndarray]]:
    """For each array its variable and its value; equal sizes share a symbol."""
    edges = [each.split() for each in TABLE[entry.name][0].split(",")]
    made = {}
    for names, (_, name, value) in zip(edges, leaves(entry), strict=True):
        sizes = {e: sympy.Symbol(f"n{n}") for e, n in zip(names, value.shape, strict=True)}
        made[name] = tg.Variable(name, **sizes), value
    return made


def derivatives(entry: Entry) -> list[Any]:
    """The derivative by each chosen array, simplified."""
    made = variables(entry)
    found = []
    for name in chosen(entry):
        expression = TABLE[entry.name][1](*(variable for variable, _ in made.values()))
        for _ in range(entry.order):
            expression = expression.grad(made[name][0]).full_simplify()
        found.append(expression)
    return found


def printed(found: list[Any]) -> str:
    """The results as text: without indices where tensorgrad's own printer manages, else with them."""
    return "\n".join(f"∇f = {_text(e)}" for e in found)


def _text(e: Any) -> str:
    for printer in (to_index_free, to_index, str):
        try:
            return printer(e)
        except Exception:  # each printer gives up on something
            continue
    raise ValueError("tensorgrad cannot print its result")


def matrix_form(found: list[Any]) -> bool:
    """Whether tensorgrad's printer without indices leaves no index, and no open derivative."""
    try:
        texts = [to_index_free(e) for e in found]
    except Exception:
        return False
    return not any("_{" in text or "d(" in text for text in texts)


def check(found: list[Any], entry: Entry) -> str:
    """What differs between tensorgrad's derivative and the textbook's, evaluated at the entry's arguments."""
    values = {variable.name: value for variable, value in variables(entry).values()}
    return difference([evaluate(e, values) for e in found], entry)


ENTRYWISE = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sign": np.sign, "gt0": lambda x: (x > 0) * 1.0,
    "relu": lambda x: np.maximum(x, 0),
}  # fmt: skip


def evaluate(t: Any, values: dict[str, np.ndarray]) -> np.ndarray:
    """A tensor evaluated by NumPy, its axes in the order of its edges (tensorgrad's own needs PyTorch's named axes)."""
    match t:
        case tg.Variable():
            return values[t.name]
        case Rename():
            renamed = [t.mapping.get(e, e) for e in t.tensor.edges]
            return _ordered(evaluate(t.tensor, values), renamed, list(t.edges))
        case tg.Delta():
            return _delta(int(str(t.size)[1:]), len(t.edges))
        case tg.Zero():
            return np.zeros([int(str(s)[1:]) for s in t.shape.values()])
        case tg.Sum():
            terms = [_ordered(evaluate(x, values), list(x.edges), list(t.edges)) for x in t.terms]
            return sum(float(w) * x for w, x in zip(t.weights, terms, strict=True))
        case tg.Product():
            numbers = {e: n for n, e in enumerate({e for x in t.factors for e in x.edges})}
            parts = [p for x in t.factors for p in (evaluate(x, values), [numbers[e] for e in x.edges])]
            return np.einsum(*parts, [numbers[e] for e in t.edges]) if parts else np.ones(())
        case tg.Function():
            return _function(t, values)
    raise ValueError(f"{type(t).__name__} is left open")


def _delta(size: int, order: int) -> np.ndarray:
    if not order:
        return np.asarray(float(size))
    return np.fromfunction(lambda *i: np.all([a == i[0] for a in i], axis=0) * 1.0, [size] * order)


def _ordered(x: np.ndarray, edges: list[str], wanted: list[str]) -> np.ndarray:
    return x.transpose([edges.index(e) for e in wanted])


def _function(t: Any, values: dict[str, np.ndarray]) -> np.ndarray:
    (inner,) = t.inputs
    x, name = evaluate(inner, values), t.signature.name
    if name.startswith("pow"):
        return _ordered(np.power(x, float(t.signature.k)), list(inner.edges), list(t.edges))
    if name in ("inv", "det"):
        used = [e for e in inner.edges if e in t.signature.inputs[0]]
        outer = [e for e in inner.edges if e not in used]
        x = _ordered(x, list(inner.edges), [*outer, *used])
        if name == "det":
            return np.linalg.det(x)
        # the inverse of a tensor contracts with it on the edges of the same name
        return _ordered(np.linalg.inv(x).swapaxes(-1, -2), [*outer, *used], list(t.edges))
    return _ordered(ENTRYWISE[name](x), list(inner.edges), list(t.edges))


WORDS: set[str] = set()
