"""The whole workflow on the smoke study: every rule, figure, table and the report."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
import yaml
from study_run import ROOT, Checkout

from innerloop.commands import main as compare
from innerloop.provenance import read_provenance
from innerloop.render.registry import FIGURES, TABLES

pytestmark = pytest.mark.workflow

SMOKE = ("--configfile", "config/smoke.yaml")


def test_sixty_jobs_at_most(tmp_path_factory: pytest.TempPathFactory) -> None:
    fresh = Checkout(tmp_path_factory.mktemp("fresh") / "innerloop")
    said = fresh.snakemake("-n", *SMOKE)
    total = next(line for line in said.stdout.splitlines() if line.startswith("total"))
    assert 40 <= int(total.split()[1]) <= 60


def test_values_from_the_command_line_change_the_default_study(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    fresh = Checkout(tmp_path_factory.mktemp("fresh") / "innerloop")
    said = fresh.snakemake("-n", "evaluate", "--config", "seed=1", "study=another").stdout
    assert "results/another/models/p1/symbols/maml/5w1s/seed0/model.json" in said


def test_every_figure_and_table_exists(smoke: Checkout) -> None:
    results = smoke.folder / "results/smoke"
    for name in FIGURES:
        for suffix in ("pdf", "png", "svg", "json"):
            assert (results / f"figures/{name}.{suffix}").stat().st_size > 100
    for name in set(TABLES) - {"user_probe"}:
        for suffix in ("csv", "tex", "json"):
            assert (results / f"tables/{name}.{suffix}").stat().st_size > 50
    assert (results / "report.html").stat().st_size > 100_000


def test_nothing_is_left_to_do(smoke: Checkout) -> None:
    assert smoke.planned(*SMOKE) == []


def test_a_figure_s_code_touches_that_figure_and_the_report(smoke: Checkout) -> None:
    path = "lib/innerloop/render/figures/p1_figure7_toy.py"
    before = (smoke.folder / path).read_text(encoding="utf-8")
    smoke.edit(
        path, "from __future__ import annotations\n", "from __future__ import annotations\nX = 1\n"
    )
    try:
        assert smoke.planned_rules(*SMOKE) == {"draw_figure": 1, "write_report": 1}
    finally:
        (smoke.folder / path).write_text(before, encoding="utf-8")


def test_the_same_episodes_for_every_model(smoke: Checkout) -> None:
    rows = smoke.aggregate("smoke", "accuracy")
    rows = rows[rows["split"] == "test"]
    per_model = rows.groupby(["protocol", "variant", "eval_dataset"])["episode"].agg(list)
    assert len(per_model) == 3 * 3 + 2
    assert all(episodes == list(range(12)) for episodes in per_model)


def test_every_result_carries_its_provenance(smoke: Checkout) -> None:
    found = list((smoke.folder / "results/smoke/measurements").rglob("*.parquet"))
    assert found
    for path in found:
        record = read_provenance(path)
        assert record["spec"]["code"]
        assert record["versions"]["torch"]
    for path in (smoke.folder / "results/smoke/models").rglob("model.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["spec"]["compute"] == {"device": "cpu", "threads": 1, "tasks_at_once": 10}
        assert record["data_digests"]["symbols"]


def test_no_demo_key_in_other_studies(smoke: Checkout) -> None:
    described = json.loads((smoke.folder / "results/smoke/study.json").read_text(encoding="utf-8"))
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    datasets = {
        name: {key: found[key] for key in study["datasets"][name]}
        for name, found in described["datasets"].items()
    }
    assert datasets == study["datasets"]
    variants = {name: list(protocol["variants"]) for name, protocol in study["protocols"].items()}
    assert {n: p["variants"] for n, p in described["protocols"].items()} == variants


def test_a_title_touches_the_report_only(smoke: Checkout) -> None:
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    smoke.write_study("titled.yaml", {**study, "title": "Another title"})
    assert smoke.planned_rules("--configfile", "titled.yaml") == {"write_report": 1}


def test_statistics_touch_figures_and_tables_only(smoke: Checkout) -> None:
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    smoke.write_study("bootstrap.yaml", {**study, "statistics": {"interval": "bootstrap"}})
    rules = set(smoke.planned_rules("--configfile", "bootstrap.yaml"))
    assert rules == {"describe_study", "draw_figure", "write_table", "write_report"}


def test_snakemake_s_own_report_has_categories_labels_and_captions(smoke: Checkout) -> None:
    smoke.snakemake(*SMOKE, "--report", "snakemake.html")
    page = (smoke.folder / "snakemake.html").read_text(encoding="utf-8")
    for said in (
        "Beyond the papers",
        "Figure 2: CKA per layer",
        "Every published number beside ours",
        "on how many tasks and seeds",
        "everything in one page",
    ):
        assert said in page, said


def test_without_latex_the_pdf_is_refused_before_anything_runs(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Checkout(tmp_path_factory.mktemp("fresh") / "innerloop")
    programs = tmp_path_factory.mktemp("programs")
    for name in ("bash", "sh", "which"):  # what Snakemake itself calls
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    done = fresh.snakemake("pdf", "-n", *SMOKE, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "texlive-latex-recommended" in said
    assert "Traceback (most recent call last)" not in said  # of Python


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_pdf_is_one_job_more(smoke: Checkout) -> None:
    assert smoke.planned_rules("pdf", *SMOKE) == {"write_pdf": 1}
    smoke.run("pdf", *SMOKE)
    pdf = smoke.folder / "results/smoke/report.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")


def test_two_studies_can_be_compared(smoke: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(smoke.folder / "results/smoke")
    compare(["compare", folder, folder])
    said = capsys.readouterr().out
    assert "The protocols are the same." in said
    assert "differs" not in said


def test_rows_of_other_parameters_are_refused(smoke: Checkout) -> None:
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    study["protocols"]["p1"]["variants"]["maml"] = {"step_size": 0.04}
    smoke.write_study("edited.yaml", study)
    table = "results/smoke/aggregates/accuracy.parquet"
    before = (smoke.folder / table).read_bytes()
    # pretend the jobs ran under the edited file: gather only
    done = smoke.snakemake(
        table, "--configfile", "edited.yaml", "--cores", "1", "--allowed-rules", "gather_table",
        "--forcerun", "gather_table", check=False,
    )  # fmt: skip
    log = (smoke.folder / "results/smoke/logs/aggregates/accuracy.log").read_text(encoding="utf-8")
    assert done.returncode != 0
    assert "step_size" in log
    assert "0.04" in log
    (smoke.folder / table).write_bytes(before)


def test_tables_are_readable(smoke: Checkout) -> None:
    accuracy = pd.read_csv(smoke.folder / "results/smoke/tables/p1_table1_accuracy.csv")
    assert len(accuracy) >= 3
