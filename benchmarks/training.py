"""Speed of a whole training, including drawing of tasks and validation, and its accuracy.

    python benchmarks/training.py --size paper --device cuda --tf32 --iterations 2000

Images are those of a store that the workflow has built (`--images resources/images/symbols/84`), or
random ones, as many as miniImageNet has. Trainings with the same seed see the same tasks with and
without `--tf32`: the difference is its effect on accuracy.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import innerloop
from innerloop.data.image_store import ClassRows, ImageStore
from innerloop.data.tasks import Tasks, tasks_of
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.networks.network import Network
from innerloop.runtime.device import describe, set_up
from innerloop.runtime.progress import Progress
from innerloop.specs.train import Schedule
from innerloop.training.evaluation import query_results
from innerloop.training.training import Training
from measuring import SIZES, matmul_peak, step_operations, synchronise
from options import add_outer_step, compute_of, parser_of

#: Outer iterations of the papers, and their validation (shared with config/paper.yaml).
PAPER_ITERATIONS, VALIDATION_TASKS, TEST_STEPS = 60_000, 200, 10
#: miniImageNet's classes, and images of a class.
CLASSES, EACH = {"train": 64, "val": 16, "test": 20}, 600
#: Iterations before the clock starts: libraries choose kernels, a CUDA graph is recorded.
WARM_UP = 20


def main(argv: list[str] | None = None) -> None:
    """Train, measure and print."""
    parser = parser_of(__doc__, steps=5)
    add_outer_step(parser)
    parser.add_argument("--images", type=Path, help="an image store's folder; else random images")
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--validation-every", type=int, default=500)
    parser.add_argument("--test-tasks", type=int, default=0, help="test on so many, in FP32")
    parser.add_argument("--at-once", type=int, default=20, help="tasks_at_once")
    parser.add_argument("--seeds", type=int, default=1, help="number of trainings, from seed 0 on")
    arguments = parser.parse_args(argv)
    if arguments.iterations <= WARM_UP:
        parser.error(f"--iterations {arguments.iterations}: the first {WARM_UP} are not measured")
    options = vars(arguments)
    device = set_up(compute_of(options), training=True)
    network = innerloop.network(**SIZES[arguments.size])
    store = ImageStore.open(arguments.images) if arguments.images else random_store(network)
    operations = step_operations(
        network, arguments.tasks, 5 * arguments.shot, 5 * arguments.queries, arguments.steps, True
    )
    report = {
        **{key: value for key, value in options.items() if key not in ("json", "images")},
        "images": store.dataset,
        **describe(device),
        "torch": torch.__version__,
        "seeds": [],
    }
    for seed in range(arguments.seeds):
        report["seeds"].append(trained(network, store, seed, options, device))
    least = min(found["milliseconds"] for found in report["seeds"])
    report["minutes_for_60000"] = round(least / 1000 * PAPER_ITERATIONS / 60, 1)
    if METHODS[arguments.method].adapts == "all":
        share = (
            operations / (least / 1000) / matmul_peak(set_up(compute_of(options), training=True))
        )
        report["share_of_matmul_peak"] = round(share, 3)
    print(json.dumps(report, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def trained(
    network: Network, store: ImageStore, seed: int, options: dict[str, Any], device: torch.device
) -> dict[str, Any]:
    """One training: milliseconds an iteration, and accuracies."""
    set_up(compute_of(options), training=True)
    training = Training(
        network,
        GradientLearner(
            method(options["method"]), options["steps"], options["keep_activations"]
        ),
        Schedule(
            iterations=options["iterations"], meta_batch=options["tasks"],
            train_steps=options["steps"], test_steps=TEST_STEPS, outer_step_size=0.001,
            validation_every=options["validation_every"], validation_tasks=VALIDATION_TASKS,
            checkpoints=(), tasks_at_once=options["at_once"],
        ),
        _tasks(store, "train", options, device, seed),
        _tasks(store, "val", options, device),
        seed,
        cuda_graph=options["cuda_graph"],
    )  # fmt: skip
    began = 0.0
    with Progress(f"{options['method']}, seed {seed}", options["iterations"]) as progress:
        for figures in training:
            if training.iteration == WARM_UP:
                synchronise(device)
                began = time.perf_counter()
            progress.advance(**figures)
        synchronise(device)
    taken = time.perf_counter() - began
    found = {
        "seed": seed,
        "milliseconds": round(1000 * taken / (options["iterations"] - WARM_UP), 3),
        "validation_accuracy": round(training.best[0], 4),
    }
    if options["test_tasks"]:
        # measurements are never computed in TF32
        set_up(compute_of(options))
        batches = _tasks(store, "test", options, device).batches(
            options["test_tasks"], options["at_once"]
        )
        judged = query_results(
            network, training.learner, training.learned, batches, TEST_STEPS
        ).accuracies
        half_width = 1.96 * float(judged.std()) / len(judged) ** 0.5
        found |= {"accuracy": round(float(judged.mean()), 4), "half_width": round(half_width, 4)}
    return found


def random_store(network: Network) -> ImageStore:
    """As many random images as miniImageNet has: 64, 16 and 20 classes of 600."""
    splits = [split for split, count in CLASSES.items() for _ in range(count)]
    shape = (len(splits) * EACH, network.channels, network.image_size, network.image_size)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    classes = [
        ClassRows(f"class {number}", split, "", EACH * number, EACH)
        for number, split in enumerate(splits)
    ]
    manifest = {"dataset": "random images", "size": network.image_size}
    return ImageStore(Path("memory"), images, classes, manifest)


def _tasks(
    store: ImageStore, split: str, options: dict[str, Any], device: torch.device, seed: int = 0
) -> Tasks:
    size = {"shot": options["shot"], "queries": options["queries"]}
    return replace(tasks_of(store, split, **size, seed=seed), device=device)


if __name__ == "__main__":
    main()
