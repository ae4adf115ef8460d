"""Divide the classes of one data set into train, val and test."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.image_store import ImageStore
from innerloop.data.splits import equal_images, split_table
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import record, require_spec, write_table
from innerloop.specs.data import SplitsSpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters and write one row per class and split.

    This runs where Snakemake runs, with the study file as it was at the start: images that a
    cluster's job built after an edit are refused here, before anything is trained on them.
    """
    parser = spec_parser(__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--out", required=True, type=Path, help="splits.parquet")
    arguments = parser.parse_args(argv)
    spec = read_spec(SplitsSpec, arguments.spec)
    store = ImageStore.open(arguments.images.parent).require(spec.dataset)
    built = {"source": read_json(arguments.images)["source"]}
    require_spec(arguments.images, built, {"source": spec.source})
    table = split_table(store.dataset, store.classes, spec.splits)
    write_table(table, arguments.out, record(spec, equal_images=equal_images(store, table)))


if __name__ == "__main__":
    main()
