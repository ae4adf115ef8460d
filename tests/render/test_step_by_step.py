"""What is planted step by step is drawn step by step, paired with the task before adaptation."""

from __future__ import annotations

import pytest

from innerloop.measurements.evidence import Evidence
from innerloop.papers.questions.figures import inner_steps, inner_steps_layers
from synthetic import BUILDERS, CHANGED, MOVED, describe, write_tables


@pytest.fixture
def evidence(tmp_path):
    description = describe(("maml",), ("maml", "meta_sgd"), settings=("5w1s",), others=())
    omit = BUILDERS.keys() - {"inner_steps"}
    return Evidence(write_tables(tmp_path, description, episodes=20, omit=omit), description)


def curves(panel):
    return [bars.lines[0].get_xydata().tolist() for bars in panel.containers]


def test_changes_are_paired_so_that_tasks_of_unequal_difficulty_leave_no_noise(evidence):
    axes = inner_steps.draw(evidence).figure.axes
    accuracy, on_task, off_task = axes[3:]
    for panel, place in ((on_task, 0), (off_task, 1)):
        ends = [curve[-1][1] for curve in curves(panel)]
        assert ends == pytest.approx([100 * CHANGED[name][place] for name in ("maml", "meta_sgd")])
    for curve in curves(accuracy):
        assert curve[0] == pytest.approx([0, 0], abs=1e-9)
        assert curve[-1][1] == pytest.approx(30)
        assert [step for step, _ in curve] == list(range(len(curve)))


def test_layers_have_their_similarity_from_0_steps_on_and_their_turn_from_1(evidence):
    axes = inner_steps_layers.draw(evidence).figure.axes
    assert [panel.get_title() for panel in axes[:5]] == ["conv1", "conv2", "conv3", "conv4", "head"]
    (similar,), (turn,) = curves(axes[4]), curves(axes[9])
    moved = MOVED["maml"][-1]
    assert (similar[0], similar[-1][1]) == ([0, 1], pytest.approx(1 - moved))
    assert [value for _, value in turn] == pytest.approx([0.1 * moved] * len(turn))
    assert turn[0][0] == 1
