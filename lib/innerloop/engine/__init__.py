"""Exact gradients of T tasks at once; nobody outside knows which engine computes them."""
