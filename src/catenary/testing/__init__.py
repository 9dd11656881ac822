"""Checks of derivatives, and random programs to check them on."""

from catenary.testing._check import check_derivative, check_rule
from catenary.testing._examples import EXAMPLES, Example
from catenary.testing._programs import Program, programs, random_program
from catenary.testing._report import Report, Row

__all__ = [
    "EXAMPLES",
    "Example",
    "Program",
    "Report",
    "Row",
    "check_derivative",
    "check_rule",
    "programs",
    "random_program",
]
