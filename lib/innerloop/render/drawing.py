"""Figures with their captions, before they are written to files."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure with its caption, before it is written to files.

    Attributes:
        figure: the figure.
        caption: its caption.
        alt: its description for readers who cannot see it.
        finding: its main result in one sentence, for the report's abstract; empty: none.
        measured: whether the study has the measurements that it shows.
    """

    figure: Figure
    caption: str
    alt: str
    finding: str = ""
    measured: bool = True


def not_measured(what: str) -> Drawing:
    """The drawing of a figure whose measurements the study does not have."""
    text = f"Not measured in this study: {what}."
    figure = Figure(figsize=(7, 1.6))
    figure.text(0.5, 0.5, text, ha="center", va="center", color="0.35")
    return Drawing(figure, text, text, measured=False)
