"""Formulas: a program and its derivative, read back as what a person would write on paper."""
