"""From graph and rules to the graph of local derivatives: vertices, explicit edges, implicit nodes."""

from catenary._local.build import IDENTITY, Edge, Implicit, Local, Node, build

__all__ = ["IDENTITY", "Edge", "Implicit", "Local", "Node", "build"]
