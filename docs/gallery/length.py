"""The length of a formula: the number of its symbols, functions and operators.

One measure for textbooks and for every tool, so that notation does not decide:

- a symbol is one token with its subscript (`W_{i+1}`, `a₀`), and so is a number; `Xw` is two;
- a function is one (`softmax`, `diag`, `Σ_i` with its index); a word that is no name is read letter by letter;
- a superscript is one, however written (`²`, `ᵀ`, `⁻¹`, `^∘2`, `^(1/2)`, `**2`), and a prime belongs to its letter;
- an operator is one (`+ − / = ⊙ ⊘ ⊗ ∗ > ‖ ‖`), a pair of bars too; a product that is juxtaposed is nothing, and
  neither is a product's `*`, `@` or `⋅`;
- a left side is one whatever it is called (`∇f`, `∂f/∂W_i`);
- brackets, commas and blanks are nothing, and neither is the range that an index runs over, after the formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FUNCTIONS = frozenset("""
    abs acos argmax asin atan chol cholesky clip cos cosh cov cummax cumprod cumsum det diag diagonal dot eigh eigvals
    eigvalsh erf exp expm1 flip gelu gammaln inv leaky_relu elu lgamma ln log log1p logsumexp max mean median min norm
    onehot outer prod rank relu reshape row roll sech sgn sigmoid sign silu sin sinh softmax softplus sort sqrt std step
    sum swish tan tanh tr trace tril triu tri var vec conv of columns rows pad shift where stack split
    """.split())
LOW = "₀-ₜᵢ-ᵪⱼ"  # subscripts, which Unicode calls letters
SUB = rf"(?:_\{{[^}}]*\}}|_\w+|[{LOW}]+|\[[^\[\]<>=≤≥≠∧]*\])?"
ACCENT = re.compile("[\u0300-\u036f]")  # x̄ is one symbol
RANGE = re.compile(r"\s{2,}\((?:[^()]|\([^()]*\))*\)\s*$")
TOKEN = re.compile(
    rf"""(?P<big>[ΣΠ]{SUB})
    |(?P<power>\^∘?\((?:[^()])*\)|\^\{{[^}}]*\}}|\^∘?[−\-]?[\w/]+|\*\*\([^()]*\)|\*\*-?[\w.]+|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ]+|\.T\b|⊤)
    |(?P<number>\d+(?:\.\d+)?(?:e[-−]?\d+)?)
    |(?P<word>(?:(?![{LOW}ᵀ])[^\W\d_])+(?:_[a-z]{{2,}}\w*(?=\())?)(?P<rest>′*{SUB})
    |(?P<bar>[‖|])
    |(?P<operator>[+\-−/=⊙⊘⊗∗∘<>≤≥≠∧∨√∇∂∞]|==|<=|>=)
    |(?P<free>[\s()\[\]{{}},.;:·⋅*@…'_]+)
    |(?P<other>.)""",
    re.VERBOSE,
)


def length(formula: str, names: Iterable[str] = ()) -> int:
    r"""The length of a formula of one or more lines; ``names`` are symbols of more than one letter.

    >>> length("∇f = (2/N) Xᵀ (Xw − y)")
    11
    >>> length("p = softmax(Xw)\n∇f = Xᵀ (p − y)")
    12
    >>> length("z_i = Wq a_{i−1}    (i = 1, …, L, a₀ = x)", {"Wq"})
    4
    >>> length("Aᵢⱼ = softmaxⱼ Σₖ Wqᵢₖ Xⱼₖ", {"Wq"})
    6
    """
    lines = [RANGE.sub("", ACCENT.sub("", line)) for line in formula.splitlines() if line.strip()]
    lefts = {line.partition(" = ")[0].strip() for line in lines if " = " in line}
    known = FUNCTIONS | {n for n in (*names, *(re.sub(rf"[{LOW}]", "", left) for left in lefts)) if n.isalpha()}
    return sum(_line(line, known) for line in lines)


def _line(line: str, known: frozenset[str] | set[str]) -> int:
    _, equals, right = line.partition(" = ")
    return 2 + _count(right, known) if equals else _count(line, known)


def _count(text: str, known: frozenset[str] | set[str]) -> int:
    count = bars = 0
    for match in TOKEN.finditer(text):
        if match["word"]:
            count += len(_symbols(match["word"], known))
        elif match["bar"]:
            bars += 1
        elif not match["free"]:
            count += 1
    return count + (bars + 1) // 2


def _symbols(word: str, known: frozenset[str] | set[str]) -> list[str]:
    """Split touching symbols: the longest known name first, else a letter."""
    found = []
    while word:
        size = next((n for n in range(len(word), 1, -1) if word[:n] in known), 1)
        found.append(word[:size])
        word = word[size:]
    return found
