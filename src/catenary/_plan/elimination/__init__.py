"""How a vertex is removed, whatever is done with the values."""
