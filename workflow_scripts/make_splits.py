"""Divide the classes of one data set into train, val and test."""

from __future__ import annotations

from pathlib import Path

from innerloop.command_line import program, spec_parser
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import split_table
from innerloop.files import read_spec
from innerloop.provenance import record, write_table


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters and write one row a class and split."""
    parser = spec_parser(__doc__, "dataset, splits")
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--out", required=True, type=Path, help="splits.parquet")
    arguments = parser.parse_args(argv)
    spec = read_spec(arguments.spec)
    store = ImageStore.open(arguments.images.parent).require(spec["dataset"])
    table = split_table(store.dataset, store.classes, spec["splits"])
    write_table(table, arguments.out, record(spec))


if __name__ == "__main__":
    main()
