"""Measure the baseline that learns nothing: the nearest class mean on raw pixels."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.episodes import require_drawn
from innerloop.data.image_store import ImageStore
from innerloop.measurements.rows import RAW_PIXELS, with_columns
from innerloop.measurements.schemas import conform
from innerloop.probes.raw_pixels import raw_pixels
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.provenance import record, write_table
from innerloop.specs.measure import RawPixelsSpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, measure, and write one row per episode."""
    parser = spec_parser(__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--episodes", required=True, type=Path, help="episodes.parquet")
    parser.add_argument("--out", required=True, type=Path, help="accuracies, one row per episode")
    arguments = parser.parse_args(argv)
    spec = read_spec(RawPixelsSpec, arguments.spec)
    images = ImageStore.open(arguments.images.parent).require(spec.dataset, spec.store)
    size = {"way": spec.way, "shot": spec.shot, "queries": spec.queries, "tasks": spec.tasks}
    drawn = {"dataset": spec.dataset, "setting": spec.setting, **size}
    require_drawn(arguments.episodes, drawn, None)
    columns = {**RAW_PIXELS, "setting": spec.setting, "way": spec.way, "shot": spec.shot}
    rows = with_columns(raw_pixels(images, arguments.episodes, spec.splits), columns)
    provenance = record(spec, data_digests={images.dataset: images.digest})
    write_table(conform(rows, "accuracy"), arguments.out, provenance)


if __name__ == "__main__":
    main()
