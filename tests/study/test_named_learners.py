"""What a study file says of learners: which job is told what, and what is refused in words."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.learners.options import LearnerOptions
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.errors import ConfigError
from innerloop.study import workload
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
MINE = """
import typing

Kind = typing.Literal["a", 2]

class Mine:
    def __init__(self, *, temperature=1.0, kind: Kind = "a"):
        self.temperature = temperature
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(MINE, encoding="utf-8")
    return file


def study(**variants: dict[str, Any]) -> Study:
    """The smoke study with these variants of P1."""
    config = copy.deepcopy(SMOKE)
    config["protocols"]["p1"]["variants"] = variants
    config["models"] = {"plain": {"protocol": "p1", "dataset": "symbols", "settings": ["5w1s"]}}
    return Study(config)


def trained_by(variant: dict[str, Any]) -> tuple[LearnerOptions, str]:
    found = study(mine=variant)
    (key,) = found.models
    spec = Jobs(found, ROOT / "workflow_scripts").train(key)
    assert isinstance(spec.learner, LearnerOptions)
    return spec.learner, spec.code


@pytest.mark.parametrize(
    ("name", "options"),
    [("pretrained", {"classifier": "nearest_mean"}), ("ridge", {"regulariser": 10.0})],
)
def test_options_of_built_in_learners_are_taken(name: str, options: dict[str, Any]) -> None:
    taken = trained_by({"learner": name, "learner_options": options})[0].options
    assert repr(taken) == repr(options)  # 10.0 is no 10


@pytest.mark.parametrize("name", LEARNERS)
def test_a_built_in_learner_goes_by_its_name(name: str) -> None:
    assert trained_by({"learner": name})[0] == LearnerOptions(name, LEARNERS[name])


def test_a_users_learner_is_a_file_whose_code_its_training_depends_on(mine: Path) -> None:
    variant = {"learner": f"{mine}:Mine", "learner_options": {"temperature": 2.0}}
    learner, before = trained_by(variant)
    assert (learner.name, learner.options) == ("Mine", {"temperature": 2.0})
    mine.write_text(MINE.replace("temperature=1.0", "temperature=3.0"), encoding="utf-8")
    assert trained_by(variant)[1] != before
    assert trained_by({"learner": "ridge"})[1] == trained_by({"learner": "ridge"})[1] != before


def test_methods_do_not_depend_on_the_code_of_other_learners() -> None:
    found = study(maml={}, prototypes={"learner": "prototypes"})
    maml, prototypes = (Jobs(found, ROOT / "workflow_scripts").train(key) for key in found.models)
    assert maml.code != prototypes.code


def test_it_is_labelled_and_described() -> None:
    found = study(maml={}, prototypes={"learner": "prototypes"}, mine={"learner": "ridge"})
    description = describe(found)
    labels = description["protocols"]["p1"]["labels"]
    assert labels == {"maml": "MAML", "prototypes": "Prototypes", "mine": "Mine"}
    assert [model.get("learner") for model in description["models"]] == [
        None, LEARNERS["prototypes"], LEARNERS["ridge"],
    ]  # fmt: skip
    assert ["step_size" in model for model in description["models"]] == [True, False, False]


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"learner": "prototype"}, "'prototype' is unknown; did you mean 'prototypes'"),
        ({"learner": "{mine}:None"}, "does not define 'None'"),
        ({"learner": "missing.py:Net"}, "there is no file missing.py"),
        (
            {"learner": "{mine}:Mine", "learner_options": {"temprature": 2}},
            "takes no option 'temprature'; did you mean 'temperature'",
        ),
        (
            {"learner": "pretrained", "learner_options": {"clasifier": "linear"}},
            "takes no option 'clasifier'; did you mean 'classifier'",
        ),
        (
            {"learner": "pretrained", "learner_options": {"classifier": "nearest"}},
            "learner_options.classifier is 'nearest'; choose from linear, nearest_mean",
        ),
        (
            {"learner": "pretrained", "learner_options": {"batch": "episodes"}},
            "takes no option 'batch'",
        ),
        (
            {"learner": "{mine}:Mine", "learner_options": {"kind": "b"}},
            "learner_options.kind is 'b'; choose from a, 2",
        ),
        ({"learner": "prototypes", "learner_options": {"size": 1}}, "takes no option 'size'"),
        ({"learner": "ridge", "method": "maml"}, "method: of a method, and learner 'ridge' is"),
        ({"learner": "ridge", "step_size": 0.1}, "step_size: of a method, and learner 'ridge' is"),
        (
            {"learner": "ridge", "by_setting": {"5w1s": {"test_step_size": 0.1}}},
            "test_step_size: of a method, and learner 'ridge' is",
        ),
        ({"method": "ridge"}, "'ridge' is no method but a learner; write learner: ridge"),
    ],
)
def test_what_is_no_learner_is_refused_before_any_work(
    mine: Path, variant: dict[str, Any], message: str
) -> None:
    said = {**variant}
    if "learner" in said:
        said["learner"] = said["learner"].format(mine=mine)
    with pytest.raises(ConfigError, match=message):
        study(mine=said)


def test_what_it_needs_is_foreseen() -> None:
    """No inner loop: less than MAML, but not nothing."""
    found = study(
        maml={}, prototypes={"learner": "prototypes"}, pretrained={"learner": "pretrained"}
    )
    for rule in ("train_model", "measure_accuracy"):
        works = {key.variant: workload.of(found, rule, asdict(key)) for key in found.models}
        assert 0 < works["pretrained"].amount <= works["prototypes"].amount < works["maml"].amount
