"""Train the supervised toy of P1 A.2 with one of the two updates, at every step size."""

from __future__ import annotations

from pathlib import Path

import torch

from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split, require_supervised, split_digest
from innerloop.measurements.rows import with_columns
from innerloop.measurements.schemas import conform
from innerloop.probes.toy import train_toy
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.device import describe, set_up
from innerloop.runtime.progress import Progress
from innerloop.runtime.provenance import record, write_table
from innerloop.runtime.replaced import take_back
from innerloop.specs.measure import ToySpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, train, and write one row per epoch and split."""
    parser = spec_parser(__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--splits", required=True, type=Path, help="splits.parquet")
    parser.add_argument("--replaced", type=Path, help="folder of learning curves to take back")
    parser.add_argument("--out", required=True, type=Path, help="the learning curves")
    arguments = parser.parse_args(argv)
    spec = read_spec(ToySpec, arguments.spec)
    store = ImageStore.open(arguments.images.parent).require(spec.dataset, spec.store)
    require_supervised(arguments.splits)
    data = {store.dataset: store.digest, "splits": split_digest(arguments.splits)}
    provenance = record(spec, data_digests=data)
    if arguments.replaced and take_back(arguments.out, arguments.replaced, provenance):
        return
    device = set_up(spec.compute)

    def labelled(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        rows, labels = read_split(arguments.splits, name).rows()
        return store.batch(rows).to(device), torch.from_numpy(labels).to(device)

    (images, labels), (test_images, test_labels) = labelled("train"), labelled("test")
    with Progress(f"toy {spec.arm}", len(spec.step_sizes) * spec.epochs) as progress:
        rows = list(
            train_toy(
                images, labels, test_images, test_labels,
                arm=spec.arm, step_sizes=spec.step_sizes, epochs=spec.epochs,
                batch=spec.batch, seed=spec.seed, filters=spec.filters,
                classes=int(labels.max()) + 1, progress=progress.advance,
            )
        )  # fmt: skip
    tidy = with_columns(rows, {"dataset": spec.dataset, "store": store.name})
    write_table(conform(tidy, "toy"), arguments.out, provenance | describe(device))


if __name__ == "__main__":
    main()
