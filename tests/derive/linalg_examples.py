"""Programs of linear algebra as practitioners write them, with the formula a careful author would write.

A row: the function, its arguments, what is assumed of them, and the lines that must come out, to the letter.
"""

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl

one = jnp.ones


def trace_product(X, A):
    return jnp.trace(A @ X)


def trace_quadratic(X, A):
    return jnp.trace(X.T @ A @ X)


def trace_inverse(X, A):
    return jnp.trace(jnp.linalg.inv(X) @ A)


def trace_solve(X, A):
    return jnp.trace(jnp.linalg.solve(X, A))


def trace_of_power(X):
    return jnp.trace(jnp.linalg.matrix_power(X, -2))


def log_determinant(X):
    return jnp.linalg.slogdet(X)[1]


def log_of_determinant(X):
    return jnp.log(jnp.linalg.det(X))


def determinant(X):
    return jnp.linalg.det(X)


def determinant_of_inverse(X):
    return jnp.linalg.det(jnp.linalg.inv(X))


def bilinear(X, a, b):
    return a @ jnp.linalg.solve(X, b)


def log_gram(X):
    return jnp.linalg.slogdet(X.T @ X)[1]


def scaled(c, A):
    return jnp.linalg.slogdet(c * A)[1]


def cancelled(A, b):
    return b @ A @ jnp.linalg.inv(A) @ b + jnp.linalg.slogdet(jnp.linalg.inv(A))[1]


def inverse_twice(A, b):
    return b @ jnp.linalg.inv(jnp.linalg.inv(A)) @ b


def of_diagonal(v, b):
    return b @ jnp.linalg.solve(jnp.diag(v), b)


def logpdf_by_covariance(S, x, m):
    return jax.scipy.stats.multivariate_normal.logpdf(x, m, S)


def logpdf_by_mean(m, S, x):
    return jax.scipy.stats.multivariate_normal.logpdf(x, m, S)


def logpdf_of_rows(X, m, S):
    return jnp.sum(jax.scipy.stats.multivariate_normal.logpdf(X, m, S))


def logpdf_by_precision(P, x, m):
    d = x - m
    return jnp.linalg.slogdet(P)[1] / 2 - d @ P @ d / 2


def by_cholesky(S, b):
    L = jnp.linalg.cholesky(S)
    z = jsl.solve_triangular(L, b, lower=True)
    return z @ z / 2 + jnp.sum(jnp.log(jnp.diag(L)))


def by_upper_cholesky(b, S):
    R = jsl.cholesky(S)
    z = jsl.solve_triangular(R, b, trans=1)
    return z @ z


def by_cho_solve(S, b):
    return b @ jsl.cho_solve(jsl.cho_factor(S), b)


def by_lower_cho_solve(b, S):
    return b @ jsl.cho_solve((jnp.linalg.cholesky(S), True), b)


def by_definite_solve(S, b):
    return b @ jsl.solve(S, b, assume_a="pos")


def unassumed(b, S):
    z = jsl.solve_triangular(jnp.linalg.cholesky(S), b, lower=True)
    return z @ z


def evidence(theta, X, y):
    D = jnp.sum((X[:, None, :] - X[None, :, :]) ** 2, -1)
    K = theta["s"] * jnp.exp(-D / (2 * theta["l"] ** 2)) + theta["noise"] * jnp.eye(X.shape[0])
    L = jnp.linalg.cholesky(K)
    alpha = jsl.cho_solve((L, True), y)
    return y @ alpha / 2 + jnp.sum(jnp.log(jnp.diag(L)))


def ridge(lam, X, y, v):
    return v @ jnp.linalg.solve(X.T @ X + lam * jnp.eye(X.shape[1]), X.T @ y)


def kalman_gain(m, P, H, R, y):
    S = H @ P @ H.T + R
    K = P @ H.T @ jnp.linalg.inv(S)
    return jnp.sum((m + K @ (y - H @ m)) ** 2) / 2


def kalman_likelihood(m, P, H, R, y):
    v = y - H @ m
    S = H @ P @ H.T + R
    return (v @ jnp.linalg.solve(S, v) + jnp.linalg.slogdet(S)[1]) / 2


def mahalanobis(x, m, S):
    return (x - m) @ jnp.linalg.solve(S, x - m)


def divergence(S, T):
    M = jnp.linalg.solve(T, S)
    return jnp.trace(M) - jnp.linalg.slogdet(M)[1] - S.shape[0]


def wishart(S, V, nu):
    n = S.shape[0]
    return (nu - n - 1) / 2 * jnp.linalg.slogdet(S)[1] - jnp.trace(jnp.linalg.solve(V, S)) / 2


def kullback_leibler(S, m, mu, T):
    d = mu - m
    quadratic = jnp.trace(jnp.linalg.solve(T, S)) + d @ jnp.linalg.solve(T, d)
    return (quadratic - m.shape[0] + jnp.linalg.slogdet(T)[1] - jnp.linalg.slogdet(S)[1]) / 2


def sum_of_eigenvalues(A):
    return jnp.sum(jnp.linalg.eigvalsh(A))


def squares_of_eigenvalues(A):
    return jnp.sum(jnp.linalg.eigvalsh(A) ** 2)


def largest_eigenvalue(A):
    return jnp.linalg.eigvalsh(A)[-1]


def log_eigenvalues(A):
    return jnp.sum(jnp.log(jnp.linalg.eigvalsh(A)))


def projection(x, Q):
    return jnp.sum((Q.T @ (Q @ x)) ** 2)


def vmapped(Y, S):
    return jnp.sum(jax.vmap(lambda y: y @ jnp.linalg.solve(S, y))(Y))


def bilinear_by_outer(x, A):
    return jnp.sum(jnp.outer(x, x) * A) + jnp.vdot(A @ x, x)


def one_hot(W, X, Y):
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(X @ W), axis=1))


def unit(x, u):
    return jnp.sum((x * jnp.sum(u**2)) ** 2)


def norm_of_rows(x, A):
    return jnp.linalg.norm(A @ x, 1)


A, B, a, b, X, y = one((4, 4)), one((4, 4)), one(4), one(4), one((6, 4)), one(6)
theta = {"s": 1.0, "l": 1.0, "noise": 1.0}
kalman = (one(4), A, one((3, 4)), one((3, 3)), one(3))
definite = {"S": "positive definite"}

EXAMPLES = [
    (trace_product, (one((4, 3)), one((3, 4))), {}, "∇trace_product = Aᵀ"),
    (trace_quadratic, (one((4, 3)), A), {}, "∇trace_quadratic = (A + Aᵀ) X"),
    (trace_inverse, (A, B), {}, "∇trace_inverse = −X⁻ᵀAᵀX⁻ᵀ"),
    (trace_solve, (A, B), {}, "∇trace_solve = −X⁻ᵀAᵀX⁻ᵀ"),
    (trace_of_power, (A,), {}, "∇trace_of_power = −2 X⁻ᵀX⁻ᵀX⁻ᵀ"),
    (log_determinant, (A,), {}, "∇log_determinant = X⁻ᵀ"),
    (log_determinant, (A,), {"X": "symmetric"}, "∇log_determinant = X⁻¹"),
    (log_of_determinant, (A,), {}, "∇log_of_determinant = X⁻ᵀ"),
    (determinant, (A,), {}, "∇determinant = det(X) X⁻ᵀ"),
    (determinant_of_inverse, (A,), {}, "∇determinant_of_inverse = −(1/(det(X))) X⁻ᵀ"),
    (bilinear, (A, a, b), {}, "∇bilinear = −X⁻ᵀabᵀX⁻ᵀ"),
    (log_gram, (X,), {}, "∇log_gram = 2 X (XᵀX)⁻¹"),
    (scaled, (2.0, A), {}, "∇scaled = (N/c)"),
    (cancelled, (A, b), {}, "∇cancelled = −A⁻ᵀ"),
    (inverse_twice, (A, b), {}, "∇inverse_twice = bbᵀ"),
    (of_diagonal, (a, b), {}, "∇of_diagonal = −b^∘2 ⊘ v^∘2"),
    (logpdf_by_covariance, (A, a, b), definite,
     "∇logpdf_by_covariance = (1/2) (S⁻¹ (m − x) (m − x)ᵀ S⁻¹ − S⁻¹)"),
    (logpdf_by_mean, (a, A, b), definite, "∇logpdf_by_mean = S⁻¹ (x − m)"),
    (logpdf_of_rows, (X, a, A), definite, "∇logpdf_of_rows = (1 mᵀ − X) S⁻¹"),
    (logpdf_by_precision, (A, a, b), {},
     "d = x − m\n"
     "∇logpdf_by_precision = (1/2) (P⁻¹ − ddᵀ)ᵀ"),
    (by_cholesky, (A, b), definite, "∇by_cholesky = (1/2) (S⁻¹ − S⁻¹bbᵀS⁻¹)"),
    (by_upper_cholesky, (b, A), definite, "∇by_upper_cholesky = 2 S⁻¹b"),
    (by_cho_solve, (A, b), definite, "∇by_cho_solve = −S⁻¹bbᵀS⁻¹"),
    (by_lower_cho_solve, (b, A), definite, "∇by_lower_cho_solve = 2 S⁻¹b"),
    (by_definite_solve, (A, b), definite, "∇by_definite_solve = −S⁻¹bbᵀS⁻¹"),
    (unassumed, (b, A), {}, "∇unassumed = 4 (S + Sᵀ)⁻¹ b"),
    (evidence, (theta, X, y), {},
     "D = Σₕ (1 Xₕᵀ − Xₕ 1ᵀ)^∘2\n"
     "K = s exp(−(1/(2 l²)) D) + noise I\n"
     "δ = (1/2) (K⁻¹ − K⁻¹yyᵀK⁻¹)\n"
     "∂evidence/∂l = (s/l³) tr(δ (D ⊙ exp(−(1/(2 l²)) D)))\n"
     "∂evidence/∂noise = tr(δ)\n"
     "∂evidence/∂s = tr(δ exp(−(1/(2 l²)) D))"),
    (ridge, (1.0, X, y, b), {},
     "∇ridge = −yᵀX (XᵀX + λI)⁻¹ (XᵀX + λI)⁻¹ v"),
    (kalman_gain, kalman, {},
     "S = HPHᵀ + R\n"
     "K = PHᵀS⁻¹\n"
     "∇kalman_gain = K (y − Hm) + m − HᵀKᵀ (K (y − Hm) + m)"),
    (kalman_likelihood, kalman, {"P": "symmetric", "R": "symmetric"},
     "v = y − Hm\nS = HPHᵀ + R\n∇kalman_likelihood = −HᵀS⁻¹v"),
    (mahalanobis, (a, b, A), {"S": "symmetric"}, "∇mahalanobis = 2 S⁻¹ (x − m)"),
    (divergence, (A, B), {}, "∇divergence = (T⁻¹ − S⁻¹)ᵀ"),
    (wishart, (A, B, 7.0), {"S": "positive definite", "V": "positive definite"},
     "∇wishart = (1/2) (−V⁻¹ − (1 + n − ν) S⁻¹)"),
    (kullback_leibler, (A, a, b, B), {}, "∇kullback_leibler = (1/2) (T⁻¹ − S⁻¹)ᵀ"),
    (sum_of_eigenvalues, (A,), {}, "∇sum_of_eigenvalues = I"),
    (squares_of_eigenvalues, (A,), {"A": "symmetric"},
     "∇squares_of_eigenvalues = 2 eigenvectors(A) diag(eigenvalues(A)) eigenvectors(A)ᵀ"),
    (largest_eigenvalue, (A,), {"A": "symmetric"},
     "∇largest_eigenvalue = eigenvectors(A)[:,-1] eigenvectors(A)[:,-1]ᵀ"),
    (log_eigenvalues, (A,), {"A": "positive definite"}, "∇log_eigenvalues = A⁻¹"),
    (projection, (a, X), {"Q": "orthonormal"}, "∇projection = 2 x"),
    (vmapped, (X, A), {}, "∇vmapped = Y (S⁻¹ + S⁻ᵀ)"),
    (bilinear_by_outer, (a, A), {}, "∇bilinear_by_outer = 2 (A + Aᵀ) x"),
    (one_hot, (one((4, 3)), X, one((6, 3))), {"Y": "one-hot"}, "∇one_hot = (1/N) Xᵀ (softmax(XW) − Y)"),
    (unit, (a, b), {"u": "unit"}, "∇unit = 2 x"),
    (norm_of_rows, (a, X), {}, "∇norm_of_rows = Aᵀ sign(Ax)"),
]  # fmt: skip
