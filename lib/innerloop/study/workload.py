"""How much a job computes, from the study file alone.

Counted in forward passes of images through the network: enough to foresee hours within a small
factor, and to ask a scheduler for time and memory. Nothing here changes a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from innerloop.inner_loop.method import Method
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey
from innerloop.study.study import Study

#: Forward passes that a pass with its gradient is worth, and one whose gradient is differentiated.
GRADIENT, SECOND_ORDER = 3, 9
#: Images of the supervised toy, whose data set is not read here: as many as CIFAR-10 has.
TOY_IMAGES = 50_000
_BLOCKS = 4


@dataclass(frozen=True)
class Work:
    """One job's work.

    Attributes:
        gflop: arithmetic, in 10^9 operations; a multiplication and its addition are two.
        kept_mb: activations that are in memory at once, in MB.
        trains: whether it trains, and so keeps what a derivative needs.
    """

    gflop: float
    kept_mb: float
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
    kept = chosen["meta_batch"] * (chosen["train_steps"] * support + queries)
    return _work(chosen, passes, kept, trains=True)


def _accuracy(study: Study, model: Model) -> Work:
    """Measure one model's accuracy."""
    places = len(model.evaluate_on) * len(model.splits)
    return _measured(study, model, places * study.config["evaluation"]["tasks"])


def _probe(study: Study, model: Model, name: str) -> Work:
    """Measure one model with one probe: its tasks, before and after adaptation."""
    options: Mapping[str, Any] = study.config["probes"][name]
    datasets = options.get("datasets") or model.evaluate_on
    each = _whole(options.get("tasks"), study.compute["tasks_at_once"])
    tasks = len(datasets) * len(options.get("splits", ["test"])) * each
    if model.key.dataset in options.get("over_training", []):
        tasks += len(study.config["checkpoints"]) * _whole(options.get("training_tasks"), each)
    return _measured(study, model, tasks)


def _toy(study: Study) -> Work:
    """Train the supervised toy once, at every step size."""
    chosen = study.config["toy"]
    passes = len(chosen["step_sizes"]) * chosen["epochs"] * TOY_IMAGES * GRADIENT
    return _work(chosen, passes, chosen["batch"], trains=True)


def _whole(value: Any, otherwise: int) -> int:
    """A number of tasks; a user's own probe may give that name to anything."""
    return value if isinstance(value, int) else otherwise


def _measured(study: Study, model: Model, tasks: int) -> Work:
    support, queries = _images(model, study.config["evaluation"]["queries"])
    kept = study.compute["tasks_at_once"] * (support + queries)
    return _work(model.choices, tasks * _evaluated_task(study, model), kept, trains=False)


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


def _work(chosen: Mapping[str, Any], passes: float, kept: float, trains: bool) -> Work:
    size, filters = chosen["image_size"], chosen["filters"]
    gflop = outputs = 0.0
    channels = 3
    for _ in range(_BLOCKS):
        gflop += 2 * 9 * channels * filters * size**2 / 1e9
        outputs += filters * size**2
        channels, size = filters, size // 2
    return Work(passes * gflop, kept * outputs * 4 / 1e6, trains)


_OF_A_MODEL = {"train_model": _training, "measure_accuracy": _accuracy}
