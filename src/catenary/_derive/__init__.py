"""Formulas: a program and its derivative, read back as what a person would write on paper."""

from .derivation import Derivation
from .face import derive

__all__ = ["Derivation", "derive"]
