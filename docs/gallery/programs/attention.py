"""Attention and the transformer."""

import jax
import jax.numpy as jnp
import numpy as np

from ..entry import Entry, real
from .regression import softmax

VASWANI = "Vaswani et al., Attention is all you need (2017)"
PRINCE = "Prince, Understanding Deep Learning (2023)"


def attention(Q, K, V, G):
    A = jax.nn.softmax(Q @ K.T / jnp.sqrt(K.shape[1]))
    return jnp.sum(G * (A @ V))


def self_attention(params, X):
    Q, K, V = X @ params["Wq"], X @ params["Wk"], X @ params["Wv"]
    A = jax.nn.softmax(Q @ K.T / jnp.sqrt(Q.shape[1]), axis=-1)
    return jnp.sum((A @ V) ** 2) / 2


def causal_attention(Q, K, V, G):
    S = Q @ K.T / jnp.sqrt(Q.shape[1])
    A = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones_like(S)) > 0, S, -jnp.inf), axis=-1)
    return jnp.sum(G * (A @ V))


def heads(Q, K, V, G):
    S = jnp.einsum("hik,hjk->hij", Q, K) / jnp.sqrt(Q.shape[-1])
    A = jax.nn.softmax(S, axis=-1)
    return jnp.sum(G * jnp.einsum("hij,hjv->hiv", A, V))


def multi_head(params, X, G):
    def head(Wq, Wk, Wv):
        Q, K, V = X @ Wq, X @ Wk, X @ Wv
        A = jax.nn.softmax(Q @ K.T / jnp.sqrt(Q.shape[1]))
        return A @ V

    H = jax.vmap(head)(params["Wq"], params["Wk"], params["Wv"])
    return jnp.sum(G * jnp.einsum("hiv,hvd->id", H, params["Wo"]))


def linear_attention(Q, K, V, G):
    return jnp.sum(G * (Q @ (K.T @ V)))


def transformer_block(params, X):
    def norm(X):
        return X / jnp.sqrt(jnp.mean(X**2, axis=1, keepdims=True) + 1e-6)

    Y = norm(X)
    Q, K, V = Y @ params["Wq"], Y @ params["Wk"], Y @ params["Wv"]
    A = jax.nn.softmax(Q @ K.T / jnp.sqrt(Q.shape[1]), axis=-1)
    U = X + A @ V @ params["Wo"]
    Z = norm(U) @ params["W1"]
    F = U + jax.nn.relu(Z) @ params["W2"]
    return jnp.sum(F**2) / 2


def _weights(Q, K, mask=None):
    S = Q @ np.swapaxes(K, -1, -2) / np.sqrt(Q.shape[-1])
    return softmax(S if mask is None else np.where(mask, S, -np.inf))


def _attend(Q, K, V, G, mask=None):
    """The three gradients of ⟨G, softmax(QKᵀ/√k) V⟩, over leading axes too."""
    A, t = _weights(Q, K, mask), lambda M: np.swapaxes(M, -1, -2)
    P = G @ t(V)
    D = A * (P - (A * P).sum(-1, keepdims=True)) / np.sqrt(Q.shape[-1])
    return D @ K, t(D) @ Q, t(A) @ G


def _self(p, X):
    Q, K, V = X @ p["Wq"], X @ p["Wk"], X @ p["Wv"]
    grads = _attend(Q, K, V, _weights(Q, K) @ V)
    return dict(zip(("Wq", "Wk", "Wv"), (X.T @ g for g in grads), strict=True))


def _multi(p, X, G):
    Q, K, V = X @ p["Wq"], X @ p["Wk"], X @ p["Wv"]
    grads = _attend(Q, K, V, G @ np.swapaxes(p["Wo"], 1, 2))
    H = _weights(Q, K) @ V
    return dict(zip(("Wq", "Wk", "Wv"), (X.T @ g for g in grads), strict=True)) | {"Wo": np.swapaxes(H, 1, 2) @ G}


def _block(p, X):
    scale = lambda X: np.sqrt((X**2).mean(1, keepdims=True) + 1e-6)
    back = lambda G, X: (G - (G * X / scale(X)).mean(1, keepdims=True) * X / scale(X)) / scale(X)
    Y = X / scale(X)
    Q, K, V = Y @ p["Wq"], Y @ p["Wk"], Y @ p["Wv"]
    H = _weights(Q, K) @ V
    U = X + H @ p["Wo"]
    M = U / scale(U)
    Z = M @ p["W1"]
    F = U + np.maximum(Z, 0) @ p["W2"]
    dZ = F @ p["W2"].T * (Z > 0)
    dU = F + back(dZ @ p["W1"].T, U)
    q, k, v = _attend(Q, K, V, dU @ p["Wo"].T)
    return {"Wq": Y.T @ q, "Wk": Y.T @ k, "Wv": Y.T @ v, "Wo": H.T @ dU, "W1": M.T @ dZ, "W2": np.maximum(Z, 0).T @ F}


Q, K, V, G = real(6, 3), real(5, 3), real(5, 2), real(6, 2)
three = {"Wq": real(4, 3), "Wk": real(4, 3, seed=1), "Wv": real(4, 2)}
several = {"Wq": real(2, 4, 3), "Wk": real(2, 4, 3, seed=1), "Wv": real(2, 4, 5), "Wo": real(2, 5, 4)}
block = {"Wq": real(4, 3), "Wk": real(4, 3, seed=1), "Wv": real(4, 5), "Wo": real(5, 4), "W1": real(4, 7),
         "W2": real(7, 4)}  # fmt: skip

BACK = (
    "P = GVᵀ\n"
    "D = (1/√k) A ⊙ (P − (A ⊙ P) 1 1ᵀ)\n"
    "∂f/∂Q = DK\n"
    "∂f/∂K = DᵀQ\n"
    "∂f/∂V = AᵀG"
)  # fmt: skip

ENTRIES = [
    Entry("attention", attention, (Q, K, V, G), f"A = softmax((1/√k) QKᵀ)\n{BACK}", _attend,
          f"{VASWANI}, eq. 1; Dao et al., FlashAttention (2022), appendix B.2", argnums=(0, 1, 2)),
    Entry("self-attention", self_attention, (three, real(6, 4)),
          "Q = X Wq\n"
          "K = X Wk\n"
          "V = X Wv\n"
          "A = softmax((1/√k) QKᵀ)\n"
          "P = AVVᵀ\n"
          "D = (1/√k) A ⊙ (P − (A ⊙ P) 1 1ᵀ)\n"
          "∂f/∂Wq = XᵀDK\n"
          "∂f/∂Wk = XᵀDᵀQ\n"
          "∂f/∂Wv = XᵀAᵀAV",
          _self, f"{VASWANI}, eq. 1; {PRINCE}, section 12.2"),
    Entry("causal attention", causal_attention, (real(6, 3), real(6, 3, seed=1), real(6, 2), G),
          f"A = softmax(where([i ≥ j], (1/√k) QKᵀ, −∞))\n{BACK}",
          lambda Q, K, V, G: _attend(Q, K, V, G, np.tri(6) > 0), f"{PRINCE}, section 12.7", argnums=(0, 1, 2)),
    Entry("attention of several heads", heads, (real(2, 6, 3), real(2, 5, 3), real(2, 5, 4), real(2, 6, 4)),
          "A_h = softmax((1/√k) Q_h K_hᵀ)\n"
          "P_h = G_h V_hᵀ\n"
          "D_h = (1/√k) A_h ⊙ (P_h − (A_h ⊙ P_h) 1 1ᵀ)\n"
          "∂f/∂Q_h = D_h K_h\n"
          "∂f/∂K_h = D_hᵀ Q_h\n"
          "∂f/∂V_h = A_hᵀ G_h", _attend, f"{VASWANI}, section 3.2.2", argnums=(0, 1, 2)),
    Entry("multi-head self-attention", multi_head, (several, real(6, 4), real(6, 4, seed=1)),
          "Q_h = X Wq_h\n"
          "K_h = X Wk_h\n"
          "V_h = X Wv_h\n"
          "A_h = softmax((1/√k) Q_h K_hᵀ)\n"
          "P_h = G Wo_hᵀ V_hᵀ\n"
          "D_h = (1/√k) A_h ⊙ (P_h − (A_h ⊙ P_h) 1 1ᵀ)\n"
          "∂f/∂Wq_h = XᵀD_h K_h\n"
          "∂f/∂Wk_h = XᵀD_hᵀ Q_h\n"
          "∂f/∂Wv_h = XᵀA_hᵀ G Wo_hᵀ\n"
          "∂f/∂Wo_h = V_hᵀ A_hᵀ G", _multi, f"{VASWANI}, section 3.2.2; {PRINCE}, section 12.3"),
    Entry("linear attention", linear_attention, (Q, K, V, G),
          "∂f/∂Q = GVᵀK\n∂f/∂K = VGᵀQ\n∂f/∂V = KQᵀG",
          lambda Q, K, V, G: (G @ V.T @ K, V @ G.T @ Q, K @ Q.T @ G),
          "Katharopoulos et al., Transformers are RNNs (2020), section 3.3, without normalisation", argnums=(0, 1, 2)),
    Entry("transformer block", transformer_block, (block, real(6, 4)),
          "s = √((1/d) (X ⊙ X) 1 + 1e-06)\n"
          "Y = diag(1/s) X\n"
          "Q = Y Wq\n"
          "K = Y Wk\n"
          "V = Y Wv\n"
          "A = softmax((1/√k) QKᵀ)\n"
          "U = X + AV Wo\n"
          "t = √((1/d) (U ⊙ U) 1 + 1e-06)\n"
          "M = diag(1/t) U\n"
          "Z = M W₁\n"
          "F = U + relu(Z) W₂\n"
          "δ_Z = F W₂ᵀ ⊙ [Z > 0]\n"
          "δ_M = δ_Z W₁ᵀ\n"
          "δ_U = F + diag(1/t) (δ_M − (1/d) diag((δ_M ⊙ M) 1) M)\n"
          "P = δ_U Woᵀ Vᵀ\n"
          "D = (1/√k) A ⊙ (P − (A ⊙ P) 1 1ᵀ)\n"
          "∂f/∂W₁ = Mᵀ δ_Z\n"
          "∂f/∂W₂ = relu(Z)ᵀ F\n"
          "∂f/∂Wk = YᵀDᵀQ\n"
          "∂f/∂Wo = VᵀAᵀ δ_U\n"
          "∂f/∂Wq = YᵀDK\n"
          "∂f/∂Wv = YᵀAᵀ δ_U Woᵀ",
          _block, f"{VASWANI}, section 3.1, normalised first; {PRINCE}, section 12.4, by the chain rule"),
]  # fmt: skip
