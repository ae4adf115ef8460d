"""Measure one model: its accuracy, or any probe."""

from __future__ import annotations

from pathlib import Path

from innerloop.command_line import named_paths, program, spec_parser
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import split_digest
from innerloop.device import describe, set_up
from innerloop.extensions import load_entry
from innerloop.files import read_json, read_spec
from innerloop.meta.model_file import load
from innerloop.probes.probe import DatasetFiles, ProbedModel
from innerloop.provenance import record, require_spec, write_table
from innerloop.tables.rows import model_columns, with_columns
from innerloop.tables.schemas import conform


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, measure, and write tidy rows."""
    parser = spec_parser(__doc__, "table, entry, options, datasets, model, ...")
    parser.add_argument("--model", required=True, type=Path, help="model.json")
    parser.add_argument("--images", required=True, nargs="+", help="dataset=manifest.json")
    parser.add_argument("--splits", required=True, nargs="+", help="dataset=splits.parquet")
    parser.add_argument("--episodes", nargs="*", default=[], help="dataset=episodes.parquet")
    parser.add_argument("--out", required=True, type=Path, help="the measurements")
    arguments = parser.parse_args(argv)
    spec = read_spec(arguments.spec)
    require_spec(arguments.model, read_json(arguments.model)["spec"], spec["model"])

    images, splits = named_paths(arguments.images), named_paths(arguments.splits)
    episodes = named_paths(arguments.episodes)
    stores = {name: ImageStore.open(images[name].parent).require(name) for name in spec["datasets"]}
    device = set_up(spec["compute"])
    model = ProbedModel(
        trained=load(arguments.model.with_suffix(".pt")),
        datasets=spec["datasets"],
        files={
            name: DatasetFiles(store, splits[name], episodes.get(name))
            for name, store in stores.items()
        },
        study_seed=spec["model"]["study_seed"],
        queries=spec["queries"],
        test_steps=spec["test_steps"],
        test_step_size=spec["test_step_size"],
        tasks_at_once=spec["compute"]["tasks_at_once"],
        options=spec["options"],
        device=device,
    )
    rows = with_columns(load_entry(spec["entry"])(model), model_columns(spec["model"]))
    data = {name: store.digest for name, store in stores.items()}
    data |= {f"{name} splits": split_digest(splits[name]) for name in stores}
    provenance = record(spec, data_digests=data, **describe(device))
    write_table(conform(rows, spec["table"]), arguments.out, provenance)


if __name__ == "__main__":
    main()
