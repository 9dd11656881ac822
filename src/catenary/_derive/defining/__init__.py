"""What gets a name, in which order it is computed, and what repeats."""
