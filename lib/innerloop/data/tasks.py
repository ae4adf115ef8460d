"""Tasks as tensors: the support and query images of a batch of episodes, on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from innerloop.data.episodes import Episodes, EpisodeSource, TaskSize
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import split_of


@dataclass(frozen=True)
class Labelled:
    """Images [T, N, C, H, W] in [0, 1] of T tasks, and their labels [T, N] in 0 ... way - 1."""

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        if self.images.ndim != 5 or self.images.shape[:2] != self.labels.shape:
            raise ValueError(
                f"expected images [T, N, C, H, W] and labels [T, N], got "
                f"{tuple(self.images.shape)} and {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class TaskBatch:
    """T tasks: what to adapt to, what to be judged on, and which episodes they are."""

    support: Labelled
    query: Labelled
    episodes: Episodes

    def __len__(self) -> int:
        return len(self.support)


@dataclass(frozen=True)
class Tasks:
    """Draws batches of tasks of one size from one split, as tensors on a device."""

    images: ImageStore
    source: EpisodeSource
    size: TaskSize
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def batch(self, indices: range) -> TaskBatch:
        """The tasks of the given indices."""
        return self.of(self.source.draw(indices, self.size))

    def of(self, episodes: Episodes) -> TaskBatch:
        """Episodes drawn before, as tensors."""
        return TaskBatch(self._labelled(episodes.support), self._labelled(episodes.query), episodes)

    def batches(self, count: int, at_once: int) -> Iterator[TaskBatch]:
        """Tasks 0 ... count - 1 in batches of at most `at_once`."""
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


def tasks_of(
    images: ImageStore, split: str, *, way: int = 5, shot: int = 1, queries: int = 15, seed: int = 0
) -> Tasks:
    """The tasks of an image store's own split.

    Raises:
        DataError: the store has no such split.
    """
    source = EpisodeSource(split_of(images, split), seed)
    return Tasks(images, source, TaskSize(way, shot, queries))
