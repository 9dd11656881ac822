"""Expressions over labelled axes, in normal form, and their values."""
