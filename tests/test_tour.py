"""The notebook docs/tour.ipynb: it runs as it is, and what it shows comes from a run."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "docs/tour.ipynb"
RUNS = find_spec("nbclient") and find_spec("ipykernel")


def test_it_was_run_and_shows_no_place_of_its_own():
    text = TOUR.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs
    assert not any(output["output_type"] == "error" for output in outputs)
    assert "/tmp/" not in json.dumps(outputs)


def test_it_shows_the_record_as_it_is():
    """Which grows: then the notebook is run anew."""
    record = ROOT / "docs/results/compact/tables/own/accuracy.json"
    rows = json.loads(record.read_text(encoding="utf-8"))["rows"]
    means = {cell.partition(" ± ")[0] for row in rows for cell in row if " ± " in cell[:7]}
    text = TOUR.read_text(encoding="utf-8")
    assert len(means) > 4
    assert {mean for mean in means if f"<td>{mean}</td>" not in text} == set()


@pytest.mark.long
@pytest.mark.skipif(not RUNS, reason="needs nbclient and ipykernel, of the extra dev")
def test_it_runs(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "results").symlink_to(ROOT / "docs/results")
    library = (str(ROOT / "lib"), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, library)))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(TOUR, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    assert [*tmp_path.iterdir()] == [tmp_path / "results"]
