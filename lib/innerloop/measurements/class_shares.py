"""Of which classes the measured tasks are, so that other classes can be spoken of."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from innerloop.data.task_classes import task_key, task_shares
from innerloop.measurements.described_study import DescribedStudy
from innerloop.stats.generalising import LEAST_CLASSES

#: Of conditions of prototypes, whose tasks: those adapted to, and others tried after that.
_PURPOSES = {
    "off_task": ("evaluation", "off-task"),
    "relative": ("evaluation", "off-task"),
    "pre_adaptation_off_task": ("off-task",),
}


def class_shares(
    study: DescribedStudy,
    dataset: str,
    split: str,
    way: int,
    episodes: pd.Index[int],
    conditions: Collection[str] = ("",),
) -> NDArray[np.float64] | None:
    """The share of each class in the tasks of the given indices, [N, C].

    None where too few classes are a sample of others, or are not known.

    Args:
        study: whose tasks they are.
        dataset: that they are drawn from.
        split: that their classes are of.
        way: classes per task.
        episodes: indices of the tasks.
        conditions: of prototypes, under which each value is measured: some are tried on other
            tasks than those adapted to; of several, the mean of their shares.
    """
    purposes = {name for one in conditions for name in _PURPOSES.get(one, ("evaluation",))}
    if "off-task" in purposes and study.disjoint_off_tasks:
        return None
    classes = study.classes(dataset, split)
    if classes < LEAST_CLASSES:
        return None
    keys = [task_key(study.seed, dataset, split, purpose) for purpose in sorted(purposes)]
    count = int(episodes.max()) + 1
    shares = [_shares_until(key, count, classes, way)[episodes] for key in keys]
    return sum(shares[1:], shares[0]) / len(shares)


@lru_cache(maxsize=8)  # layers, claims and methods share their tasks
def _shares_until(key: int, count: int, classes: int, way: int) -> NDArray[np.float64]:
    return task_shares(key, range(count), classes=classes, way=way)
