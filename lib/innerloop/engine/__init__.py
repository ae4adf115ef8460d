"""Exact gradients of T tasks at once; no code outside needs to know which engine computes them."""
