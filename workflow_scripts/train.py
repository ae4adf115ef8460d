"""Meta-train one model."""

from __future__ import annotations

import sys
from pathlib import Path

from innerloop.data.image_store import ImageStore
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.errors import InterruptedTrainingError
from innerloop.specs.train import TrainSpec
from innerloop.training.run import TrainingFiles, run_training


@program
def main(argv: list[str] | None = None) -> None:
    """Train, continue a training, or reuse a replaced model; write model, logs and manifest."""
    parser = spec_parser(__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--splits", required=True, type=Path, help="splits.parquet")
    parser.add_argument("--checkpoints", required=True, type=Path, help="folder to continue from")
    parser.add_argument("--curve", required=True, type=Path, help="CSV that grows while training")
    parser.add_argument("--events", type=Path, help="folder of event files for TensorBoard")
    parser.add_argument("--replaced", type=Path, help="folder of models to take back")
    parser.add_argument("--out", required=True, type=Path, help="model.json; the rest lies beside")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--keep-activations", action="store_true", help="more speed, more memory")
    arguments = parser.parse_args(argv)
    files = TrainingFiles(
        ImageStore.open(arguments.images.parent),
        arguments.splits,
        arguments.out,
        arguments.checkpoints,
        arguments.curve,
        arguments.events,
        arguments.replaced,
    )
    try:
        run_training(
            read_spec(TrainSpec, arguments.spec),
            files,
            save_every=arguments.save_every,
            keep_activations=arguments.keep_activations,
        )
    except InterruptedTrainingError as stopped:
        sys.exit(128 + stopped.signal)


if __name__ == "__main__":
    main()
