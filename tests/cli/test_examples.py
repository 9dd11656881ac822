"""Each example runs by itself and says what it promises."""

import sys

import pytest

from catenary.cli import _examples, _load

SAYS = {
    "logistic": ["∇J = −(1/N) Xᵀ (y ⊙ σ(−y ⊙ Xw))", "test accuracy 100.0%"],
    "softmax": ["test accuracy 97.8%"],
    "perceptron": ["epoch 40  test accuracy 98."],
    "transformer": ["dU = ", "∂loss/∂W₁ = Mᵀ", "behind the block"],
    "chain": ["total derivative", "plan for hourglass"],
}


@pytest.mark.parametrize("name", SAYS)
def test_example(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    _load(_examples() / f"{name}.py").main()
    text = capsys.readouterr().out
    assert all(said in text for said in SAYS[name]), text
