"""A probed model on the tiny data set, without any training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import tiny
from innerloop.learners.gradient_based.method import Method
from innerloop.networks.network import Network
from innerloop.probes.probe import DatasetFiles, ProbedModel
from innerloop.specs.measure import MeasureSpec
from innerloop.training.model_file import TrainedModel, Weights

ITERATIONS = (0, 10, 20)


def model(
    folder: Path,
    method: Method = tiny.METHOD,
    options: dict[str, Any] | None = None,
    *,
    network: Network = tiny.NETWORK,
    dtype: torch.dtype = torch.float32,
    test_steps: int = 3,
    tasks_at_once: int = 2,
    datasets: tuple[str, ...] = (tiny.DATASET,),
    test_step_size: float | None = None,
) -> ProbedModel:
    """A model whose weights differ between its three kept iterations."""
    kept = {}
    for iteration in ITERATIONS:
        state = tiny.state(method, network, seed=iteration)
        kept[iteration] = Weights(
            iteration,
            {
                part: {name: value.to(dtype) for name, value in values.items()}
                for part, values in state.items()
            },
        )
    schedule = replace(tiny.TRAINING.schedule, iterations=ITERATIONS[-1], checkpoints=ITERATIONS)
    trained = replace(tiny.TRAINING, learner=method, schedule=schedule)
    spec = MeasureSpec(
        table="",
        entry="",
        options=options or {},
        datasets=datasets,
        queries=4,
        test_steps=test_steps,
        test_step_size=test_step_size,
        tasks_at_once=tasks_at_once,
        model=trained,
        compute=trained.compute,
    )
    images = tiny.double_store() if dtype == torch.float64 else tiny.store()
    files = DatasetFiles(images, tiny.write_splits(folder / "splits.parquet"))
    return ProbedModel(
        trained=TrainedModel(network, trained, kept, best=10, last=20),
        spec=spec,
        files=dict.fromkeys(datasets, files),
        device=torch.device("cpu"),
    )


#: The columns that say which model a row belongs to, as the workflow adds them.
MODEL_COLUMNS = {
    "protocol": "p1",
    "variant": "maml",
    "method": "maml",
    "train_dataset": tiny.DATASET,
    "train_store": str(tiny.SIZE),
    "setting": "3w1s",
    "way": 3,
    "shot": 1,
    "seed": 0,
}
