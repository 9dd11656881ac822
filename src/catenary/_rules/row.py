"""What a rule is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catenary import _jax
from catenary._maps.term import Term


@dataclass(frozen=True, slots=True)
class Row:
    """The arrays of one local derivative.

    reads   the forward values that ``core`` and ``mask`` are called with, in this order: ``x`` or ``a, b, c, …``
            the inputs, ``y`` the output. Nothing else of the forward pass is seen, so nothing else is remembered
    core    a function of the values read, or None where the core is ``scale`` alone
    mask    likewise, for a boolean array that selects
    scale   a factor of the core; 0 where there is no derivative
    real    the formula holds for real numbers only; complex ones take JAX's rule
    """

    reads: str = ""
    core: Callable[..., Any] | None = None
    mask: Callable[..., Any] | None = None
    scale: Any = 1
    real: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One equation as a rule sees it: shapes and parameters, no values but literals.

    constant    (operand) → its value where it is integers made from constants alone, as indices are; else None
    """

    primitive: _jax.Primitive
    params: dict[str, Any]
    ins: tuple[Any, ...]
    outs: tuple[Any, ...]
    literals: tuple[Any, ...]
    constant: Callable[[int], Any] = lambda operand: None

    def aval(self, letter: str) -> Any:
        """The aval of what a row calls by ``letter``."""
        return self.outs[0] if letter == "y" else self.ins[position(letter)]


@dataclass(frozen=True, slots=True)
class Piece:
    """A local derivative, or one factor of it: its structure and its row."""

    term: Term
    row: Row


#: factors of a local derivative, the one next to the operand first; or several of them, added
Path = tuple[Piece, ...]

#: (site, operand) → output → path, or a list of paths that are added; None where the rule does not apply.
Rule = Callable[[Site, int], Any]


def table(rows: dict[str, Any]) -> dict[Any, Any]:
    """Rows by name as rows by primitive, without those of primitives that this JAX does not have.

    >>> len(table({"tanh": 1, "of_another_jax": 2}))
    1
    """
    named = {_jax.primitive(name): row for name, row in rows.items()}
    named.pop(None, None)
    return named


def position(letter: str) -> int:
    """Which input a letter of ``Row.reads`` names.

    >>> [position(letter) for letter in "xabc"]
    [0, 0, 1, 2]
    """
    return 0 if letter == "x" else ord(letter) - ord("a")
