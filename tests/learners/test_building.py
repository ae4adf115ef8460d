"""From a name to a learner, and what is refused there."""

from __future__ import annotations

from pathlib import Path

import pytest

import innerloop
import tiny
from innerloop.learners.building import learner_of
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.pretrained import Pretrained
from innerloop.runtime.errors import ConfigError, ExtensionError


def test_a_method_is_a_gradient_learner_and_a_name_what_it_names() -> None:
    assert learner_of(tiny.METHOD, 3) == GradientLearner(tiny.METHOD, 3)
    named = innerloop.learner("pretrained", classifier="nearest_mean")
    assert learner_of(named, 3) == Pretrained(classifier="nearest_mean")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="'rigde' is unknown; did you mean 'ridge'"):
        innerloop.learner("rigde")


@pytest.mark.parametrize(
    ("code", "options", "message"),
    [
        ("def mine(): return 3", {}, "made a int without network, init, .*FeatureLearner"),
        ("def mine(*, size): ...", {"sise": 3}, r"it takes \(\*, size\)"),
        (
            "import innerloop\ndef mine(): return innerloop.FeatureLearner(batch='image')",
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
