"""The local derivatives: one table, a line or a few for each primitive."""

from catenary._graph.zero import ZERO
from catenary._rules.contract import CONTRACT
from catenary._rules.elementwise import BINARY, UNARY, elementwise
from catenary._rules.index import INDEX
from catenary._rules.linear import LINEAR
from catenary._rules.reduce import REDUCE
from catenary._rules.relabel import RELABEL
from catenary._rules.row import Piece, Row, Rule, Site
from catenary._rules.select import SELECT

#: primitive → rule: the explicit local derivatives, family by family
RULES: dict[object, Rule] = {
    **{p: elementwise for p in (*UNARY, *BINARY)},
    **CONTRACT,
    **INDEX,
    **REDUCE,
    **RELABEL,
    **SELECT,
}

__all__ = ["BINARY", "LINEAR", "REDUCE", "RELABEL", "RULES", "SELECT", "UNARY", "ZERO", "Piece", "Row", "Rule", "Site"]
