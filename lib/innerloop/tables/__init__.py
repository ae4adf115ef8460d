"""Measurement schemas, aggregation and statistics."""
