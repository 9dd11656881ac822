"""What the functions and signs of a formula mean: each as text and as LaTeX."""

from __future__ import annotations

from ..matrices import matrix as mx

PLACES = (mx.Part, mx.Block, mx.Difference, mx.Convolution)
MEANINGS = {
    "sigmoid": ("σ(x) = 1/(1 + exp(−x))", r"\sigma(x) = \frac{1}{1 + \exp(-x)}"),
    "sigmoid_prime": ("σ′(x) = σ(x) σ(−x)", r"\sigma'(x) = \sigma(x)\,\sigma(-x)"),
    "tanh_prime": ("tanh′(x) = 1 − tanh²(x)", r"\tanh'(x) = 1 - \tanh^2(x)"),
    "softplus": ("softplus(x) = ln(1 + exp(x))", r"\operatorname{softplus}(x) = \ln(1 + \exp(x))"),
    "step": (
        "step(x) = 1 for x > 0, 1/2 at x = 0, 0 for x < 0",
        r"\operatorname{step}(x) = 1 \text{ for } x > 0, \tfrac12 \text{ at } 0, 0 \text{ for } x < 0",
    ),
    "sgn": (
        "sgn(x) = 1 for x ≥ 0, −1 for x < 0",
        r"\operatorname{sgn}(x) = 1 \text{ for } x \ge 0, -1 \text{ for } x < 0",
    ),
    "stop": ("sg(x) is x, held constant", r"\operatorname{sg}(x) = x \text{, held constant}"),
    "relu": ("relu(x) = max(x, 0)", r"\operatorname{relu}(x) = \max(x, 0)"),
    "digamma": ("digamma = (ln Γ)′", r"\operatorname{digamma} = (\ln \Gamma)'"),
    "trigamma": ("trigamma = (ln Γ)″", r"\operatorname{trigamma} = (\ln \Gamma)''"),
    "argsort": (
        "argsort(x) are the positions of the sorted entries: onehot(argsort(x)) x = sort(x)",
        r"\operatorname{onehot}(\operatorname{argsort}(x))\, x = \operatorname{sort}(x)",
    ),
    "cumlogsumexp": (
        "cumlogsumexp(x) = ln(cumsum(exp(x)))",
        r"\operatorname{cumlogsumexp}(x) = \ln \operatorname{cumsum}(\exp(x))",
    ),
    "Part": (
        "x_{1:} is x from position 1 on, counted from 0, and x_{:-1} is x without its last entry",
        r"x_{1:} \text{ is } x \text{ from position 1 on, counted from 0}",
    ),
    "Block": ("0 in a block stands for zeros", r"0 \text{ in a block stands for zeros}"),
    "Difference": ("D takes differences: Dx = x_{1:} − x_{:-1}", r"D x = x_{1:} - x_{:-1}"),
    "Convolution": (
        "a ∗ b is the convolution, cut to the shape of the result",
        r"a \ast b \text{ is the convolution, cut to the shape of the result}",
    ),
}
