"""Find or download the files of one collection, and verify them."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.acquire.fetch import FETCHED, Ways, fetch
from innerloop.data.acquire.registry import read_registry
from innerloop.data.acquire.terms import require_acceptance, show_terms
from innerloop.runtime.command_line import program, spec_parser
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import read_json_argument


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, show the terms, look, download, verify and record."""
    parser = spec_parser(__doc__)
    parser.add_argument("--registry", default="", help="TOML file on top of the built-in registry")
    parser.add_argument("--access", default="{}", help="data_root, mirrors and accept_licence")
    parser.add_argument("--out", required=True, type=Path, help=f".../{FETCHED}")
    arguments = parser.parse_args(argv)
    spec, access = (
        read_json_argument(getattr(arguments, name), f"--{name}") for name in ("spec", "access")
    )
    registry = read_registry(arguments.registry or None)
    collection = registry.collections[spec["collection"]]
    if collection.identity() != spec:
        raise ConfigError("the registry was edited while jobs ran; run Snakemake again")
    accepted, readers = access.get("accept_licence", []), registry.datasets_of(collection)
    # terms belong to the files: it is enough to accept them for one data set that uses these
    used = [dataset for dataset in readers if dataset in accepted] or readers
    for dataset in used:
        show_terms(dataset, collection.licence)
    require_acceptance(dict.fromkeys(used, collection.licence), accepted)
    ways = Ways(access.get("data_root", ""), tuple(access.get("mirrors", [])))
    fetch(collection, arguments.out.parent, ways)


if __name__ == "__main__":
    main()
