"""The study file: its meaning, checked and resolved; what must be run for it. Imports no torch or pandas."""
