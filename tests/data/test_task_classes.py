"""The classes of a task are known without its images."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from innerloop.data.episodes import EpisodeSource, TaskSize
from innerloop.data.splits import Split
from innerloop.data.task_classes import task_key, task_shares


@given(st.integers(5, 30), st.integers(0, 9), st.sampled_from(["evaluation", "off-task"]))
def test_they_are_those_of_the_episodes_that_are_drawn(classes, seed, purpose):
    counts = np.full(classes, 20)
    split = Split(
        "mine", "test", [f"c{i}" for i in range(classes)], np.arange(classes) * 20, counts
    )
    drawn = EpisodeSource(split, seed, purpose).draw(range(3, 9), TaskSize(5, 1, 10))
    shares = task_shares(
        task_key(seed, "mine", "test", purpose), range(3, 9), classes=classes, way=5
    )
    assert np.allclose(shares.sum(1), 1)
    for row, chosen in zip(shares, drawn.classes, strict=True):
        assert set(np.flatnonzero(row)) == set(chosen)
