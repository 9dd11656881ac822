"""The gallery in SymPy: matrix expressions, differentiated by ``.diff``.

Each function is written as a user of SymPy would retype it. A vector is a column; `one(n)` is a row of ones; a norm is
a power 1/2 of a 1 × 1 matrix, and a softmax is spelled out, because matrix expressions have neither. Sums stand inside
a trace where they can: the derivative of a sum of two traces is a silent 0 (SymPy 1.14), and so is that of a log det.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.printing.str import StrPrinter
from sympy.tensor.array import expressions as ar

from benchmarks.peers import Table, chosen, difference, leaves
from docs.gallery.entry import Entry

half = sp.Rational(1, 2)
z_ = sp.Symbol("z")
Tr, inv, had = sp.Trace, sp.Inverse, sp.HadamardProduct


def each(function: Any) -> Any:
    """A scalar function made to act entry by entry."""
    return lambda M: M.applyfunc(sp.Lambda(z_, function(z_)))


exp, log, tanh = each(sp.exp), each(sp.log), each(sp.tanh)
sigmoid = each(lambda z: 1 / (1 + sp.exp(-z)))
softplus = each(lambda z: sp.log(1 + sp.exp(z)))
relu = each(lambda z: sp.Max(z, 0))
square = each(lambda z: z**2)


def one(n: int) -> Any:
    return sp.OneMatrix(1, n)


def ones(M: Any) -> Any:
    return sp.OneMatrix(M.shape[1], 1)


def logdet(M: Any) -> Any:
    return sp.log(sp.Determinant(M))


def norm(v: Any) -> Any:
    return (v.T * v) ** half


def dot(A: Any, B: Any) -> Any:
    return Tr(A.T * B)


def sumsq(M: Any) -> Any:
    return M.T * M if M.shape[1] == 1 else Tr(M.T * M)


def rows(M: Any) -> Any:
    """softmax of each row."""
    return inv(sp.DiagMatrix(exp(M) * ones(M))) * exp(M)


def softmax(v: Any) -> Any:
    return exp(v) * inv(one(v.shape[0]) * exp(v))


def lse_rows(M: Any) -> Any:
    return one(M.shape[0]) * log(exp(M) * ones(M))


def attend(Q: Any, K: Any, V: Any) -> Any:
    return rows(Q * K.T / sp.sqrt(Q.shape[1])) * V


def perceptron(x: Any, y: Any, **p: Any) -> Any:
    for n in range(1, 4):
        x = tanh(p[f"W{n}"] * x + p[f"b{n}"])
    return sumsq(x - y) / 2


def classifier(X: Any, y: Any, **p: Any) -> Any:
    for n in range(1, 4):
        z = X * p[f"W{n}"] + sp.OneMatrix(X.shape[0], 1) * p[f"b{n}"].T
        X = relu(z)
    return (lse_rows(z) - Tr(y.T * z) * sp.Identity(1)) / 9


def residual_network(W1: Any, W2: Any, W3: Any, x: Any) -> Any:
    for W in (W1, W2, W3):
        x = x + tanh(W * x)
    return sumsq(x) / 2


def centred(x: Any) -> Any:
    return x - one(x.shape[0]).T * one(x.shape[0]) * x / x.shape[0]


def standard(x: Any) -> Any:
    c = centred(x)
    return c * ((c.T * c) / x.shape[0] + sp.Float("1e-5") * sp.Identity(1)) ** -half


FORMS: Table = {
    "linear form": lambda x, a: a.T * x,
    "bilinear form": lambda X, a, b: a.T * X * b,
    "quadratic form": lambda x, A: x.T * A * x,
    "quadratic form, Hessian": lambda x, A: x.T * A * x,
    "energy": lambda x, A, b, c: x.T * A * x / 2 - b.T * x + c * sp.Identity(1),
    "two images": lambda X, b, c: (X * b).T * X * c,
    "weighted residual": lambda s, x, A, W: (x - A * s).T * W * (x - A * s),
    "distance": lambda x, a: norm(x - a),
    "Gram matrix": lambda X: Tr(X * X.T * X * X.T),
    "trace of a product": lambda X, A, B: Tr(A * X * B),
    "trace of a quadratic form": lambda X, A: Tr(X.T * A * X),
    "trace of a cube": lambda X: Tr(X * X * X),
    "linear matrix equation": lambda X, A, B, C: sumsq(A * X * B - C),
    "form of an inverse": lambda X, a, b: a.T * inv(X) * b,
    "trace of an inverse": lambda X, A, B: Tr(A * inv(X) * B),
    "trace of a shifted inverse": lambda X, A: Tr(inv(X + A)),
    "linear system by its matrix": lambda A, b, c: c.T * inv(A) * b,
    "linear system by its right side": lambda b, A, y: sumsq(inv(A) * b - y) / 2,
    "determinant": lambda X: sp.Determinant(X),
    "log determinant": lambda X: logdet(X),
    "log determinant of a Gram matrix": lambda X: logdet(X.T * X),
    "D-optimal design": lambda w, X: -logdet(X.T * sp.DiagMatrix(w) * X),
    "Gaussian precision": lambda Theta, S: Tr(S * Theta) - logdet(Theta),
    "Gaussian mean": lambda mu, Sigma, X: Tr((X - one(7).T * mu.T) * inv(Sigma) * (X - one(7).T * mu.T).T) / 2,
    "Gaussian covariance": lambda Sigma, S, N: N / 2 * (logdet(Sigma) + Tr(inv(Sigma) * S)),
    "Gaussian likelihood by Cholesky": lambda Sigma, x, mu: (
        logdet(Sigma) / 2 + Tr((x - mu).T * inv(Sigma) * (x - mu)) / 2
    ),
    "Mahalanobis distance by Cholesky": lambda x, mu, Sigma: (x - mu).T * inv(Sigma) * (x - mu) / 2,
    "divergence from a standard Gaussian": lambda Sigma, mu: (Tr(Sigma) + Tr(mu.T * mu) - logdet(Sigma)) / 2,
}

REGRESSION: Table = {
    "least squares": lambda w, X, y: sumsq(X * w - y) / 9,
    "least squares, Hessian": lambda w, X, y: sumsq(X * w - y) / 9,
    "ridge regression": lambda w, X, y, lam: sumsq(X * w - y) / 9 + lam * w.T * w,
    "ridge regression, Hessian": lambda w, X, y, lam: sumsq(X * w - y) / 9 + lam * w.T * w,
    "weighted least squares": lambda w, X, y, c: (X * w - y).T * sp.DiagMatrix(c) * (X * w - y) / 2,
    "weighted least squares, Hessian": lambda w, X, y, c: (X * w - y).T * sp.DiagMatrix(c) * (X * w - y) / 2,
    "logistic regression": lambda w, X, y: one(9) * softplus(-sp.DiagMatrix(y) * X * w) / 9,
    "logistic regression, Hessian": lambda w, X, y: (one(9) * softplus(X * w) - y.T * X * w) / 9,
    "binary cross-entropy": lambda w, X, y: (one(9) * softplus(X * w) - y.T * X * w) / 9,
    "softmax regression": lambda W, X, y: (lse_rows(X * W) - Tr(y.T * X * W) * sp.Identity(1)) / 9,
    "softmax regression, Hessian": lambda W, X, y: (lse_rows(X * W) - Tr(y.T * X * W) * sp.Identity(1)) / 9,
    "Poisson regression": lambda w, X, y: (one(9) * exp(X * w) - y.T * X * w) / 9,
    "Poisson regression, Hessian": lambda w, X, y: (one(9) * exp(X * w) - y.T * X * w) / 9,
    "multivariate regression": lambda W, X, Y: sumsq(X * W - Y) / 18,
    "support vector machine": lambda w, X, y, lam: (
        one(9) * relu(one(9).T - sp.DiagMatrix(y) * X * w) / 9 + lam / 2 * w.T * w
    ),
    "squared hinge": lambda w, X, y: sumsq(relu(one(9).T - sp.DiagMatrix(y) * X * w)) / 9,
    "Huber regression": lambda w, X, y, delta: one(9) * each(
        lambda z: sp.Piecewise((z**2 / 2, abs(z) <= delta), (delta * (abs(z) - delta / 2), True))
    )(X * w - y),
    "lasso": lambda w, X, y, lam: sumsq(X * w - y) / 2 + lam * one(4) * each(abs)(w),
    "log-cosh regression": lambda w, X, y: one(9) * each(lambda z: sp.log(sp.cosh(z)))(X * w - y),
    "Student's t regression": lambda w, X, y, nu: one(9) * each(lambda z: sp.log(1 + z**2 / nu))(X * w - y),
    "quantile regression": lambda w, X, y, tau: one(9) * each(lambda z: sp.Max(tau * z, (tau - 1) * z))(y - X * w) / 9,
    "nonlinear least squares": lambda w, X, y: sumsq(tanh(X * w) - y) / 2,
    "nonlinear least squares, Hessian": lambda w, X, y: sumsq(tanh(X * w) - y) / 2,
}

JACOBIANS: Table = {
    "linear map": lambda x, A: A * x,
    "linear map by its matrix": lambda A, x: A * x,
    "two-sided product": lambda X, A, B: A * X * B,
    "entry by entry": lambda x: sigmoid(x),
    "gate": lambda x, A: sp.DiagMatrix(x) * A * x,
    "layer": lambda x, W, b: tanh(W * x + b),
    "softmax": lambda x: softmax(x),
    "log-softmax": lambda x: x - one(4).T * log(one(4) * exp(x)),
    "log-sum-exp, Hessian": lambda x: log(one(4) * exp(x)),
    "normalisation": lambda x: x * norm(x) ** -1,
    "outer product": lambda x, y: x * y.T,
    "vector times its square": lambda x: x * x.T * x,
    "inverse": lambda X: inv(X),
    "residuals": lambda w, X, y: exp(X * w) - y,
}

NETWORKS: Table = {
    "perceptron of L layers": perceptron,
    "classifier of L layers": classifier,
    "one hidden layer": lambda W, b, v, x, y: sumsq(v.T * sigmoid(W * x + b) - y * sp.Identity(1)) / 2,
    "autoencoder": lambda V, W, X: sumsq(sigmoid(X * W) * V - X) / 2,
    "residual network": residual_network,
    "gated linear unit": lambda U, V, X, T: sumsq(had(X * U, sigmoid(X * V)) - T) / 2,
    "cross-entropy by logits": lambda z, y: (lse_rows(z) - Tr(y.T * z) * sp.Identity(1)) / 9,
    "distillation": lambda z, q, tau: (one(5) * q) * log(one(5) * exp(z / tau)) - q.T * z / tau,
    "binary cross-entropy by logits": lambda z, y: (one(9) * softplus(z) - y.T * z) / 9,
    "embedding": lambda E, tokens, W, T: sumsq(tokens * E * W - T) / 2,
    "layer normalisation": lambda x, gain, bias, t: sumsq(sp.DiagMatrix(gain) * standard(x) + bias - t) / 2,
    "root-mean-square normalisation": lambda x, gain, g: (
        g.T * sp.DiagMatrix(gain) * x * (x.T * x / 5 + sp.Float("1e-6") * sp.Identity(1)) ** -half
    ),
    "cosine similarity": lambda x, y: x.T * y * norm(x) ** -1 * norm(y) ** -1,
    "standardised vector": lambda x, c: c.T * standard(x),
    "variance": lambda x: sumsq(centred(x)) / 5,
    "weight normalisation": lambda v, g, x: tanh(g * v.T * x * norm(v) ** -1),
    "attention": lambda Q, K, V, G: dot(G, attend(Q, K, V)),
    "self-attention": lambda Wq, Wk, Wv, X: sumsq(attend(X * Wq, X * Wk, X * Wv)) / 2,
    "linear attention": lambda Q, K, V, G: dot(G, Q * K.T * V),
    "transformer block": lambda W1, W2, Wk, Wo, Wq, Wv, X: block(W1, W2, Wk, Wo, Wq, Wv, X),
}


def rms_rows(X: Any) -> Any:
    scale = each(lambda z: (z / 4 + sp.Float("1e-6")) ** -half)(square(X) * ones(X))
    return sp.DiagMatrix(scale) * X


def block(W1: Any, W2: Any, Wk: Any, Wo: Any, Wq: Any, Wv: Any, X: Any) -> Any:
    Y = rms_rows(X)
    U = X + attend(Y * Wq, Y * Wk, Y * Wv) * Wo
    return sumsq(U + relu(rms_rows(U) * W1) * W2) / 2


OTHERS: Table = {
    "matrix factorisation": lambda U, V, A: sumsq(A - U * V.T),
    "matrix completion": lambda U, V, A, M, lam: (
        (Tr(had(M, U * V.T - A).T * had(M, U * V.T - A)) + lam * Tr(U.T * U + V.T * V)) / 2
    ),
    "non-negative factorisation": lambda W, H, A: (
        one(5) * (W * H - had(A, log(W * H))) * sp.OneMatrix(4, 1)
    ),
    "skip-gram with negative samples": lambda v, u, U: softplus(-u.T * v) + one(6) * softplus(U * v),
    "contrastive loss": lambda X, Y, tau: (lse_rows(X * Y.T / tau) - Tr(X * Y.T) / tau * sp.Identity(1)) / 6,
    "principal subspace": lambda W, X: sumsq(X - X * W * W.T) / 2,
    "dictionary": lambda D, X, Z, lam: Tr((X - D * Z) * (X - D * Z).T / 2 + lam * D * D.T),
    "kernel ridge regression": lambda alpha, K, y, lam: sumsq(K * alpha - y) / 2 + lam / 2 * alpha.T * K * alpha,
    "noise by the evidence": lambda s, K, y: (
        Tr(y.T * inv(K + s * sp.Identity(6)) * y) + logdet(K + s * sp.Identity(6))
    ) / 2,
    "noise by the evidence, Cholesky": lambda s, K, y: (
        Tr(y.T * inv(K + s * sp.Identity(6)) * y) + logdet(K + s * sp.Identity(6))
    ) / 2,
    "prediction": lambda y, K, k, s: k.T * inv(K + s * sp.Identity(6)) * y,
    "gain": lambda K, P, H, R: Tr((sp.Identity(4) - K * H) * P * (sp.Identity(4) - K * H).T + K * R * K.T),
    "updated mean": lambda m, P, H, R, y: m + P * H.T * inv(H * P * H.T + R) * (y - H * m),
    "innovation by the mean": lambda m, P, H, R, y: (y - H * m).T * inv(H * P * H.T + R) * (y - H * m) / 2,
    "innovation by the covariance": lambda P, m, H, R, y: (
        Tr((y - H * m).T * inv(H * P * H.T + R) * (y - H * m)) + logdet(H * P * H.T + R)
    ) / 2,
    "predicted covariance": lambda F, P, Q: Tr(F * P * F.T + Q),
    "estimate of greatest probability": lambda x, m, P, H, R, y: (
        (x - m).T * inv(P) * (x - m) + (y - H * x).T * inv(R) * (y - H * x)
    ) / 2,
    "latent divergence": lambda m, v: (one(4) * exp(v) + m.T * m - one(4) * v) / 2,
    "entropy of softmax": lambda z: -softmax(z).T * log(softmax(z)),
    "policy gradient": lambda Z, actions, A: (
        A.T * log(exp(Z) * ones(Z)) - A.T * had(actions, Z) * ones(Z)
    ) / 9,
    "gate of experts": lambda z, F, y: sumsq(F * softmax(z) - y) / 2,
    "Rayleigh quotient": lambda x, A: x.T * A * x * inv(x.T * x),
}

TABLE: Table = FORMS | REGRESSION | JACOBIANS | NETWORKS | OTHERS


def symbols(entry: Entry) -> dict[str, Any]:
    """A symbol for each array: a matrix, a column, or a positive number."""
    made = {}
    for _, name, value in leaves(entry):
        shape = (*value.shape, 1)[:2]
        made[name] = sp.MatrixSymbol(name, *shape) if value.ndim else sp.Symbol(name, positive=True)
    return made


def derivatives(entry: Entry) -> list[Any]:
    """The derivative by each chosen array, as SymPy gives it."""
    made = symbols(entry)
    found = []
    for name in chosen(entry):
        expression = TABLE[entry.name](**made)
        for _ in range(entry.order):
            expression = expression.diff(made[name])
        found.append(expression)
    return found


def matrix_form(found: list[Any]) -> bool:
    """Whether nothing but matrices stands in the results: no array expression, entry, sum or open derivative."""
    strange = (sp.Derivative, sp.Sum, sp.Subs, sp.matrices.expressions.matexpr.MatrixElement)
    return not any(
        isinstance(node, strange) or "rray" in type(node).__name__ or "PermuteDims" in type(node).__name__
        for e in found
        for node in sp.preorder_traversal(e)
    )


class Printer(StrPrinter):
    """SymPy's own text, with functions of entries written as f(X)."""

    def _print_ElementwiseApplyFunction(self, e: Any) -> str:
        (d,), body = e.function.variables, e.function.expr
        return self._print(body.xreplace({d: sp.Symbol(f"({self._print(e.expr)})")}))


WORDS = {"DiagMatrix", "Determinant", "ArrayContraction", "ArrayTensorProduct", "ArrayDiagonal", "ArrayAdd",
         "PermuteDims", "Derivative", "OneArray", "Trace", "Max", "Piecewise", "Heaviside", "Abs", "Lambda",
         "KroneckerProduct", "HadamardPower"}  # fmt: skip


def printed(found: list[Any]) -> str:
    """The results as text, a line each."""
    return "\n".join(f"∇f = {Printer().doprint(e)}".replace(".*", " ⊙ ") for e in found)


def check(found: list[Any], entry: Entry) -> str:
    """What differs between SymPy's derivative and the textbook's, evaluated at the entry's arguments."""
    values = {name: value.reshape(*value.shape, 1) if value.ndim == 1 else value for _, name, value in leaves(entry)}
    return difference([np.asarray(evaluate(e, values), float) for e in found], entry)


def evaluate(e: Any, values: dict[str, Any]) -> Any:
    """A matrix or array expression evaluated by NumPy."""
    go = lambda x: evaluate(x, values)
    parts = e.args
    match e:
        case sp.MatrixSymbol() | sp.Symbol():
            return values[e.name]
        case sp.ZeroMatrix() | sp.OneMatrix() | ar.array_expressions.ZeroArray() | ar.array_expressions.OneArray():
            return np.full([int(n) for n in e.shape], "One" in type(e).__name__, float)
        case sp.Identity():
            return np.eye(int(e.shape[0]))
        case sp.MatAdd() | ar.ArrayAdd():
            return sum(go(p) for p in parts)
        case sp.MatMul():
            return _product([go(p) for p in parts])
        case sp.Inverse() | sp.MatPow():
            return _matrix_power(go(parts[0]), -1 if isinstance(e, sp.Inverse) else float(parts[1]))
        case sp.Transpose():
            return go(parts[0]).T
        case sp.HadamardProduct():
            return np.prod(np.broadcast_arrays(*[go(p) for p in parts]), axis=0)
        case sp.HadamardPower():
            return go(parts[0]) ** float(parts[1])
        case ElementwiseApplyFunction():
            return _applied(e.function, go(e.expr), values)
        case ar.array_expressions.ArrayElementwiseApplyFunc():
            return _applied(parts[0], go(parts[1]), values)
        case sp.Trace():
            return np.trace(go(parts[0]))
        case sp.Determinant():
            return np.linalg.det(go(parts[0]))
        case sp.DiagMatrix():
            return np.diag(go(parts[0]).ravel())
        case ar.ArrayTensorProduct():
            result = np.ones(())
            for p in parts:
                result = np.multiply.outer(result, go(p))
            return result
        case ar.ArrayContraction():
            return _contracted(go(e.expr), e.contraction_indices, sum_over=True)
        case ar.ArrayDiagonal():
            return _contracted(go(e.expr), e.diagonal_indices, sum_over=False)
        case ar.PermuteDims():
            return np.transpose(go(e.expr), e.permutation.array_form)
    if isinstance(e, sp.Derivative):
        raise ValueError("the derivative is left open")
    if not parts:
        return float(e)
    inner = [go(p) for p in parts]
    stand_in = sp.symbols(f"v:{len(inner)}", real=True)
    return sp.lambdify(stand_in, e.func(*stand_in), "numpy")(*inner)


def _product(factors: list[Any]) -> Any:
    result = factors[0]
    for f in factors[1:]:
        scalar = np.ndim(result) < 2 or np.ndim(f) < 2
        result = result * f if scalar else result @ f
    return result


def _matrix_power(M: Any, exponent: float) -> Any:
    if M.shape == (1, 1):
        return M**exponent
    return np.linalg.matrix_power(M, int(exponent)) if exponent >= 0 else np.linalg.inv(_matrix_power(M, -exponent))


def _applied(function: Any, x: Any, values: dict[str, Any]) -> Any:
    scalars = [s for s in function.free_symbols if s.name in values]
    result = sp.lambdify([*function.variables, *scalars], function.expr, "numpy")(x, *(values[s.name] for s in scalars))
    return np.broadcast_to(result, np.shape(x))


def _contracted(x: Any, groups: Any, sum_over: bool) -> Any:
    """Sum over groups of axes that share an index; or keep the shared index, as a last axis."""
    letters = list(range(x.ndim))
    shared = []
    for group in groups:
        for axis in group:
            letters[axis] = x.ndim + len(shared)
        shared.append(x.ndim + len(shared))
    free = [n for n in letters if n < x.ndim]
    return np.einsum(x, letters, free if sum_over else [*free, *shared])
