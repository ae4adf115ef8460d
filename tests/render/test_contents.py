"""Every chosen paper has a section, and only the study's own tables judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.networks.options import CONV4
from innerloop.papers.paper import OWN
from innerloop.render.contents import JUDGING, sections
from innerloop.render.latex_report import latex_report
from innerloop.render.report import write_report
from shipped import TABLES
from synthetic import STUDIES, describe

LACKING = ("Heads", "Bodies")


def study(*folders: str) -> dict[str, Any]:
    """A study that has chosen some folders, of whose products it measures nothing."""
    papers = [
        {
            "name": name,
            "place": f"./{name}",
            "facts": {"title": f"About {name}", "label": name.upper(), "authors": "Somebody"},
            "left_out": [f"{what} of {name}" for what in LACKING],
        }
        for name in folders
    ]
    own = {"name": OWN, "place": OWN, "facts": {"title": "Results", "label": "Results"}}
    return {**STUDIES["full"][0], "papers": [own, *papers]}


def table(folder: Path, paper: str, name: str, *claims: tuple[str, str]) -> Path:
    """The file of a table of claims and verdicts."""
    content = {
        **{"paper": paper, "name": name, "title": f"{name} of {paper}", "caption": "Claims."},
        **{"measured": True, "finding": "", "rules": [], "bold": []},
        **{"columns": ["Claim", "Verdict"], "rows": [list(claim) for claim in claims]},
    }
    path = folder / f"{paper}_{name}.json"
    for suffix in (".csv", ".tex"):
        path.with_suffix(suffix).write_text("", encoding="utf-8")
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def html(folder: Path, description: dict[str, Any], tables: list[Path]) -> str:
    write_report(folder / "report.html", description, {}, [], tables)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", JUDGING)
def test_what_judges_is_a_table_of_the_study_s_own(name: str) -> None:
    assert TABLES[name].paper == OWN


@pytest.mark.parametrize("name", JUDGING)
def test_a_table_of_the_user_s_by_the_name_of_one_that_judges_is_another(
    name: str, tmp_path: Path
) -> None:
    ours = table(tmp_path, OWN, name, ("Ours", "holds"), ("Ours too", "holds"))
    mine = table(tmp_path, "mine", name, ("Mine", "fails"))
    page = html(tmp_path, study("mine"), [ours, mine])
    verdicts, of_mine = page.split("<section ")[1:3]
    assert verdicts.startswith('id="verdicts"')
    assert of_mine.startswith('id="paper-mine"')
    assert ("Ours" in verdicts, "Mine" in verdicts) == (True, False)
    assert ("Ours" in of_mine, "Mine" in of_mine) == (False, True)


def test_claims_that_hold_where_judged_are_one_group_whatever_was_judged(tmp_path: Path) -> None:
    kinds = [("One", 1, 2), ("Other", 3, 4)]
    claims = [(name, f"holds where judged ({n} of {of} comparisons)") for name, n, of in kinds]
    page = html(tmp_path, study("mine"), [table(tmp_path, OWN, JUDGING[0], *claims)])
    groups = page.split("<section ")[1].partition("<article")[0].split("<h3>")[1:]
    assert len([group for group in groups if "holds where judged</span>" in group]) == 1
    assert "2 claims</small>" in groups[0]
    for name, n, of in kinds:
        assert f"{name} <small>({n} of {of} comparisons)</small>" in groups[0]


def test_the_words_around_claims_fit_those_of_a_study_without_papers(tmp_path: Path) -> None:
    page = html(tmp_path, study("mine"), [table(tmp_path, OWN, "claims", ("Mine", "holds"))])
    verdicts = page.split("<section ")[1]
    for said in ("Do the claims hold here?", "(1 row)", "thresholds", "are in no paper"):
        assert said in verdicts
    assert TABLES["claims"].title == "The claims"


def test_a_folder_may_be_called_as_a_section_of_the_report_is(tmp_path: Path) -> None:
    names = ["verdicts", "data", "protocol", "provenance", "reproduce", "failed"]
    page = html(tmp_path, study(*names), [table(tmp_path, OWN, "claims", ("Ours", "holds"))])
    ids = [part.partition('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    assert {f"paper-{name}" for name in names} <= set(ids)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 model for few-shot classification: 1 variant on"),
        (2, "2 models for few-shot classification: 2 variants on"),
    ],
)
def test_what_was_trained_is_counted_in_words(count: int, said: str, tmp_path: Path) -> None:
    trained = [*{model["variant"]: model for model in study()["models"]}.values()][:count]
    page = html(tmp_path, {**study(), "models": trained}, [])
    assert f"This study trained {said} " in page


def test_seeds_are_those_of_each_variant(tmp_path: Path) -> None:
    """Not those of all variants together."""
    one, other = [*{model["variant"]: model for model in study()["models"]}.values()][:2]
    trained = [one, *({**other, "seed": seed} for seed in (0, 1, 2))]
    page = html(tmp_path, {**study(), "models": trained}, [])
    assert "1–3 seeds each." in page


def test_the_sizes_of_what_was_trained_are_said_first(tmp_path: Path) -> None:
    one, other = [*{model["variant"]: model for model in study()["models"]}.values()][:2]
    page = html(tmp_path, {**study(), "models": [one, {**other, "iterations": 4000}]}, [])
    said = "Images have 28 pixels a side, networks 32 filters a layer, trainings 200–4,000 outer"
    assert said in page.partition("</header>")[0]
    for network, filters in ((CONV4, "networks 32 filters a layer, "), ("net.py:Net", "")):
        page = html(tmp_path, {**study(), "models": [{**one, "network": network}]}, [])
        assert f"Images have 28 pixels a side, {filters}trainings 200 outer iterations." in page
    page = html(tmp_path, {**study(), "models": [{**one, "iterations": 0}]}, [])
    assert "This study trained no model." in page


def test_models_of_other_sizes_than_the_papers_are_said_to_be_comparable_in_order_alone(
    tmp_path: Path,
) -> None:
    trained = study()["models"]
    sizes = {name: trained[0][name] for name in ("image_size", "filters", "iterations")}
    protocols = dict.fromkeys(model["protocol"] for model in trained)

    def page(**differing: int) -> str:
        papers = [
            {
                **paper,
                "facts": {
                    **paper["facts"],
                    "protocol": protocol,
                    "size": dict(sorted((sizes | differing).items())),
                },
            }
            for paper, protocol in zip(study(*protocols)["papers"][1:], protocols, strict=True)
        ]
        return html(tmp_path, {**study(), "papers": papers}, []).partition("</header>")[0]

    both = " and ".join(name.upper() for name in protocols)
    assert "The papers have other sizes" not in page()
    larger = page(filters=64)
    assert f"({both}: {sizes['image_size']} pixels, 64 filters, " in larger
    assert "at most the order of methods can be compared with theirs, not numbers." in larger
    assert "not numbers, and what takes longer to learn may not show." in page(iterations=60_000)
    assert "my_choice 7" in page(my_choice=7)


def test_fuller_figures_are_shown_where_they_are_asked_for_and_never_named_as_lacking() -> None:
    described = DescribedStudy(study("mine"))
    figures = [
        {"paper": "mine", "name": name, "title": name, "alt": "", "measured": measured}
        | {"fuller": name.endswith("fuller")}
        for name, measured in (
            ("heads", True), ("heads_fuller", True), ("bodies", False), ("bodies_fuller", False)
        )
    ]  # fmt: skip
    for fuller, shown in ((False, ["heads"]), (True, ["heads", "heads_fuller"])):
        (mine,) = sections(described, figures, [], fuller=fuller)
        assert [figure["name"] for figure in mine["figures"]] == shown
        assert mine["left_out"] == ["bodies", *(f"{what} of mine" for what in LACKING)]


def test_a_paper_of_which_nothing_was_measured_is_named(tmp_path: Path) -> None:
    description = study("mine")
    said = "Not measured in this study: Heads of mine; Bodies of mine."
    page = html(tmp_path, description, [])
    source, _ = latex_report(description, "Title", [], [])
    for text in (page, source):
        assert text.index("MINE: About mine") < text.index(said)


def test_what_a_paper_lacks_is_named_beside_what_it_has(tmp_path: Path) -> None:
    path = table(tmp_path, "mine", "heads", ("Mine", "holds"))
    source, _ = latex_report(study("mine"), "Title", [], [path])
    assert source.index("heads of mine") < source.index("Not measured in this study: Heads of mine")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("5w1s", "In a 5-way 1-shot task a model learns 5 classes from 1 labelled image of each"),
        ("5w5s", "In a 5-way 5-shot task a model learns 5 classes from 5 labelled images of each"),
    ],
)
def test_a_task_is_explained_by_the_study_s_own_setting(
    tmp_path: Path, setting: str, said: str
) -> None:
    described = {**describe(settings=(setting,)), "papers": study()["papers"]}
    page = html(tmp_path, described, [table(tmp_path, OWN, "mine", ("A", "holds"))])
    assert page.count("a model learns") == page.count(said) == 1
