"""Study files over one another: whose word wins, what `null` removes, and the name of it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.study.overlays import merged_study, without_removed
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config/config.yaml"


def over(folder: Path, *contents: str, base: Path = DEMO) -> dict[str, Any]:
    files = [folder / f"mine{number or ''}.yaml" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_text(content, encoding="utf-8")
    return merged_study([base, *files])


@pytest.mark.parametrize(
    ("contents", "name"),
    [
        (["seed: 1"], "demo-mine"),
        (["seed: 1", "compute: {threads: 2}"], "demo-mine-mine1"),
        (["seed: 1", "study: other"], "other"),
        (["study: demo\nseed: 1"], "demo"),
        (["data_root: /data", "compute: {jobs_per_gpu: 2}"], "demo"),
        (["compute: {jobs_per_gpu: null}"], "demo"),
        (["compute: null"], "demo-mine"),  # the device goes, too
    ],
)
def test_results_of_an_overlay_lie_apart(tmp_path: Path, contents: list[str], name: str) -> None:
    assert over(tmp_path, *contents)["study"] == name


@pytest.mark.parametrize("stem", ["my study (2)", "größer", "v1.5", "{x}"])
def test_a_file_of_any_name_makes_a_name_of_a_study(tmp_path: Path, stem: str) -> None:
    file = tmp_path / f"{stem}.yaml"
    file.write_text("seed: 1", encoding="utf-8")
    assert Study(merged_study([DEMO, file])).name.startswith("demo-")


@pytest.mark.parametrize(
    "removed",
    [
        {"datasets": {"people": None}},
        {"datasets": {"digits": None, "symbols": None}},
        {"protocols": {"p1": {"variants": {"anil": None}}}},
        {"protocols": {"p2": None}},
        {"probes": {"cka": None}},
        {"probes": None},
        {"models": {"people_1shot": None}, "toy": None},
        {"evaluation": None, "compute": None, "papers": None},
    ],
)
def test_null_removes_and_all_mention_goes_with_it(
    tmp_path: Path, removed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    study = Study(over(tmp_path, yaml.safe_dump(removed)))
    whole = Study(merged_study([DEMO]))
    data, variants = removed.get("datasets", {}), removed.get("protocols", {})
    left = [
        key
        for key in whole.models
        if key.dataset not in data
        and variants.get(key.protocol, {}) is not None
        and key.variant not in variants.get(key.protocol, {}).get("variants", {})
        and not (key.dataset == "people" and "people_1shot" in removed.get("models", {}))
    ]
    assert [*study.models] == left
    for model in study.models.values():
        assert not {*model.evaluate_on} & data.keys()
        probes = removed.get("probes", {})
        assert not model.probes if probes is None else not {*model.probes} & probes.keys()
    assert (study.keys.toy is None) == ("toy" in removed or "digits" in data)


def test_a_list_that_is_left_empty_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    elsewhere = "models: {step_sizes: {evaluate_on: [people]}}\ndatasets: {people: null}"
    study = Study(over(tmp_path, elsewhere))
    p2 = [model for model in study.models.values() if model.key.protocol == "p2"]
    assert {model.evaluate_on for model in p2} == {("symbols",)}


def test_null_stays_where_it_is_a_value() -> None:
    study = {
        "protocols": {"p": {"defaults": {"test_step_size": None, "rule_options": {"a": None}}}},
        "probes": {"mine": {"limit": None, "datasets": None}, "cka": {"tasks": None}},
    }
    assert without_removed(study) == {**study, "probes": {"mine": {"limit": None}, "cka": {}}}


@pytest.mark.parametrize("key", ["rule_options", "network_options", "learner_options"])
def test_null_removes_all_options_at_once(key: str) -> None:
    study = {"protocols": {"p": {"variants": {"v": {key: None, "step_size": 1}}}}}
    assert without_removed(study) == {"protocols": {"p": {"variants": {"v": {"step_size": 1}}}}}
