"""The study file: its meaning, checked and resolved, and the jobs it takes. No torch, no pandas."""
