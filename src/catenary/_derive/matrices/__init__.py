"""Matrix language: products, diagonals, Kronecker products, families."""
