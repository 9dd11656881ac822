"""From the user's program to expressions: equations, names, shapes."""
