"""What was computed: a function traced into values and equations."""

from catenary._graph.constants import Constants
from catenary._graph.digest import digest
from catenary._graph.graph import Atom, Equation, Graph, Lit
from catenary._graph.trace import Traced, graph_of_jaxpr, trace

__all__ = ["Atom", "Constants", "Equation", "Graph", "Lit", "Traced", "digest", "graph_of_jaxpr", "trace"]
