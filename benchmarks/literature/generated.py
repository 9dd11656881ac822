"""Two programs made at random by Lohoff and Neftci, written as they count them: f of arrays, g of scalars."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

_NAMES = {"div": "divide", "mul": "multiply", "neg": "negative", "pow": "power", "sub": "subtract"}
_NAMES |= {name: f"arc{name[1:]}" for name in ("asin", "asinh", "atan", "atan2", "atanh")}

#: The equations of g from v17 on: an operation and the numbers of what it reads; v0 … v14 are given, v15 = v16 = 1.
G = """
atan2 15 3, pow 15 14, atan2 13 17, pow 17 5, sub 9 8, atan 10, mul 21 0, sub 22 18, pow 24 11, add 21 12,
exp 2, add 21 26, pow 16 17, sin 3, div 2 23, atan2 24 26, sub 29 25, atan 33, mul 7 27, tan 13, add 27 19,
div 7 6, sub 25 34, sub 29 6, pow 35 4, cos 0, sub 40 19, div 41 7, sub 40 8, atan2 16 43, div 8 30, pow 37 36,
pow 47 44, atan2 45 40, atan2 44 13, div 4 34, atan2 41 1, atan2 25 53, add 12 51, pow 3 48, sub 24 32,
atanh 48, atanh 54, atan2 2 26, sub 52 18, cos 38, div 8 32, atan2 42 46, sinh 36, sub 61 50, pow 13 39,
pow 37 26, sub 68 43, log 65, pow 23 58, atan2 50 69, div 20 72, mul 41 56, mul 39 33, mul 61 15, pow 66 64,
atan2 53 25, sub 59 60, atan2 73 41, mul 74 46, square 5, atan2 28 62, atan2 39 9, mul 4 12, div 57 56,
atan2 61 63, asinh 14, pow 86 83, asin 66, sub 70 79, atan2 37 65, mul 67 77, pow 87 55, square 49, div 92 94,
add 15 95, div 91 76, atanh 46, mul 75 45, div 100 28, add 90 29, atan2 80 84, sub 20 91, add 82 90,
div 102 103, pow 75 42, mul 68 62, div 102 1, pow 98 101, neg 100, div 31 89, div 105 108, sub 22 70,
mul 106 44, sub 107 81, pow 58 115, sub 78 108, tan 87, pow 87 48, add 105 38
"""
G_OUTPUTS = (121, 71, 85, 88, 93, 96, 97, 99, 104, 109, 110, 111, 112, 113, 114, 116, 117, 118, 119, 120)


def g(*inputs: Any) -> Any:
    """Twenty outputs of fifteen scalars."""
    values = [*inputs, *[jnp.ones((), jnp.result_type(inputs[0]))] * 2]
    for line in G.split(","):
        name, *reads = line.split()
        values.append(getattr(jnp, _NAMES.get(name, name))(*(values[int(k)] for k in reads)))
    return tuple(values[k] for k in G_OUTPUTS)


def _dot(a: Any, b: Any, i: int, j: int) -> Any:
    return lax.dot_general(a, b, (((i,), (j,)), ((), ())))


def f(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Five outputs of a [4], b [2, 3], c [4, 4], d [4, 1]."""
    cube = jnp.power(c, 3)
    v6 = _dot(d, cube, 0, 0)
    v7 = _dot(cube, v6, 0, 1)
    v8 = jnp.power(v6, 2)
    v9 = _dot(a, v8, 0, 1)
    root = jnp.sqrt(a)
    v11 = jnp.arccos(v7)
    v12 = jnp.transpose(b, (0, 1))
    v13 = _dot(v11, v8, 1, 0)
    v15 = (v11 + v9.reshape(1, 1)) - v9.reshape(1, 1)
    v16 = jnp.cos(v9)
    v18 = jnp.arcsinh(root.reshape(4, 1) + v13)
    column = v16.reshape(1, 1)
    v19 = v15 + column
    v20, v21 = -v12, jnp.sqrt(root)
    v22 = _dot(v21, v18, 0, 1)
    v23, v24 = jnp.tanh(v12), jnp.arctan(v19)
    v27 = column - jnp.square(v24)
    v26, v28 = jnp.cos(v22), jnp.cosh(v23)
    v29, v30 = jnp.sum(v20, 0), jnp.transpose(v28, (1, 0))
    v31, v32 = jnp.sum(v16, 0), jnp.squeeze(v26)
    v33 = v29.reshape(3, 1) - v30
    v34 = v31 / v33
    v35 = v13 + root.reshape(4, 1)
    v36 = v32.reshape(4, 1) * v35
    v37 = jnp.power(v32, 2)
    v38, v39, v40 = jnp.amax(v34, 1), jnp.sinh(v36), jnp.exp(v27)
    v41 = lax.slice(v39, (3, 3), (4, 4))
    v43 = jnp.sum(v37, 0) + v38
    v44 = _dot(v32, v40, 0, 0)
    v45, v46 = jnp.arcsinh(v43), _dot(v24, v15, 1, 1)
    v47, v48 = lax.stop_gradient(v41), lax.logistic(v45)
    v49, v50 = _dot(v29, v48, 0, 0), _dot(v22, v21, 0, 0)
    v51, v52 = _dot(v44, v47, 0, 1), _dot(v30, v33, 0, 0)
    v53, v54 = v46 * v50, jnp.sqrt(v37)
    v55, v56 = jnp.sqrt(jnp.abs(v51)), v52 - v49
    v57, v58 = jnp.cosh(v54), -v37
    v59 = v57.reshape(4, 1) + v53
    v60, v61 = jnp.square(v57), jnp.sin(v58)
    v62 = jnp.arctan(v59)
    v64 = jnp.amin(jnp.sum(v62, 0), 0)
    v65, v66, v67 = v64 - v55, jnp.sqrt(c), jnp.sum(v56, 1)
    v68, v69 = v61.reshape(4, 1) - v66, _dot(v60, v61, 0, 0)
    v70 = _dot(v68, v62, 0, 0)
    v71, v72 = v22.reshape(4, 1) + c, lax.logistic(v70)
    return v6 / v37.reshape(1, 4), v65, v67, v69, _dot(v72, v71, 0, 0)
