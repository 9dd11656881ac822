"""Identities: a table of rewrites, each use of which is checked on numbers."""
