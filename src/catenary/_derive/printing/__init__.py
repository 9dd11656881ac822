"""Text, LaTeX, MathML and Python."""
