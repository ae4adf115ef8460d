"""Parameters of the trials of a study's code, before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import is_users
from innerloop.runtime.faults import Faults
from innerloop.specs.data import SplitsSpec
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import TrainSpec


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A training on random images, and perhaps one probe of its model.

    Attributes:
        training: the parameters of the training.
        probe: those of the measurement.
    """

    training: TrainSpec
    probe: MeasureSpec | None = None

    @property
    def of_users_code(self) -> bool:
        """Whether learner, network or probe is the user's; if not, only operations are counted."""
        entries = [self.training.learner.entry, self.training.network.network]
        return any(map(is_users, [*entries, *([self.probe.entry] if self.probe else [])]))


@dataclass(frozen=True)
class TaskNeed:
    """What tasks of one size need of one split of a data set.

    Attributes:
        of: the study file's key that asks for the tasks, and what they are for.
        dataset: the data set that they are drawn from.
        split: the split of the data set.
        classes: classes per task.
        images: images per class and task.
    """

    of: str
    dataset: str
    split: str
    classes: int
    images: int

    def require(self, known: Mapping[str, tuple[int, float]]) -> None:
        """Refuse a data set that is too small.

        Args:
            known: split -> number of classes, and of images in the smallest class.

        Raises:
            ConfigError: the split does not exist, or has too few classes or images.
        """
        where, dataset = f"study file: {self.of}", f"'{self.dataset}'"
        if self.split not in known:
            raise ConfigError(
                f"{where} needs the split {self.split}, but {dataset} has only {', '.join(known)}"
            )
        classes, images = known[self.split]
        if classes < self.classes:
            raise ConfigError(
                f"{where} needs {self.classes} classes, but {dataset} has {classes} in the split "
                f"{self.split}; choose fewer ways, or another data set"
            )
        if images < self.images:
            raise ConfigError(
                f"{where} needs {self.images} images of each class, support and query, but a "
                f"class of {dataset} has {images} in the split {self.split}; choose fewer shots, "
                "or fewer queries"
            )


def require_needs(
    needs: Iterable[TaskNeed], known: Mapping[str, Mapping[str, tuple[int, float]]], faults: Faults
) -> None:
    """Note the needs that a data set cannot meet, as far as its size is known.

    Only the first of each key and setting is noted.

    Args:
        needs: of all tasks.
        known: data set -> what `TaskNeed.require` takes; empty if unknown.
        faults: the errors are added to it.
    """
    by_setting: dict[str, dict[TaskNeed, None]] = defaultdict(dict)
    for need in needs:
        by_setting[need.of.rpartition(": ")[0]][need] = None
    for of_setting in by_setting.values():
        with faults.noted():
            for need in of_setting:
                if splits := known[need.dataset]:
                    need.require(splits)


@dataclass(frozen=True)
class SourceTrial:
    """A user's own source, to be tried before any work, and what it must hold.

    Attributes:
        source: how the data set is split, and the code that reads it.
        needs: of the study's tasks.
        code: digest of the source's code and of the files that it reads.
    """

    source: SplitsSpec
    needs: tuple[TaskNeed, ...]
    code: str
