"""A study has the figures and tables of the papers it chooses, as far as it measures for them."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.runtime.errors import ConfigError
from innerloop.study.description import describe
from innerloop.study.products import Products
from innerloop.study.study import Study

SMOKE = yaml.safe_load(
    (Path(__file__).parents[2] / "config/smoke.yaml").read_text(encoding="utf-8")
)


def smoke(**changed: Any) -> Study:
    """The smoke study with other keys."""
    return Study({**deepcopy(SMOKE), **changed})


def names(study: Study) -> set[str]:
    """Folder and name of every figure and table."""
    products = Products(study)
    return {f"{product.paper}/{product.name}" for product in (*products.figures, *products.tables)}


def test_without_papers_there_are_the_study_s_own_results_alone() -> None:
    own = {"own/learning_curves", "own/accuracies", "own/accuracy"}
    own |= {
        f"own/{probe}" for model in SMOKE["models"].values() for probe in model.get("probes", [])
    }
    config = {key: value for key, value in deepcopy(SMOKE).items() if key != "papers"}
    assert names(Study(config)) == own


def test_a_paper_without_models_of_its_protocol_is_left_out_and_named() -> None:
    protocols = {"sweep": SMOKE["protocols"]["p1"]}
    models = {"plain": {**SMOKE["models"]["plain"], "protocol": "sweep"}}
    study = smoke(protocols=protocols, models=models, papers=["p1"])
    assert not [name for name in names(study) if name.startswith("p1/")]
    (paper,) = (one for one in describe(study)["papers"] if one["name"] == "p1")
    assert not paper["measured"]
    assert "Figure 2: CKA per layer" in paper["left_out"]


def test_a_figure_whose_table_is_not_measured_is_left_out_and_named() -> None:
    config = {key: value for key, value in deepcopy(SMOKE).items() if key != "toy"}
    study = Study(config)
    assert "p1/figure7_toy" not in names(study)
    (paper,) = (one for one in describe(study)["papers"] if one["name"] == "p1")
    assert paper["left_out"] == ["Figure 7: the two methods without meta-learning"]


def test_a_fuller_figure_is_for_a_study_that_has_others_than_the_paper_s() -> None:
    protocol = SMOKE["protocols"]["p1"]
    fuller = {name: [] for name in ("own", "others", "both")}
    for which, variants in (
        ("own", ["maml"]),
        ("others", ["boil"]),
        ("both", ["maml", "boil"]),
    ):
        protocols = {"p1": {**protocol, "variants": {name: {} for name in variants}}}
        models = {"plain": {**SMOKE["models"]["plain"], "variants": variants}}
        study = smoke(protocols=protocols, models=models, papers=["p1"])
        fuller[which] = sorted(name for name in names(study) if name.endswith("_fuller"))
        (paper,) = (one for one in describe(study)["papers"] if one["name"] == "p1")
        assert not [title for title in paper["left_out"] if "every method" in title]
    assert fuller["own"] == fuller["others"] == []
    assert "p1/figure1_weight_norms_fuller" in fuller["both"]


def test_claims_are_read_by_the_tables_that_judge_them() -> None:
    products = Products(smoke(papers=["p2"]))
    (claims,) = (table for table in products.tables if table.name == "claims")
    assert set(products.reads(claims)) == {"training", "accuracy", "protonet", "step_size"}
    assert [file.parent.name for file in products.files(claims)] == ["p2"]


def test_claims_on_what_a_probe_of_choice_measures_need_the_probe() -> None:
    assert "own/claims" in names(smoke(papers=["questions"]))
    models = deepcopy(SMOKE["models"])
    for probe in ("own_change", "interventions"):
        models["plain"]["probes"].remove(probe)
    assert "own/claims" not in names(smoke(papers=["questions"], models=models))


@pytest.mark.parametrize(
    ("papers", "said"),
    [
        (["p3"], "paper 'p3' is unknown; known are"),
        (["./nowhere"], "there is no folder ./nowhere"),
    ],
)
def test_what_is_wrong_is_said_in_words(papers: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=f"study file: papers: .*{said}"):
        smoke(papers=papers)


def test_two_folders_of_one_name_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("a/mine", "b/mine"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "paper.yaml").write_text("title: Mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="2 folders are called 'mine'"):
        smoke(papers=["a/mine", "b/mine"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own", "'own' is the folder of the study's own results, and ./own is called so, too"),
        ("p1", "'p1' is the folder of Innerloop's paper 'p1', and ./p1"),
    ],
)
def test_a_folder_called_as_one_of_innerloop_s_is_refused(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "paper.yaml").write_text("title: Mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        smoke(papers=["p1", f"./{name}"])


def test_a_figure_of_a_probe_that_a_study_lacks_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "mine/figures").mkdir(parents=True)
    facts = "title: Mine\nelsewhere: [my_entropy]\n"
    (tmp_path / "mine/paper.yaml").write_text(facts, encoding="utf-8")
    code = "TITLE = 'Entropy'\nREADS = ['my_entropy']\n\n\ndef draw(evidence):\n    pass\n"
    (tmp_path / "mine/figures/entropy.py").write_text(code, encoding="utf-8")
    study = smoke(papers=[f"{tmp_path}/mine"])
    assert "mine/entropy" not in names(study)
    (paper,) = (one for one in describe(study)["papers"] if one["name"] == "mine")
    assert paper["left_out"] == ["Entropy"]


def test_a_paper_touches_no_measurement(tmp_path: Path, monkeypatch: Any) -> None:
    """Choosing others draws anew and measures nothing again."""
    from innerloop.study.jobs import Jobs
    from innerloop.study.measurements import Measurements

    parts = [Measurements(Jobs(smoke(papers=p))).study_of("cka") for p in (["p1"], [])]
    assert parts[0] == parts[1]
