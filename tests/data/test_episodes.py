"""Episodes: pure functions of their index, in any order, shared by all methods and shots."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from innerloop.data.episodes import (
    Episodes,
    EpisodeSource,
    TaskSize,
    episode_table,
    read_episodes,
)
from innerloop.runtime.errors import DataError

SPLIT = tiny.split("train")
SOURCE = EpisodeSource(SPLIT, seed=0)
SIZES = st.builds(TaskSize, st.integers(1, 8), st.integers(1, 6), st.integers(1, 6))


def equal(first: Episodes, second: Episodes) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))


@given(st.integers(0, 10**12), st.integers(1, 5), SIZES)
def test_any_worker_draws_the_same_task_in_any_order(first: int, count: int, size: TaskSize):
    together = SOURCE.draw(range(first, first + count), size)
    for place in reversed(range(count)):
        alone = EpisodeSource(SPLIT, seed=0).draw(range(first + place, first + place + 1), size)
        assert equal(alone, together[place : place + 1])


@given(st.integers(0, 10**6), SIZES)
def test_a_task_is_what_it_should_be(index: int, size: TaskSize):
    task = SOURCE.draw(range(index, index + 1), size)
    assert task.support.shape == (1, size.way, size.shot)
    assert task.query.shape == (1, size.way, size.queries)
    assert len(set(task.classes[0].tolist())) == size.way
    images = np.concatenate([task.support, task.query], axis=2)[0]
    assert len(np.unique(images)) == images.size  # support and query are disjoint
    for number, rows in zip(task.classes[0], images, strict=True):
        first = SPLIT.firsts[number]
        assert (rows >= first).all()
        assert (rows < first + SPLIT.counts[number]).all()


@given(st.integers(0, 10**6))
def test_one_and_five_shots_share_classes_and_the_first_image(index: int):
    one, five = (SOURCE.draw(range(index, index + 1), TaskSize(5, shot, 5)) for shot in (1, 5))
    assert np.array_equal(one.classes, five.classes)
    assert np.array_equal(one.support[:, :, 0], five.support[:, :, 0])


@pytest.mark.parametrize(
    "other",
    [
        replace(SOURCE, seed=1),
        replace(SOURCE, purpose="training, seed 0"),
        replace(SOURCE, split=replace(SPLIT, name="val")),
        replace(SOURCE, split=replace(SPLIT, dataset="another")),
    ],
    ids=["seed", "purpose", "split", "dataset"],
)
def test_other_streams_have_other_tasks(other: EpisodeSource):
    size = TaskSize(5, 1, 4)
    assert not equal(other.draw(range(5), size), SOURCE.draw(range(5), size))


def test_all_classes_and_images_are_drawn():
    drawn = SOURCE.draw(range(300), TaskSize(3, 1, 2))
    assert set(drawn.classes.flatten()) == set(range(8))
    rows = np.concatenate([drawn.support.flatten(), drawn.query.flatten()])
    assert set(rows) == set(SPLIT.rows()[0])


def test_too_few_classes():
    with pytest.raises(
        DataError, match="'patterns', split 'train': 9-way tasks need 9 classes, the split has 8"
    ):
        SOURCE.draw(range(1), TaskSize(9, 1, 1))


def test_too_few_images():
    counts = SPLIT.counts.copy()
    counts[3] = 10
    source = replace(SOURCE, split=replace(SPLIT, counts=counts))
    source.draw(range(1), TaskSize(5, 5, 5))
    with pytest.raises(
        DataError,
        match="5 support and 6 query images per class need 11 images, class 'train3' has 10",
    ):
        source.draw(range(1), TaskSize(5, 5, 6))


def test_a_table_of_episodes_comes_back(tmp_path):
    size = TaskSize(3, 2, 4)
    drawn = {"test": SOURCE.draw(range(4), size), "val": SOURCE.draw(range(4, 6), size)}
    pq.write_table(episode_table(drawn), tmp_path / "episodes.parquet")
    for split, expected in drawn.items():
        assert equal(read_episodes(tmp_path / "episodes.parquet", split), expected)
    with pytest.raises(DataError, match="no episodes of split 'train'"):
        read_episodes(tmp_path / "episodes.parquet", "train")


def test_tensors_of_a_task_are_its_images_and_labels():
    tasks = tiny.tasks(shot=2)
    batch = tasks.batch(range(3))
    assert batch.support.images.shape == (3, 6, 3, tiny.SIZE, tiny.SIZE)
    assert batch.query.labels.tolist() == [[0] * 4 + [1] * 4 + [2] * 4] * 3
    row = batch.episodes.query[1, 2, 3]
    expected = tiny.store().images[row] / 255
    np.testing.assert_allclose(batch.query.images[1, -1].numpy(), expected, rtol=1e-6)


def test_batches_cover_the_tasks_in_order():
    indices = [batch.episodes.index.tolist() for batch in tiny.tasks().batches(7, 3)]
    assert indices == [[0, 1, 2], [3, 4, 5], [6]]
