"""From graph and rules to the graph of local derivatives: vertices, explicit edges, implicit nodes."""

from catenary._local import tied as tied
from catenary._local.build import IDENTITY, build
from catenary._local.local import Edge, Implicit, Local, Node

__all__ = ["IDENTITY", "Edge", "Implicit", "Local", "Node", "build"]
