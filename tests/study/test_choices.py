"""Which of several places that give a value wins, and which jobs it is a value of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import METHODS
from innerloop.runtime.errors import ConfigError
from innerloop.study.forecast import Forecast
from innerloop.study.jobs import Jobs
from innerloop.study.model_key import ModelKey
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
#: Values that a method may say itself, each unlike the default and unlike those of the study.
OWN = {
    "step_size": -0.25,
    "first_order": True,
    "inner_loss": "sum_over_shots",
    "adapt_batch_norm": False,
    "rule_options": {"norm": "filter"},
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The smoke study with a variant `mine` under P1."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / "config/smoke.yaml").read_text()
    found: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(text)))  # without YAML's links
    found["protocols"]["p1"]["variants"] = {"maml": {}, "mine": {}}
    found["models"] = {"plain": {"protocol": "p1", "dataset": "symbols", "settings": ["5w1s"]}}
    return found


def study_of(config: dict[str, Any]) -> Study:
    return Study(config)


def method_of(config: dict[str, Any], variant: str = "mine") -> Method:
    found = study_of(config).models
    return next(model.learner for key, model in found.items() if key.variant == variant)


def say_own(config: dict[str, Any], where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "the study":
        config["methods"] = {"mine": {"update_rule": "scaled_lr", **OWN}}
    else:
        rule = METHODS["scaled_lr"].update_rule
        monkeypatch.setitem(METHODS, "mine", Method("mine", "Mine", update_rule=rule, **OWN))


@pytest.mark.parametrize("where", ["the study", "the library"])
def test_a_method_keeps_what_it_says(
    config: dict[str, Any], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_own(config, where, monkeypatch)
    config["protocols"]["p1"]["defaults"] |= {"first_order": False, "step_size": 0.5}
    made = method_of(config)
    assert {name: getattr(made, name) for name in OWN} == OWN
    others = method_of(config, "maml")
    assert (others.first_order, others.step_size, others.inner_loss) == (False, 0.5, "mean")


@pytest.mark.parametrize("where", ["the models entry", "the variant", "its by_setting"])
def test_what_is_said_of_the_variant_or_the_models_wins(
    config: dict[str, Any], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_own(config, "the study", monkeypatch)
    config["protocols"]["p1"]["variants"].pop("maml")
    said = {"step_size": 0.01, "first_order": False, "rule_options": {"detach_norm": True}}
    if where == "the models entry":
        config["models"]["plain"] |= said
    else:
        own = said if where == "the variant" else {"by_setting": {"5w1s": said}}
        config["protocols"]["p1"]["variants"]["mine"] = own
    made = method_of(config)
    assert (made.step_size, made.first_order) == (0.01, False)
    assert made.rule_options == {"norm": "filter", "detach_norm": True}
    assert made.inner_loss == "sum_over_shots"


@pytest.mark.parametrize("step_size", [0, -0.05, 0.0, [-0.1, 0.1]])
def test_any_number_is_a_step_size(config: dict[str, Any], step_size: Any) -> None:
    config["protocols"]["p1"]["variants"] = {"meta_sgd": {"step_size": step_size}}
    wanted = tuple(step_size) if isinstance(step_size, list) else step_size
    assert method_of(config, "meta_sgd").step_size == wanted


def test_a_test_step_size_only_measures_again(config: dict[str, Any]) -> None:
    key = ModelKey("p1", "symbols", "maml", "5w1s", 0)
    config["protocols"]["p1"]["variants"] = {"maml": {}}
    config["models"]["plain"]["probes"] = ["cka"]
    before = Jobs(study_of(config), "workflow_scripts")
    config["protocols"]["p1"]["variants"] = {"maml": {"test_step_size": -0.5}}
    after = Jobs(study_of(config), "workflow_scripts")
    assert after.train(key) == before.train(key)
    assert after.evaluate(key) == replace(before.evaluate(key), test_step_size=-0.5)
    assert after.probe("cka", key) == replace(before.probe("cka", key), test_step_size=-0.5)


def test_learned_step_sizes_are_not_thrown_away(config: dict[str, Any]) -> None:
    config["protocols"]["p1"]["variants"] = {"meta_sgd": {}}
    config["protocols"]["p1"]["defaults"]["test_step_size"] = 0.1
    with pytest.raises(ConfigError, match=r"p1\.variants\.meta_sgd.*learns its step sizes"):
        study_of(config)
    config["protocols"]["p1"]["variants"] = {"meta_sgd": {"test_step_size": None}}
    assert study_of(config).models


def test_a_rate_for_learned_step_sizes_is_for_methods_that_learn_them(
    config: dict[str, Any],
) -> None:
    own = {"outer_step_size_for_step_sizes": 0.01}
    config["protocols"]["p1"]["variants"] = {"maml": own}
    with pytest.raises(ConfigError, match=r"variants\.maml: outer_step_size_for_.*learns no step"):
        study_of(config)
    # of the protocol, it is for those that do
    config["protocols"]["p1"]["variants"] = {
        "maml": {},
        "meta_sgd": {},
        "ridge": {"learner": "ridge"},
    }
    without = Jobs(study_of(config), "workflow_scripts")
    config["protocols"]["p1"]["defaults"] |= own
    jobs = Jobs(study_of(config), "workflow_scripts")
    trained_otherwise = {
        key.variant for key in jobs.study.models if jobs.train(key) != without.train(key)
    }
    assert trained_otherwise == {"meta_sgd"}


def test_no_test_steps_are_planned_with(config: dict[str, Any]) -> None:
    config["protocols"]["p1"]["variants"] = {"maml": {"test_steps": 0}}
    forecast = Forecast(study_of(config))
    wildcards = {
        "protocol": "p1", "dataset": "symbols", "variant": "maml", "setting": "5w1s", "seed": "0",
    }  # fmt: skip
    assert forecast.seconds("measure_accuracy", wildcards) > 0


@pytest.mark.parametrize("probe", ["other_similarities", "mine"])
def test_a_training_is_compared_with_the_first_of_its_variant(
    config: dict[str, Any], tmp_path: Path, probe: str
) -> None:
    config |= {"model_seeds": [3, 1, 2]}
    config["protocols"]["p1"]["variants"] = {"maml": {}, "anil": {}}
    config["models"]["plain"]["probes"] = ["cka", probe]
    options: dict[str, Any] = {"tasks": 2}
    if probe == "mine":
        (tmp_path / "own.py").write_text("def measure(model):\n    yield {}\n")
        options["probe"] = f"{tmp_path}/own.py:measure"
    for unsaid in ({}, {"two_trainings": False}):
        config["probes"][probe] = {**options, **unsaid}
        alone = Jobs(study_of(config), "workflow_scripts")
        assert {alone.probe(probe, key).beside for key in alone.study.models} == {None}
    config["probes"][probe] = {**options, "two_trainings": True}
    jobs = Jobs(study_of(config), "workflow_scripts")
    for key in jobs.study.models:
        first = None if key.seed == 3 else jobs.train(replace(key, seed=3))
        assert jobs.probe(probe, key).beside == first
        assert jobs.probe("cka", key).beside is None
