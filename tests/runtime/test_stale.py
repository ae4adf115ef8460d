"""What files say they were made by, and when that decides."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from innerloop.runtime.errors import DamagedFileError
from innerloop.runtime.files import canonical_json, short_digest, write_json
from innerloop.runtime.provenance import record, write_table
from innerloop.runtime.stale import is_stale, made_by

DIGEST = "0123456789abcdef"
SPEC = {"seed": 1, "code": "0"}


def png(path: Path, **texts: str) -> Path:
    said = PngInfo()
    for key, text in texts.items():
        said.add_text(key, text)
    Image.effect_noise((64, 64), 50).save(path, pnginfo=said)
    return path


def test_each_kind_of_file_says_what_made_it(tmp_path: Path) -> None:
    spec = short_digest(canonical_json(SPEC))
    write_json(tmp_path / "model.json", {"spec": SPEC})
    assert made_by(tmp_path / "model.json") == spec
    write_json(tmp_path / "table.json", {"made_by": DIGEST})
    assert made_by(tmp_path / "table.json") == DIGEST
    write_table(pa.table({"a": [1]}), tmp_path / "cka.parquet", record(SPEC))
    assert made_by(tmp_path / "cka.parquet") == spec
    write_table(pa.table({"a": [1]}), tmp_path / "all.parquet", {"made_by": DIGEST})
    assert made_by(tmp_path / "all.parquet") == DIGEST
    assert made_by(png(tmp_path / "samples.png", other="text", made_by=DIGEST)) == DIGEST
    page = f'<head><meta charset="utf-8"><meta name="made_by" content="{DIGEST}"></head>'
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    assert made_by(tmp_path / "report.html") == DIGEST


def test_a_file_of_an_earlier_version_says_nothing(tmp_path: Path) -> None:
    write_json(tmp_path / "table.json", {"title": "Accuracy"})
    write_table(pa.table({"a": [1]}), tmp_path / "all.parquet", {"table": "cka"})
    png(tmp_path / "samples.png")
    (tmp_path / "report.html").write_text('<meta name="made_by" content="">', encoding="utf-8")
    assert [made_by(file) for file in tmp_path.iterdir()] == [None] * 4


def test_a_damaged_file_is_left_to_its_reader(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"spec": ', encoding="utf-8")
    with pytest.raises(DamagedFileError):
        made_by(tmp_path / "model.json")
    assert not is_stale(job(tmp_path / "model.json", spec="{}"), Notes())


class Notes:
    """Snakemake's notes: of which files, and when each was finished."""

    def __init__(self, *files: Path, outdated: bool = False) -> None:
        self.ends = {str(file): file.stat().st_mtime for file in files}
        self.outdated = outdated

    def has_metadata(self, of: Any) -> bool:
        return all(file in self.ends for file in of.output)

    def has_outdated_metadata(self, of: Any) -> bool:
        return self.outdated

    def metadata(self, file: str) -> Any:
        return SimpleNamespace(endtime=self.ends[file])


def job(*files: Path, **params: str) -> Any:
    return SimpleNamespace(output=[str(file) for file in files], params=params)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_json(tmp_path / "model.json", {"spec": SPEC})
    return tmp_path / "model.json"


SAME, OTHER = canonical_json(SPEC), canonical_json({**SPEC, "seed": 2})


def test_without_notes_the_file_decides(model: Path) -> None:
    assert not is_stale(job(model, spec=SAME), Notes())
    assert is_stale(job(model, spec=OTHER), Notes())
    assert not is_stale(job(model.with_name("none.json"), spec=OTHER), Notes())
    model.write_text('{"seed": 1}', encoding="utf-8")
    assert is_stale(job(model, spec=SAME), Notes())


def test_a_digest_that_is_named_stands_for_more_than_the_spec(tmp_path: Path) -> None:
    write_json(tmp_path / "table.json", {"made_by": DIGEST})
    assert not is_stale(job(tmp_path / "table.json", spec=OTHER, made_by=DIGEST), Notes())
    assert is_stale(job(tmp_path / "table.json", spec=OTHER, made_by=DIGEST[::-1]), Notes())


def test_notes_of_this_very_file_decide_alone(model: Path) -> None:
    assert not is_stale(job(model, spec=OTHER), Notes(model))


def test_notes_of_another_file_of_that_name_do_not(model: Path) -> None:
    notes = Notes(model)
    os.utime(model, (0, 0))
    assert is_stale(job(model, spec=OTHER), notes)
    assert not is_stale(job(model, spec=SAME), notes)
    model.write_text('{"seed": 1}', encoding="utf-8")  # nothing against it: times alone count
    assert not is_stale(job(model, spec=SAME), notes)


def test_nor_do_notes_of_some_files_of_a_job_or_of_another_snakemake(model: Path) -> None:
    assert is_stale(job(model, model.with_name("model.pt"), spec=OTHER), Notes(model))
    assert is_stale(job(model, spec=OTHER), Notes(model, outdated=True))
