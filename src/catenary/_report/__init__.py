"""What people look at: figures, drawn by matplotlib when they are asked for."""

from .figures import Curves, demo_figure

__all__ = ["Curves", "demo_figure"]
