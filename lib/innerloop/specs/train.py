"""Parameters of one model's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.options import LearnerOptions
from innerloop.networks.options import NetworkOptions
from innerloop.runtime.allowed import Allowed, Count, Natural, Positive, Steps
from innerloop.runtime.compute import Compute
from innerloop.runtime.field_checks import require_fields

OuterSchedule: TypeAlias = Literal["constant", "cosine", "halve_on_plateau"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The outer loop's schedule: iterations, steps, learning rate, validation and checkpoints.

    Attributes:
        iterations: outer iterations; 0: an untrained baseline
        meta_batch: tasks per outer step
        train_steps: inner steps while training
        test_steps: inner steps on validation and test tasks; 0: the slow weights themselves
        outer_step_size: Adam's learning rate
        outer_schedule: how it changes over training: not at all (constant), along half a cosine
            to 0 (cosine), or halved when validation accuracy has not risen ten times in a row
            (halve_on_plateau)
        outer_step_size_for_step_sizes: Adam's learning rate of step sizes that are learned, where
            it is not that of the weights
        validation_every: outer iterations between validations, which also log the curves
        validation_tasks: fixed validation tasks
        checkpoints: iterations whose weights are kept, besides the best and the last
        tasks_at_once: validation tasks that go through the network together

    Raises:
        ConfigError: a value is of another type, or beyond its limits.
    """

    iterations: Natural
    meta_batch: Count = 4
    train_steps: Annotated[int, Allowed(least=1, most=10**4)] = 5
    test_steps: Steps = 10
    outer_step_size: Positive = 0.001
    outer_schedule: OuterSchedule = "constant"
    outer_step_size_for_step_sizes: Positive | None = None
    validation_every: Count = 500
    validation_tasks: Count = 100
    checkpoints: tuple[Natural, ...] = ()
    tasks_at_once: Count = 10

    def __post_init__(self) -> None:
        require_fields(self, "schedule")


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """Meta-train one model.

    Attributes:
        protocol: its name in the study; empty for a training from Python.
        dataset: the training data set's name in the study.
        variant: its name in the protocol.
        setting: the size of the tasks, such as 5w1s.
        seed: for initial weights and training tasks.
        way: classes per task.
        shot: support images per class.
        queries: query images per class while training
        study_seed: for drawing tasks; training tasks depend on `seed`, too.
        learner: a method or another learner, without its label.
        store: the image store.
        network: the network to train.
        schedule: the outer loop's schedule.
        validation_queries: query images per class in validation tasks.
        compute: the device and threads to use.
        code: digest of the code that the job calls.
    """

    protocol: str = ""
    dataset: str
    variant: str
    setting: str
    seed: int
    way: int
    shot: int
    queries: Count = 15
    study_seed: int
    learner: Method | LearnerOptions
    store: str
    network: NetworkOptions
    schedule: Schedule
    validation_queries: int
    compute: Compute
    code: str = ""

    @property
    def in_words(self) -> str:
        """`p1 maml on symbols 5w1s, seed 0`."""
        model = f"{self.protocol} {self.variant}".lstrip()
        return f"{model} on {self.dataset} {self.setting}, seed {self.seed}"
