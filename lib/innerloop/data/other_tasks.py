"""Further tasks for given ones, with the same indices: of other classes, or of the same ones.

Like all episodes, each is a pure function of (study seed, data set, split, index).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from innerloop.data.episodes import Episodes, EpisodeSource, TaskSize
from innerloop.data.tasks import TaskBatch, Tasks
from innerloop.runtime.errors import DataError
from innerloop.runtime.streams import Stream, stream_key


def off_tasks(others: Tasks, on: Episodes, *, disjoint: bool) -> TaskBatch:
    """Another task for each given one, with the same index.

    Args:
        others: draws them, independently of the given ones.
        on: the given tasks, of successive indices.
        disjoint: whether each is drawn only from classes that its given task does not use.

    Raises:
        DataError: the split has too few classes for two disjoint tasks.
    """
    if disjoint:
        return others.of(of_other_classes(others.source, on, others.size))
    return others.batch(range(int(on.index[0]), int(on.index[-1]) + 1))


def of_other_classes(source: EpisodeSource, on: Episodes, size: TaskSize) -> Episodes:
    """Tasks of the same indices, each drawn from the classes that the given task does not use.

    Raises:
        DataError: the split has too few classes for two disjoint tasks.
    """
    split = source.split
    if len(split.counts) < 2 * size.way:
        raise DataError(
            f"data set '{split.dataset}', split '{split.name}': two {size.way}-way tasks without a "
            f"class in common need {2 * size.way} classes, the split has {len(split.counts)}; set "
            "disjoint_classes: false in the probe protonet, which: default in interventions"
        )
    drawn = []
    for index, taken in zip(on.index.tolist(), on.classes, strict=True):
        left = np.setdiff1d(np.arange(len(split.counts)), taken)
        rest = replace(
            split,
            names=[split.names[number] for number in left],
            firsts=split.firsts[left],
            counts=split.counts[left],
        )
        task = replace(source, split=rest).draw(range(index, index + 1), size)
        drawn.append(replace(task, classes=left[task.classes]))
    return Episodes(
        index=on.index,
        classes=np.concatenate([task.classes for task in drawn]),
        support=np.concatenate([task.support for task in drawn]),
        query=np.concatenate([task.query for task in drawn]),
    )


def of_same_classes(source: EpisodeSource, on: Episodes) -> Episodes:
    """The same tasks with other support images, none of which are among the task's own images.

    Raises:
        DataError: a class has too few images.
    """
    split = source.split
    key = stream_key("same classes", source.seed, split.dataset, split.name)
    support = np.empty_like(on.support)
    shot = on.support.shape[2]
    for place, index in enumerate(on.index.tolist()):
        stream = Stream(key, index)
        for label, number in enumerate(on.classes[place].tolist()):
            rows = split.firsts[number] + np.arange(split.counts[number])
            taken = np.concatenate([on.support[place, label], on.query[place, label]])
            left = np.setdiff1d(rows, taken)
            if len(left) < shot:
                raise DataError(
                    f"data set '{split.dataset}', split '{split.name}': class "
                    f"'{split.names[number]}' has {len(left)} images beside those of a task; "
                    f"another task of the same classes needs {shot}. Set which: default in the "
                    "probe interventions, or fewer evaluation.queries"
                )
            support[place, label] = left[stream.choose(len(left), shot)]
    return replace(on, support=support)
