"""What was measured: schemas, rows, aggregates, and one way to select from them."""
