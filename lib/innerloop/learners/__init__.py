"""Update rules, methods, and adaptation to one batch of tasks."""
