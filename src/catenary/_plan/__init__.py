"""The two choices: in which order the product is multiplied, and what is remembered."""
