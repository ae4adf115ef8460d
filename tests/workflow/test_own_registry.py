"""A registry of the user's own: a new data set and a variant of a built-in one, to the report."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from study_run import Checkout, smoke_study

import miniatures
from innerloop.data.catalogue import SPLITS

pytestmark = pytest.mark.workflow

SOURCE = '''"""Flowers: a folder of images for each split and class."""

from innerloop.data.archives.unpack import unpacked
from innerloop.data.sources.class_folders import ClassFolders


class Flowers(ClassFolders):
    def __init__(self, files):
        archives, work = files.files.values(), files.work
        super().__init__(unpacked(archives, work, lambda path: True), licence=files.licence)
'''
REGISTRY = """
[datasets.flowers]
default = "small"
[datasets.flowers.variants.small]
collection = "flowers"
source = "flowers.py:Flowers"
images = { train = 6, val = 6, test = 6 }

[datasets.mini_imagenet]
default = "few"
[datasets.mini_imagenet.variants.few]
collection = "few"
source = "innerloop.data.sources.mini_imagenet_images:MiniImageNetImages"
listing = "few.csv"
images = { train = 6, val = 6, test = 6 }
"""
COLLECTION = """
[collections.{name}]
licence = {{ name = "of {name}", url = "https://example.org", non_commercial = true }}
[[collections.{name}.files]]
name = "{name}.zip"
sha256 = "{sha256}"
"""
EACH = 3


def picture(*key: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), tuple(40 * k for k in key)).save(buffer, "JPEG")
    return buffer.getvalue()


def write_registry(folder: Path) -> None:
    """A registry, a class and a listing in one folder, the files in another."""
    flowers: dict[str, bytes] = {}
    images, listing = {"images/more.jpg": b"not listed, not read"}, ["filename,label,split"]
    for number, split in enumerate(SPLITS):
        for label in (2 * number, 2 * number + 1):
            for k in range(EACH):
                flowers[f"{split}/flower{label}/{k}.jpg"] = picture(label, k, 0)
                images[f"images/n{label}_{k}.jpg"] = picture(label, k, 3)
                listing.append(f"n{label}_{k}.jpg,n{label},{split}")
    (folder / "mine").mkdir()
    (folder / "files").mkdir()
    text = REGISTRY
    for name, members in {"flowers": flowers, "few": images}.items():
        archive = miniatures.write_zip(folder / f"files/{name}.zip", members)
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        text += COLLECTION.format(name=name, sha256=sha256)
    (folder / "mine/registry.toml").write_text(text, encoding="utf-8")
    (folder / "mine/flowers.py").write_text(SOURCE, encoding="utf-8")
    (folder / "mine/few.csv").write_text("\n".join(listing), encoding="utf-8")


def own_study() -> dict[str, Any]:
    """One method for two iterations, trained on the new data set and tested on both."""
    study = smoke_study()
    del study["toy"], study["probes"]
    defaults = {"image_size": 16, "filters": 4, "iterations": 2, "queries": 2, "meta_batch": 1}
    p1 = study["protocols"]["p1"]
    study["protocols"] = {
        "p1": {**p1, "variants": {"maml": {}}, "defaults": {**p1["defaults"], **defaults}}
    }
    return study | {
        "study": "own",
        "registry": "mine/registry.toml",
        "data_root": "files",
        "accept_licence": ["flowers", "mini_imagenet"],
        "roles": {"mini_imagenet": "flowers"},
        "datasets": {
            "flowers": {"source": "flowers", "label": "Flowers"},
            "mini": {"source": "mini_imagenet", "label": "A few of miniImageNet"},
        },
        "evaluation": {"tasks": 3, "queries": 2},
        "validation": {"every": 1, "tasks": 2},
        "models": {
            "plain": {
                "protocol": "p1",
                "dataset": "flowers",
                "settings": ["2w1s"],
                "evaluate_on": ["flowers", "mini"],
            }
        },
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A study on the registry, run until all is gathered that its report shows of accuracy."""
    checkout = Checkout(tmp_path_factory.mktemp("own") / "innerloop")
    write_registry(checkout.folder)
    checkout.write_study("own.yaml", own_study())
    targets = ("study.json", "aggregates/accuracy.parquet")
    checkout.run(*(f"results/own/{name}" for name in targets), "--configfile", "own.yaml")
    return checkout


def test_models_are_measured_on_its_data_sets(measured: Checkout) -> None:
    rows = measured.aggregate("own", "accuracy")
    stores = {"flowers": "small-16", "mini": "few-16"}
    assert (rows["eval_dataset"].map(stores) == rows["eval_store"]).all()
    assert set(rows["eval_dataset"]) == set(stores)
    described = json.loads((measured.folder / "results/own/study.json").read_text(encoding="utf-8"))
    variants = {name: one["variant"] for name, one in described["datasets"].items()}
    assert variants == {"flowers": "small", "mini": "few"}


def test_images_are_those_of_the_registry(measured: Checkout) -> None:
    for store, source in {
        "flowers/small-16": "flowers.py:Flowers",
        "mini/few-16": "innerloop.data.sources.mini_imagenet_images:MiniImageNetImages",
    }.items():
        path = measured.folder / f"resources/images/{store}/manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        assert (manifest["count"], manifest["distinct"]) == (18, 18)
        assert manifest["source"] == source
    assert manifest["files"]["few.csv"]["sha256"]


def test_the_same_registry_from_elsewhere_runs_nothing(measured: Checkout) -> None:
    """By its absolute path, which is in no parameters of these jobs."""
    study = own_study() | {"registry": str(measured.folder / "mine/registry.toml")}
    measured.write_study("absolute.yaml", study)
    targets = ("results/own/study.json", "evaluate")
    planned = measured.planned_rules(*targets, "--configfile", "absolute.yaml")
    assert planned == {}


@pytest.mark.long
def test_it_runs_to_the_report(measured: Checkout) -> None:
    measured.run("--configfile", "own.yaml")
    page = (measured.folder / "results/own/report.html").read_text(encoding="utf-8")
    assert "A few of miniImageNet" in page
    assert "of flowers" in page
