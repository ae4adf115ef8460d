"""Two studies side by side: in what their protocols differ, and in what their numbers do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from innerloop.measurements.comparability import PROTOCOL, differences, protocol_of
from innerloop.measurements.finished import Finished, called_by_both
from innerloop.measurements.schemas import schema_of
from innerloop.measurements.selection import at_end
from innerloop.measurements.step_sizes import learned
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import TTest, paired_difference, welch

#: Too many values to set side by side; their means and spreads are another table's.
LEFT_OUT = frozenset({"step_size_value"})

#: Protocol columns that tell one number of a study from another, as CKA after 5 and after 10 steps.
TELLING = ("setting", "way", "shot", "eval_dataset", "split", "checkpoint", "steps")

VERDICTS = {
    "equal": "the same values",
    "differs": "the test tells them apart",
    "no difference shown": "the test does not tell them apart",
    "no test": "one value on a side",
    "not comparable": "measured under unequal protocols, or on other data",
    "only in a": "b does not have it",
    "only in b": "a does not have it",
}


@dataclass(frozen=True)
class Number:
    """One number of two studies.

    Attributes:
        table: the table it is from.
        key: what it is of: column -> value.
        quantity: the measured column.
        a: mean in the first study; NaN if it has none.
        b: mean in the second.
        test: of a - b; None where they are not compared.
        verdict: a key of `VERDICTS`.
        p_adjusted: adjusted for the number of compared numbers.
        note: why they are not comparable.
    """

    table: str
    key: Mapping[str, Any]
    quantity: str
    a: float
    b: float
    test: TTest | None
    verdict: str
    p_adjusted: float = math.nan
    note: str = ""


def protocol_differences(a: Finished, b: Finished) -> list[tuple[str, str, str]]:
    """In what the protocols differ: what, in a, in b."""
    found = [*_flat_differences("", _about(a), _about(b))]
    mine, theirs = _parameters(a), _parameters(b)
    for model in dict.fromkeys([*mine, *theirs]):
        name = _model_name(model, [side for side, has in ((a, mine), (b, theirs)) if model in has])
        if model not in mine or model not in theirs:
            here, there = ("trained" if model in side else "–" for side in (mine, theirs))
            found.append((name, here, there))
        else:
            found += _flat_differences(name, mine[model], theirs[model])
    return found


def _model_name(model: tuple[str, ...], sides: list[Finished]) -> str:
    protocol, dataset, variant, setting = model
    first, last = sides[0], sides[-1]
    return " ".join(
        [
            protocol,
            called_by_both(first, last, "dataset", dataset),
            called_by_both(first, last, "variant", variant, protocol),
            setting,
        ]
    )


def number_differences(
    a: Finished, b: Finished, statistics: Statistics | None = None
) -> list[Number]:
    """Every number of two studies, side by side.

    Values of the same task are paired where both studies drew the same tasks (the same seed and
    source of data); else the test is Welch's. Seeds are averaged first where there are tasks, and
    are what is compared where there are none.
    """
    chosen = statistics or a.study.statistics
    names = [name for name in a.evidence.paths if name in b.evidence.paths]
    found = [
        number
        for name in names
        if name not in LEFT_OUT
        for number in _numbers(name, a, b, chosen.level)
    ]
    p_values = adjusted([n.test.p if n.test else math.nan for n in found], chosen.correction)
    return [_decided(n, p, chosen) for n, p in zip(found, p_values, strict=True)]


def _decided(number: Number, p: float, statistics: Statistics) -> Number:
    if number.test is None or number.verdict != "no test" or math.isnan(p):
        return number
    verdict = "differs" if p < statistics.alpha else "no difference shown"
    return replace(number, p_adjusted=p, verdict=verdict)


def _numbers(table: str, a: Finished, b: Finished, level: float) -> Iterator[Number]:
    schema = schema_of(table)
    quantities = [field.name for field in schema if pa.types.is_floating(field.type)]
    if table == "toy":
        quantities.remove("step_size")  # which curve it is, not a result
    if table == "scale_invariance":
        quantities.remove("scale")
    dropped = {"seed", "episode", *(set(PROTOCOL) - set(TELLING)), *quantities}
    rows = [_comparable_rows(table, side) for side in (a, b)]
    keys = [name for name in schema.names if name not in dropped and name in rows[0]]
    groups = [
        {
            tuple(zip(keys, key, strict=True)): part
            for key, part in frame.groupby(keys, sort=False, observed=True)
        }
        for frame in rows
    ]
    for key in dict.fromkeys([*groups[0], *groups[1]]):
        first, second = (group.get(key) for group in groups)
        for quantity in quantities:
            yield _number(table, dict(key), quantity, first, second, level)


def _comparable_rows(table: str, side: Finished) -> pd.DataFrame:
    """A study's rows, the papers' names for data sets; of curves the last point."""
    rows = side.evidence.rows(table)
    rows = learned(rows) if table == "step_size" else rows
    text = rows.select_dtypes("category").columns
    rows = rows.astype(dict.fromkeys(text, object))
    if "episode" in rows:
        rows["drawn"] = [f"{side.source(d)} {side.description.get('seed')}" for d in rows[_DATA]]
    elif "iteration" in rows or "epoch" in rows:
        rows = at_end(rows)
    # the best iteration is a result; a last or named one is said by the checkpoint or the protocol
    rows = rows.drop(columns=[name for name in ("iteration", "epoch") if name in rows])
    for column in ("train_dataset", _DATA, "dataset"):
        if column in rows:
            rows[column] = rows[column].map(side.paper_name)
    return rows


_DATA = "eval_dataset"


def _number(
    table: str,
    key: dict[str, Any],
    quantity: str,
    first: pd.DataFrame | None,
    second: pd.DataFrame | None,
    level: float,
) -> Number:
    a, b = (math.nan if rows is None else float(rows[quantity].mean()) for rows in (first, second))
    number = Number(table, key, quantity, a, b, None, "no test")
    if first is None or second is None:
        return replace(number, verdict="only in b" if first is None else "only in a")
    unequal = differences(protocol_of(first), protocol_of(second))
    if unequal:
        note = "; ".join(f"{column} is {values}" for column, values in unequal.items())
        return replace(number, verdict="not comparable", note=note)
    mine, theirs = _values(first, quantity), _values(second, quantity)
    if mine.equals(theirs):
        return replace(number, verdict="equal")
    same_tasks = "episode" in first and set(first["drawn"]) == set(second["drawn"])
    test = (paired_difference if same_tasks else welch)(mine, theirs, level)
    return replace(number, test=test)


def _values(rows: pd.DataFrame, quantity: str) -> pd.Series[float]:
    """By task, averaged over seeds; by seed where there are no tasks."""
    unit = "episode" if "episode" in rows else "seed"
    means: pd.Series[float] = rows.groupby(unit)[quantity].mean()
    return means


def _about(side: Finished) -> dict[str, Any]:
    return {key: side.description.get(key) for key in ("seed", "statistics", "roles", "datasets")}


def _parameters(side: Finished) -> dict[tuple[str, ...], dict[str, Any]]:
    """Resolved parameters of every model but its seed, and the seeds that it has."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for model in side.description["models"]:
        name = (
            model["protocol"],
            side.paper_name(model["dataset"]),
            model["variant"],
            model["setting"],
        )
        values = {key: value for key, value in model.items() if key not in ("seed", "dataset")}
        seeds = [*found.get(name, {}).get("seeds", []), model["seed"]]
        found[name] = {**values, "seeds": seeds}
    return found


def _flat_differences(
    name: str, a: Mapping[str, Any], b: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys([*a, *b]):
        one, other = a.get(key), b.get(key)
        place = f"{name} {key}".strip()
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _flat_differences(place, one, other)
        elif one != other:
            yield place, _shown(one), _shown(other)


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)
