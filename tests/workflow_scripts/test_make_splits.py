"""The program that makes splits: only of images that are the study's."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_job import Patterns

import make_splits
import tiny
from innerloop.data.build_images import build_images
from innerloop.runtime.errors import ProvenanceError
from innerloop.runtime.files import write_json
from innerloop.runtime.provenance import read_provenance
from innerloop.study.description import with_counts


def run(folder: Path, source: str) -> Path:
    """Make the splits of images that `mine.py:patterns` built, for a study with some source."""
    built = folder / "images"
    build_images(
        Patterns(), tiny.DATASET, tiny.SIZE, built, entry="mine.py:patterns", progress=False
    )
    spec = {"dataset": tiny.DATASET, "source": source, "splits": None, "code": "0"}
    write_json(folder / "spec.json", spec)
    out = folder / "splits.parquet"
    make_splits.main(
        [
            *("--spec", str(folder / "spec.json")),
            *("--images", str(built / "manifest.json")),
            *("--out", str(out)),
        ]
    )
    return out


def test_splits_carry_what_they_were_made_from(tmp_path: Path) -> None:
    out = run(tmp_path, "mine.py:patterns")
    assert read_provenance(out)["spec"]["source"] == "mine.py:patterns"
    described = with_counts({"datasets": {tiny.DATASET: {}}}, {tiny.DATASET: out})
    counted = described["datasets"][tiny.DATASET]
    assert counted["classes"] == tiny.CLASSES
    assert counted["equal_images"]["images"] == sum(tiny.CLASSES.values()) * tiny.EACH


def test_images_of_a_source_that_the_study_had_for_a_while_are_refused(tmp_path: Path) -> None:
    """Edited while a job was queued, and put back: Snakemake itself sees nothing to do."""
    said = "source: made with 'mine.py:patterns', the study says 'mine.py:others'"
    with pytest.raises(ProvenanceError, match=said):
        run(tmp_path, "mine.py:others")
    assert not (tmp_path / "splits.parquet").exists()
