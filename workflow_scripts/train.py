"""Meta-train one model."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from innerloop.command_line import program, read_spec, spec_parser
from innerloop.data.episodes import EpisodeSource, TaskSize
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split, split_digest
from innerloop.data.tasks import Tasks
from innerloop.device import describe, set_up
from innerloop.engine.engine import engine_of
from innerloop.files import canonical_json, remove_leftovers, write_json
from innerloop.meta.checkpoint import Checkpoint
from innerloop.meta.interruption import Interruption, interruptible
from innerloop.meta.model_file import save
from innerloop.meta.training import Training
from innerloop.meta.training_log import CurveFile, write_logs
from innerloop.networks.network import Network
from innerloop.progress import SAVED, Progress, say
from innerloop.provenance import circumstances, commit_in_words, record
from innerloop.specs.train import TrainSpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters, train or continue, and write model, logs and manifest."""
    parser = spec_parser(__doc__)
    parser.add_argument("--images", required=True, type=Path, help="manifest.json of the store")
    parser.add_argument("--splits", required=True, type=Path, help="splits.parquet")
    parser.add_argument("--checkpoints", required=True, type=Path, help="folder to continue from")
    parser.add_argument("--curve", required=True, type=Path, help="CSV that grows while training")
    parser.add_argument("--out", required=True, type=Path, help="model.json; the rest lies beside")
    parser.add_argument("--save-every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--keep-activations", action="store_true", help="more speed, more memory")
    arguments = parser.parse_args(argv)
    spec = read_spec(TrainSpec, arguments.spec)
    device = set_up(spec.compute, training=True)
    # before the training is made, which takes seconds too, and after the wait for a GPU
    with interruptible() as interruption:
        _train(arguments, spec, device, interruption)


def _train(
    arguments: argparse.Namespace,
    spec: TrainSpec,
    device: torch.device,
    interruption: Interruption,
) -> None:
    began, facts = time.monotonic(), circumstances()
    computed, name = describe(device), spec.in_words
    say(_head(name, spec, computed, facts))
    images = ImageStore.open(arguments.images.parent).require(spec.dataset, spec.store)
    training = _training(arguments, spec, images, device)
    data = {images.dataset: images.digest, "splits": split_digest(arguments.splits)}
    fingerprint = canonical_json([spec, data])
    checkpoint = Checkpoint(arguments.checkpoints, fingerprint, arguments.save_every, say=say)
    saved = checkpoint.read()
    if saved is not None:
        training.restore(saved)
    earlier = saved["seconds"] if saved else 0.0

    def state() -> dict[str, Any]:
        return {**training.state(), "seconds": earlier + time.monotonic() - began}

    curve = CurveFile(arguments.curve)
    curve.update(training.curves)
    iterations = training.schedule.iterations
    with Progress(name, iterations, done=training.iteration) as progress:
        for figures in training:
            curve.update(training.curves)
            progress.advance(1, **figures)
            checkpoint.maybe_save(state)
            if interruption and training.iteration < iterations:
                checkpoint.save(state())
                say(SAVED.format(training.iteration))
                sys.exit(128 + int(interruption.signal or 0))
    curve.update(training.curves)  # without iterations nothing was yielded

    model = training.model(spec)
    folder = arguments.out.parent
    save(model, folder / "model.pt")
    engine = engine_of(training.network).name
    provenance = record(spec, data_digests=data, engine=engine, **computed)
    write_logs(training, model, folder, provenance)
    accuracy, iteration = training.best
    best = {"iteration": iteration, "accuracy": accuracy}
    write_json(arguments.out, {**provenance, "best_validation": best, "digest": model.digest()})
    # what differs from run to run stays out of what other jobs depend on
    seconds = {"wall_seconds": earlier + time.monotonic() - began, "earlier_seconds": earlier}
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    write_json(folder / "run.json", {**facts, **computed, **rounded})
    checkpoint.remove()
    for file in (arguments.curve, *folder.glob("[!.]*")):
        remove_leftovers(file)
    say(
        f"finished {iterations} iterations in {rounded['wall_seconds']} s; best validation "
        f"accuracy {accuracy:.3f} at iteration {iteration}; wrote {arguments.out}"
    )


def _training(
    arguments: argparse.Namespace, spec: TrainSpec, images: ImageStore, device: torch.device
) -> Training:
    def tasks(split: str, purpose: str, queries: int) -> Tasks:
        source = EpisodeSource(read_split(arguments.splits, split), spec.study_seed, purpose)
        return Tasks(images, source, TaskSize(spec.way, spec.shot, queries), device)

    return Training(
        Network.from_json(asdict(spec.network)),
        spec.method,
        spec.schedule,
        tasks("train", f"training, seed {spec.seed}", spec.queries),
        tasks("val", "validation", spec.validation_queries),
        spec.seed,
        keep_activations=arguments.keep_activations,
        cuda_graph=spec.compute.cuda_graph,
    )


def _head(name: str, spec: TrainSpec, computed: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    return (
        f"{name}: {spec.schedule.iterations} iterations; {facts['processor']}, device "
        f"{computed['device']}, "
        f"{computed['threads']} thread(s), commit {commit_in_words(facts)}"
    )


if __name__ == "__main__":
    main()
