"""The whole workflow on the shared study: every rule, figure, table and the report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from study_run import SHARED, Checkout

from innerloop.commands import main as compare
from innerloop.runtime.compute import Compute
from innerloop.runtime.provenance import read_provenance
from innerloop.runtime.typed_json import as_json
from innerloop.study.overlays import merged_study
from innerloop.study.products import Products
from innerloop.study.study import Study
from shipped import FIGURES, OF_GRIDS, TABLES

pytestmark = pytest.mark.workflow

SMOKE = ("--configfile", "config/smoke.yaml")


def test_ninety_jobs_at_most(tmp_path: Path) -> None:
    fresh = Checkout(tmp_path / "innerloop")
    said = fresh.snakemake("-n", *SMOKE)
    total = next(line for line in said.stdout.splitlines() if line.startswith("total"))
    assert 40 <= int(total.split()[1]) <= 90


def test_values_from_the_command_line_change_the_default_study(tmp_path: Path) -> None:
    fresh = Checkout(tmp_path / "innerloop")
    said = fresh.snakemake("-n", "evaluate", "--config", "seed=1", "study=another").stdout
    assert "results/another/models/p1/symbols/maml/5w1s/seed0/model.json" in said


def test_every_figure_and_table_exists(finished: Checkout) -> None:
    results = finished.folder / "results/smoke"
    study = Study(merged_study([finished.folder / SMOKE[1]]))
    fuller = {figure.name for figure in Products(study).figures if figure.shows == "fuller"}
    assert fuller
    for figure in (FIGURES[name] for name in FIGURES.keys() - OF_GRIDS):
        if figure.shows == "fuller" and figure.name not in fuller:
            continue  # P2 has no variants but its own here
        for suffix in ("pdf", "png", "svg", "json"):
            file = results / f"figures/{figure.paper}/{figure.name}.{suffix}"
            assert file.stat().st_size > 100
    for name in TABLES.keys() - OF_GRIDS - {"probe"}:
        for suffix in ("csv", "tex", "json"):
            file = results / f"tables/{TABLES[name].paper}/{TABLES[name].name}.{suffix}"
            assert file.stat().st_size > 50
    assert (results / "report.html").stat().st_size > 100_000


def test_nothing_is_left_to_do(finished: Checkout) -> None:
    assert finished.planned(*SHARED) == []


def test_a_figure_s_code_touches_that_figure_and_the_report(finished: Checkout) -> None:
    first = "from __future__ import annotations\n"
    with finished.edited(
        "lib/innerloop/papers/p1/figures/figure7_toy.py", first, f"{first}X = 1\n"
    ):
        assert finished.planned_rules(*SHARED) == {"draw_figure": 1, "write_report": 1}


def test_the_same_episodes_for_every_model(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "accuracy")
    rows = rows[rows["split"] == "test"]
    one_model = ["protocol", "variant", "train_dataset", "eval_dataset"]
    per_model = rows.groupby(one_model)["episode"].agg(list)
    assert len(per_model) == 3 * 3 + 2 + 2 + 2 + 1  # P1's and raw pixels; learners; P2's; stripes
    assert all(episodes == list(range(12)) for episodes in per_model)


def test_what_adapts_nothing_has_accuracies_and_is_left_out_of_the_probes(
    finished: Checkout,
) -> None:
    learners = {"prototypes", "pretrained"}
    assert learners <= set(finished.aggregate("smoke", "accuracy")["variant"])
    assert set(finished.aggregate("smoke", "cka")["variant"]).isdisjoint(learners)


def test_every_result_carries_its_provenance(finished: Checkout) -> None:
    found = list((finished.folder / "results/smoke/measurements").rglob("*.parquet"))
    assert found
    for path in found:
        record = read_provenance(path)
        assert record["spec"]["code"]
        assert record["versions"]["torch"]
    for path in (finished.folder / "results/smoke/models").rglob("model.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["spec"]["compute"] == as_json(Compute("cpu", 1))
        assert record["data_digests"][record["spec"]["dataset"]]


def test_no_demo_key_in_other_studies(finished: Checkout) -> None:
    described = json.loads(
        (finished.folder / "results/smoke/study.json").read_text(encoding="utf-8")
    )
    study = merged_study([finished.folder / file for file in SHARED[1:]])
    datasets = {
        name: {key: found[key] for key in study["datasets"][name] if key != "source"}
        for name, found in described["datasets"].items()
    }
    labels = {name: {"label": chosen["label"]} for name, chosen in study["datasets"].items()}
    assert datasets == labels
    # of those too that models are trained on alone, as the toy's
    assert all(found["equal_images"]["images"] for found in described["datasets"].values())
    variants = {name: list(protocol["variants"]) for name, protocol in study["protocols"].items()}
    assert {n: p["variants"] for n, p in described["protocols"].items()} == variants


def test_a_title_touches_the_report_only(finished: Checkout) -> None:
    finished.write_study("titled.yaml", {"title": "Another title"})
    assert finished.planned_rules(*SHARED, "titled.yaml") == {"write_report": 1}


def test_statistics_touch_figures_and_tables_only(finished: Checkout) -> None:
    finished.write_study("bootstrap.yaml", {"statistics": {"interval": "bootstrap"}})
    rules = set(finished.planned_rules(*SHARED, "bootstrap.yaml"))
    assert rules == {"describe_study", "draw_figure", "write_table", "write_report"}


def test_snakemake_s_own_report_has_categories_labels_and_captions(finished: Checkout) -> None:
    finished.snakemake(*SHARED, "--report", "snakemake.html")
    page = (finished.folder / "snakemake.html").read_text(encoding="utf-8")
    for said in (
        "Questions",
        "Figure 2: CKA per layer",
        "Every published number beside ours",
        "on how many tasks and seeds",
        "everything in one page",
    ):
        assert said in page, said


def test_without_latex_the_pdf_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Checkout(tmp_path / "innerloop")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "which"):  # what Snakemake itself calls
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    done = fresh.snakemake("pdf", "-n", *SMOKE, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "texlive-latex-recommended" in said
    assert "Traceback (most recent call last)" not in said  # of Python


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_pdf_is_one_job_more(finished: Checkout) -> None:
    assert finished.planned_rules("pdf", *SHARED) == {"write_pdf": 1}
    finished.run("pdf", *SHARED)
    pdf = finished.folder / "results/smoke/report.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")


def test_two_studies_can_be_compared(
    finished: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(finished.folder / "results/smoke")
    compare(["compare", folder, folder])
    said = capsys.readouterr().out
    assert "The protocols are the same." in said
    assert "differs" not in said


def test_rows_of_other_parameters_are_refused(finished: Checkout, tmp_path: Path) -> None:
    edited = finished.copy(tmp_path / "innerloop")
    variants = {"maml": {"step_size": 0.04}}
    edited.write_study("edited.yaml", {"protocols": {"p1": {"variants": variants}}})
    # pretend the jobs ran under the edited file: gather only
    done = edited.snakemake(
        "results/smoke/aggregates/accuracy.parquet", *SHARED, "edited.yaml", "--cores", "1",
        "--allowed-rules", "gather_table", "--forcerun", "gather_table", "--no-hooks", check=False,
    )  # fmt: skip
    log = edited.folder / "results/smoke/logs/aggregates/accuracy.log"
    assert done.returncode != 0
    assert "step_size" in log.read_text(encoding="utf-8")
    assert "0.04" in log.read_text(encoding="utf-8")


def test_tables_are_readable(finished: Checkout) -> None:
    accuracy = pd.read_csv(finished.folder / "results/smoke/tables/p1/table1_accuracy.csv")
    assert len(accuracy) >= 3
