"""What is tried of a study's code before any work."""

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
        training: the model's.
        probe: that measures it.
    """

    training: TrainSpec
    probe: MeasureSpec | None = None

    @property
    def of_users_code(self) -> bool:
        """Whether learner, network or probe is the user's own; else the network is only counted."""
        entries = [self.training.learner.entry, self.training.network.network]
        return any(map(is_users, [*entries, *([self.probe.entry] if self.probe else [])]))


@dataclass(frozen=True)
class TaskNeed:
    """Tasks of one size, from one split of one data set.

    Attributes:
        of: what they are for, after the key of the study file that asks for it.
        dataset: that they are drawn from.
        split: of the data set.
        classes: that a task takes.
        images: that it takes of each class.
    """

    of: str
    dataset: str
    split: str
    classes: int
    images: int

    def require(self, known: Mapping[str, tuple[int, float]]) -> None:
        """Refuse what the data set cannot hold.

        Args:
            known: of each split, how many classes it has, and how many images the smallest has.

        Raises:
            ConfigError: the split is not there, or has too few classes, or too few images in one.
        """
        where, dataset = f"study file: {self.of}", f"'{self.dataset}'"
        if self.split not in known:
            raise ConfigError(
                f"{where} needs the split {self.split}, and {dataset} has {', '.join(known)}"
            )
        classes, images = known[self.split]
        if classes < self.classes:
            raise ConfigError(
                f"{where} needs {self.classes} classes, and {dataset} has {classes} in the split "
                f"{self.split}; choose fewer ways, or another data set"
            )
        if images < self.images:
            raise ConfigError(
                f"{where} needs {self.images} images of each class, support and query, and a "
                f"class of {dataset} has {images} in the split {self.split}; choose fewer shots, "
                "or fewer queries"
            )


def require_needs(
    needs: Iterable[TaskNeed],
    known: Mapping[str, Mapping[str, tuple[int, float]]],
    faults: Faults,
) -> None:
    """Note which tasks no split of a data set can hold, as far as that is known.

    Of those of one key and setting the first that are refused speak for all.

    Args:
        needs: of all tasks.
        known: of each data set, what `TaskNeed.require` takes; perhaps nothing.
        faults: where it is noted.
    """
    asked: dict[str, dict[TaskNeed, None]] = defaultdict(dict)
    for need in needs:
        asked[need.of.rpartition(": ")[0]][need] = None
    for of_setting in asked.values():
        with faults.noted():
            for need in of_setting:
                if splits := known[need.dataset]:
                    need.require(splits)


@dataclass(frozen=True)
class SourceTrial:
    """What a source of the user's own must hold: tried before any work.

    Attributes:
        source: how the data set is divided, and by which code it is read.
        needs: of the study's tasks.
        code: digest of the source's code, and of what it reads.
    """

    source: SplitsSpec
    needs: tuple[TaskNeed, ...]
    code: str
