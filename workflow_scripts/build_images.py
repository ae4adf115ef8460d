"""Build the images of one data set at one size."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.build_images import build_images
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import entry_in, load_entry
from innerloop.specs.data import ImagesSpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, and build the store."""
    parser = spec_parser(__doc__)
    parser.add_argument(
        "--raw", nargs="?", type=Path, help="fetched.json, where the source reads fetched files"
    )
    parser.add_argument(
        "--registry", type=Path, default=Path(), help="the user's registry, if there is one"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads that decode")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest.json of the store")
    arguments = parser.parse_args(argv)
    spec = read_spec(ImagesSpec, arguments.spec)
    if arguments.raw:
        folder, listing = arguments.registry.parent, spec.listing
        own = folder / listing.file if listing else None
        files = FetchedFiles.read(arguments.raw, spec.images, own)
        source, origin = files.source(entry_in(folder, spec.source)), files.origin
        if own and listing and origin[own.name]["sha256"] != listing.sha256:
            raise ConfigError(f"{own} was edited while jobs ran; run Snakemake again")
    else:
        source, origin = load_entry(spec.source), {}
    build_images(
        source,
        spec.dataset,
        spec.size,
        arguments.manifest.parent,
        entry=spec.source,
        variant=spec.variant,
        origin=origin,
        threads=arguments.threads,
        spec=spec,
    )


if __name__ == "__main__":
    main()
