"""What every probe is given: the weights, and by which steps they are to adapt."""

from __future__ import annotations

from pathlib import Path

import probed
import pytest

from innerloop.inner_loop.methods import method
from innerloop.probes.cka import cka
from innerloop.probes.protonet import protonet


@pytest.mark.parametrize(("name", "factor"), [("maml", 1), ("maml_3x", 3), ("anil", 1)])
def test_a_test_step_size_is_that_of_every_step(tmp_path: Path, name: str, factor: int):
    trained = probed.model(tmp_path, method(name, step_size=0.1)).weights()
    weights = probed.model(tmp_path, method(name, step_size=0.1), test_step_size=-0.02).weights()
    assert weights.step_sizes.keys() == trained.step_sizes.keys()
    for name, size in weights.step_sizes.items():
        assert float(size) == pytest.approx(-0.02 * factor)
        assert float(trained.step_sizes[name]) == pytest.approx(0.1 * factor)


def test_after_no_steps_nothing_has_changed(tmp_path: Path):
    model = probed.model(tmp_path, options={"tasks": 2, "steps": ["test"]}, test_steps=0)
    similarities = [row["similarity"] for row in cka(model)]
    assert similarities == pytest.approx([1] * len(similarities))
    by_condition: dict[str, list[float]] = {}
    for row in protonet(model):
        by_condition.setdefault(row["condition"], []).append(row["accuracy"])
    assert by_condition["on_task"] == by_condition["pre_adaptation"]
    assert by_condition["off_task"] == by_condition["pre_adaptation_off_task"]
