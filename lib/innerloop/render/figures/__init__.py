"""One file a figure: `draw(evidence) -> Drawing`."""
