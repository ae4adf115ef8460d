"""The baseline that learns nothing: nearest class mean on raw pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from innerloop.data.episodes import Episodes, read_episodes
from innerloop.data.image_store import ImageStore
from innerloop.learners.losses import task_accuracies


def raw_pixels(
    images: ImageStore, episodes: Path | str, splits: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Accuracy on every recorded episode, assigning query images to the class with nearest mean.

    The loss is the cross-entropy of the softmax over negative squared distances.
    """
    for split in splits:
        recorded = read_episodes(episodes, split)
        for number in range(len(recorded)):
            logits, labels = _task_logits(images, recorded[number : number + 1])
            yield {
                "eval_dataset": images.dataset,
                "eval_store": images.name,
                "split": split,
                "checkpoint": "none",
                "iteration": 0,
                "steps": 0,
                "queries": recorded.query.shape[2],
                "batch_norm": "none",
                "episode": int(recorded.index[number]),
                "accuracy": float(task_accuracies(logits.unsqueeze(0), labels.unsqueeze(0))),
                "loss": float(F.cross_entropy(logits, labels)),
            }


def _task_logits(images: ImageStore, task: Episodes) -> tuple[torch.Tensor, torch.Tensor]:
    support = images.batch(task.support[0]).flatten(2)  # [way, shot, pixels]
    query = images.batch(task.query[0]).flatten(2)  # [way, queries, pixels]
    means, flat = support.mean(dim=1), query.flatten(0, 1)
    labels = torch.arange(len(means)).repeat_interleave(query.shape[1])
    return -torch.cdist(flat, means).square(), labels
