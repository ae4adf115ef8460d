"""The key `statistics` of a study file."""

from __future__ import annotations

import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.typed_json import from_json
from innerloop.stats.statistics import Statistics


def test_a_study_that_says_nothing_has_the_papers_intervals():
    assert from_json(Statistics, {}) == Statistics("normal", 0.95, "holm")
    assert DescribedStudy({"study": "s", "models": []}).statistics == Statistics()


def test_choices_reach_the_study():
    chosen = {"interval": "bootstrap", "level": 0.9, "correction": "none"}
    study = DescribedStudy({"study": "s", "models": [], "statistics": chosen})
    assert study.statistics == Statistics("bootstrap", 0.9, "none")
    assert study.statistics.alpha == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"intervall": "t"}, "intervall"),
        ({"interval": "gauss"}, "bootstrap"),
        ({"correction": "bonferoni"}, "holm"),
        ({"level": 95}, "level is 95"),
    ],
)
def test_what_is_unknown_is_named(values, named):
    with pytest.raises(ConfigError, match=named):
        from_json(Statistics, values)
