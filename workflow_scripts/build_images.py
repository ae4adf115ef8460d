"""Build the images of one data set at one size."""

from __future__ import annotations

from pathlib import Path

from innerloop.command_line import program, spec_parser
from innerloop.data.build_images import build_images
from innerloop.data.samples import write_samples
from innerloop.extensions import load_entry
from innerloop.files import read_spec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, build, and write the store and a sheet of samples."""
    parser = spec_parser(__doc__, "dataset, source, size")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--samples", required=True, type=Path, help="picture of some images")
    arguments = parser.parse_args(argv)
    spec = read_spec(arguments.spec)
    folder = arguments.manifest.parent
    entry = spec["source"]
    store = build_images(load_entry(entry), spec["dataset"], spec["size"], folder, entry=entry)
    write_samples(store, arguments.samples)


if __name__ == "__main__":
    main()
