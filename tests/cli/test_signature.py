"""Arguments from annotations and from text: one scope of names, containers, dtypes."""

import dataclasses
from typing import Annotated, NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array, Bool, Complex, Float, Int, Shaped

from catenary._signature import NoShape, arguments


class Layer(NamedTuple):
    W: Float[Array, "n m"]
    b: Float[Array, "m"]


@dataclasses.dataclass
class Model:
    gain: Float[Array, ""]
    layer: Layer


class Named(TypedDict):
    w: Float[Array, "k=4"]


def shapes(tree):
    return jax.tree.map(lambda leaf: (str(leaf.shape), leaf.dtype.name), tree, is_leaf=lambda x: hasattr(x, "shape"))


def test_jaxtyping_dtypes():
    def f(
        a: Float[Array, "N n"], b: Int[Array, "N"], c: Bool[Array, "3"], d: Complex[Array, ""], e: Shaped[Array, "n+1"]
    ):
        pass

    assert shapes(arguments(f)) == (
        ("(N, n)", "float32"), ("(N,)", "int32"), ("(3,)", "bool"), ("()", "complex64"), ("(n + 1,)", "float32"),
    )  # fmt: skip


def test_containers_keep_their_type():
    def f(layer: Layer, named: Named, pair: tuple[Float[Array, "n"], float]):
        pass

    layer, named, pair = arguments(f)
    assert isinstance(layer, Layer)
    assert shapes(layer) == Layer(("(n, m)", "float32"), ("(m,)", "float32"))
    assert shapes(named) == {"w": ("(4,)", "float32")}
    assert shapes(pair) == (("(n,)", "float32"), ("()", "float32"))


def test_a_dataclass_of_containers():
    def f(model: Model):
        pass

    (model,) = arguments(f)
    assert str(model.layer.W.shape) == "(n, m)" and model.gain.shape == ()


def test_annotations_without_jaxtyping():
    def f(x: Annotated[jax.Array, "N n"], y: "N"):
        pass

    x, y = arguments(f)
    assert str(x.shape) == "(N, n)" and x.shape[0] == y.shape[0]


def test_text_overrides_and_builds_pytrees():
    def f(p, x: Float[Array, "N n"], power: int = 2):
        pass

    p, x = arguments(f, {"p.w": "n, 3", "p.b": "", "x": "150, 4"})
    assert shapes(p) == {"w": ("(n, 3)", "float32"), "b": ("()", "float32")}
    assert x.shape == (150, 4)
    p, _ = arguments(f, {"p.0": "n", "p.1": "N:int32"})
    assert shapes(p) == (("(n,)", "float32"), ("(N,)", "int32"))


def test_the_shapes_trace():
    def f(w: Float[Array, "n"], X: Float[Array, "N n"]):
        return jnp.mean(X @ w)

    assert jax.make_jaxpr(f)(*arguments(f)).out_avals[0].shape == ()


@pytest.mark.parametrize(
    ("hint", "says"),
    [
        (str, "annotated str, which is no array"),
        (jax.Array, "annotated Array, which does not tell its shape"),
        (list[Float[Array, "n"]], "annotated list.*does not tell its shape"),
        (Float[Array, "..."], r"any number of axes \(\.\.\.\)"),
    ],
)
def test_annotations_that_tell_no_shape(hint, says):
    def f(x):
        pass

    f.__annotations__["x"] = hint
    with pytest.raises(NoShape, match=f"argument 'x' .*{says}"):
        arguments(f)


@pytest.mark.parametrize("given", [{"x.a": "n", "x": "n"}, {"x": "n", "x.a": "n"}])
def test_a_part_and_the_whole_cannot_both_have_a_shape(given):
    with pytest.raises(ValueError, match=r"of its own already|shapes of their own"):
        arguments(lambda x: x, given)
