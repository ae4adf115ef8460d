"""A record adds up what is measured in parts, refuses what does not belong, and is reported on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from test_partial_report import Shown, study, write_accuracies

from innerloop.commands.gallery import main as gallery
from innerloop.commands.record import Record, main
from innerloop.runtime.errors import ConfigError, ProvenanceError
from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.typed_json import as_json
from innerloop.study import paths
from innerloop.study.jobs import Jobs
from innerloop.study.keys import ACCESS
from innerloop.study.measurements import Measurements
from innerloop.study.products import Products
from innerloop.study.study import Study
from shipped import FIGURES, TABLES

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow_scripts"
#: The record of real images.
KEPT = ROOT / "docs/results/compact"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """An empty record of the smoke study, of two seeds, in a folder where nothing has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("innerloop.commands.so_far.Products", Shown)
    return Record(Path("kept"), study(model_seeds=[0, 1]).config)


def measure(whole: Study, *seeds: int, other: float = 0.0) -> None:
    """What jobs would leave of the models of some seeds, with the digest of their code."""
    jobs = Jobs(whole, SCRIPTS)
    for key in whole.models:
        if key.seed in seeds:
            write_json(key.fill(paths.MODEL, study="smoke"), {"spec": as_json(jobs.train(key))})
    for path, spec in Measurements(jobs).files("accuracy").items():
        if "baseline" in path or any(f"seed{seed}" in path for seed in seeds):
            write_accuracies(path, spec, other)


def accuracies(record: Record) -> list[str]:
    """Seed and name of the models whose accuracies are kept."""
    files = record.folder.glob("seed*/measurements/accuracy/p1/*/*/5w1s.parquet")
    return sorted(f"{file.parts[1]} {file.parent.name}" for file in files)


def test_parts_add_up(record: Record) -> None:
    for seed in (1, 0):
        shutil.rmtree("results", ignore_errors=True)
        measure(record.study, seed)
        assert record.add() == (3 + 3 + 3 if seed else 3 + 3)
        assert record.add() == 0
    assert record.trained == 6
    assert accuracies(record) == [
        f"seed{seed} {name}" for seed in (0, 1) for name in ("boil", "maml", "unit_norm")
    ]
    shutil.rmtree("results")
    assert Record.read(record.folder).write() == []
    assert (record.folder / "tables/p1/table1_accuracy.json").is_file()
    assert "6 models" in (record.folder / "report.html").read_text(encoding="utf-8")


def test_of_a_run_all_is_kept_but_whose_machine_it_was(record: Record) -> None:
    measure(record.study, 0, 1)
    models = [key for key in record.study.models if key.seed == 0]
    ran = {"processor": "Mill 2", "date": "2026-11-28 13:40:38", "wall_seconds": 90}
    for key in models:
        run = Path(key.fill(paths.MODEL, study="smoke")).with_name("run.json")
        write_json(run, {**ran, "host": "babbage"})
    record.add()
    kept = [*record.folder.glob("seed*/models/**/run.json")]
    assert len(kept) == len(models)
    assert all(read_json(file) == ran for file in kept)
    record.write()
    report = (record.folder / "report.html").read_text(encoding="utf-8")
    assert "Mill 2 (3 of 6 models say so)" in report
    assert "Training time" not in report  # of half of the models
    assert "babbage" not in report
    for file in record.folder.glob("seed1/models/**/model.json"):
        write_json(file.with_name("run.json"), ran)
    record.write()
    report = (record.folder / "report.html").read_text(encoding="utf-8")
    assert "models say so" not in report
    assert "Training time" in report


def test_what_is_repeated_must_be_the_same(record: Record) -> None:
    measure(record.study, 0)
    record.add()
    measure(record.study, 0, other=0.01)
    with pytest.raises(ProvenanceError, match="holds other numbers than kept/seed0"):
        record.add()


def test_what_was_made_under_other_parameters_is_refused(record: Record) -> None:
    measure(study(model_seeds=[0], seed=5), 0)
    with pytest.raises(ProvenanceError, match="does not belong to this study file"):
        record.add()


def test_a_damaged_file_is_left_out_and_said(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(record.study, 0)
    record.add()
    damaged = next(record.folder.glob("seed0/measurements/accuracy/p1/*/boil/5w1s.parquet"))
    damaged.write_bytes(b"PAR1")
    main([str(record.folder)])
    assert f"left out: {damaged}" in capsys.readouterr().out


def test_how_files_were_obtained_is_not_kept(record: Record) -> None:
    """Neither the place on one machine, nor that its user has accepted a licence."""
    access = {"data_root": "/scratch/me", "mirrors": ["https://m"], "accept_licence": ["cub"]}
    assert {*access} == {*ACCESS}
    here = Record(record.folder, {**record.config, **access})
    measure(here.study, 0)
    here.add()
    assert not access.keys() & yaml.safe_load((record.folder / "study.yaml").read_text()).keys()


def test_where_there_is_no_record_it_is_said(record: Record) -> None:
    with pytest.raises(ConfigError, match="holds no record"):
        Record.read(record.folder)
    with pytest.raises(ConfigError, match="keeps no measurement"):
        record.write()


@pytest.fixture
def remade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The measurements on real images, without what was made of them."""
    monkeypatch.chdir(ROOT)  # where its registry counts from
    made = shutil.ignore_patterns("tables", "figures", "study.json")
    return Record.read(shutil.copytree(KEPT, tmp_path / "compact", ignore=made))


def test_the_record_of_real_images_gives_its_tables_and_the_captions_in_the_docs(
    remade: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `innerloop results docs/results/compact` prints is what the measurements there are."""
    figures, names = ["accuracies", "p1_figure1_weight_norms"], ["accuracy", "p2_table1_step_sizes"]
    monkeypatch.setattr("innerloop.commands.so_far.Products", made_of(figures, names))
    assert remade.write() == []
    assert read_json(remade.folder / "study.json") == read_json(KEPT / "study.json")
    for name in ("own/accuracy", "p2/table1_step_sizes"):
        file = f"tables/{name}.json"
        assert read_json(remade.folder / file) == read_json(KEPT / file)
    page = (ROOT / "docs/real_images/gallery.md").read_text(encoding="utf-8")
    for name in ("own/accuracies", "p1/figure1_weight_norms"):
        assert read_json(remade.folder / f"figures/{name}.json")["caption"] in page


@pytest.mark.long
def test_all_of_the_record_s_tables_and_its_gallery_are_what_was_measured(
    remade: Record, tmp_path: Path
) -> None:
    assert remade.write() == []
    tables = [
        {str(file.relative_to(folder)): read_json(file) for file in folder.glob("tables/*/*.json")}
        for folder in (remade.folder, KEPT)
    ]
    assert tables[0].keys() == tables[1].keys()
    assert [name for name, table in tables[0].items() if table != tables[1][name]] == []
    gallery([str(remade.folder), str(tmp_path)])
    pages = [
        (folder / "gallery.md").read_text(encoding="utf-8").partition("\n## ")[2]
        for folder in (tmp_path, ROOT / "docs/real_images")
    ]
    assert pages[0] == pages[1]


def made_of(figures: list[str], tables: list[str]) -> type[Products]:
    """What makes some figures and tables alone: all of them take a minute."""

    class Some(Products):
        def __init__(self, study: Study) -> None:
            super().__init__(study)
            self.figures = [FIGURES[name] for name in figures]
            self.tables = [TABLES[name] for name in tables]

    return Some
