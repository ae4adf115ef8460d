"""Measurements: schemas, rows, aggregated tables, and how rows are selected from them."""
