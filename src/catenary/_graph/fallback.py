"""The derivative that JAX, or its author, registered for a single equation: where we have no rule.

It is traced to a jaxpr of that equation's tangents. What depends on no tangent joins the forward pass; what
does is linear, and our own elimination takes it apart like any other part of the program. Where that can not be,
the equation is pushed or pulled whole, by the rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import compress
from operator import itemgetter
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from catenary import _jax
from catenary._graph.graph import Atom, Equation, Graph
from catenary._graph.read import graph_of_jaxpr
from catenary._graph.scan import scan_parts
from catenary.errors import NoPush

#: Functions whose author gave their derivative, and may give their value too.
AUTHORED = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})

#: an equation as a function of a list of its inputs
Call = Callable[[Sequence[Any]], list[Any]]


def refused(_: Sequence[Any]) -> Sequence[Any]:
    """The push of a function whose author gave a pullback."""
    raise NoPush


@dataclass(frozen=True, slots=True)
class Rule:
    """The derivative of one equation at a point, whole.

    ins, outs   the positions of the inputs and outputs that it is between
    push        tangents of ``ins`` → tangents of ``outs``
    pull        cotangents of ``outs`` → cotangents of ``ins``
    """

    ins: Sequence[int] = ()
    outs: Sequence[int] = ()
    push: Callable[[Sequence[Any]], Sequence[Any]] = refused
    pull: Callable[[Sequence[Any]], Sequence[Any]] = refused


def pushed(
    equation: Equation, avals: Sequence[Any], active: Sequence[int], outputs: Sequence[int], made: Sequence[Any]
) -> Graph:
    """The graph (inputs, tangents of the active ones) → (outputs, tangents of ``outputs``).

    avals, made   of the equation's inputs, which are all inputs of the graph, literals too; of its outputs
    """
    request = equation, tuple(avals), tuple(active), tuple(outputs), tuple(made)
    if all(map(_plain, equation.params.values())):
        return _pushed_again(equation.primitive, tuple(equation.params.items()), *request[1:])
    return _pushed(*request)


@_jax.cache()
def _pushed_again(primitive: _jax.Primitive, params: Sequence[tuple[str, Any]], *request: Any) -> Graph:
    """The graph of an equation that no author's function has a part in: traced once."""
    return _pushed(Equation(primitive, dict(params), (), ()), *request)


def _plain(x: Any) -> bool:
    """Whether a parameter is whole numbers and names alone."""
    if isinstance(x, tuple):
        return all(map(_plain, x))
    return x is None or isinstance(x, int | str | Enum | np.dtype)


def _pushed(
    equation: Equation, avals: Sequence[Any], active: Sequence[int], outputs: Sequence[int], made: Sequence[Any]
) -> Graph:
    def jvp(*args: Any) -> list[Any]:
        primals, tangents = args[: len(avals)], args[len(avals) :]
        alone = _alone(equation.call, primals, active)
        out, out_tangents = jax.jvp(alone, [primals[k] for k in active], list(tangents))
        _check(out, made)
        return [*out, *(out_tangents[k] for k in outputs)]

    return graph_of_jaxpr(_jax.make_jaxpr(jvp, [*avals, *(avals[k] for k in active)]))


def whole(inner: Graph, n_inputs: int, n_outputs: int) -> str:
    """Why such a graph can not be taken apart, or nothing.

    "affine": a tangent is a number, whatever the tangents of the inputs, or not linear in them. "whole": a value is
    computed together with tangents, as by a rule that calls its own primitive or by a loop that carries both, or
    tangents are shown to someone.
    """
    late, zero, linear = _standing(inner, inner.inputs[n_inputs:])
    if not linear or not all(_among(a, late) or _among(a, zero) for a in inner.outputs[n_outputs:]):
        return "affine"
    shown = any(equation.shows and any(_among(a, late) for a in equation.inputs) for equation in inner.equations)
    together = _beside(inner, late) or any(_among(a, late) for a in inner.outputs[:n_outputs])
    return "whole" if shown or together else ""


def _beside(inner: Graph, late: set[Any]) -> bool:
    """Whether some value that is read depends on no tangent, and is the result of an equation that reads one."""
    read = {a for equation in inner.equations for a in equation.inputs if isinstance(a, int)} | {
        a for a in inner.outputs if isinstance(a, int)
    }
    mixed = [e for e in inner.equations if any(_among(a, late) for a in e.inputs) and e.primitive.name in _BODIES]
    return any(v not in late and (v in read or e.primitive.name == "scan") for e in mixed for v in e.outputs)


def linear(graph: Graph) -> bool:
    """Whether a program is linear in its inputs, as far as its primitives tell."""
    late, zero, found = _standing(graph, graph.inputs)
    return found and all(_among(a, late) or _among(a, zero) for a in graph.outputs)


def _standing(inner: Graph, tangents: Iterable[int]) -> tuple[set[Any], set[Any], bool]:
    """Which values of a graph depend on tangents, which are zeros (None: the number), and whether the first are linear.

    An author's rule may be anything.
    """
    late, zero, linear = set[Any](tangents), set[Any]((None,)), True
    for equation in inner.equations:
        reads = [_among(a, late) for a in equation.inputs]
        made = list(equation.outputs)
        if any(reads):
            name = equation.primitive.name
            if together := _TOGETHER.get(name):
                stands = all(_among(a, late) or _among(a, zero) for a in equation.inputs[together])
                linear = linear and stands and sum(reads) == sum(reads[together])
            elif name in _PRODUCTS:
                linear = linear and sum(reads) == 1
            elif name in _BODIES:
                bodies = [_inside(body, at) for body, at in _BODIES[name](equation.params, reads)]
                linear = linear and all(one for *_, one in bodies)
                zero.update(v for k, v in enumerate(made) if all(zeros[k] for _, zeros, _ in bodies))
                some = [k for k in range(len(made)) if any(lates[k] for lates, _, _ in bodies)]
                linear = linear and all(lates[k] or zeros[k] for lates, zeros, _ in bodies for k in some)
                made = [made[k] for k in some]
            else:
                linear = linear and (not equation.outputs or _jax.can_transpose(equation.primitive))
            late.update(made)
            linear = linear and all(_jax.tangent_dtype(inner.avals[v].dtype) != _jax.float0 for v in made)
        elif (zeros := _ZEROS.get(equation.primitive.name)) and zeros([_among(a, zero) for a in equation.inputs]):
            zero.update(equation.outputs)
    return late, zero, linear


def _inside(body: Graph, tangents: Sequence[bool]) -> tuple[list[bool], list[bool], bool]:
    """Which outputs of a body depend on tangents, which are zeros, and whether the first are linear."""
    late, zero, linear = _standing(body, compress(body.inputs, tangents))
    return [_among(a, late) for a in body.outputs], [_among(a, zero) for a in body.outputs], linear


def _among(atom: Atom, values: set[Any]) -> bool:
    return atom in values if isinstance(atom, int) else None in values and not atom.val


def _called(params: dict[str, Any], reads: Sequence[bool]) -> list[tuple[Graph, Sequence[bool]]]:
    return [(graph_of_jaxpr(_jax.call_body(params)), reads)]


def _branches(params: dict[str, Any], reads: Sequence[bool]) -> list[tuple[Graph, Sequence[bool]]]:
    return [(graph_of_jaxpr(body), reads[1:]) for body in params["branches"]]


def _trips(params: dict[str, Any], reads: Sequence[bool]) -> list[tuple[Graph, Sequence[bool]]]:
    """What of a carry a trip makes depend on tangents does so in the next."""
    parts, found = scan_parts(params, len(reads)), list(reads)
    body = graph_of_jaxpr(parts.body)
    for _ in range(parts.carry):
        for k, late in enumerate(_inside(body, found)[0][: parts.carry]):
            found[parts.consts + k] |= late
    return [(body, found)]


#: The bodies of an equation, and which of their inputs are tangents, by which of its operands are.
_BODIES: dict[str, Callable[[dict[str, Any], Sequence[bool]], list[tuple[Graph, Sequence[bool]]]]] = dict.fromkeys(
    ("custom_jvp_call", "remat2"), _called
) | {"cond": _branches, "scan": _trips}
#: Where a result is zero: by which operands are.
_ZEROS: dict[str, Callable[[Sequence[bool]], bool]] = (
    dict.fromkeys(("mul",), any)
    | dict.fromkeys(("add", "add_any", "sub"), all)
    | dict.fromkeys(
        ("broadcast_in_dim", "convert_element_type", "copy", "div", "neg", "reduce_sum", "reshape", "transpose"),
        itemgetter(0),
    )
    | {"select_n": lambda zeros: all(zeros[1:])}
)
#: What is linear in these operands together: the others are no tangents, and of these one that is none is zero.
_TOGETHER = dict.fromkeys(("add", "add_any", "concatenate", "pad", "sub"), slice(None)) | {
    "div": slice(1),
    "dynamic_update_slice": slice(2),
    "scatter": slice(0, 3, 2),
    "scatter-add": slice(0, 3, 2),
    "select_n": slice(1, None),
    "triangular_solve": slice(1, 2),
}
#: What is linear in each operand alone.
_PRODUCTS = frozenset({"conv_general_dilated", "dot_general", "mul"})


def _check(out: Sequence[Any], avals: Sequence[Any]) -> None:
    if [np.shape(x) for x in out] != [a.shape for a in avals]:
        raise _jax.OtherResults("a custom rule returns other results than its function: in shapes or number")


def pullback(
    call: Call,
    args: Sequence[Any],
    ins: Sequence[int],
    outs: Sequence[int] | None = None,
    made: Sequence[Any] | None = None,
) -> tuple[list[Any], Rule]:
    """The outputs of one equation and its pullback from ``outs`` (None: all), its author's where it has one.

    Other outputs, and inputs other than ``ins``, are not perturbed: their author's rule is told so.
    made: the shapes of its outputs, where they must be these.
    """
    alone = _alone(call, args, ins)

    def some(*values: Any) -> tuple[list[Any], list[Any]]:
        out = alone(*values)
        _check(out, out if made is None else made)
        return out if outs is None else [out[k] for k in outs], out

    _, pull, out = jax.vjp(some, *(args[k] for k in ins), has_aux=True)
    return list(out), Rule(ins, range(len(out)) if outs is None else outs, pull=Partial(_apply, pull))


def linearized(call: Call, args: Sequence[Any], ins: Sequence[int]) -> tuple[list[Any], Rule]:
    """The outputs of one equation, and its push and the transpose of that; its rule is called here, at these values."""
    out, push = jax.linearize(_alone(call, args, ins), *(args[k] for k in ins))

    def pull(cotangents: Sequence[Any]) -> Sequence[Any]:
        back = jax.linear_transpose(push, *(_jax.aval_of(args[k]).strip_weak_type() for k in ins))
        return back(list(cotangents))  # type: ignore[no-any-return]

    return list(out), Rule(ins, range(len(out)), Partial(_apply_each, push), pull)


def along(call: Call, args: Sequence[Any], ins: Sequence[int], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The outputs of one equation and their tangents, as its rule computes them as one."""
    return jax.jvp(_alone(call, args, ins), [args[k] for k in ins], list(tangents))


def _apply(transpose: Callable[..., Any], cotangents: Sequence[Any]) -> Sequence[Any]:
    return transpose(list(cotangents))


def _apply_each(push: Callable[..., Any], tangents: Sequence[Any]) -> Sequence[Any]:
    return push(*tangents)


def _alone(call: Call, args: Sequence[Any], ins: Sequence[int]) -> Callable[..., list[Any]]:
    """The equation as a function of some of its inputs, the others fixed."""

    def alone(*values: Any) -> list[Any]:
        full = list(args)
        for k, value in zip(ins, values, strict=True):
            full[k] = value
        return call(full)

    return alone
