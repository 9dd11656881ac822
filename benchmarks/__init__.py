"""Benchmarks: catenary and JAX side by side in one process; every printed row carries its ratio."""
