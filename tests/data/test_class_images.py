"""Batches of images of all classes: each a pure function of seed, purpose and index."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny
from innerloop.data.tasks import ClassImages, TaskBatch


def drawn(first: int = 0, count: int = 2, purpose: str = "training") -> TaskBatch:
    return ClassImages(tiny.tasks(purpose=purpose)).batch(range(first, first + count))


def test_the_same_indices_give_the_same_images_and_others_others() -> None:
    once, again = drawn(4), drawn(4)
    assert torch.equal(once.support.images, again.support.images)
    rows = [drawn(4), drawn(6), drawn(4, purpose="training, seed 1")]
    assert len({tuple(one.episodes.support.flatten()) for one in rows}) == 3


def test_labels_are_the_numbers_of_the_images_classes_in_the_split() -> None:
    batch, split = drawn(), tiny.split()
    rows, labels = batch.episodes.support.flatten(), batch.support.labels[0].numpy()
    assert len(set(rows)) == len(rows) == 2 * 3 * (1 + 4)
    first, count = split.firsts[labels], split.counts[labels]
    assert ((first <= rows) & (rows < first + count)).all()
    assert torch.equal(batch.support.images, tiny.store().batch(rows[None]))
    assert set(labels) == set(range(len(split.counts)))


@pytest.mark.parametrize("count", [1, 100])
def test_there_is_one_task_of_all_classes_without_query_images(count: int) -> None:
    batch, split = drawn(count=count), tiny.split()
    images = min(count * 3 * (1 + 4), int(split.counts.sum()))
    assert batch.support.labels.shape == (1, images)
    assert batch.query.labels.shape == (1, 0)
    assert (len(batch), batch.way) == (1, len(split.counts))
    assert np.array_equal(batch.episodes.classes[0], np.arange(batch.way))
