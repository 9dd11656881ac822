"""From graph and rules to the graph of local derivatives: vertices, explicit edges, implicit nodes."""

from catenary._local.build import Edge, Implicit, Local, Node, build

__all__ = ["Edge", "Implicit", "Local", "Node", "build"]
