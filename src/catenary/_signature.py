"""Arguments from a function's signature: shapes by name, from annotations or from text such as "N, n".

Understood, in annotations of parameters and inside tuples, NamedTuples, dataclasses and TypedDicts:

    Float[Array, "N n"]          jaxtyping, any of its dtypes
    Annotated[Array, "N n"]      the standard library's way, float32
    "N n"                        the sizes alone, float32
    float, complex               a scalar

All names live in one scope, so that the N of one argument is the N of another.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

_SIZES = re.compile(r"[\w\s,+*/()-]*")  # names, numbers and arithmetic between them
_PREFERRED = ("float32", "complex64", "int32", "bool", "float64", "complex128")


class NoShape(TypeError):
    """An argument whose shape nothing tells.

    >>> NoShape("X", "has no annotation").argument
    'X'
    """

    def __init__(self, argument: str, why: str) -> None:
        super().__init__(f"argument {argument!r} {why}")
        self.argument = argument


def arguments(fun: Callable[..., Any], shapes: Mapping[str, str] | None = None) -> tuple[Any, ...]:
    """The positional arguments of `fun` as pytrees of `jax.ShapeDtypeStruct`, with symbolic sizes where named.

    `shapes` overrides annotations: name → sizes, "N, n", "150, n" or "" for a scalar, with a dtype after a colon if it
    is not float32, "N:int32". A name with dots builds a pytree: "params.w", "layers.0". An argument with a default
    keeps it unless `shapes` names it or its annotation says it is an array and no later argument is left without one.

    >>> import jax.numpy as jnp
    >>> def loss(w: "n", X: "N n"):
    ...     return jnp.mean(X @ w)
    >>> arguments(loss)
    (ShapeDtypeStruct(shape=(n,), dtype=float32), ShapeDtypeStruct(shape=(N, n), dtype=float32))
    >>> arguments(loss, {"X": "150, n"})[1].shape
    (150, n)

    Raises:
        NoShape: an argument has neither a default, nor an annotation that tells its shape, nor an entry in `shapes`.
        ValueError: sizes that cannot be read, a dtype that JAX does not know.
        TypeError: `shapes` names an argument that `fun` does not have.
    """
    parameters = _positional(fun)
    given = _nested(shapes or {})
    if unknown := [name for name in given if name not in parameters]:
        raise TypeError(f"there is no argument {unknown[0]!r}; the arguments are {', '.join(parameters)}")
    hints, scope = _hints(fun), jax.export.SymbolicScope()
    found = []
    for name, parameter in parameters.items():
        if name in given:
            found.append(_from_text(given[name], name, scope))
        elif parameter.default is not inspect.Parameter.empty:
            found.append(parameter.default)
        else:
            found.append(_from_hint(hints.get(name, inspect.Parameter.empty), name, scope))
    needed = [i for i, (n, p) in enumerate(parameters.items()) if n in given or p.default is inspect.Parameter.empty]
    return tuple(found[: max(needed, default=-1) + 1])


def _positional(fun: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that can be passed by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: p for name, p in inspect.signature(fun).parameters.items() if p.kind in kinds}


def _hints(owner: Any) -> dict[str, Any]:
    """Annotations of a function or class, those written as text evaluated; text that is no annotation stays text."""
    names = getattr(inspect.unwrap(owner), "__globals__", None) or vars(sys.modules[owner.__module__])
    return {name: _evaluated(hint, names) for name, hint in getattr(owner, "__annotations__", {}).items()}


def _evaluated(hint: Any, names: dict[str, Any]) -> Any:
    """An annotation's value: under `from __future__ import annotations` it is text, and "N n" is text by itself."""
    text = getattr(hint, "__forward_arg__", hint)
    if not isinstance(text, str):
        return hint
    try:
        value = eval(text, names)  # the user's own file, just imported
    except Exception:
        return text
    known = isinstance(value, type | str) or hasattr(value, "dim_str") or typing.get_origin(value) is not None
    return value if known else text


def _nested(shapes: Mapping[str, str]) -> dict[str, Any]:
    """Dotted names to nested dictionaries: {"p.w": "n"} → {"p": {"w": "n"}}."""
    tree: dict[str, Any] = {}
    for path, text in shapes.items():
        *stems, last = path.split(".")
        node = tree
        for stem in stems:
            node = node.setdefault(stem, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path!r}: {stem!r} has a shape of its own already")
        if last in node:
            raise ValueError(f"{path!r}: its parts have shapes of their own already")
        node[last] = text
    return tree


def _from_text(text: Any, name: str, scope: Any) -> Any:
    """A shape, or a dictionary of them (a tuple if its keys count 0, 1, 2 …)."""
    if isinstance(text, dict):
        children = {key: _from_text(value, f"{name}.{key}", scope) for key, value in text.items()}
        if sorted(children) == sorted(str(i) for i in range(len(children))):
            return tuple(children[str(i)] for i in range(len(children)))
        return children
    sizes, _, dtype = text.partition(":")
    return _struct(sizes, dtype.strip() or "float32", name, scope)


def _from_hint(hint: Any, name: str, scope: Any) -> Any:
    """What an annotation says: an array, a scalar, or a container of them."""
    if hint is inspect.Parameter.empty:
        raise NoShape(name, "has no annotation that tells its shape")
    if hasattr(hint, "dim_str"):
        return _struct(_sizes(hint.dim_str, name), _dtype(hint.dtypes), name, scope)
    if isinstance(hint, str):
        return _struct(_sizes(hint, name), "float32", name, scope)
    if hint in (float, complex):
        return jax.ShapeDtypeStruct((), jnp.dtype("float32" if hint is float else "complex64"))
    if typing.get_origin(hint) is typing.Annotated:
        texts = [extra for extra in typing.get_args(hint)[1:] if isinstance(extra, str)]
        if texts:
            return _struct(_sizes(texts[0], name), "float32", name, scope)
    if typing.get_origin(hint) is tuple and Ellipsis not in typing.get_args(hint):
        return tuple(_from_hint(part, f"{name}.{i}", scope) for i, part in enumerate(typing.get_args(hint)))
    if isinstance(hint, type) and (fields := _fields(hint)):
        inner = _hints(hint)
        return hint(**{field: _from_hint(inner[field], f"{name}.{field}", scope) for field in fields})
    raise NoShape(name, _why_not(hint))


def _fields(hint: type) -> list[str]:
    """Field names of a NamedTuple, a dataclass or a TypedDict."""
    if dataclasses.is_dataclass(hint):
        return [field.name for field in dataclasses.fields(hint) if field.init]
    if typing.is_typeddict(hint):
        return list(hint.__annotations__)
    return list(getattr(hint, "_fields", ()))


def _why_not(hint: Any) -> str:
    """Why an annotation tells no shape."""
    shown = getattr(hint, "__name__", None) if not typing.get_args(hint) else None
    shown = (shown or str(hint)).replace("jaxlib._jax.Array", "Array").replace("jaxtyping.", "")
    if hint in (int, bool, str, bytes, type(None)):
        return f"is annotated {shown}, which is no array"
    if hint in (jax.Array, Any) or typing.get_origin(hint) in (list, dict, tuple):
        return f"is annotated {shown}, which does not tell its shape"
    return f"is annotated {shown}, which is no array whose shape is known"


def _sizes(text: str, name: str) -> str:
    """Sizes as jaxtyping writes them, "N n 3 k=4", as "N, n, 3, 4"."""
    sizes: list[str] = []
    for token in text.split():
        token = token.lstrip("#?").rpartition("=")[2]
        if token.startswith("*") or token == "...":
            raise NoShape(name, f"may have any number of axes ({token})")
        sizes.append(token.lstrip("_") or f"{name.replace('.', '_')}_{len(sizes)}")
    return ", ".join(sizes)


def _struct(sizes: str, dtype: str, name: str, scope: Any) -> jax.ShapeDtypeStruct:
    """A shape from text, its names in `scope`; plain integers where there are no names."""
    try:
        if not _SIZES.fullmatch(sizes):
            raise ValueError
        shape = jax.export.symbolic_shape(sizes.strip().rstrip(","), scope=scope)
        if any(isinstance(size, int) and size < 0 for size in shape):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"argument {name!r}: cannot read the sizes {sizes!r}; write names or numbers: N,n or 150,4"
        ) from None
    try:
        return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))
    except TypeError:
        raise ValueError(
            f"argument {name!r}: {dtype!r} is no dtype; write float32, int32, bool … after the colon"
        ) from None


def _dtype(names: Any) -> str:
    """The dtype of a jaxtyping annotation: the first of JAX's usual ones that it allows, float32 if it allows all."""
    if not isinstance(names, tuple):
        return "float32"
    return next((name for name in _PREFERRED if name in names), names[0])
