"""Meta-train one model."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from innerloop.command_line import program, spec_parser
from innerloop.data.episodes import EpisodeSource, TaskSize
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split, split_digest
from innerloop.data.tasks import Tasks
from innerloop.device import describe, set_up
from innerloop.files import canonical_json, read_spec, remove_leftovers, write_json
from innerloop.inner_loop.method import Method
from innerloop.meta.checkpoint import Checkpoint
from innerloop.meta.interruption import interruptible
from innerloop.meta.model_file import save
from innerloop.meta.training import Schedule, Training
from innerloop.meta.training_log import write_logs
from innerloop.nets.conv4 import Conv4
from innerloop.progress import Progress
from innerloop.provenance import record


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, train or continue, and write model, logs and manifest."""
    parser = spec_parser(__doc__, "method, schedule, ...")
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--splits", required=True, type=Path, help="splits.parquet")
    parser.add_argument("--checkpoint", required=True, type=Path, help="to continue from")
    parser.add_argument("--out", required=True, type=Path, help="model.json; the rest lies beside")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--keep-activations", action="store_true", help="more speed, more memory")
    arguments = parser.parse_args(argv)
    spec, began = read_spec(arguments.spec), time.monotonic()

    device = set_up(spec["compute"], training=True)
    images = ImageStore.open(arguments.images.parent).require(spec["dataset"], spec["store"])
    schedule = Schedule.from_spec(spec["schedule"])

    def tasks(split: str, purpose: str, queries: int) -> Tasks:
        source = EpisodeSource(read_split(arguments.splits, split), spec["study_seed"], purpose)
        return Tasks(images, source, TaskSize(spec["way"], spec["shot"], queries), device)

    training = Training(
        Conv4(**spec["network"]),
        Method.from_json(spec["method"]),
        schedule,
        tasks("train", f"training, seed {spec['seed']}", spec["queries"]),
        tasks("val", "validation", spec["validation_queries"]),
        spec["seed"],
        keep_activations=arguments.keep_activations,
        cuda_graph=spec["compute"].get("cuda_graph", True),
    )
    data = {images.dataset: images.digest, "splits": split_digest(arguments.splits)}
    fingerprint = canonical_json([spec, data])
    checkpoint = Checkpoint(arguments.checkpoint, fingerprint, arguments.save_every, say=_say)
    saved = checkpoint.read()
    if saved is not None:
        training.restore(saved)
    earlier = saved["seconds"] if saved else 0.0

    def state() -> dict[str, Any]:
        return {**training.state(), "seconds": earlier + time.monotonic() - began}

    name = f"{spec['variant']} on {spec['dataset']} {spec['setting']}"
    progress = Progress(name, schedule.iterations, done=training.iteration)
    with interruptible() as interruption, progress:
        for figures in training:
            progress.advance(**figures)
            checkpoint.maybe_save(state)
            if interruption and training.iteration < schedule.iterations:
                checkpoint.save(state())
                _say(f"stopped by a signal at iteration {training.iteration}; run again to go on")
                sys.exit(128 + int(interruption.signal or 0))

    model = training.model(spec)
    folder = arguments.out.parent
    save(model, folder / "model.pt")
    computed = describe(device)
    provenance = record(spec, data_digests=data, **computed)
    write_logs(training, model, folder, provenance)
    best = {"iteration": training.best[1], "accuracy": training.best[0]}
    write_json(arguments.out, {**provenance, "best_validation": best, "digest": model.digest()})
    # what differs from run to run stays out of what other jobs depend on
    times = {"wall_seconds": earlier + time.monotonic() - began, "earlier_seconds": earlier}
    rounded = {name: round(seconds, 1) for name, seconds in times.items()}
    write_json(folder / "run.json", {**computed, **rounded})
    checkpoint.remove()
    remove_leftovers(folder / "model.pt")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
