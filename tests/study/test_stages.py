"""What each key of a study file is a parameter of: the rules whose jobs change when it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.runtime.compute import Compute
from innerloop.runtime.files import canonical_json
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SMOKE: dict[str, Any] = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
#: Stages of the workflow; a measurement's parameters hold those of the model that it measures.
DATA = {"images", "splits", "episodes", "raw pixels"}
MEASURED = {"accuracy", "cka", "interventions", "own_change", "protonet", "scale_invariance"}
TRAINED = {"train", *MEASURED}


def jobs_of(study: Study) -> Iterator[tuple[str, str, Any]]:
    """Stage, what is made, and by which parameters."""
    jobs = Jobs(study)
    for dataset, size in jobs.image_stores():
        store = jobs.store(dataset, size)
        yield "images", f"{dataset}/{store}", jobs.images(dataset, store)
        yield "splits", dataset, jobs.splits(dataset)
    for dataset, setting in jobs.episode_tables():
        yield "episodes", f"{dataset}/{setting}", jobs.episodes(dataset, setting)
    made = Measurements(jobs)
    for table in {"training", *MEASURED, "toy"} & {*made.tables()}:
        for path, spec in made.files(table).items():
            raw = "raw_pixels" in path
            yield {"training": "train"}.get(table, "raw pixels" if raw else table), path, spec


def changed(place: str, value: Any, compute: dict[str, Any] | None = None) -> set[str]:
    """The stages that a key's value changes, by what they are run with."""
    texts = []
    for edited in (False, True):
        content = json.loads(json.dumps(SMOKE))  # a copy without YAML's aliases
        content["compute"] |= compute or {}
        if edited:
            *above, key = place.split(".")
            inner = content
            for name in above:
                inner = inner.setdefault(name, {})
            inner[key] = value
        made = jobs_of(Study(content))
        texts.append({(stage, path): canonical_json(spec) for stage, path, spec in made})
    jobs = texts[0].keys() | texts[1].keys()
    return {job[0] for job in jobs if texts[0].get(job) != texts[1].get(job)}


KEYS: list[tuple[str, Any, set[str]]] = [
    ("compute.tf32", True, set()),
    ("compute.deterministic", False, set()),
    ("compute.cuda_graph", False, set()),
    ("compute.keep_activations", True, set()),
    ("compute.save_every", 7, set()),
    ("compute.rehearse", False, set()),
    ("compute.tensorboard", True, set()),
    ("compute.jobs_per_gpu", 7, set()),
    ("accept_licence", ["cub"], set()),
    ("title", "Another", set()),
    ("seed", 1, TRAINED | {"episodes"}),
    ("model_seeds", [1], TRAINED),
    ("compute.device", "cuda", TRAINED | {"toy"}),
    ("compute.threads", 2, TRAINED | {"toy"}),
    ("compute.tasks_at_once", 3, MEASURED),
    ("compute.resources.train_toy", {"mem_mb": 9}, set()),
    ("papers", ["p1"], set()),
    ("roles.cub", "scripts", set()),
    ("datasets.people.label", "Folk", set()),
    ("datasets.people.splits", str(Path(__file__).with_name("classes.csv")), {"splits"}),
    ("data_root", "/elsewhere", set()),
    ("mirrors", ["https://example.org"], set()),
    ("statistics.level", 0.9, set()),
    ("evaluation.tasks", 13, {"episodes", "raw pixels", "accuracy"}),
    # validation tasks have as many queries as those that are measured on
    ("evaluation.queries", 6, TRAINED | {"episodes", "raw pixels"}),
    ("validation.every", 1, TRAINED),
    ("validation.tasks", 7, TRAINED),
    ("checkpoints", [0, 1], TRAINED),
    ("protocols.p1.title", "Another", set()),
    ("protocols.p1.variants.maml.label", "Another", set()),
    ("protocols.p2.defaults.test_steps", 4, {"train", "accuracy", "protonet"}),
    ("protocols.p1.variants.unused", {"method": "anil"}, set()),
    ("methods", {"unused": {"adapts": "head"}}, set()),
    ("models.plain.evaluate_on", ["symbols"], {"accuracy", "cka", "scale_invariance"}),
    ("models.plain.splits", ["val", "test"], {"episodes", "raw pixels", "accuracy"}),
    ("models.plain.probes", ["cka"], {"interventions", "own_change", "scale_invariance"}),
    ("probes.cka.tasks", 7, {"cka"}),
    ("probes.interventions.which", "all", {"interventions"}),
    ("probes.own_change.tasks", 7, {"own_change"}),
    ("probes.protonet.joint", True, {"protonet"}),
    ("probes.scale_invariance.scale", 11, {"scale_invariance"}),
    ("toy.epochs", 2, {"toy"}),
    ("toy.arms", ["unit_norm"], {"toy"}),
]


@pytest.fixture(autouse=True)
def _with_every_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innerloop.study.checks.find_spec", lambda name: name)


@pytest.mark.parametrize(("place", "value", "stages"), KEYS, ids=[key for key, *_ in KEYS])
def test_a_key_is_a_parameter_of_its_own_stages_alone(
    place: str, value: Any, stages: set[str]
) -> None:
    assert changed(place, value) == stages


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("tf32", True, TRAINED),
        ("tf32", False, set()),
        ("cuda_graph", False, TRAINED),
        ("cuda_graph", True, set()),
        ("deterministic", False, TRAINED),
        ("deterministic", True, set()),
        ("tasks_at_once", 3, MEASURED),
    ],
)
def test_what_decides_bits_on_a_gpu(key: str, value: object, stages: set[str]) -> None:
    assert changed(f"compute.{key}", value, {"device": "cuda"}) == stages


def test_what_only_training_uses_is_not_among_a_measurement_s_own_parameters() -> None:
    compute = {**SMOKE["compute"], "device": "cuda", "tf32": True, "cuda_graph": False}
    jobs = jobs_of(Study({**SMOKE, "compute": compute}))
    found = {stage: spec.compute for stage, _, spec in jobs if hasattr(spec, "compute")}
    assert found["train"] == Compute("cuda", 1, tf32=True, cuda_graph=False)
    assert found["accuracy"] == found["toy"] == Compute("cuda", 1)


def test_every_key_of_a_study_file_is_looked_at_here() -> None:
    """A new one's stages are to be thought of."""
    schema = json.loads((ROOT / "lib/innerloop/study/schema.json").read_text(encoding="utf-8"))
    compute = schema["properties"]["compute"]["properties"]
    known = {*schema["properties"], *(f"compute.{key}" for key in compute)}
    looked_at = {".".join(key.split(".")[:depth]) for key, *_ in KEYS for depth in (1, 2)}
    assert known - looked_at == {"study", "registry"}  # where it lies; what sources are


def test_a_probe_may_measure_each_model_where_it_was_trained() -> None:
    """Jobs are then those of a list with that data set alone; nothing is computed anew."""
    content = json.loads(json.dumps(SMOKE))
    content["models"]["elsewhere"] = {
        **content["models"]["plain"],
        **{"dataset": "people", "evaluate_on": ["scripts"], "probes": ["own_change"]},
    }
    listed = {path: spec for stage, path, spec in jobs_of(Study(content)) if stage == "own_change"}
    content["probes"]["own_change"]["datasets"] = "trained_on"
    content["probes"]["interventions"]["datasets"] = "trained_on"  # and is followed over training
    study = Study(content)
    made = {path: spec for stage, path, spec in jobs_of(study) if stage == "own_change"}
    measured = {spec.model.dataset: spec.datasets for spec in made.values()}
    assert measured == {"symbols": ("symbols",), "people": ("people",)}
    assert made.keys() == listed.keys()
    assert {path for path in made if made[path] == listed[path]} == {
        path for path in made if made[path].model.dataset == "symbols"
    }


def test_validation_batches_follow_from_the_task_alone() -> None:
    """Ten tasks as in the demo, and no more images than a GPU holds."""
    model = next(iter(Study(SMOKE).models.values()))
    assert model.validated_together(15) == 10
    assert model.validated_together(100) == 3
    assert model.validated_together(10_000) == 1
