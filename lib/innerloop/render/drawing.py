"""What a figure is before it is written to files."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure, the caption under it, and what it shows for readers who cannot see it."""

    figure: Figure
    caption: str
    alt: str


def not_measured(what: str) -> Drawing:
    """The drawing of a figure whose measurements the study does not have."""
    text = f"Not measured in this study: {what}."
    figure = Figure(figsize=(7, 1.6))
    figure.text(0.5, 0.5, text, ha="center", va="center", color="0.35")
    return Drawing(figure, text, text)
