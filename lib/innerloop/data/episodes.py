"""Episodes: a task is a pure function of (study seed, data set, split, index).

There is no sampler state: any worker can draw any episode, every method is evaluated on the same
ones, and a resumed training continues with the very next. Classes and images come from the same
streams whatever the shots, so the 1-shot and 5-shot tasks of an index share their classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from innerloop.data.splits import Split
from innerloop.data.task_classes import task_key
from innerloop.runtime.errors import DataError
from innerloop.runtime.provenance import read_provenance, read_table, require_data, require_spec
from innerloop.runtime.streams import Stream


@dataclass(frozen=True)
class TaskSize:
    """Classes of a task, and support and query images of each class."""

    way: int
    shot: int
    queries: int


@dataclass(frozen=True)
class Episodes:
    """Some tasks of one size: rows of the image array, class by class.

    Attributes:
        index: which episodes these are, [T].
        classes: class numbers within the split, [T, way].
        support: image rows, [T, way, shot].
        query: image rows, [T, way, queries].
    """

    index: np.ndarray
    classes: np.ndarray
    support: np.ndarray
    query: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        (tasks, way, shot), queries = self.support.shape, self.query.shape[2]
        return f"Episodes({tasks} tasks of {way} classes, {shot} + {queries} images each)"

    def __getitem__(self, part: slice) -> Episodes:
        return Episodes(self.index[part], self.classes[part], self.support[part], self.query[part])


@dataclass(frozen=True)
class EpisodeSource:
    """Draws tasks from one split of one data set.

    Attributes:
        split: the classes to draw from and where their images are.
        seed: the study's seed.
        purpose: separates streams that must not share tasks, for example `training seed 2`.
    """

    split: Split
    seed: int
    purpose: str = "evaluation"

    def draw(self, indices: range, size: TaskSize) -> Episodes:
        """The tasks of the given indices.

        Raises:
            DataError: the split has too few classes, or a class too few images.
        """
        self._check(size)
        key = task_key(self.seed, self.split.dataset, self.split.name, self.purpose)
        classes = np.empty((len(indices), size.way), dtype=np.int64)
        images = np.empty((len(indices), size.way, size.shot + size.queries), dtype=np.int64)
        for row, index in enumerate(indices):
            stream = Stream(key, index)
            classes[row] = stream.choose(len(self.split.counts), size.way)
            for position, number in enumerate(classes[row]):
                chosen = stream.choose(int(self.split.counts[number]), images.shape[2])
                images[row, position] = self.split.firsts[number] + chosen
        support, query = images[:, :, : size.shot], images[:, :, size.shot :]
        return Episodes(np.asarray(indices), classes, support, query)

    def _check(self, size: TaskSize) -> None:
        split = self.split
        if len(split.counts) < size.way:
            raise DataError(
                f"data set '{split.dataset}', split '{split.name}': {size.way}-way tasks need "
                f"{size.way} classes, the split has {len(split.counts)}"
            )
        needed = size.shot + size.queries
        if split.counts.min() < needed:
            small = split.names[int(split.counts.argmin())]
            raise DataError(
                f"data set '{split.dataset}', split '{split.name}': {size.shot} support and "
                f"{size.queries} query images per class need {needed} images, class '{small}' has "
                f"{split.counts.min()}"
            )


EPISODE_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("episode", pa.int64()),
        ("classes", pa.list_(pa.int64())),
        ("support", pa.list_(pa.list_(pa.int64()))),
        ("query", pa.list_(pa.list_(pa.int64()))),
    ]
)


def episode_table(drawn: Mapping[str, Episodes]) -> pa.Table:
    """Episodes by split as a table: one row per task, its images as rows of the image array."""
    rows = [
        {
            "split": split,
            "episode": int(episodes.index[number]),
            "classes": episodes.classes[number].tolist(),
            "support": episodes.support[number].tolist(),
            "query": episodes.query[number].tolist(),
        }
        for split, episodes in drawn.items()
        for number in range(len(episodes))
    ]
    return pa.Table.from_pylist(rows, schema=EPISODE_SCHEMA)


def require_drawn(path: Path | str, expected: Mapping[str, Any], splits: str | None) -> None:
    """Refuse episodes of another study, setting or data set, or drawn from other splits.

    Args:
        path: file of the episodes.
        expected: known parameters of the job that drew them.
        splits: digest of the data set's splits; None accepts any.

    Raises:
        ProvenanceError: they are others; says what differs.
    """
    found = read_provenance(path)
    require_spec(path, {name: found["spec"].get(name) for name in expected}, expected)
    if splits is not None:
        require_data(path, found.get("data_digests", {}), {"splits": splits})


def read_episodes(path: Path | str, split: str) -> Episodes:
    """The episodes of one split from a file that `episode_table` filled.

    Raises:
        DataError: the file has none of that split.
    """
    rows = [row for row in read_table(path).to_pylist() if row["split"] == split]
    if not rows:
        raise DataError(f"{path}: there are no episodes of split '{split}'")
    return Episodes(
        *(
            np.array([row[name] for row in rows])
            for name in ("episode", "classes", "support", "query")
        )
    )
