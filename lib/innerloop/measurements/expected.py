"""Which rows a file of measurements must contain, given the parameters of the job that made it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from innerloop.learners.options import LearnerOptions
from innerloop.measurements.rows import model_columns
from innerloop.measurements.schemas import ALLOWED, require_unique
from innerloop.networks.options import HEAD
from innerloop.runtime.errors import SchemaError
from innerloop.runtime.typed_json import from_json
from innerloop.specs.interventions import FOLLOWED, interventions
from innerloop.specs.measure import MeasureSpec, RawPixelsSpec, Spec, ToySpec
from innerloop.specs.probe_options import (
    CkaOptions,
    InnerStepsOptions,
    InterventionsOptions,
    OtherSettingsOptions,
    OtherSimilaritiesOptions,
    OwnChangeOptions,
    ProtonetOptions,
    places,
    possible_settings,
    step_counts,
)
from innerloop.specs.train import TrainSpec

#: Columns, and the combinations of their values that a file must contain.
Expected: TypeAlias = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]


def require_expected(table: pa.Table, name: str, spec: Spec, where: str) -> None:
    """Raise an error if rows of a table are missing, repeated or unexpected.

    Args:
        table: the rows of one job.
        name: the table's name.
        spec: the job's resolved parameters.
        where: the start of the message: the file, or what yielded the rows.

    Raises:
        SchemaError: naming the first missing or unexpected row. A user's own probe may yield any
            rows, but at least one, and not only NaN.
    """
    require_unique(table, name, where)
    _require_model(table, spec, where)
    if not table.num_rows and isinstance(spec, MeasureSpec) and _may_adapt_nothing(name, spec):
        return
    asked = _expected(name, spec, table)
    if asked is None:
        _require_some(table, where)
        return
    columns, rows = asked
    if name == "step_size_value":  # single step sizes have no names, so they are counted
        counted = table.group_by(list(columns[:-1])).aggregate([([], "count_all")])
        table = counted.rename_columns({"count_all": "count"})
    expected = set(rows)
    found = set(zip(*(table.column(column).to_pylist() for column in columns), strict=True))
    missing, extra = expected - found, found - expected
    if missing or extra:
        row, what = (min(missing), "is missing") if missing else (min(extra), "was not asked for")
        shown = ", ".join(f"{column} {value}" for column, value in zip(columns, row, strict=True))
        raise SchemaError(
            f"{where}: {len(missing)} of {len(expected)} rows are missing and {len(extra)} were "
            f"not asked for; the row of {shown} {what}"
        )


def _may_adapt_nothing(name: str, spec: MeasureSpec) -> bool:
    """Whether a probe may have nothing to measure, since some learners adapt no weights."""
    return name not in ("accuracy", "other_settings") and isinstance(
        spec.model.learner, LearnerOptions
    )


def _require_model(table: pa.Table, spec: Spec, where: str) -> None:
    if not isinstance(spec, MeasureSpec):
        return
    for column, value in model_columns(spec.model).items():
        others = set(table.column(column).unique().to_pylist()) - {value}
        if others:
            raise SchemaError(
                f"{where}: holds rows of another model: {column} is {min(others)}, not {value}"
            )


def _require_some(table: pa.Table, where: str) -> None:
    if not table.num_rows:
        raise SchemaError(f"{where}: yielded no row; a probe yields one for each measurement")
    values = table.column("value") if "value" in table.column_names else None
    if values is not None and pc.all(pc.is_nan(values)).as_py():
        raise SchemaError(f"{where}: all {table.num_rows} values are NaN; nothing was measured")


def _expected(name: str, spec: Spec, table: pa.Table) -> Expected | None:
    """The rows that a job's table must contain; None for a user's own probe."""
    if isinstance(spec, TrainSpec):
        return _LOGGED[name](spec, table)
    if isinstance(spec, MeasureSpec):
        return _PROBED[name](spec, table) if name in _PROBED else None
    return _raw_pixels(spec) if isinstance(spec, RawPixelsSpec) else _toy(spec)


def _accuracy(spec: MeasureSpec, table: pa.Table) -> Expected:
    options = spec.options
    rows = product(spec.datasets, options["splits"], range(options["tasks"]))
    return ("eval_dataset", "split", "episode"), rows


def _other_settings(spec: MeasureSpec, table: pa.Table) -> Expected:
    options, model = from_json(OtherSettingsOptions, spec.options), spec.model
    settings = possible_settings(options.settings, model.learner, model.way)
    rows = product(spec.datasets, options.splits, settings, range(options.tasks))
    return ("eval_dataset", "split", "tested_setting", "episode"), rows


def _raw_pixels(spec: RawPixelsSpec) -> Expected:
    rows = product([spec.dataset], spec.splits, range(spec.tasks))
    return ("eval_dataset", "split", "episode"), rows


def _cka(spec: MeasureSpec, table: pa.Table) -> Expected:
    options, own = from_json(CkaOptions, spec.options), spec.test_steps
    every = step_counts(options.steps, own)
    layers = _layers(spec.model, table)
    rows = (
        ("test", place.dataset, place.checkpoint, place.iteration, *one)
        for place in places(spec, options)
        for one in product(
            every if place.checkpoint == "last" else [own],
            range(place.tasks), layers, ALLOWED["estimator"],
        )
    )  # fmt: skip
    where = "split", "eval_dataset", "checkpoint", "iteration", "steps"
    return (*where, "episode", "layer", "estimator"), rows


def _interventions(spec: MeasureSpec, table: pa.Table) -> Expected:
    options = from_json(InterventionsOptions, spec.options)
    layers = [layer for layer in _layers(spec.model, table) if layer]
    learner = spec.model.learner
    asked = interventions(
        options.which, layers, moving=learner.moving_roles, learned=learner.learn_step_size
    )
    rows = (
        ("test", place.dataset, place.checkpoint, place.iteration, episode, *one)
        for place in places(spec, options)
        for episode, one in product(
            range(place.tasks), asked if place.checkpoint == "last" else FOLLOWED
        )
    )
    where = "split", "eval_dataset", "checkpoint", "iteration", "episode"
    return (*where, "intervention", "layer"), rows


def _inner_steps(spec: MeasureSpec, table: pa.Table) -> Expected:
    options = from_json(InnerStepsOptions, spec.options)
    layers = [layer for layer in _layers(spec.model, table) if layer]
    measured = [*product(("accuracy", "on_task", "off_task"), [""])]
    measured += product(("cka", "turn"), layers)
    rows = (
        (*where, *one)
        for *where, one in product(
            spec.datasets, ["test"], range(spec.test_steps + 1), range(options.tasks), measured
        )
    )
    return ("eval_dataset", "split", "steps", "episode", "quantity", "layer"), rows


def _own_change(spec: MeasureSpec, table: pa.Table) -> Expected:
    options = from_json(OwnChangeOptions, spec.options)
    rows = product(
        spec.datasets, ["test"], step_counts(options.steps, spec.test_steps), range(options.tasks),
        _layers(spec.model, table), ALLOWED["change"], ALLOWED["estimator"],
    )  # fmt: skip
    where = "eval_dataset", "split", "steps", "episode"
    return (*where, "layer", "change", "estimator"), rows


def _other_similarities(spec: MeasureSpec, table: pa.Table) -> Expected:
    options, layers = from_json(OtherSimilaritiesOptions, spec.options), _layers(spec.model, table)
    measures = [("procrustes", 0), ("neighbours", options.neighbours)]
    steps = step_counts(options.steps, spec.test_steps)
    kinds = [*product(steps, ("same", "shuffled"), measures)]
    if spec.beside:
        kinds += product([0], ["two_trainings"], [("cka", 0), *measures])
    rows = (
        (dataset, "test", taken, episode, layer, pairing, *measure)
        for dataset, episode, layer, (taken, pairing, measure) in product(
            spec.datasets, range(options.tasks), layers, kinds
        )
    )
    where = "eval_dataset", "split", "steps", "episode"
    return (*where, "layer", "pairing", "measure", "neighbours"), rows


def _protonet(spec: MeasureSpec, table: pa.Table) -> Expected:
    options = from_json(ProtonetOptions, spec.options)
    rows = product(spec.datasets, options.splits, range(options.tasks), ALLOWED["condition"])
    return ("eval_dataset", "split", "episode", "condition"), rows


def _scale_invariance(spec: MeasureSpec, table: pa.Table) -> Expected:
    return ("layer",), product(_layers(spec.model, table))


def _training(spec: TrainSpec, table: pa.Table) -> Expected:
    logged = _logged(spec)
    # nothing has been trained on before the first iteration
    rows = (row for row in product(("train", "val"), logged) if row != ("train", 0))
    return ("split", "iteration"), rows


def _weight_norm(spec: TrainSpec, table: pa.Table) -> Expected:
    return ("iteration", "layer"), product(_logged(spec), _layers(spec, table))


def _outer_step(spec: TrainSpec, table: pa.Table) -> Expected:
    taken = [iteration for iteration in _logged(spec) if iteration]
    return ("iteration", "layer"), product(taken, _layers(spec, table))


def _step_size(spec: TrainSpec, table: pa.Table) -> Expected:
    learned = _logged(spec) if spec.learner.learn_step_size else []
    if spec.network.shapes is None:
        named = {(HEAD, "weight"), *_columns(table, "layer", "parameter")}
        return ("iteration", "layer", "parameter"), (
            (iteration, *where) for iteration, where in product(learned, named)
        )
    own = _step_sizes(spec)
    rows = (
        (iteration, *where, own.get(where, 1))  # the others have a step size of zero
        for iteration, where in product(learned, _parameter_counts(spec))
    )
    return ("iteration", "layer", "parameter", "count"), rows


def _step_size_value(spec: TrainSpec, table: pa.Table) -> Expected:
    last, learned = spec.schedule.iterations, spec.learner.learn_step_size
    if spec.network.shapes is None:
        counts = Counter(_columns(table, "layer", "parameter", "step"))
        least = counts or {(HEAD, "weight", 0): 1}
        values = ((last, *where, count) for where, count in least.items() if learned)
        return ("iteration", "layer", "parameter", "step", "count"), values
    per_step = learned == "step_and_layer"
    rows = (
        (last, *where, step, 1 if per_step else count)
        for where, count in _step_sizes(spec).items()
        for step in (range(1, count + 1) if per_step else (0,))
        if learned
    )
    return ("iteration", "layer", "parameter", "step", "count"), rows


def _step_sizes(spec: TrainSpec) -> dict[tuple[str, str], int]:
    """(layer, parameter) -> number of learned step sizes, for parameters that adapt."""
    if isinstance(spec.learner, LearnerOptions):
        return {}
    method, steps = spec.learner, spec.schedule.train_steps

    def role(layer: str, parameter: str) -> str:
        if layer == HEAD:
            return "head"
        return "norm" if parameter in ("gamma", "beta") else f"conv_{parameter}"

    return {
        where: math.prod(method.step_size_shape((count,), steps))
        for where, count in _parameter_counts(spec).items()
        if role(*where) in method.moving_roles
    }


def _logged(spec: TrainSpec) -> list[int]:
    """Outer iterations at which a training validates and logs."""
    schedule = spec.schedule
    last, every = schedule.iterations, schedule.validation_every
    return sorted({0, last, *range(every, last, every), *schedule.checkpoints})


def _toy(spec: ToySpec) -> Expected:
    epochs = range(spec.epochs + 1)
    return ("step_size", "epoch", "split"), product(spec.step_sizes, epochs, ("train", "test"))


def _layers(spec: TrainSpec, table: pa.Table) -> Collection[str]:
    """The network's layers; if its spec does not list them, the head and the table's layers."""
    return spec.network.layers or {HEAD, *table.column("layer").to_pylist()}


def _columns(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _parameter_counts(spec: TrainSpec) -> dict[tuple[str, str], int]:
    """(layer, parameter) -> how many numbers it has."""
    counts = {}
    for name, shape in (spec.network.shapes or {}).items():
        layer, _, parameter = name.rpartition(".")
        counts[layer, parameter] = math.prod(shape)
    return counts


#: By table; users' own probes have other names.
_PROBED: Mapping[str, Callable[[MeasureSpec, pa.Table], Expected]] = {
    "accuracy": _accuracy,
    "cka": _cka,
    "inner_steps": _inner_steps,
    "interventions": _interventions,
    "other_settings": _other_settings,
    "other_similarities": _other_similarities,
    "own_change": _own_change,
    "protonet": _protonet,
    "scale_invariance": _scale_invariance,
}
_LOGGED: Mapping[str, Callable[[TrainSpec, pa.Table], Expected]] = {
    "training": _training,
    "weight_norm": _weight_norm,
    "outer_step": _outer_step,
    "step_size": _step_size,
    "step_size_value": _step_size_value,
}
