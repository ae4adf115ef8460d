"""Tasks as tensors: the support and query images of a batch of episodes, on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from innerloop.data.episodes import Episodes, EpisodeSource, TaskSize
from innerloop.data.image_store import ImageStore, require_store
from innerloop.data.splits import split_of
from innerloop.runtime.errors import InputError, require_count
from innerloop.runtime.streams import Stream, stream_key


@dataclass(frozen=True)
class Labelled:
    """Images of T tasks and their labels.

    Attributes:
        images: [T, N, C, H, W], floating point in [0, 1].
        labels: [T, N], int64; the number of a class within its task, 0 ... way - 1.

    Raises:
        InputError: they are not tensors, or of other shapes or types.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if not (isinstance(images, torch.Tensor) and isinstance(labels, torch.Tensor)):
            raise InputError(
                f"images and labels are {type(images).__name__} and {type(labels).__name__}; "
                "expected torch tensors, as torch.as_tensor makes them"
            )
        if images.ndim != 5 or images.shape[:2] != labels.shape:
            raise InputError(
                f"images and labels are {list(images.shape)} and {list(labels.shape)}; expected "
                "[T, N, C, H, W] and [T, N]: T tasks of N images (one task: images[None])"
            )
        if labels.dtype != torch.int64:
            raise InputError(f"labels are {labels.dtype}; expected torch.int64: labels.long()")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"Labelled({list(self.images.shape)}, {self.images.dtype}, {self.images.device})"


@dataclass(frozen=True)
class TaskBatch:
    """T tasks: images to adapt to, and images to evaluate on.

    Attributes:
        support: the labelled images to adapt to.
        query: those to evaluate on.
        episodes: which tasks of a data set they are; empty if they are your own tensors.

    Raises:
        InputError: support and query are not labelled images of equally many tasks.
    """

    support: Labelled
    query: Labelled
    episodes: Episodes = field(default_factory=lambda: Episodes(*[np.empty((0, 0, 0), int)] * 4))

    def __post_init__(self) -> None:
        for part in (self.support, self.query):
            if not isinstance(part, Labelled):
                raise InputError(
                    f"a task's images are a {type(part).__name__}; expected "
                    "innerloop.Labelled(images, labels)"
                )
        if len(self.support) != len(self.query):
            raise InputError(
                f"support images of {len(self.support)} tasks and query images of "
                f"{len(self.query)}; expected the same tasks"
            )

    def __len__(self) -> int:
        return len(self.support)

    @property
    def way(self) -> int:
        """Classes of each task; of your own tensors, as many as the support's labels say."""
        labels = self.support.labels
        return self.episodes.classes.shape[1] or (int(labels.max()) + 1 if labels.numel() else 0)


@dataclass(frozen=True)
class Tasks:
    """Draws batches of tasks of one size from one split, as tensors on a device."""

    images: ImageStore
    source: EpisodeSource
    size: TaskSize
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def batch(self, indices: range) -> TaskBatch:
        """The tasks of the given indices, such as `range(4)`."""
        if not isinstance(indices, range):
            raise InputError(f"indices are {indices!r}; expected a range, such as range(4)")
        return self.of(self.source.draw(indices, self.size))

    def of(self, episodes: Episodes) -> TaskBatch:
        """Given episodes as tensors."""
        return TaskBatch(self._labelled(episodes.support), self._labelled(episodes.query), episodes)

    def batches(self, count: int, at_once: int) -> Iterator[TaskBatch]:
        """Tasks 0 ... count - 1 in batches of at most `at_once`."""
        require_count("at_once", at_once, least=1)
        for start in range(0, count, at_once):
            yield self.batch(range(start, min(start + at_once, count)))

    def _labelled(self, rows: np.ndarray) -> Labelled:
        tasks, way, each = rows.shape
        rows = rows.reshape(tasks, way * each)
        if self.device.type == "cpu":
            images = self.images.batch(rows)
        else:
            images = self.images.batch_on(rows, self.device)
        labels = torch.arange(way, device=self.device).repeat_interleave(each)
        return Labelled(images, labels.expand(tasks, -1).contiguous())


@dataclass(frozen=True)
class ClassImages:
    """Draws images from all classes of a split, as many as a number of tasks would have.

    A draw is a pure function of (study seed, data set, split, purpose, index), as a task is.

    Attributes:
        tasks: gives the images, seed, purpose and device.
    """

    tasks: Tasks

    def batch(self, indices: range) -> TaskBatch:
        """Distinct images, as many as the tasks of these indices have in all, or all there are.

        They form one task over all classes: its support images, labelled with the classes' numbers
        in the split. It has no query images.
        """
        source, size, device = self.tasks.source, self.tasks.size, self.tasks.device
        split = source.split
        rows, classes = split.rows()
        wanted = len(indices) * size.way * (size.shot + size.queries)
        key = stream_key(source.seed, split.dataset, split.name, source.purpose, "images")
        chosen = Stream(key, indices.start).choose(len(rows), min(wanted, len(rows)))
        store, drawn = self.tasks.images, rows[chosen][None]
        images = store.batch(drawn) if device.type == "cpu" else store.batch_on(drawn, device)
        labels = torch.from_numpy(classes[chosen][None]).to(device)
        episodes = Episodes(
            index=np.array([indices.start]),
            classes=np.arange(len(split.counts))[None],
            support=drawn[:, None],
            query=drawn[:, None, :0],
        )
        none = Labelled(images[:, :0], labels[:, :0])
        return TaskBatch(Labelled(images, labels), none, episodes)


def tasks_of(
    images: ImageStore, split: str, *, way: int = 5, shot: int = 1, queries: int = 15, seed: int = 0
) -> Tasks:
    """The tasks of an image store's own split: `tasks_of(images, "test").batch(range(4))`.

    A task depends only on seed, data set, split and its index, so it can be drawn again.

    Args:
        images: the store, as `open_images` gives it.
        split: `train`, `val` or `test`, as the store's source divides its classes.
        way: classes of a task.
        shot: support images of each class.
        queries: query images of each class.
        seed: other seeds draw other tasks.

    Raises:
        DataError: the store has no such split; when tasks are drawn, its classes are too few, or
            have too few images.
        InputError: a number is too small, or `images` is not an image store.
    """
    require_store(images)
    for name, value, least in (("way", way, 2), ("shot", shot, 1), ("queries", queries, 1)):
        require_count(name, value, least)
    source = EpisodeSource(split_of(images, split), seed)
    return Tasks(images, source, TaskSize(way, shot, queries))
