"""A job whose result was made before, and replaced by another since, takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_measure import measured
from training_job import run

from innerloop.data.image_store import ImageStore
from innerloop.probes import accuracy
from innerloop.runtime.files import read_json, sha256_of, write_json
from innerloop.runtime.replaced import keep
from innerloop.training import run as training_run


def test_a_training_that_is_wanted_again(
    images: ImageStore, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are those of the first time, and it counts as trained then."""
    folder = study / "seed0/model"
    files = sorted(folder.iterdir())
    before = {file.name: sha256_of(file) for file in files}
    curve = (study / "seed0/training.csv").read_bytes()
    (study / "seed0/training.csv").write_text("of another training")
    keep([folder / "model.json", *(each for each in files if each.name != "model.json")], study)
    assert not [*folder.iterdir()]

    monkeypatch.setattr(training_run, "_training", lambda *_: pytest.fail("trained again"))
    run(images, study / "seed0", None, None, "--replaced", str(study))
    after = {file.name: sha256_of(file) for file in folder.iterdir()}
    assert after | {"run.json": ""} == before | {"run.json": ""}
    assert (study / "seed0/training.csv").read_bytes() == curve
    spent = read_json(folder / "run.json")
    assert spent["earlier_seconds"] == spent["wall_seconds"]


def test_measurements_of_a_model_that_is_another_now(
    images: ImageStore, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replaced = measured(images, study, "accuracy"), study / "replaced"
    before = path.read_bytes()
    keep([path], replaced)
    manifest = study / "seed0/model/model.json"
    record = read_json(manifest)
    write_json(manifest, record | {"digest": "that of other weights"})
    with pytest.raises(Exception, match=r"is not the model that .* describes"):  # not taken back
        measured(images, study, "accuracy", replaced=replaced)
    write_json(manifest, record)
    monkeypatch.setattr(accuracy, "accuracy", lambda *_: pytest.fail("measured again"))
    assert measured(images, study, "accuracy", replaced=replaced).read_bytes() == before
