"""A study as one file to pass on: what is in it, what is not, and that it is what it says."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from study_run import SHARED, Checkout

import innerloop
from innerloop.commands import main

pytestmark = pytest.mark.workflow

WITHHELD, FREE = "stripes", "symbols"


@pytest.fixture(scope="module")
def bundled(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the shared study, unpacked."""
    pytest.importorskip("rocrate", reason="needs the extra bundle")
    folder = tmp_path_factory.mktemp("bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished.folder)
        files = ["--configfile", *SHARED[1:]]
        main(["bundle", "smoke", str(folder / "first.zip"), *files])
        main(["bundle", "smoke", str(folder / "again.zip"), *files])
    assert (folder / "first.zip").read_bytes() == (folder / "again.zip").read_bytes()
    with ZipFile(folder / "first.zip") as archive:
        archive.extractall(folder / "all")
    return folder / "all"


def test_every_file_has_its_checksum(bundled: Path) -> None:
    lines = (bundled / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = [path for path in bundled.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    assert sums == {
        path.relative_to(bundled).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_no_image_of_a_set_that_may_not_be_passed_on(bundled: Path, finished: Checkout) -> None:
    """Neither its pixels, nor a sheet of them, by itself or in the report."""
    resources = finished.folder / "resources/images"
    sheets = {name: next((resources / name).rglob("samples.png")) for name in (WITHHELD, FREE)}
    pixels = np.load(next((resources / WITHHELD).rglob("images.npy")), mmap_mode="r")
    rows = {np.ascontiguousarray(pixels[number, 0, 8]).tobytes() for number in range(0, 60, 7)}
    everything = b"".join(path.read_bytes() for path in bundled.rglob("*") if path.is_file())
    assert not any(row in everything for row in rows)
    withheld = sheets[WITHHELD].read_bytes()
    assert withheld not in everything
    assert b64encode(withheld) not in everything
    assert b64encode(sheets[FREE].read_bytes()) in everything
    assert not list(bundled.rglob("*.npy"))


def test_models_are_those_of_the_study_and_their_cards_repeat_the_terms(
    bundled: Path, finished: Checkout
) -> None:
    manifests = sorted((bundled / "results/smoke/models").rglob("model.json"))
    assert len(manifests) == len(list((finished.folder / "results").rglob("model.pt")))
    for manifest in manifests:
        model = innerloop.load(manifest.with_name("model.safetensors"))
        assert model.digest() == json.loads(manifest.read_text(encoding="utf-8"))["digest"]
    trained_on_symbols = next(each for each in manifests if FREE in each.parts)
    card = trained_on_symbols.with_name("README.md").read_text(encoding="utf-8")
    assert "SIL OFL 1.1" in card
    assert "| test |" in card


def test_it_says_when_the_user_s_claims_were_declared(bundled: Path, finished: Checkout) -> None:
    declared = "results/smoke/declared.json"
    assert (bundled / declared).read_bytes() == (finished.folder / declared).read_bytes()


def test_the_user_s_own_code_is_in_it_and_the_study_file_is_complete(bundled: Path) -> None:
    from innerloop.study.reading import read_study_file

    assert read_study_file(bundled / "study.yaml")["study"] == "smoke"
    assert {"Snakefile", "my_rule.py", "README.md"} <= {path.name for path in bundled.iterdir()}


def test_unpacked_it_is_a_workflow_that_repeats_the_study(bundled: Path, tmp_path: Path) -> None:
    unpacked = Checkout.at(bundled).copy(tmp_path / "unpacked")
    said = unpacked.snakemake("-n", "--configfile", "study.yaml", "--config", "study=smoke_again")
    assert "results/smoke_again/report.html" in said.stdout


def test_the_crate_lists_every_file_and_its_run(bundled: Path) -> None:
    text = (bundled / "ro-crate-metadata.json").read_text(encoding="utf-8")
    entities = {each["@id"]: each for each in json.loads(text)["@graph"]}
    outside = {"SHA256SUMS", "ro-crate-metadata.json"}
    for path in bundled.rglob("*"):
        name = path.relative_to(bundled).as_posix()
        assert path.is_dir() or name in outside or name in entities, name
    run = entities["#run"]
    assert run["instrument"] == {"@id": "Snakefile"}
    assert {"@id": "study.yaml"} in run["object"]
    assert {"@id": "results/smoke/report.html"} in run["result"]


def test_the_crate_validates(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the validator of those who made the format, with the context that the library ships."""
    services = pytest.importorskip(
        "rocrate_validator.services", reason="pip install roc-validator, where rich may be of 13"
    )
    import requests
    import rocrate
    from rocrate_validator.utils.http import HttpRequester

    def shipped(self: object, url: str, **_: object) -> requests.Response:
        response = requests.Response()
        response.status_code = 404
        if str(url).endswith("/context"):
            context = Path(rocrate.__file__).with_name("data") / "ro-crate.jsonld"
            # of a later version, in which one name has moved
            text = context.read_text(encoding="utf-8").replace(
                "bioschemas.org/terms/", "bioschemas.org/"
            )
            response._content, response.status_code = text.encode(), 200
            response.headers["Content-Type"] = "application/ld+json"
        return response

    monkeypatch.setattr(HttpRequester, "get", shipped, raising=False)
    settings = {
        "rocrate_uri": str(bundled), "profile_identifier": "workflow-run-crate", "offline": True,
    }  # fmt: skip
    result = services.validate(settings)
    assert not result.has_issues(), [issue.message for issue in result.get_issues()]


def test_a_report_of_before_is_refused(finished: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)
    report = finished.folder / "results/smoke/report.html"
    kept = report.read_text(encoding="utf-8")
    sheet = next((finished.folder / f"resources/images/{WITHHELD}").rglob("samples.png"))
    report.write_text(kept + b64encode(sheet.read_bytes()).decode(), encoding="utf-8")
    try:
        with pytest.raises(SystemExit, match=f"shows images of {WITHHELD}"):
            main(["bundle", "smoke", "out.zip", "--configfile", *SHARED[1:]])
    finally:
        report.write_text(kept, encoding="utf-8")
