"""How much a job computes, from the study file alone.

Counted in forward passes of images through the network: enough to foresee hours within a small
factor, and to ask a scheduler for time and memory. Nothing here changes a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from innerloop.inner_loop.method import Method
from innerloop.study import footprint
from innerloop.study.footprint import Tasks
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey
from innerloop.study.study import Study

#: Forward passes that a pass with its gradient is worth, and one whose gradient is differentiated.
GRADIENT, SECOND_ORDER = 3, 9
#: Images of a data set, none of which is read here: as many as miniImageNet or CIFAR-10 have.
IMAGES = 60_000
#: Those of them that the supervised toy trains on.
TOY_IMAGES = 50_000
_BLOCKS = 4


@dataclass(frozen=True)
class Work:
    """One job's work.

    Attributes:
        gflop: arithmetic, in 10^9 operations; a multiplication and its addition are two.
        peak_mb: what its tensors take at their peak, where they are in the host's memory, in MB.
        stored_mb: the data set's images, which a job has read before long, in MB.
        trains: whether it trains.
    """

    gflop: float
    peak_mb: float
    stored_mb: float
    trains: bool


def of(study: Study, rule: str, key: ModelKey | None = None, probe: str | None = None) -> Work:
    """The work of a rule's job.

    Args:
        study: the study.
        rule: train_model, measure_accuracy, measure_probe or train_toy.
        key: the job's model, if it has one.
        probe: the job's probe, if it has one.

    Raises:
        KeyError: work of that rule is not counted.
    """
    if rule == "train_toy":
        return _toy(study)
    model = study.models[key] if key else None
    if rule == "measure_probe" and model and probe:
        return _probe(study, model, probe)
    if rule in _OF_A_MODEL and model:
        return _OF_A_MODEL[rule](study, model)
    raise KeyError(f"the work of {rule} is not counted")


def _training(study: Study, model: Model) -> Work:
    """Meta-train one model, validations included."""
    chosen, method = model.choices, model.method
    support, queries = _images(model, chosen["queries"])
    order = GRADIENT if method.first_order else SECOND_ORDER
    task = chosen["train_steps"] * support * _step(method, order) + queries * GRADIENT
    validation = study.config["validation"]
    validations = chosen["iterations"] // validation["every"] + len(study.config["checkpoints"])
    passes = chosen["iterations"] * chosen["meta_batch"] * task
    passes += validations * validation["tasks"] * _evaluated_task(study, model)
    inductive = chosen["batch_norm"] == "support"
    batch = Tasks(chosen["meta_batch"], support, queries, inductive)
    _, asked = _images(model, study.config["evaluation"]["queries"])
    validated = Tasks(study.compute["tasks_at_once"], support, asked, inductive)
    alive = max(batch.differentiated(_kept_steps(study, model)), validated.measured(together=False))
    images = max(batch.images, validated.images)
    return _work(chosen, passes, alive, images, trains=True)


def _kept_steps(study: Study, model: Model) -> int:
    """Inner steps whose activations wait for the outer gradient."""
    if model.method.first_order:
        return 0
    if model.method.adapts == "head":
        return 1  # the body goes through once, for all steps
    return int(model.choices["train_steps"]) if study.running.get("keep_activations") else 1


def _accuracy(study: Study, model: Model) -> Work:
    """Measure one model's accuracy."""
    places = len(model.evaluate_on) * len(model.splits)
    tasks = places * study.config["evaluation"]["tasks"]
    return _measured(study, model, tasks, together=False)


def _probe(study: Study, model: Model, name: str) -> Work:
    """Measure one model with one probe: its tasks, before and after adaptation."""
    options: Mapping[str, Any] = study.config["probes"][name]
    datasets = options.get("datasets") or model.evaluate_on
    each = _whole(options.get("tasks"), study.compute["tasks_at_once"])
    tasks = len(datasets) * len(options.get("splits", ["test"])) * each
    if model.key.dataset in options.get("over_training", []):
        tasks += len(study.config["checkpoints"]) * _whole(options.get("training_tasks"), each)
    return _measured(study, model, tasks, together=True)


def _toy(study: Study) -> Work:
    """Train the supervised toy once, at every step size."""
    chosen = study.config["toy"]
    passes = len(chosen["step_sizes"]) * chosen["epochs"] * TOY_IMAGES * GRADIENT
    alive = Tasks(1, chosen["batch"], 1).differentiated(kept_steps=0)
    return _work(chosen, passes, alive, IMAGES, trains=True)  # it holds them all


def _whole(value: Any, otherwise: int) -> int:
    """A number of tasks; a user's own probe may give that name to anything."""
    return value if isinstance(value, int) else otherwise


def _measured(study: Study, model: Model, tasks: int, *, together: bool) -> Work:
    support, queries = _images(model, study.config["evaluation"]["queries"])
    inductive = model.choices["batch_norm"] == "support"
    batch = Tasks(study.compute["tasks_at_once"], support, queries, inductive)
    passes = tasks * _evaluated_task(study, model)
    alive = batch.measured(together=together)
    return _work(model.choices, passes, alive, batch.images, trains=False)


def _evaluated_task(study: Study, model: Model) -> float:
    """Forward passes of one task: adaptation, and its query images before and after."""
    support, queries = _images(model, study.config["evaluation"]["queries"])
    return float(
        model.choices["test_steps"] * support * _step(model.method, GRADIENT) + 2 * queries
    )


def _images(model: Model, queries: int) -> tuple[int, int]:
    """Support and query images of a task."""
    return model.way * model.shot, model.way * queries


def _step(method: Method, order: int) -> int:
    """Forward passes that one image of an inner step is worth."""
    return 1 if method.adapts == "head" else order


def _work(
    chosen: Mapping[str, Any], passes: float, alive: float, images: int, *, trains: bool
) -> Work:
    size, filters = chosen["image_size"], chosen["filters"]
    peak = footprint.megabytes(size, filters, alive, images)
    stored = IMAGES * 3 * size**2 / 1e6
    gflop, channels = 0.0, 3
    for _ in range(_BLOCKS):
        gflop += 2 * 9 * channels * filters * size**2 / 1e9
        channels, size = filters, size // 2
    return Work(passes * gflop, peak, stored, trains)


_OF_A_MODEL = {"train_model": _training, "measure_accuracy": _accuracy}
