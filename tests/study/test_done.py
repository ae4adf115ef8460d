"""Which jobs are done: what is there and was made by the present parameters."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from innerloop.runtime.files import sha256_of
from innerloop.runtime.provenance import record, write_table
from innerloop.runtime.typed_json import as_json
from innerloop.study.done import done
from innerloop.study.jobs import Jobs
from innerloop.study.study import Study
from innerloop.study.workload import Job, jobs_of

ROOT = Path(__file__).resolve().parents[2]
SMOKE: dict[str, Any] = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(study: Study) -> None:
    """What the jobs of a study leave, of every kind."""
    jobs = Jobs(study, ROOT / "workflow_scripts")
    for job in jobs_of(study):
        output, w = job.output(study), job.wildcards
        output.parent.mkdir(parents=True, exist_ok=True)
        key = next((key for key in study.models if asdict(key).items() <= w.items()), None)
        if job.rule == "build_images":
            manifest = {**as_json(jobs.images(w["dataset"], w["store"])), "files": {}, "count": 9}
            output.write_text(json.dumps(manifest), encoding="utf-8")
        elif job.rule == "train_model":
            assert key is not None
            output.write_text(json.dumps(record(jobs.train(key))), encoding="utf-8")
        else:
            match job.rule:
                case "measure_accuracy":
                    spec = jobs.evaluate(key)
                case "measure_probe":
                    spec = jobs.probe(w["probe"], key)
                case "measure_raw_pixels":
                    spec = jobs.baseline(w["dataset"], w["setting"])
                case "train_toy":
                    spec = jobs.toy(w["dataset"], w["arm"], w["seed"])
            write_table(pa.table({"x": [1]}), output, record(spec))


def left(study: Study) -> list[Job]:
    is_done = done(study)
    return [job for job in jobs_of(study) if not is_done(job)]


def test_all_is_left_then_nothing_then_what_an_edit_changes() -> None:
    study = Study(SMOKE)
    assert left(study) == jobs_of(study)
    write(study)
    assert left(study) == []
    edited = Study({**SMOKE, "probes": {**SMOKE["probes"], "cka": {"tasks": 5}}})
    assert {job.wildcards.get("probe") for job in left(edited)} == {"cka"}
    reseeded = Study({**SMOKE, "seed": 5})
    assert {job.rule for job in left(reseeded)} == {
        "train_model", "measure_accuracy", "measure_probe",
    }  # fmt: skip


REGISTRY = """
[datasets.mini_imagenet.variants.few]
collection = "mini_imagenet_jpegs"
source = "innerloop.data.sources.mini_imagenet_images:MiniImageNetImages"
listing = "few.csv"
images = {{ train = {train}, val = 2, test = 2 }}
"""


@pytest.mark.parametrize(
    ("train", "listing", "is_done"),
    [(6, "filename\n", True), (7, "filename\n", False), (6, "filename\nx.jpg\n", False)],
)
def test_images_are_of_the_listing_and_as_many_as_are_meant_now(
    tmp_path: Path, train: int, listing: str, is_done: bool
) -> None:
    own, few = tmp_path / f"{train}.toml", tmp_path / "few.csv"
    own.write_text(REGISTRY.format(train=train), encoding="utf-8")
    few.write_text("filename\n", encoding="utf-8")
    files = {
        "images.zip": {"origin": "https://example.org", "sha256": "f5"},
        "few.csv": {"origin": "listing", "sha256": sha256_of(few)},
    }
    chosen = {"few": {"source": "mini_imagenet", "variant": "few"}}
    study = Study({**SMOKE, "registry": own.name, "datasets": {**SMOKE["datasets"], **chosen}})
    job = Job("build_images", {"dataset": "few", "store": "few-84"})
    spec = Jobs(study).images("few", "few-84")
    job.output(study).parent.mkdir(parents=True)
    job.output(study).write_text(json.dumps({**as_json(spec), "files": files, "count": 10}))
    few.write_text(listing, encoding="utf-8")
    assert done(study)(job) == is_done


@pytest.mark.parametrize("content", [b"", b"{}", b'{"spec": {}}', b"PAR1 half a file"])
def test_a_file_that_is_none_of_ours_is_no_done_job(content: bytes) -> None:
    study = Study(SMOKE)
    write(study)
    for job in jobs_of(study):
        job.output(study).write_bytes(content)
    assert left(study) == jobs_of(study)
