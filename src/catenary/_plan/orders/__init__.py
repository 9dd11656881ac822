"""Which orders there are, and the choice among them."""
