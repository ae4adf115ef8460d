"""What a study file tells the built-in probes: the type, default and meaning of each option."""

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

#: After how many inner steps to measure; `test`: the variant's own on test tasks.
AfterSteps: TypeAlias = Literal["test"] | Steps


@dataclass(frozen=True, kw_only=True)
class CkaOptions:
    """What the probe `cka` is told.

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
    """What the probe `interventions` is told.

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
    """Where a model is measured.

    Attributes:
        dataset: whose test tasks.
        checkpoint: `last`, or `named`: a kept iteration.
        iteration: of the outer loop.
        tasks: how many.
    """

    dataset: str
    checkpoint: Literal["last", "named"]
    iteration: int
    tasks: int


def step_counts(asked: Iterable[AfterSteps], test_steps: int) -> list[int]:
    """Each count of inner steps that is asked for once, in order."""
    return sorted({test_steps if steps == "test" else steps for steps in asked})


def places(spec: MeasureSpec, options: CkaOptions | InterventionsOptions) -> list[Place]:
    """Every data set after training; of `over_training` also the own one at every checkpoint."""
    schedule, home = spec.model.schedule, spec.model.dataset
    found = [Place(name, "last", schedule.iterations, options.tasks) for name in spec.datasets]
    if home in options.over_training and home in spec.datasets:
        some = options.training_tasks or options.tasks
        found += [Place(home, "named", iteration, some) for iteration in schedule.checkpoints]
    return found


@dataclass(frozen=True, kw_only=True)
class OtherSettingsOptions:
    """What the probe `other_settings` is told.

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
    """Those that a model can be measured in, which was trained in tasks of some ways."""
    fixed = isinstance(learner, Method)
    return [setting for setting in settings if not fixed or way_and_shot(setting)[0] == way]


@dataclass(frozen=True, kw_only=True)
class OwnChangeOptions:
    """What the probe `own_change` is told.

    Attributes:
        tasks: test tasks of each data set
        steps: inner steps after which to measure; test: the variant's own
    """

    tasks: Count
    steps: tuple[AfterSteps, ...] = ("test",)


@dataclass(frozen=True, kw_only=True)
class InnerStepsOptions:
    """What the probe `inner_steps` is told.

    Attributes:
        tasks: test tasks of each data set
    """

    tasks: Count


@dataclass(frozen=True, kw_only=True)
class OtherSimilaritiesOptions:
    """What the probe `other_similarities` is told.

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
    """What the probe `protonet` is told.

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
    """What the probe `scale_invariance` is told.

    Attributes:
        scale: factor on a layer's weight
        tasks: tasks to measure on
    """

    scale: Annotated[float, Allowed(above=0)] = 10
    tasks: Count = 1


#: By the probe's name.
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
