"""Build the images of one data set at one size."""

from __future__ import annotations

from pathlib import Path

from innerloop.command_line import program, spec_parser
from innerloop.data.build_images import build_images
from innerloop.data.samples import write_samples
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.extensions import load_entry
from innerloop.files import read_spec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, build, and write the store and a sheet of samples."""
    parser = spec_parser(__doc__, "dataset, variant, source, size, images")
    parser.add_argument(
        "--raw", nargs="?", type=Path, help="fetched.json, where the source reads fetched files"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads that decode")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--samples", required=True, type=Path, help="picture of some images")
    arguments = parser.parse_args(argv)
    spec = read_spec(arguments.spec)
    source, origin = load_entry(spec["source"]), {}
    if arguments.raw:
        files = FetchedFiles.read(arguments.raw, spec["images"])
        source, origin = source(files), files.origin
    store = build_images(
        source,
        spec["dataset"],
        spec["size"],
        arguments.manifest.parent,
        entry=spec["source"],
        variant=spec["variant"],
        origin=origin,
        threads=arguments.threads,
    )
    write_samples(store, arguments.samples)


if __name__ == "__main__":
    main()
