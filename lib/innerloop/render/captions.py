"""Sentences that captions share: how many tasks and seeds, which intervals, what is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

#: P2 contradicts itself, so the measured on-task change is to be read against both claims.
ON_TASK_CLAIMS = (
    "P2 contradicts itself on the on-task change: its abstract says that adaptation improves MAML "
    "on-task, its Section 5.3 that both models get worse on-task; compare the on-task changes "
    "measured here with both claims."
)

INTERVAL = "95 % intervals over tasks (mean ± 1.96 s/√n)"


def join(*sentences: str) -> str:
    """Sentences as one paragraph, leaving out the empty ones."""
    return " ".join(sentence for sentence in sentences if sentence)


def span(values: Iterable[float]) -> str:
    """`200`, or `100-200` when the values differ."""
    numbers = sorted(set(values))
    if not numbers:
        return "0"
    low, high = f"{numbers[0]:,.0f}", f"{numbers[-1]:,.0f}"
    return low if low == high else f"{low}–{high}"


def seeds(frame: pd.DataFrame) -> int:
    """How many seeds the rows of a table come from."""
    return len(frame["seed"].unique())


def counted(summary: pd.DataFrame, what: str = "tasks") -> str:
    """How many tasks and seeds the means of a summary stand on."""
    seeds = span(summary["seeds"])
    plural = "seed" if seeds == "1" else "seeds"
    return f"n = {span(summary['n'])} {what} per model, {seeds} {plural}."


def missing_values(summary: pd.DataFrame, by: str, where: str, why: str) -> str:
    """Which groups have values that are not numbers, and how many; empty if none has."""
    broken = summary[summary["missing"] > 0]
    if broken.empty:
        return ""
    totals = broken.groupby([by, where], sort=False, observed=True)["missing"].sum().reset_index()
    parts = [
        f"{name} {place} ({missing:,} values)"
        for name, place, missing in totals.itertuples(index=False, name=None)
    ]
    return f"Not defined, {why}: {', '.join(parts)}."
