"""Measure one model: its accuracy, or any probe."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from innerloop.data.episodes import require_drawn
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import split_digest
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.method import Method
from innerloop.measurements.expected import require_expected
from innerloop.measurements.rows import model_columns, with_columns
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.probes.probe import DatasetFiles, ProbedModel
from innerloop.runtime.command_line import named_paths, program, read_spec, spec_parser
from innerloop.runtime.device import describe, set_up
from innerloop.runtime.errors import NothingAdaptsError, ProvenanceError
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.files import read_json, sha256_of
from innerloop.runtime.progress import say
from innerloop.runtime.provenance import record, require_data, require_spec, write_table
from innerloop.runtime.replaced import take_back
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import TrainSpec
from innerloop.training.model_file import TrainedModel, load


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, measure, and write tidy rows; or reuse replaced results."""
    parser = spec_parser(__doc__)
    parser.add_argument("--model", required=True, type=Path, help="model.json")
    parser.add_argument("--beside", nargs="?", type=Path, help="model.json of another one")
    parser.add_argument("--images", required=True, nargs="+", help="dataset=manifest.json")
    parser.add_argument("--splits", required=True, nargs="+", help="dataset=splits.parquet")
    parser.add_argument("--episodes", nargs="*", default=[], help="dataset=episodes.parquet")
    parser.add_argument("--replaced", type=Path, help="folder of measurements to take back")
    parser.add_argument("--out", required=True, type=Path, help="the measurements")
    arguments = parser.parse_args(argv)
    spec = read_spec(MeasureSpec, arguments.spec)
    require_spec(arguments.model, read_json(arguments.model)["spec"], spec.model)

    images, splits = named_paths(arguments.images), named_paths(arguments.splits)
    episodes = named_paths(arguments.episodes)
    stores = {name: ImageStore.open(images[name].parent).require(name) for name in spec.datasets}
    data = {name: store.digest for name, store in stores.items()}
    data |= {f"{name} splits": split_digest(splits[name]) for name in stores}
    for name, drawn in episodes.items():
        require_drawn(drawn, _drawn_for(spec, name), data[f"{name} splits"])
    _require_same_data(arguments.model, spec.model.dataset, data)
    inputs = {"model": read_json(arguments.model)["digest"]}
    if arguments.beside:
        inputs["beside"] = read_json(arguments.beside)["digest"]
    inputs |= {f"{name} episodes": sha256_of(drawn) for name, drawn in episodes.items()}
    provenance = record(spec, data_digests=data, inputs=inputs)
    if arguments.replaced and take_back(arguments.out, arguments.replaced, provenance):
        return
    device = set_up(spec.compute)
    say(f"{spec.table} of {spec.model.in_words}, on {', '.join(spec.datasets)}")
    model = ProbedModel(
        trained=_described(arguments.model, spec.model),
        spec=spec,
        files={
            name: DatasetFiles(store, splits[name], episodes.get(name))
            for name, store in stores.items()
        },
        device=device,
        beside=_described(arguments.beside, spec.beside) if spec.beside else None,
    )
    rows = with_columns(load_entry(spec.entry)(model), model_columns(spec.model))
    provenance |= {"engine": engine_of(model.network).name, **describe(device)}
    try:
        table = conform(rows, spec.table, spec.entry)
    except NothingAdaptsError as error:
        say(f"left out: {error}")
        table = conform([], spec.table)
    require_expected(table, spec.table, spec, f"the probe {spec.entry}")
    _warn_of_missing(table, spec)
    write_table(table, arguments.out, provenance)


def _drawn_for(spec: MeasureSpec, dataset: str) -> dict[str, Any]:
    """The parameters with which a model's evaluation episodes must have been drawn."""
    model = spec.model
    size = {"way": model.way, "shot": model.shot, "queries": spec.queries}
    return {"dataset": dataset, "setting": model.setting, "seed": model.study_seed, **size}


def _require_same_data(manifest: Path, dataset: str, data: Mapping[str, str]) -> None:
    """Refuse a model that was trained on other images or splits of a data set."""
    trained_on = read_json(manifest).get("data_digests", {})
    named = {f"{dataset} splits" if name == "splits" else name: d for name, d in trained_on.items()}
    require_data(manifest, named, data)


def _described(manifest: Path, spec: TrainSpec) -> TrainedModel:
    """The model that lies beside its manifest, if it is the one that the manifest describes."""
    file = manifest.with_suffix(".pt")
    trained = load(file)
    require_spec(file, trained.spec, spec)
    if (trained.digest(), trained.network) != (
        read_json(manifest)["digest"],
        trained.learner.network(Network.of(spec.network), classes=trained.network.way),
    ):
        raise ProvenanceError(
            f"{file} is not the model that {manifest} describes: it was edited, damaged or taken "
            f"from elsewhere. Put the right file back; or move {manifest.parent} away and run "
            "Snakemake again, which trains the model anew"
        )
    return trained


def _warn_of_missing(table: pa.Table, spec: MeasureSpec) -> None:
    """Warn in the log if adaptation diverged on tasks, which tables count as missing."""
    if "accuracy" not in table.column_names:
        return
    missing = table.filter(pc.is_nan(table.column("accuracy")))
    method, sizes = spec.model.learner, "the model's own step sizes"
    if isinstance(method, Method) and not method.learn_step_size:
        step_size = method.step_size if spec.test_step_size is None else spec.test_step_size
        if not isinstance(step_size, tuple):
            sizes = f"a step size of {step_size * method.step_size_multiplier:g}"
    for dataset in missing.column("eval_dataset").unique().to_pylist():
        rows, lost = (
            len(part.filter(pc.equal(part.column("eval_dataset"), dataset)))
            for part in (table, missing)
        )
        print(
            f"WARNING: {lost} of {rows} accuracies on {dataset} are missing: adaptation diverged "
            f"there, with {spec.test_steps} steps and {sizes}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
