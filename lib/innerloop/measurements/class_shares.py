"""Which classes the measured tasks consist of: needed to generalise to classes not drawn."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from innerloop.data.task_classes import task_key, task_shares
from innerloop.measurements.described_study import DescribedStudy
from innerloop.stats.generalising import LEAST_CLASSES

#: Condition of prototypes -> which tasks its values depend on: those adapted to ("evaluation"),
#: which is all for the conditions not listed, and those tested on afterwards ("off-task").
_PROTOTYPES = {
    "off_task": ("evaluation", "off-task"),
    "relative": ("evaluation", "off-task"),
    "pre_adaptation_off_task": ("off-task",),
}
#: The same for interventions, which adapt to the off-task and test on the other.
_PURPOSES = {**_PROTOTYPES, "another_task": ("evaluation", "off-task")}
#: The intervention whose two tasks have no class in common, so that neither is a random draw.
_DISJOINT = "another_task_of_other_classes"


def class_shares(
    study: DescribedStudy,
    dataset: str,
    split: str,
    way: int,
    episodes: pd.Index[int],
    conditions: Collection[str] = ("",),
) -> NDArray[np.float64] | None:
    """The share of each class in the tasks with the given indices, [N, C].

    None if the split has too few classes to generalise from, or the classes are not known.

    Args:
        study: the study that the tasks belong to.
        dataset: the data set they are drawn from.
        split: the split they are drawn from.
        way: classes per task.
        episodes: indices of the tasks.
        conditions: the prototype conditions or interventions that the values were measured under,
            some of which test on other tasks than those adapted to; the shares of several tasks
            are averaged.
    """
    purposes = {name for one in conditions for name in _PURPOSES.get(one, ("evaluation",))}
    disjoint = {_DISJOINT, *(_PROTOTYPES if study.disjoint_off_tasks else ())}
    if not disjoint.isdisjoint(conditions):
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
