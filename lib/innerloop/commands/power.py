"""What each claim can detect in a planned study, by the variances that an earlier one found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from innerloop.papers.quantities import QUANTITIES
from innerloop.render.results import Results
from innerloop.render.tabulation import number
from innerloop.runtime.errors import ConfigError
from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.power import Size, Spread, needed, smallest_detectable
from innerloop.study.study import Study

_TABLE = "own/claim_comparisons"
_WIDTHS = (28, 22, 9, 9, 11, 9, 9)


def described(study: Study, folder: Path) -> Iterator[str]:
    """A line per claim: what the study detects, what the pilot found, and how much decides that.

    Args:
        study: that is planned.
        folder: results of a pilot, or a record, with the table of claims' comparisons.

    Raises:
        ConfigError: it has no variances between trainings.
    """
    pilot = Results(folder)
    rows = pilot.table(_TABLE)
    if f"method_sd_{fields(Spread)[0].name}" not in rows:
        raise ConfigError(
            f"{folder}/tables/{_TABLE}.csv has no variances: an earlier version made it; make it "
            "anew by `snakemake tables`, or, of a record, record it again"
        )
    rows = rows[rows["decides"].astype(bool)]
    if rows["seed_sd"].isna().all():
        raise ConfigError(
            f"{folder} has one training of everything, which has no variance; train a pilot with "
            "model_seeds: [0, 1] or more"
        )
    yield f"Power, for the methods, by the variances of {folder}"
    yield ""
    yield _row("claim", "trainings x classes", "detects", "pilot", "decided by", "", "")
    yield _row("", "x tasks", "", "found", "trainings", "classes", "tasks")
    unknown = []
    level = study.keys.statistics.level
    for claim, comparisons in rows.groupby("claim", sort=False):
        hardest = _hardest(comparisons, study, pilot)
        if hardest is None:
            unknown.append(str(claim))
        else:
            yield _line(str(claim), *hardest, level)
    yield ""
    yield "Of each claim the comparison that is hardest to decide, alone: corrected for the others"
    yield "of its claim it takes more. Detects: the true difference found in 80 % of repetitions,"
    yield "in the claim's unit (points, CKA, %). Decided by: how many trainings, classes or tasks"
    yield "detect how far the pilot's mean is from what would be undecided, all else as planned;"
    yield f"'never' where the rest alone hides it. Fewer than {LEAST_TRAININGS} trainings decide"
    yield f"nothing. Variances of a pilot of {_pilots(rows)} trainings are rough."
    if unknown:
        yield ""
        yield f"Not known, since the pilot has no two trainings of it: {', '.join(unknown)}"


def _hardest(
    comparisons: pd.DataFrame, study: Study, pilot: Results
) -> tuple[Mapping[Any, Any], Spread, Size] | None:
    """The comparison that is farthest from being decided; None where none has variances."""
    known = [
        (row, spread, size)
        for row in comparisons.to_dict("records")
        if (spread := _spread(row)) is not None
        for size in [_size(row, study, pilot)]
        if size is not None
    ]
    return max(
        known,
        key=lambda one: (
            smallest_detectable(one[1], one[2], study.keys.statistics.level) / _distance(one[0])
        ),
        default=None,
    )


def _spread(row: Mapping[Any, Any]) -> Spread | None:
    """A pilot's standard deviations; None where it has one training."""
    if math.isnan(row["seed_sd"]):
        return None
    if QUANTITIES[row["quantity"]].replicate == "seeds":
        return Spread(trainings=row["seed_sd"])
    found = {field.name: row[f"method_sd_{field.name}"] for field in fields(Spread)}
    # of the same classes there is no spread between classes
    return Spread(**{name: 0.0 if math.isnan(value) else value for name, value in found.items()})


def _size(row: Mapping[Any, Any], study: Study, pilot: Results) -> Size | None:
    """Of the planned study; None where it does not have both sides."""
    table = QUANTITIES[row["quantity"]].reads
    trainings = _trainings(row, study)
    if not trainings:
        return None
    tasks = study.keys.evaluation.tasks
    if table in study.keys.probes:
        tasks = study.keys.probes[table].get("tasks", tasks)
    role = str(row["of_tested_on"])
    described = pilot.evidence.study
    return Size(trainings, max(2, described.classes(described.in_role(role), "test")), tasks)


def _trainings(row: Mapping[Any, Any], study: Study) -> int:
    """As many as the side with fewer has."""
    if QUANTITIES[row["quantity"]].reads == "toy":
        return len(study.keys.toy.seeds) if study.keys.toy else 0
    roles = study.config.get("roles", {})
    sides = ["of", *(["against"] if isinstance(row["against_variant"], str) else [])]
    return min(
        sum(
            (key.protocol, key.dataset, key.variant, key.setting)
            == (
                row[f"{side}_protocol"],
                roles.get(row[f"{side}_trained_on"], row[f"{side}_trained_on"]),
                row[f"{side}_variant"],
                row[f"{side}_setting"],
            )
            for key in study.models
        )
        for side in sides
    )


def _distance(row: Mapping[Any, Any]) -> float:
    """How far the pilot's mean is from where a test would not decide."""
    mean, margin = float(row["method_mean"]), float(row["margin"])
    if row["expected"] == "equal":
        return max(abs(margin - abs(mean)), 1e-12)
    return max(abs(margin - mean) if row["expected"] == "not_greater" else abs(mean), 1e-12)


def _line(claim: str, row: Mapping[Any, Any], spread: Spread, size: Size, level: float) -> str:
    quantity = QUANTITIES[row["quantity"]]
    by_tasks = quantity.replicate == "tasks"
    numbers = [
        needed(spread, size, _distance(row), what, level)
        if by_tasks or what == "trainings"
        else math.nan
        for what in ("trainings", "classes", "tasks")
    ]
    planned = [size.trainings, *([size.classes, size.tasks] if by_tasks else [])]
    detects = smallest_detectable(spread, size, level)
    return _row(
        claim,
        " x ".join(f"{one:,}" for one in planned),
        "nothing" if math.isinf(detects) else number(detects, quantity.digits),
        number(float(row["method_mean"]), quantity.digits),
        *("never" if one is None else "" if math.isnan(one) else f"{one:,}" for one in numbers),
    )


def _pilots(rows: pd.DataFrame) -> str:
    seeds = rows.loc[rows["seed_sd"].notna(), "seeds"]
    low, high = int(seeds.min()), int(seeds.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _row(*cells: str) -> str:
    first, *others = zip(cells, _WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)
