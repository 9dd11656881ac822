"""What has no formula yet, said with a name: every room raises it and the user reads it."""

from __future__ import annotations


class UnreadableError(NotImplementedError):
    """A part of a program for which no formula can be written yet."""
