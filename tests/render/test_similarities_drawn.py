"""Other measures of similarity: planted changes are drawn, and chance beside them."""

from __future__ import annotations

import numpy as np
import pytest

from innerloop.measurements.evidence import Evidence
from innerloop.papers.questions.figures.other_similarities import draw
from synthetic import BUILDERS, describe, write_tables

USED = ("cka", "other_similarities")


@pytest.fixture
def drawing(tmp_path):
    description = describe(("maml", "anil"), (), settings=("5w1s",), others=())
    omit = BUILDERS.keys() - {*USED}
    return draw(Evidence(write_tables(tmp_path, description, episodes=30, omit=omit), description))


def test_each_measure_has_a_panel_with_what_was_planted(drawing):
    cka, procrustes, neighbours = drawing.figure.axes
    titles = [panel.get_title() for panel in drawing.figure.axes]
    assert titles == ["debiased CKA", "Procrustes", "shared neighbours"]
    for panel, chance, mean in (
        (cka, None, 0.65),
        (procrustes, 0.6, 0.86),
        (neighbours, 0.07, 0.67),
    ):
        curves = [bars.lines[0] for bars in panel.containers]
        maml = [line.get_ydata()[-1] for line in curves if line.get_ydata()[3] < 0.999]
        assert any(value == pytest.approx(mean, abs=0.04) for value in maml)
        by_chance = [line for line in curves if np.ptp(line.get_ydata()) < 0.02]
        assert len(curves) == (2 if chance is None else 4)
        if chance is not None:
            assert any(line.get_ydata()[0] == pytest.approx(chance, abs=0.02) for line in by_chance)


def test_another_training_is_drawn_beside(tmp_path):
    description = describe(("maml", "anil"), (), settings=("5w1s",), others=(), seeds=2)
    omit = BUILDERS.keys() - {*USED}
    tables = write_tables(tmp_path, description, episodes=30, omit=omit)
    drawing = draw(Evidence(tables, description))
    for panel in drawing.figure.axes:
        (band,) = [line for line in panel.lines if line.get_color() == "0.5"]
        assert band.get_ydata() == pytest.approx([0.5] * 5, abs=0.01)
    assert "Grey, dashed: another training of the method" in drawing.caption
    assert "after one inner step" not in drawing.caption


def test_the_caption_says_where_they_agree_and_what_chance_is(drawing):
    assert "10 nearest images" in drawing.caption
    assert "for Procrustes it is up to 0.59 here" in drawing.caption
    assert "the same layer as the most changed under 2 of 2 methods" in drawing.caption
