"""What each claim can detect in a planned study, given the variances of an earlier one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from innerloop.papers.quantities import QUANTITIES
from innerloop.render.results import Results
from innerloop.render.tabulation import decimals, number
from innerloop.runtime.errors import ConfigError
from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.power import Size, Spread, needed, smallest_detectable
from innerloop.study.study import Study

_TABLE = "own/claim_comparisons"
_WIDTHS = (28, 22, 9, 9, 11, 9, 9)


def described(study: Study, folder: Path) -> Iterator[str]:
    """A line per claim: what the study detects, what the pilot found, and what would decide it.

    Args:
        study: the planned study.
        folder: results of a pilot, or a record, with the table of claims' comparisons.

    Raises:
        ConfigError: the pilot has no variances between trainings.
    """
    pilot = Results(folder)
    rows = pilot.table(_TABLE)
    if f"method_sd_{fields(Spread)[0].name}" not in rows:
        raise ConfigError(
            f"{folder}/tables/{_TABLE}.csv has no variances: an earlier version made it; make it "
            "again by `snakemake tables` or, for a record, by recording it again"
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
    yield "Each line is about the comparison that is hardest to decide, alone: correction for a"
    yield "claim's other comparisons takes more. Detects: the true difference found in 80 % of"
    yield "repetitions, in the claim's unit (points, CKA, %). Decided by: how many trainings,"
    yield "classes or tasks detect the distance of the pilot's mean from what would be undecided,"
    yield "all else as planned; 'never' if the other variances alone hide it. Fewer than"
    yield f"{LEAST_TRAININGS} trainings decide nothing. Variances from a pilot of {_pilots(rows)}"
    yield "trainings are rough."
    if unknown:
        yield ""
        yield f"Unknown, since the pilot has fewer than two trainings: {', '.join(unknown)}"


def _hardest(
    comparisons: pd.DataFrame, study: Study, pilot: Results
) -> tuple[Mapping[Any, Any], Spread, Size] | None:
    """The comparison that is farthest from being decided; None if none has variances."""
    known = [
        (row, spread, size)
        for row in comparisons.to_dict("records")
        if (spread := _spread(row)) is not None and (size := _size(row, study, pilot)) is not None
    ]
    return max(
        known,
        key=lambda one: (
            smallest_detectable(one[1], one[2], study.keys.statistics.level) / _distance(one[0])
        ),
        default=None,
    )


def _spread(row: Mapping[Any, Any]) -> Spread | None:
    """A pilot's standard deviations; None if it has one training."""
    if math.isnan(row["seed_sd"]):
        return None
    if QUANTITIES[row["quantity"]].replicate == "seeds":
        return Spread(trainings=row["seed_sd"])
    found = {field.name: row[f"method_sd_{field.name}"] for field in fields(Spread)}
    # with the same classes there is no variance between classes
    return Spread(**{name: 0.0 if math.isnan(value) else value for name, value in found.items()})


def _size(row: Mapping[Any, Any], study: Study, pilot: Results) -> Size | None:
    """The planned study's sample sizes; None if it lacks a side of the comparison."""
    table = QUANTITIES[row["quantity"]].reads or row["of_probe"]
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
    """Number of planned trainings, on the side of the comparison that has fewer."""
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
    """Distance of the pilot's mean from the nearest value at which a test is undecided."""
    mean, margin = float(row["method_mean"]), float(row["margin"])
    if row["expected"] == "equal":
        return max(abs(margin - abs(mean)), 1e-12)
    return max(abs(margin - mean) if row["expected"] == "not_greater" else abs(mean), 1e-12)


def _line(claim: str, row: Mapping[Any, Any], spread: Spread, size: Size, level: float) -> str:
    quantity, mean = QUANTITIES[row["quantity"]], float(row["method_mean"])
    digits = quantity.digits if quantity.reads else decimals(mean, abs(mean))
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
        "nothing" if math.isinf(detects) else number(detects, digits),
        number(mean, digits),
        *("never" if one is None else "" if math.isnan(one) else f"{one:,}" for one in numbers),
    )


def _pilots(rows: pd.DataFrame) -> str:
    seeds = rows.loc[rows["seed_sd"].notna(), "seeds"]
    low, high = int(seeds.min()), int(seeds.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _row(*cells: str) -> str:
    first, *others = zip(cells, _WIDTHS, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)
