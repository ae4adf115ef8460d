"""Ways to learn: what the outer loop trains, and how it answers for a new task."""
