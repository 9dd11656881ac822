"""Checks of derivatives, and random programs to check them on."""

from catenary.testing._check import check_derivative as check_derivative
from catenary.testing._check import check_rule as check_rule
from catenary.testing._examples import EXAMPLES as EXAMPLES
from catenary.testing._examples import Example as Example
from catenary.testing._programs import Program as Program
from catenary.testing._programs import programs as programs
from catenary.testing._programs import random_program as random_program
from catenary.testing._report import Report as Report
from catenary.testing._report import Row as Row
