"""Draw a sheet of sample images of one data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.data.image_store import ImageStore
from innerloop.data.samples import write_samples
from innerloop.runtime.command_line import program


@program
def main(argv: list[str] | None = None) -> None:
    """Open the store and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--out", required=True, type=Path, help="samples.png")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    store = ImageStore.open(arguments.images.parent)
    write_samples(store, arguments.out, made_by=arguments.made_by)


if __name__ == "__main__":
    main()
