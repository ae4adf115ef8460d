"""Two studies side by side: how their protocols and their numbers differ.

A difference has two verdicts, as a claim has: for these models, and for the method.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from innerloop.data.store_name import variant_and_size
from innerloop.measurements.aggregate import images_key, splits_key
from innerloop.measurements.class_shares import class_shares
from innerloop.measurements.comparability import PROTOCOL, differences, protocol_of
from innerloop.measurements.finished import Finished, label_in_both
from innerloop.measurements.schemas import schema_of
from innerloop.measurements.selection import at_end
from innerloop.measurements.step_sizes import learned
from innerloop.stats.populations import (
    MODELS,
    TRAININGS,
    Answer,
    Expectation,
    answer,
    by_tasks,
    by_trainings,
    classes_of,
    decided,
    without_tasks,
)
from innerloop.stats.t_tests import (
    TTest,
    generalised,
    independent,
    one_sample,
    paired_difference,
    welch,
)

#: Tables with too many values to compare; another table has their means and spreads.
LEFT_OUT = frozenset({"step_size_value"})

#: Real-valued columns that identify a row, in the tables of the toy and of scale invariance.
_CHOSEN = ("step_size", "scale")

#: Protocol columns that tell one number of a study from another, such as CKA after 5 or 10 steps.
TELLING = ("setting", "way", "shot", "eval_dataset", "split", "checkpoint", "steps")

VERDICTS = {
    "equal": "the same values",
    "differs": "the test tells them apart",
    "leans to a difference": "fewer than 5 trainings, all of which say so, p < 0.1",
    "no difference shown": "the test does not tell them apart",
    "not judged": "it cannot be told, for the reason given",
    "not comparable": "measured under unequal protocols, or on other classes",
    "only in a": "b does not have it",
    "only in b": "a does not have it",
}


#: Verdict on "a is greater than b" -> verdict on a difference of either sign.
_OF_A_DIFFERENCE = {
    "holds": "differs",
    "fails": "differs",
    "leans to it": "leans to a difference",
    "leans against it": "leans to a difference",
    "inconclusive": "no difference shown",
}
_TWO_VERDICTS = frozenset({*_OF_A_DIFFERENCE.values(), "not judged"})
_ABOVE = Expectation("greater")


@dataclass(frozen=True)
class Number:
    """One number in two studies.

    Attributes:
        table: the table it is from.
        key: identifies the number: column -> value.
        quantity: the measured column.
        a: mean in the first study; NaN if it has none.
        b: mean in the second.
        models: answer on a - b, for these models on these classes; its verdict is a key of
            `VERDICTS`.
        method: the same for new trainings; both p-values are adjusted for the number of compared
            numbers.
    """

    table: str
    key: Mapping[str, Any]
    quantity: str
    a: float
    b: float
    models: Answer
    method: Answer

    @property
    def verdict(self) -> str:
        """The verdict for these models."""
        return self.models.verdict

    @property
    def compared(self) -> bool:
        """Whether tests gave two verdicts; otherwise there is one, on the numbers themselves."""
        return self.verdict in _TWO_VERDICTS


def protocol_differences(a: Finished, b: Finished) -> list[tuple[str, str, str]]:
    """What differs in the protocols: (what, value in a, value in b)."""
    found = [*_flat_differences("", _about(a), _about(b)), *_data_differences(a, b)]
    mine, theirs = _parameters(a), _parameters(b)
    for model in dict.fromkeys([*mine, *theirs]):
        name = _model_name(model, [side for side, has in ((a, mine), (b, theirs)) if model in has])
        if model not in mine or model not in theirs:
            here, there = ("trained" if model in side else "–" for side in (mine, theirs))
            found.append((name, here, there))
        else:
            found += _flat_differences(name, mine[model], theirs[model])
    return found


def _data_differences(a: Finished, b: Finished) -> Iterator[tuple[str, str, str]]:
    """Data sets whose images or splits differ, with the digests of both."""
    sizes = sorted({m["image_size"] for side in (a, b) for m in side.description["models"]})
    for dataset in map(a.paper_name, a.description.get("datasets", {})):
        for size in sizes:
            for what, key in (("images", images_key), ("classes of the splits", splits_key)):
                digests = one, other = _digests(key, dataset, size, a, b)
                if _differ(digests):
                    place = f"{label_in_both(a, b, _DATA, dataset)} {what}, {size} px"
                    yield place, f"digest {one:.12}", f"digest {other:.12}"


def _digests(
    key: Callable[[str, int], str], dataset: str, size: int, a: Finished, b: Finished
) -> tuple[str, str]:
    """The digests of a data set's images or splits in both studies; empty if not recorded."""
    one, other = (s.data_digests.get(key(s.study.in_role(dataset), size), "") for s in (a, b))
    return one, other


def _differ(digests: tuple[str, str]) -> bool:
    """Whether two digests differ, if both are recorded."""
    return all(digests) and digests[0] != digests[1]


def _model_name(model: tuple[str, ...], sides: list[Finished]) -> str:
    protocol, dataset, variant, setting = model
    first, last = sides[0], sides[-1]
    return " ".join(
        [
            protocol,
            label_in_both(first, last, "dataset", dataset),
            label_in_both(first, last, "variant", variant, protocol),
            setting,
        ]
    )


def number_differences(a: Finished, b: Finished) -> list[Number]:
    """Every number of two studies, side by side.

    Values of the same task are paired if both studies drew the same tasks (the same seed, source
    and images), and trainings if both have those of the same seeds; anything else is taken as
    independent. What was measured on other classes is not compared.
    """
    chosen = a.study.statistics
    names = [name for name in a.evidence.paths if name in b.evidence.paths]
    numbers = [
        number
        for name in names
        if name not in LEFT_OUT
        for number in _numbers(name, a, b, chosen.level)
    ]
    models, methods = (
        [_of_a_difference(one) for one in decided(answers, chosen)]
        for answers in ([n.models for n in numbers], [n.method for n in numbers])
    )
    return [
        replace(number, models=model, method=method)
        for number, model, method in zip(numbers, models, methods, strict=True)
    ]


def _of_a_difference(one: Answer) -> Answer:
    return replace(one, verdict=_OF_A_DIFFERENCE.get(one.verdict, one.verdict))


def _numbers(table: str, a: Finished, b: Finished, level: float) -> Iterator[Number]:
    quantities = quantities_of(table)
    dropped = {"seed", "episode", *(set(PROTOCOL) - set(TELLING)), *quantities}
    rows = [_comparable_rows(table, side) for side in (a, b)]
    keys = [name for name in schema_of(table).names if name not in dropped and name in rows[0]]
    groups = [
        {
            tuple(zip(keys, key, strict=True)): part
            for key, part in frame.groupby(keys, sort=False, observed=True)
        }
        for frame in rows
    ]
    for key in dict.fromkeys([*groups[0], *groups[1]]):
        first, second = (group.get(key) for group in groups)
        unlike = _unlike((a, first), (b, second))
        for quantity in quantities:
            yield _number(table, dict(key), quantity, ((a, first), (b, second)), unlike, level)


def quantities_of(table: str) -> list[str]:
    """The columns of a table that are results: its real numbers that do not identify a row."""
    reals = [field.name for field in schema_of(table) if pa.types.is_floating(field.type)]
    return [name for name in reals if name not in _CHOSEN]


def _comparable_rows(table: str, side: Finished) -> pd.DataFrame:
    """A study's rows in order, with the papers' names of data sets; for curves, the last point."""
    rows = side.evidence.rows(table)
    rows = learned(rows) if table == "step_size" else rows
    text = rows.select_dtypes("category").columns
    rows = rows.astype(dict.fromkeys(text, object))
    if "episode" in rows:
        rows["drawn"] = [f"{side.source(d)} {side.description.get('seed')}" for d in rows[_DATA]]
    elif "iteration" in rows or "epoch" in rows:
        rows = at_end(rows)
    # the best iteration is a result; the checkpoint or the protocol tells a last or named one
    rows = rows.drop(columns=[name for name in ("iteration", "epoch") if name in rows])
    for column in ("train_dataset", _DATA, "dataset"):
        if column in rows:
            rows[column] = rows[column].map(side.paper_name)
    return rows.sort_values([name for name in ("episode", "seed") if name in rows], kind="stable")


_DATA = "eval_dataset"


_Side: TypeAlias = tuple[Finished, pd.DataFrame | None]


def _unlike(one: _Side, other: _Side) -> str:
    """How the protocols or classes of two sides differ, in words; empty if they do not."""
    (a, first), (b, second) = one, other
    if first is None or second is None:
        return ""
    unequal = differences(protocol_of(first), protocol_of(second))
    unlike = [f"{column} is {values}" for column, values in unequal.items()]
    if not unlike and _other_data(splits_key, a, b, first):
        dataset = label_in_both(a, b, _DATA, _measured_on(first)[0])
        unlike = [f"the splits of {dataset} have other classes"]
    return "; ".join(unlike)


def _other_data(
    key: Callable[[str, int], str], a: Finished, b: Finished, rows: pd.DataFrame
) -> bool:
    """Whether the images or splits that rows were measured on differ in the other study."""
    dataset, store = _measured_on(rows)
    return bool(dataset) and _differ(_digests(key, dataset, variant_and_size(store)[1], a, b))


def _measured_on(rows: pd.DataFrame) -> tuple[str, str]:
    """The data set and image store that rows were measured on; empty for those of weights."""
    places = [(_DATA, "eval_store"), ("dataset", "store")]
    places += [("train_dataset", "train_store")] if "accuracy" in rows else []
    there = [place for place in places if place[0] in rows]
    if not there:
        return "", ""
    dataset, store = there[0]
    return rows[dataset].iloc[0], rows[store].iloc[0]


def _number(
    table: str,
    key: dict[str, Any],
    quantity: str,
    sides: tuple[_Side, _Side],
    unlike: str,
    level: float,
) -> Number:
    (a, first), (b, second) = sides
    mean_a, mean_b = (
        math.nan if rows is None else float(rows[quantity].mean()) for rows in (first, second)
    )

    def number(models: Answer | str, method: Answer | None = None, note: str = "") -> Number:
        models = Answer(models, note=note) if isinstance(models, str) else models
        return Number(table, key, quantity, mean_a, mean_b, models, method or models)

    if first is None or second is None:
        return number("only in b" if first is None else "only in a")
    if unlike:
        return number("not comparable", note=unlike)
    tasks = "episode" in first
    columns = ["episode", "seed", quantity] if tasks else ["seed", quantity]
    if all(np.array_equal(first[c], second[c], equal_nan=True) for c in columns):
        return number("equal")
    mine, theirs = _values(first, quantity), _values(second, quantity)
    same_tasks = not tasks or {*first["drawn"]} == {*second["drawn"]}
    same_tasks &= not _other_data(images_key, a, b, first)
    paired = same_tasks and mine.columns.equals(theirs.columns)
    values = [mine - theirs] if paired else [mine, theirs]
    values = [frame.dropna(axis=1, how="all") for frame in values]
    if any(frame.empty for frame in values):
        return number("not judged", note="every training diverged")
    if not tasks:
        return number(*_of_trainings([frame.iloc[0] for frame in values], level))
    shares = [_shares(side, key, frame) for side, frame in zip((a, b), values, strict=False)]
    if paired:
        return number(*by_tasks(values[0], shares[0], _ABOVE, level))
    return number(*_of_two_sides(values, shares, same_tasks, level))


def _of_trainings(values: Sequence[pd.Series[float]], level: float) -> tuple[Answer, Answer]:
    """Answers from values per training: one series of paired differences, or one per side."""
    if len(values) == 1:
        return by_trainings(values[0], _ABOVE, level)
    method = _independent([one_sample(one, level) for one in values], TRAININGS, values, level)
    return without_tasks(method), method


def _of_two_sides(
    values: Sequence[pd.DataFrame],
    shares: Sequence[NDArray[np.float64] | None],
    same_tasks: bool,
    level: float,
) -> tuple[Answer, Answer]:
    """Answers from values per task of unpaired trainings, whose tasks may be paired."""
    mine, theirs = (frame.mean(axis=1, skipna=False) for frame in values)
    means = [frame.mean() for frame in values]
    tests = [
        generalised(frame.to_numpy(), share, level)
        for frame, share in zip(values, shares, strict=True)
    ]
    method = _independent(tests, classes_of(*shares), means, level)
    models = (paired_difference if same_tasks else welch)(mine, theirs, level)
    return answer(models, MODELS, _ABOVE, np.empty(0), method.trainings), method


def _independent(
    tests: Sequence[TTest], population: str, means: Sequence[pd.Series[float]], level: float
) -> Answer:
    """The answer for two sides that share no training: each of a is compared with each of b."""
    (first, second), (mine, theirs) = tests, (one.to_numpy(np.float64) for one in means)
    apart, trainings = np.subtract.outer(mine, theirs).ravel(), min(len(mine), len(theirs))
    return answer(independent(first, second, level), population, _ABOVE, apart, trainings)


def _values(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Values by task and training, [N, S]; one row if nothing is measured per task."""
    task = rows["episode"] if "episode" in rows else np.zeros(len(rows))
    means = rows.groupby([task, rows["seed"]])[quantity].mean()
    return pd.DataFrame(means.unstack())  # noqa: PD010


def _shares(
    side: Finished, key: Mapping[str, Any], values: pd.DataFrame
) -> NDArray[np.float64] | None:
    """Shares of each class in the tasks of the values, [N, classes]; None if not known."""
    study, dataset = side.study, side.study.in_role(key[_DATA])
    condition = key.get("condition", key.get("intervention", ""))
    way = key.get("tested_way", key["way"])
    return class_shares(study, dataset, key["split"], way, values.index, [condition])


def _about(side: Finished) -> dict[str, Any]:
    return {key: side.description.get(key) for key in ("seed", "statistics", "roles", "datasets")}


def _parameters(side: Finished) -> dict[tuple[str, ...], dict[str, Any]]:
    """Resolved parameters of every model without its seed, and the list of its seeds."""
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
