"""A study file that asks for something impossible: one clear message, before anything runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.measurements.schemas import SCHEMAS
from innerloop.papers.paper import SWEEPS, VERDICTS
from innerloop.runtime.built_in import PROBES
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.runtime.files import canonical_json
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.json_schema import study_schema
from innerloop.study.measurements import Measurements
from innerloop.study.names import RESERVED
from innerloop.study.plain_values import plain_values
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]

RULES = "innerloop.learners.gradient_based.update_rules.rules"
Edit = Callable[[dict[str, Any]], object]


def variant(name: str, **values: Any) -> Edit:
    return lambda study: study["protocols"]["p1"]["variants"].update({name: values})


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda s: s.update(sed=1), ["unknown key 'sed'", "did you mean 'seed'"]),
        (lambda s: s.pop("study"), ["missing: 'study'"]),
        (lambda s: s.update(study="a" * 101), ["study: got 'aaa", "of up to 100 letters"]),
        (
            lambda s: (
                [s.pop(key) for key in ("study", "datasets", "protocols")]
                and s["models"]["plain"].pop("dataset")
            ),
            [
                "missing: 'study', 'datasets', 'protocols'",
                "missing: 'models.plain.dataset' (",
            ],
        ),
        (lambda s: s.clear(), ["missing: 'study', 'datasets', 'protocols', 'models'"]),
        (lambda s: s.pop("title") and s.update(titel="x"), ["unknown key 'titel'", "'title'?"]),
        (lambda s: s.update(seed="x"), ["seed", "integer"]),
        (lambda s: s["compute"].update(device="gpu"), ["compute.device", "gpu", "cuda"]),
        (lambda s: s["compute"].update(threads=0), ["compute.threads", "minimum"]),
        (lambda s: s["datasets"].update({"Bad name": {"source": "symbols"}}), ["Bad name"]),
        (lambda s: s["datasets"].update(new={"source": "symbol"}), ["datasets.new", "'symbols'?"]),
        (lambda s: s["datasets"].update(new={"source": "no.py:x"}), ["there is no file no.py"]),
        (lambda s: s["roles"].update(cub="birds"), ["roles.cub", "birds", "known are"]),
        (lambda s: s["models"]["plain"].update(protocol="p3"), ["p3", "known are p1, p2"]),
        (lambda s: s["models"]["plain"].update(dataset="birds"), ["birds", "known are"]),
        (lambda s: s["models"]["plain"].update(variants=["mamml"]), ["models.plain", "'maml'?"]),
        (lambda s: s["models"]["plain"].update(settings=["5w"]), ["got '5w'", "<way>w<shot>s"]),
        (lambda s: s["toy"].update(dataset="My-set"), ["toy.dataset", "My-set", "lower-case"]),
        (lambda s: s["toy"].update(dataset="symbols"), ["toy.dataset", "'symbols' is for few-sh"]),
        (variant("maml", step_size="1e-3"), ["variants.maml.step_size", "1.0e-3"]),
        (
            lambda s: s.update(methods={"mine": {"update_rule": "scaled"}}) or variant("mine")(s),
            ["methods.mine.update_rule", "'scaled_lr'?"],
        ),
        (lambda s: s["models"]["plain"].update(probes=["ckaa"]), ["models.plain", "'cka'?"]),
        (
            lambda s: s["models"]["plain"].update(probes=["other_settings"]),
            ["built in", "such as probes: {other_settings: {settings: [5w1s], tasks: 100}}"],
        ),
        (
            lambda s: (
                s.update(methods={"mine": {"update_rule": f"{RULES}:sgdd"}}) or variant("mine")(s)
            ),
            ["study file: methods.mine.update_rule: ", "define 'sgdd'", "did you mean 'sgd'?"],
        ),
        (
            lambda s: s["models"].update(again={**s["models"]["plain"], "iterations": 5}),
            ["two entries", "maml", "other things of its iterations"],
        ),
        (variant("mine"), ["method 'mine' is unknown"]),
        (
            variant("maml", step_sz=1),
            ["unknown key 'step_sz'", "did you mean 'step_size'", "label"],
        ),
        (variant("maml", step_sz=1, filters="x"), ["unknown key 'step_sz'"]),
        (variant("maml", filters=0), ["variants.maml.filters", "minimum"]),
        (
            variant("maml", by_setting={"5w1s": {"shots": 1}}),
            ["by_setting.5w1s: unknown key 'shots'", "known are adapt_batch_norm"],
        ),
        (
            lambda s: s["protocols"]["p1"]["defaults"].update(filter=8),
            ["defaults: unknown key 'filter'", "did you mean 'filters'"],
        ),
        (
            lambda s: s["models"]["plain"].update(probe=["cka"]),
            ["models.plain: unknown key 'probe'", "did you mean 'probes'"],
        ),
        (variant("maml", test_steps=-1), ["variants.maml.test_steps"]),
        (variant("maml", test_step_size="x"), ["variants.maml.test_step_size"]),
        (variant("maml", step_size=[0.1, 0.2]), ["variants.maml", "range"]),
        (variant("maml", rule_options={"norm": "filter"}), ["takes no option 'norm'"]),
        (variant("unit_norm", rule_options={"nrm": "filter"}), ["nrm", "detach_norm, norm"]),
        (
            variant("unit_norm", rule_options={"norm": "tensors"}),
            ["rule_options.norm is 'tensors'"],
        ),
        (lambda s: s["probes"].update(cka={"tsks": 5}), ["probes.cka", "tsks"]),
        (lambda s: s["probes"].update(protonet={"tasks": 5, "splits": ["tset"]}), ["tset"]),
        (lambda s: s["probes"]["cka"].update(over_training=["symbol"]), ["cka", "symbol"]),
        (lambda s: s["probes"].update(mine={"tasks": 5}), ["missing: 'probes.mine.probe'"]),
        (lambda s: s["probes"].update(training={"probe": "my.py:x"}), ["training", "taken"]),
        (lambda s: s["probes"].update(claims={"probe": "my.py:x"}), ["probes.claims", "taken"]),
        (lambda s: s.update(methods={"maml": {}}), ["methods.maml", "built-in"]),
        (variant("unit_norm", label="MAML"), ["labelled 'MAML'"]),
        (
            lambda s: s["datasets"]["people"].update(label="Symbols"),
            ["datasets: 2 data sets are labelled 'Symbols'"],
        ),
        (
            lambda s: (
                s["datasets"]["people"].update(label=" digits ")
                or s["datasets"]["digits"].pop("label")
            ),
            ["2 data sets are labelled 'digits'"],
        ),
        (
            lambda s: s["protocols"]["p2"].update(title=s["protocols"]["p1"]["title"]),
            ["2 protocols are titled 'BatchNorm"],
        ),
        (
            lambda s: s["datasets"]["scripts"].update(splits="nothing.csv"),
            ["datasets.scripts.splits: there is no file nothing.csv"],
        ),
        (lambda s: s["toy"].update(step_sizes=[0.1, float("nan")]), ["toy.step_sizes.1: got nan"]),
        (lambda s: s["compute"].update(save_every=float("inf")), ["compute.save_every: got inf"]),
        (
            variant("unit_norm", rule_options={"norm": float("nan")}),
            ["variants.unit_norm.rule_options.norm: got nan", "finite"],
        ),
        (lambda s: s.update(title=dt.date(2026, 1, 2)), ["title", "a date", "quote it"]),
        (lambda s: s["models"].update({5: {}}), ["models: the key 5 is a int", "quote it"]),
        (lambda s: s["evaluation"].update(tasks=2.5), ["evaluation.tasks", "2.5", "integer"]),
        (variant("raw_pixels", method="maml"), ["variants.raw_pixels", "taken"]),
        (lambda s: s["probes"]["cka"].update(datasets=["people"]), ["over_training", "'symbols'"]),
        (lambda s: s["probes"]["cka"].update(datasets="people"), ["probes.cka.datasets", "people"]),
        (
            lambda s: s["probes"]["cka"].update(datasets=["trained_on"]),
            ["probes.cka: data set 'trained_on' is unknown"],
        ),
        (
            lambda s: (
                s["probes"].update(other_settings={"settings": ["9w1s"], "tasks": 5})
                or s["models"]["plain"].update(probes=["other_settings"])
            ),
            ["other_settings.settings: 9w1s", "a head of 5 classes", "such as prototypes"],
        ),
        (lambda s: s["models"]["plain"].update(settings=["1w1s"]), ["got '1w1s'", "two ways"]),
        (lambda s: s["protocols"]["p1"].update(variants={}), ["p1.variants", "non-empty"]),
        (lambda s: s.update(models={}), ["models", "non-empty"]),
        (lambda s: s["protocols"]["p1"]["defaults"].pop("iterations"), ["iterations", "maml"]),
        (
            lambda s: (
                s["evaluation"].update(queries=1) or s["models"]["plain"].update(settings=["3w1s"])
            ),
            ["evaluation.queries", "3w1s has 3 query images", "at least 4"],
        ),
        (
            lambda s: (
                s["probes"].update(other_similarities={"tasks": 2, "neighbours": 24})
                or s["models"]["plain"]["probes"].append("other_similarities")
            ),
            ["5w1s has 25 query images", "other_similarities needs at least 26"],
        ),
        (variant("anil", adapt_batch_norm=False), ["adapt_batch_norm", "contradicts"]),
        (variant("maml", adapts="head"), ["unknown key 'adapts'"]),
        (variant("maml", image_size=8), ["image_size", "16"]),
        (variant("maml", initialisation="he"), ["initialisation", "glorot"]),
        (
            lambda s: s.update(
                methods={"mine": {"update_rule": "scaled_lr", "adapts": "head"}},
                protocols={"p1": {"title": "", "variants": {"mine": {}}}},
                models={"plain": {**s["models"]["plain"], "variants": "all"}},
            ),
            ["scaled_lr", "adapts: head"],
        ),
    ],
)
def test_message(edit: Edit, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    edit(study)
    with pytest.raises(ConfigError) as caught:
        Study(study)
    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["config.yaml", "smoke.yaml"])
def test_the_studies_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8"))
    assert Study(study).models


def test_event_files_are_refused_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("innerloop.study.checks.find_spec", lambda name: None)
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=r"compute.tensorboard .* 'innerloop\[tensorboard\]'"):
        Study({**study, "compute": {"tensorboard": True}})


def test_four_keys_make_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = {
        "study": "mine",
        "datasets": {"symbols": {"source": "symbols"}},
        "protocols": {"p": {"defaults": {"iterations": 40}, "variants": {"maml": {}}}},
        "models": {"all": {"protocol": "p", "dataset": "symbols", "settings": ["5w1s"]}},
    }
    made = Study(study)
    jobs = Jobs(made)
    (key,) = made.models
    schedule = jobs.train(key).schedule
    assert (schedule.validation_every, schedule.checkpoints) == (2, (0, 40))
    assert jobs.evaluate(key).options["tasks"] == made.keys.evaluation.tasks == 600
    described = describe(made)
    assert (made.title, described["protocols"]["p"]["title"]) == ("mine", "p")
    schema = study_schema()
    assert schema["required"] == ["study", "datasets", "protocols", "models"]
    default = {
        name: key["default"] for name, key in schema["properties"].items() if "default" in key
    }
    assert default == {"seed": made.keys.seed, "model_seeds": [0], "checkpoints": [0, 1]}


def test_every_table_s_name_is_taken() -> None:
    assert RESERVED | PROBES.keys() == SCHEMAS.keys() | VERDICTS.keys() | {SWEEPS}


def test_a_label_changes_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    before = Measurements(Jobs(Study(study), "workflow_scripts")).files("cka")
    study["protocols"]["p1"]["variants"]["maml"] = {"label": "The first"}
    assert Measurements(Jobs(Study(study), "workflow_scripts")).files("cka") == before


def test_the_documented_additions_fit_the_default_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/extending.md adds trains for as long as it says there."""
    monkeypatch.chdir(ROOT)
    study = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    block = next(
        text for text in page.split("```") if "stripes_1shot" in text and "datasets" in text
    )
    mine = yaml.safe_load(block.partition("\n")[2])
    study["datasets"]["stripes"] = {"source": "symbols"}
    study["models"]["stripes_1shot"] = mine["models"]["stripes_1shot"]
    added = [m for m in Study(study).models.values() if m.key.dataset == "stripes"]
    assert [model.choices["iterations"] for model in added] == [100]


def specs(study: dict[str, Any]) -> dict[str, str]:
    """What every job of a study is run with, as text, by the path of what it makes."""
    made = Measurements(Jobs(Study(study), ROOT / "workflow_scripts"))
    return {
        path: canonical_json(spec)
        for table in made.tables()
        for path, spec in made.files(table).items()
    }


def every_number_as(kind: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: every_number_as(kind, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [every_number_as(kind, inner) for inner in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return kind(value) if number else value


def test_equal_numbers_are_equal_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.0 is 2, and a step size of 1 one of 1.0, wherever the study file has numbers."""
    monkeypatch.chdir(ROOT)
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    study["protocols"]["p1"]["variants"]["maml"] = {"step_size": 1, "batch_norm_eps": 1}
    study["methods"] = {"mine": {"step_size_multiplier": 1}}
    study["protocols"]["p1"]["variants"]["mine"] = {}
    study["models"]["plain"]["variants"] = ["maml", "mine"]
    as_floats = every_number_as(float, study)
    assert specs(as_floats) == specs(study)
    assert Study(as_floats).config == Study(study).config
    del study["methods"]["mine"]["step_size_multiplier"]  # which is 1
    assert specs(as_floats) == specs(study)


def test_what_only_a_user_s_code_reads_keeps_its_type() -> None:
    options = {
        "rule_options": {"power": 1.0},
        "network_options": {"scale": [1.0]},
        "learner_options": {"regulariser": 1.0},
    }
    study = {
        "protocols": {"p": {"defaults": {**options, "step_size": 1.0}}},
        "probes": {"mine": {"scale": 1.0}, "cka": {"tasks": 1.0}},
    }
    plain = plain_values(study, Faults())
    assert repr(plain["protocols"]["p"]["defaults"]) == repr({**options, "step_size": 1})
    assert repr(plain["probes"]) == repr({"mine": {"scale": 1.0}, "cka": {"tasks": 1}})


def test_a_model_of_two_entries_is_measured_as_either_says() -> None:
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    study["models"]["plain"]["evaluate_on"] = ["symbols", "people"]
    one = study["models"]["plain"]
    more = {"evaluate_on": ["scripts", "symbols"], "splits": ["val"], "probes": ["protonet"]}
    alone = Study(study).models
    both = Study({**study, "models": {**study["models"], "more": {**one, **more}}}).models
    (key,) = (key for key in both if both[key] != alone[key])
    assert [*both] == [*alone]
    assert both[key].evaluate_on == ("symbols", "people", "scripts")
    assert both[key].splits == ("test", "val")
    assert both[key].probes == (*alone[key].probes, "protonet")
    assert both[key].choices == alone[key].choices
