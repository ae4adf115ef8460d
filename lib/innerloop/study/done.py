"""Which jobs of a study are done: their file exists and was made with the current parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import InnerloopError
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import read_provenance
from innerloop.runtime.typed_json import as_json
from innerloop.specs.measure import Spec
from innerloop.study.jobs import Jobs
from innerloop.study.model_key import model_key
from innerloop.study.study import Study
from innerloop.study.workload import Job

#: The parameters that an image store's manifest records.
_OF_IMAGES = ("dataset", "variant", "size", "source")


def done(study: Study) -> Callable[[Job], bool]:
    """A function that tells whether a job of a study, run from this folder, is done.

    Changes in code are ignored; `snakemake -n` detects them.
    """
    jobs = Jobs(study)

    def is_done(job: Job) -> bool:
        output = job.output(study)
        try:
            return output.is_file() and _recorded(output) == _parameters(jobs, job)
        except (InnerloopError, OSError, ValueError, KeyError):  # not a file of Innerloop's
            return False

    return is_done


def _parameters(jobs: Jobs, job: Job) -> dict[str, Any]:
    w = job.wildcards
    if job.rule == "build_images":
        spec = jobs.images(w["dataset"], w["store"])
        return {
            **{name: getattr(spec, name) for name in _OF_IMAGES},
            "count": sum(spec.images.values()),
            "listing": spec.listing.sha256 if spec.listing else None,
        }
    return _without_code(as_json(_measured(jobs, job)))


def _measured(jobs: Jobs, job: Job) -> Spec:
    w = job.wildcards
    if job.rule == "measure_raw_pixels":
        return jobs.baseline(w["dataset"], w["setting"])
    if job.rule == "train_toy":
        return jobs.toy(w["dataset"], w["arm"], w["seed"])
    if job.rule == "train_model":
        return jobs.train(model_key(w))
    if job.rule == "measure_accuracy":
        return jobs.evaluate(model_key(w))
    return jobs.probe(w["probe"], model_key(w))


def _recorded(output: Path) -> dict[str, Any]:
    if output.name == "manifest.json":
        manifest = read_json(output)
        files = manifest["files"].values()
        listed = [file["sha256"] for file in files if file["origin"] == "listing"]
        return {
            **{name: manifest[name] for name in _OF_IMAGES},
            "count": manifest["count"] if files else 0,  # without files, the source itself says
            "listing": listed[0] if listed else None,
        }
    record = read_json(output) if output.suffix == ".json" else read_provenance(output)
    return _without_code(record["spec"])


def _without_code(spec: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in spec.items() if name != "code"}
    if "model" in plain:
        plain["model"] = _without_code(plain["model"])
    return plain
