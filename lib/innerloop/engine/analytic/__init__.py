"""Functional networks with a leading task axis."""
