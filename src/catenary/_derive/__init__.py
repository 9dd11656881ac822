"""Formulas: a program and its derivative, read back as what a person would write on paper."""

from .derivation import Derivation
from .derive import derive

__all__ = ["Derivation", "derive"]
