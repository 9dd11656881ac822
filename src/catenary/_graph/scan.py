"""How the operands of a scan equation divide."""

from __future__ import annotations

from typing import Any, NamedTuple


class ScanParts(NamedTuple):
    """What a scan equation is: its body and how its operands divide."""

    body: Any
    consts: int
    carry: int
    length: Any
    reverse: bool
    unroll: int


def scan_parts(params: dict[str, Any], n_in: int) -> ScanParts:
    """Read a scan's parameters; JAX 0.11 replaced ``num_consts``/``num_carry`` by ``ft_in``."""
    if "num_consts" in params:
        n_consts, n_carry = params["num_consts"], params["num_carry"]
    else:
        n_consts, n_carry, _ = (len(part) for part in params["ft_in"].unpack())
    assert n_consts + n_carry <= n_in
    return ScanParts(params["jaxpr"], n_consts, n_carry, params["length"], params["reverse"], params["unroll"])
