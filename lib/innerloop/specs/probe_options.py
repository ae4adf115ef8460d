"""Options of the built-in probes in a study file: type, default and meaning of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.options import LearnerOptions
from innerloop.runtime.allowed import Allowed, Count, Name, Split, Steps
from innerloop.specs.interventions import Which
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.setting import Setting, way_and_shot

#: The number of inner steps after which to measure; `test`: the variant's own on test tasks.
AfterSteps: TypeAlias = Literal["test"] | Steps


@dataclass(frozen=True, kw_only=True)
class CkaOptions:
    """Options of the probe `cka`.

    Attributes:
        tasks: test tasks of each data set
        steps: inner steps after which to measure; test: the variant's own
        over_training: training data sets whose models are also measured at every kept checkpoint
        training_tasks: tasks for that; left out: as many
    """

    tasks: Count
    steps: tuple[AfterSteps, ...] = ("test", 5)
    over_training: tuple[Name, ...] = ()
    training_tasks: Count | None = None


@dataclass(frozen=True, kw_only=True)
class InterventionsOptions:
    """Options of the probe `interventions`.

    Attributes:
        tasks: test tasks of each data set, the same for every intervention
        which: default, 11 interventions on Conv4, or all, 31; 12 and 38 where step sizes are
            learned
        over_training: training data sets whose models are also measured at every kept checkpoint,
            with all, head, body and nothing adapting
        training_tasks: tasks for that; left out: as many
    """

    tasks: Count
    which: Which = "default"
    over_training: tuple[Name, ...] = ()
    training_tasks: Count | None = None


@dataclass(frozen=True)
class Place:
    """A data set and checkpoint at which a model is measured.

    Attributes:
        dataset: the data set of the test tasks.
        checkpoint: `last`, or `named` for a kept iteration.
        iteration: the checkpoint's outer iteration.
        tasks: number of tasks.
    """

    dataset: str
    checkpoint: Literal["last", "named"]
    iteration: int
    tasks: int


def step_counts(asked: Iterable[AfterSteps], test_steps: int) -> list[int]:
    """The numbers of inner steps asked for, sorted and without repetitions."""
    return sorted({test_steps if steps == "test" else steps for steps in asked})


def places(spec: MeasureSpec, options: CkaOptions | InterventionsOptions) -> list[Place]:
    """Where to measure a model: on every data set after training, perhaps at checkpoints, too.

    Checkpoints are measured on the training data set, if it is one of `over_training`.
    """
    schedule, home = spec.model.schedule, spec.model.dataset
    found = [Place(name, "last", schedule.iterations, options.tasks) for name in spec.datasets]
    if home in options.over_training and home in spec.datasets:
        count = options.training_tasks or options.tasks
        found += [Place(home, "named", iteration, count) for iteration in schedule.checkpoints]
    return found


@dataclass(frozen=True, kw_only=True)
class OtherSettingsOptions:
    """Options of the probe `other_settings`.

    Attributes:
        settings: of the tasks to measure on; a method, whose head is of fixed width, is measured in
            those of as many ways as it was trained in
        tasks: tasks of each data set, split and setting
        splits: splits to measure on
    """

    settings: tuple[Setting, ...]
    tasks: Count
    splits: tuple[Split, ...] = ("test",)


def possible_settings(
    settings: Sequence[str], learner: Method | LearnerOptions, way: int
) -> list[str]:
    """The settings in which a model can be measured that was trained in `way`-way tasks."""
    fixed = isinstance(learner, Method)
    return [setting for setting in settings if not fixed or way_and_shot(setting)[0] == way]


@dataclass(frozen=True, kw_only=True)
class OwnChangeOptions:
    """Options of the probe `own_change`.

    Attributes:
        tasks: test tasks of each data set
        steps: inner steps after which to measure; test: the variant's own
    """

    tasks: Count
    steps: tuple[AfterSteps, ...] = ("test",)


@dataclass(frozen=True, kw_only=True)
class InnerStepsOptions:
    """Options of the probe `inner_steps`.

    Attributes:
        tasks: test tasks of each data set
    """

    tasks: Count


@dataclass(frozen=True, kw_only=True)
class OtherSimilaritiesOptions:
    """Options of the probe `other_similarities`.

    Attributes:
        tasks: test tasks of each data set
        steps: inner steps after which to measure; test: the variant's own
        neighbours: nearest query images of an image that are compared
        two_trainings: also compare a training's activations with those of the variant's first one
    """

    tasks: Count
    steps: tuple[AfterSteps, ...] = ("test",)
    neighbours: Count = 10
    two_trainings: bool = False


@dataclass(frozen=True, kw_only=True)
class ProtonetOptions:
    """Options of the probe `protonet`.

    Attributes:
        tasks: tasks of each data set and split
        splits: splits to measure on
        joint: support and query images in one forward pass
        disjoint_classes: off-tasks share no class with their on-tasks
    """

    tasks: Count
    splits: tuple[Split, ...] = ("test",)
    joint: bool = False
    disjoint_classes: bool = False


@dataclass(frozen=True, kw_only=True)
class ScaleInvarianceOptions:
    """Options of the probe `scale_invariance`.

    Attributes:
        scale: factor on a layer's weight
        tasks: tasks to measure on
    """

    scale: Annotated[float, Allowed(above=0)] = 10
    tasks: Count = 1


#: Probe -> its options.
OPTIONS: Mapping[str, type] = {
    "cka": CkaOptions,
    "inner_steps": InnerStepsOptions,
    "interventions": InterventionsOptions,
    "other_settings": OtherSettingsOptions,
    "other_similarities": OtherSimilaritiesOptions,
    "own_change": OwnChangeOptions,
    "protonet": ProtonetOptions,
    "scale_invariance": ScaleInvarianceOptions,
}
