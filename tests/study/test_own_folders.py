"""A folder of the user's own names what its study has; the papers' folders may name more."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.papers.paper import read_paper
from innerloop.runtime.errors import ConfigError
from innerloop.study.study import Study

SMOKE = yaml.safe_load(
    (Path(__file__).parents[2] / "config/smoke.yaml").read_text(encoding="utf-8")
)
FILES = {
    "paper.yaml": "title: Mine\nprotocol: p1\ntrained_on: mini_imagenet\n",
    "claims.yaml": """\
- name: first
  claim: The head changes most.
  where: {quantity: cka, variant: maml}
  comparisons:
    - {of: {layer: head}, against: {layer: conv4}, expected: less}
- name: second
  claim: MAML is better.
  where: {quantity: accuracy, tested_on: [people, mini_imagenet], setting: 5w1s}
  comparisons:
    - {of: maml, against: unit_norm, expected: greater}
- name: third
  claim: The head moves.
  where: {quantity: probe, probe: distance, variant: maml}
  comparisons:
    - {of: {layer: head}, expected: greater}
""",
    "my_probe.py": "def distance(model):\n    return []\n",
    "figures/heads.py": 'TITLE = "Mine"\nREADS = ["cka"]\n\n\ndef draw(evidence):\n    pass\n',
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine/figures").mkdir(parents=True)
    for name, text in FILES.items():
        (tmp_path / "mine" / name).write_text(text, encoding="utf-8")
    return tmp_path / "mine"


def study(**changed: Any) -> Study:
    read_paper.cache_clear()
    probes = {**SMOKE["probes"], "distance": {"probe": "mine/my_probe.py:distance"}}
    return Study({**deepcopy(SMOKE), "papers": ["./mine"], "probes": probes, **changed})


def test_all_faulty_claims_of_a_folder_are_told_by_the_study(folder: Path) -> None:
    text = FILES["claims.yaml"].replace("expected:", "expects:")
    (folder / "claims.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        study()
    first, second, _ = str(refused.value).splitlines()
    where = "study file: papers: mine/claims.yaml, line"
    assert first.startswith(f"{where} 5: claim 'first': unknown key 'expects'; did you mean 'exp")
    assert second.startswith(f"{where} 10: claim 'second': unknown key 'expects'; did you mean")


#: File, its text, another text instead, line and key that are named, and the other name in it.
TYPOS = [
    ("claims.yaml", "layer: conv4", "layer: hed", "line 5: claim 'first': layer", "hed"),
    ("claims.yaml", "variant: maml", "variant: malm", "line 3: .*variant", "malm"),
    ("claims.yaml", "of: maml", "of: mamml", "line 10: claim 'second': variant", "mamml"),
    ("claims.yaml", "[people,", "[peple,", "line 8: claim 'second': tested_on", "peple"),
    ("claims.yaml", "setting: 5w1s", "setting: 5w2s", "line 8: .*setting", "5w2s"),
    (
        "claims.yaml",
        "probe: distance",
        "probe: distnce",
        "line 13: claim 'third': probe",
        "distnce",
    ),
    ("claims.yaml", "probe: distance", "probe: cka", "line 13: claim 'third': probe", "cka"),
    ("claims.yaml", "{layer: head}, expected", "{layer: body}, expected", "line 15: .*", "body"),
    ("paper.yaml", "p1", "p3", "line 2: protocol", "p3"),
    ("paper.yaml", "mini_imagenet", "birds", "line 3: trained_on", "birds"),
    ("figures/heads.py", '"cka"', '"gradnrm"', "line 2: READS", "gradnrm"),
]


@pytest.mark.parametrize(("file", "old", "new", "where", "name"), TYPOS)
def test_a_name_that_the_study_lacks_is_refused_unless_another_study_has_it(
    folder: Path, file: str, old: str, new: str, where: str, name: str
) -> None:
    study()
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"papers: mine/{file}, {where}: this study has no"):
        study()
    with (folder / "paper.yaml").open("a", encoding="utf-8") as facts:
        facts.write(f"elsewhere: [{name}]\n")
    study()


def test_what_was_meant_and_what_to_do_is_said(folder: Path) -> None:
    text = FILES["paper.yaml"].replace("p1", "p11")
    (folder / "paper.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"did you mean 'p1'\?.*as elsewhere: \[p11\]"):
        study()


def test_what_null_removes_may_be_named_and_so_may_any_layer_of_another_network(
    folder: Path,
) -> None:
    text = FILES["claims.yaml"].replace("layer: conv4", "layer: block4")
    (folder / "claims.yaml").write_text(text, encoding="utf-8")
    p1 = deepcopy(SMOKE["protocols"]["p1"])
    p1["defaults"] = {**p1.get("defaults", {}), "network": "resnet12"}
    p1["defaults"].pop("filters", None)
    p1["variants"]["unit_norm"] = None
    study(protocols={**SMOKE["protocols"], "p1": p1})


def test_a_run_is_read_again_although_its_folder_has_changed(folder: Path) -> None:
    text = FILES["claims.yaml"].replace("of: maml", "of: mamml")
    (folder / "claims.yaml").write_text(text, encoding="utf-8")
    Study({**deepcopy(SMOKE), "papers": ["./mine"]}, checked=True)
