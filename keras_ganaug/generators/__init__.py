"""Generators: one protocol, and all that keeps it."""
