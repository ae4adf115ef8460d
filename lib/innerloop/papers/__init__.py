"""What the papers say, and what our numbers say of it."""
