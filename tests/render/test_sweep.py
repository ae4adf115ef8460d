"""What a study shows of its grids, with planted accuracies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from browser import CHROMIUM, Browser
from products import png

from innerloop.measurements.evidence import Evidence
from innerloop.papers.claims import Claim, Comparison, Selection
from innerloop.papers.judgement import judge_claims
from innerloop.papers.making import draw, tabulate
from innerloop.papers.paper import OWN, read_paper
from innerloop.papers.words import compared
from innerloop.render.report import write_report
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, TABLES
from synthetic import describe, write_tables

ONE = {f"maml_size_{n}": {"step_size": n / 10} for n in range(3)}
TWO = {
    f"boil_size_{n}_steps_{steps}": {"step_size": n / 10, "train_steps": steps}
    for n in range(2)
    for steps in (1, 5)
}


def sweep(name: str, points: dict[str, Any], choose: str = "") -> dict[str, Any]:
    return {"protocol": "p1", "name": name, "method": name, "points": points, "choose": choose}


def swept(folder, *sweeps: dict[str, Any], seeds: int = 1) -> Evidence:
    """A study of one protocol with some grids, measured."""
    description = described(*sweeps, seeds=seeds)
    return Evidence(write_tables(folder, description, episodes=20), description)


def described(*sweeps: dict[str, Any], seeds: int = 1) -> dict[str, Any]:
    """The description of a study of one protocol with some grids."""
    points = {name: point for one in sweeps for name, point in one["points"].items()}
    description = describe(("maml", *points), (), settings=["5w1s"], others=(), seeds=seeds)
    del description["protocols"]["p2"]
    description["sweeps"] = [*sweeps]
    for name, point in points.items():
        words = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in point.items())
        description["protocols"]["p1"]["labels"][name] = f"{name[:4].upper()} ({words})"
    return description


@pytest.fixture(params=[1, 3], ids=["one seed", "three seeds"])
def evidence(tmp_path, request) -> Evidence:
    sweeps = sweep("maml", ONE, "validation"), sweep("boil", TWO)
    made = swept(tmp_path, *sweeps, seeds=request.param)
    plant(made.paths["training"], "maml_size_1")
    return made


def plant(path, variant) -> None:
    """Let one variant be the best on validation tasks, whatever it is on test tasks."""
    rows = pq.read_table(path)
    schema, frame = rows.schema, rows.to_pandas()
    frame.loc[frame["variant"] == variant, "accuracy"] = 0.99
    pq.write_table(type(rows).from_pandas(frame, schema, preserve_index=False), path)


def test_the_tuned_method_is_chosen_on_validation_and_reported_on_test(evidence) -> None:
    made = load_entry(TABLES["tuned"].entry)(evidence)
    home = made.frame[made.frame["eval_dataset"] == "symbols"].iloc[0]
    accuracy = evidence.rows("accuracy", eval_dataset="symbols", split="test")
    means = 100 * accuracy.groupby("variant", observed=True)["accuracy"].mean()
    assert home["variant"] == "maml_size_1"
    assert home["validation"] == pytest.approx(99)
    assert home["tuned"] == pytest.approx(means["maml_size_1"])
    assert home["as_printed"] == pytest.approx(means["maml"])
    assert (home["points"], home["step_size"]) == (3, 0.1)
    printed = made.display.iloc[0]
    assert printed["Method"] == "MAML"
    assert printed["Chosen"] == "step size 0.1"
    at_home = made.display[made.display["Tested on"] == "Symbols"].iloc[0]
    assert made.finding == (
        "Each method's test accuracy on Symbols, 5-way 1-shot, at the point of its grid that "
        f"validation tasks choose: MAML {at_home['Tuned']} % (step size 0.1)."
    )
    assert "grids of the same size" in made.caption


def test_a_claim_on_a_grid_is_judged_at_the_point_that_validation_chooses(evidence) -> None:
    """One training of each, or three: the point that is best on test tasks is another."""
    grid = replace(evidence.study.sweeps[0], name="maml_tuned")
    evidence.study.sweeps = (grid, *evidence.study.sweeps[1:])
    where = {"protocol": "p1", "trained_on": "mini_imagenet", "tested_on": "mini_imagenet"}
    tuned, *points = (Selection("accuracy", name, **where) for name in ("maml_tuned", *ONE))
    claim = Claim("c", "P1", "s", "c", tuple(Comparison(tuned, one, "greater") for one in points))
    (judgement,) = judge_claims([claim], evidence)
    n = len(evidence.rows("accuracy", variant="maml", eval_dataset="symbols", split="test"))
    equal = [outcome.test.ties == outcome.test.difference.n for outcome in judgement.outcomes]
    assert n > 0
    assert equal == [False, True, False]
    assert [outcome.comparison for outcome in judgement.outcomes] == [*claim.comparisons]
    assert compared(judgement.outcomes[0], evidence.study).startswith("MAML − MAML (step size 0)")


def test_what_no_test_compared_is_not_set_in_bold(tmp_path) -> None:
    evidence = swept(tmp_path, sweep("maml", ONE, "validation"), sweep("boil", TWO, "validation"))
    made = load_entry(TABLES["tuned"].entry)(evidence)
    assert {*made.display["Method"]} == {"MAML", "BOIL"}
    assert not made.bold


def test_without_a_choice_the_table_does_not_say_that_accuracy_lacks(tmp_path) -> None:
    made = load_entry(TABLES["tuned"].entry)(swept(tmp_path, sweep("maml", ONE)))
    assert made.frame.empty
    assert "points of grids that validation accuracy chooses" in made.caption


def test_the_figure_has_a_curve_over_one_choice_and_a_map_over_two(evidence) -> None:
    drawing = load_entry(FIGURES["sweeps"].entry)(evidence)
    drawing.figure.canvas.draw()
    assert "seed" in drawing.caption
    assert "Stand-in data" in drawing.caption
    panels = {" ".join(axes.get_title().split()): axes for axes in drawing.figure.axes}
    line, heat = panels["Symbols, 5-way 1-shot"], panels["BOIL, Symbols, 5-way 1-shot"]
    assert [tick.get_text() for tick in line.get_xticklabels()] == ["0", "0.1", "0.2"]
    accuracy = evidence.rows("accuracy", eval_dataset="symbols", split="test")
    means = 100 * accuracy.groupby("variant", observed=True)["accuracy"].mean()
    curve = next(drawn for drawn in line.lines if len(drawn.get_ydata()) == 3)
    assert [*curve.get_ydata()] == pytest.approx([means[name] for name in ONE])
    shown = {text.get_text() for text in heat.texts}
    assert shown == {f"{means[name]:.1f}" for name in TWO}
    assert (heat.get_xlabel(), heat.get_ylabel()) == ("step size", "train steps")


def test_curves_of_one_panel_share_its_axis(tmp_path) -> None:
    """Two methods that sweep one choice over values of their own."""
    others = {f"boil_size_{n}": {"step_size": size} for n, size in enumerate((0.15, 0.1))}
    drawing = load_entry(FIGURES["sweeps"].entry)(
        swept(tmp_path, sweep("maml", ONE), sweep("boil", others))
    )
    (axes,) = drawing.figure.axes
    values = ["0", "0.1", "0.15", "0.2"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == values
    curves = [bars.lines[0] for bars in axes.containers]
    places = [[values[round(x)] for x in curve.get_xdata()] for curve in curves]
    assert places == [["0", "0.1", "0.2"], ["0.1", "0.15"]]


def test_a_study_without_a_grid_shows_none(evidence_of) -> None:
    for name in ("sweeps", "tuned"):
        product = {**FIGURES, **TABLES}[name]
        assert load_entry(product.entry)(evidence_of("full")).caption.startswith("Not measured")


#: A screen, in pixels.
WIDTH, HEIGHT = 1280, 900


@pytest.fixture
def report_of_a_sweep(tmp_path) -> Path:
    """That of two methods, two step sizes and two seeds, in a study that follows no paper."""
    grids = {
        name: {f"{name}_{size}": {"step_size": size / 100} for size in (1, 5)}
        for name in ("maml", "boil")
    }
    study = described(*(sweep(name, points) for name, points in grids.items()), seeds=2)
    measured = write_tables(tmp_path, study, episodes=20)
    at_home = pq.read_table(measured["accuracy"], filters=[("eval_dataset", "=", "symbols")])
    pq.write_table(at_home, measured["accuracy"])
    study |= {"papers": [one for one in study["papers"] if one["name"] == OWN], "roles": {}}
    evidence, paper = Evidence(measured, study), read_paper(OWN)
    figures = [tmp_path / f"{name}.json" for name in ("accuracies", "learning_curves", "sweeps")]
    for path in figures:
        draw(paper.product("figures", path.stem), evidence, path.with_suffix(""))
    tabulate(paper.product("tables", "accuracy"), evidence, tmp_path / "accuracy")
    (tmp_path / "samples.png").write_bytes(png(362, 182))
    manifest = {"dataset": "symbols", "size": 28, "licence": {"redistributable": True}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    out, images = tmp_path / "report.html", [tmp_path / "manifest.json"]
    tables, sheets = [tmp_path / "accuracy.json"], [tmp_path / "samples.png"]
    write_report(out, study, study, figures, tables, images, sheets)
    return out


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_report_is_five_screens_at_most_and_its_numbers_are_on_the_first(
    report_of_a_sweep, tmp_path
) -> None:
    browser = Browser(tmp_path / "profile")
    browser.open(report_of_a_sweep.as_uri(), WIDTH, HEIGHT)
    table = "document.getElementById('own_accuracy')"
    end = browser.evaluate(f"{table}.querySelector('table').getBoundingClientRect().bottom")
    rows = browser.evaluate(f"{table}.querySelectorAll('tbody tr').length")
    height = browser.evaluate("document.documentElement.scrollHeight")
    browser.close()
    assert rows >= 4
    assert end <= HEIGHT
    assert height <= 5 * HEIGHT
