"""From a name to a learner, and what is refused there."""

from __future__ import annotations

from pathlib import Path

import pytest

import innerloop
import tiny
from innerloop.learners.building import learner_of
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.pretrained import Pretrained
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.errors import ConfigError, ExtensionError


def test_a_method_is_a_gradient_learner_and_a_name_what_it_names() -> None:
    assert learner_of(tiny.METHOD, 3) == GradientLearner(tiny.METHOD, 3)
    named = innerloop.learner("pretrained", classifier="nearest_mean")
    assert learner_of(named, 3) == Pretrained(classifier="nearest_mean")


@pytest.mark.parametrize("name", LEARNERS)
def test_what_an_outer_step_consumes_is_no_option(name: str) -> None:
    with pytest.raises(ConfigError, match="'batch'"):
        learner_of(innerloop.learner(name, batch="images"), 3)


@pytest.mark.parametrize("regulariser", [0, -1.0, float("nan")])
def test_a_regulariser_is_positive(regulariser: float) -> None:
    with pytest.raises(ConfigError, match=r"regulariser is .*; expected a number above 0"):
        learner_of(innerloop.learner("ridge", regulariser=regulariser), 3)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="'rigde' is unknown; did you mean 'ridge'"):
        innerloop.learner("rigde")


@pytest.mark.parametrize(
    ("code", "options", "message"),
    [
        ("def mine(): return 3", {}, "made a int without network, init, .*FeatureLearner"),
        ("def mine(*, size): ...", {"sise": 3}, r"it takes \(\*, size\)"),
        (
            "import innerloop\nclass mine(innerloop.FeatureLearner): batch = 'image'",
            {},
            "batch is 'image'; choose from episodes, images",
        ),
    ],
)
def test_code_that_makes_no_learner_is_refused(
    tmp_path: Path, code: str, options: dict[str, int], message: str
) -> None:
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    with pytest.raises((ConfigError, ExtensionError), match=message):
        learner_of(innerloop.learner(f"{tmp_path}/mine.py:mine", **options), 1)
