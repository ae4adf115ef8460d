"""Studies on real images that lie beside the checkout, where there are any.

Their terms forbid that any of them, or a picture of them, enters the project: what is made of them
stays in the test's own folder.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from study_run import ROOT, Checkout
from test_paper_study import RESTRICTED, SHRUNK

from innerloop.commands.gallery import _with_palette
from shipped import FIGURES

IMAGES = ROOT.parent / "shared/images"
real = pytest.mark.skipif(not IMAGES.is_dir(), reason="there is no ../shared/images")
#: Folders that `innerloop gallery` wrote.
GALLERIES = ("docs", "docs/real_images")
#: Images of the data sets' samples.
COUNTS = {
    "mini_imagenet/sample": 23_800,
    "cub/crops_2010": 6_033,
    "fc100/sample": 10_000,
    "cifar_fs/sample": 10_000,
    "cifar10/sample": 2_500,
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the images beside it."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "shared").mkdir()
    (folder / "shared/images").symlink_to(IMAGES)
    return Checkout(folder / "innerloop")


def arguments(checkout: Checkout, **more: Any) -> tuple[str, ...]:
    """The papers' study, made small, on the images beside the checkout."""
    place = {"study": "paper", "data_root": "../shared/images", "accept_licence": RESTRICTED}
    checkout.write_study("small.yaml", {**place, **copy.deepcopy(SHRUNK), **more})
    return ("--configfile", "config/paper.yaml", "small.yaml", "config/sample/sample.yaml")


def manifest(checkout: Checkout, store: str) -> dict[str, Any]:
    path: Path = checkout.folder / f"resources/images/{store}-28/manifest.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@real
@pytest.mark.workflow
def test_a_model_is_trained_on_one_of_them(checkout: Checkout) -> None:
    model = "results/paper/models/p1/cub/maml/5w1s/seed0/model.json"
    checkout.run(model, *arguments(checkout))
    assert (checkout.folder / model).is_file()
    built = manifest(checkout, "cub/crops_2010")
    assert built["count"] == COUNTS["cub/crops_2010"]
    assert "left_out" not in built


@real
@pytest.mark.workflow
@pytest.mark.long
def test_all_of_them_are_built_and_drawn_from(checkout: Checkout) -> None:
    """What comes after is the same for all images: test_paper_study.py."""
    few_shot = {"cifar_fs": {"source": "cifar_fs", "label": "CIFAR-FS"}}
    model = {
        "protocol": "p2",
        "dataset": "cifar_fs",
        "settings": ["5w1s"],
        "variants": ["meta_sgd"],
    }
    study = arguments(checkout, datasets=few_shot, models={"cifar_fs": model})
    trained = "results/paper/models/p2/cifar_fs/meta_sgd/5w1s/seed0/model.json"
    checkout.run("data", trained, *study)
    assert (checkout.folder / trained).is_file()
    for store, count in COUNTS.items():
        built = manifest(checkout, store)
        assert built["count"] == count
        assert built["distinct"] > 0.999 * count


def test_no_picture_is_in_the_project_but_the_demo_s() -> None:
    """Not even those of a data set that may be copied: they are built, not kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    files = [Path(name) for name in listed.stdout.split("\0") if name]
    held = {".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm",
            ".pgm", ".svg", ".pdf", ".npy", ".npz", ".pkl", ".pt", ".parquet", ".zip", ".tar",
            ".tgz", ".gz", ".xz", ".h5"}  # fmt: skip
    lists = {
        Path(folder, "mini_imagenet_images.csv.gz")
        for folder in ("config/sample", "lib/innerloop/data/split_lists")
    }
    found = {file for file in files if file.suffix.lower() in held} - lists
    measured = ("docs/results", "lib/innerloop/commands/demo_reference")
    kept = {file for file in found if any(file.is_relative_to(folder) for folder in measured)}
    for file in kept:  # numbers, their names, and what made them
        types = pq.read_schema(ROOT / file).types
        assert all(pa.types.is_primitive(each) or pa.types.is_string(each) for each in types)
    found -= kept
    names = {f"{figure.paper}_{figure.name}.png" for figure in FIGURES.values()}
    # drawings, and the beginning of the demo's report, above its images
    names |= {"intervals.svg", "terminal.svg", "workflow.svg", "report.png"}
    assert {file.parent.as_posix() for file in found} <= {
        f"{folder}/pictures" for folder in GALLERIES
    }
    assert {file.name for file in found} - names == set()


def is_plot(picture: Image.Image) -> bool:
    """Whether a picture has few colours and is mostly white, as plots and pages are.

    The gallery's pictures have palettes, so that of them the colours say nothing.
    """
    colours = picture.convert("RGB").getcolors(2000) or []
    white = sum(count for count, colour in colours if colour == (255, 255, 255))
    return white > 0.5 * picture.width * picture.height


def test_no_picture_shows_an_image_of_a_data_set() -> None:
    photograph = load_sample_images().images[0].copy()
    photograph[::3] = 255  # as white as a sheet of samples with wide gaps
    assert not is_plot(Image.fromarray(photograph))
    assert not is_plot(_with_palette(photograph))
    pictures = {
        f"{folder}, {path.name}": path.read_bytes()
        for folder in GALLERIES
        for path in (ROOT / folder / "pictures").glob("*.png")
    }
    tour = json.loads((ROOT / "docs/tour.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in tour["cells"] for output in cell.get("outputs", [])]
    shown = [
        output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})
    ]
    pictures |= {f"tour, {i}": base64.b64decode(text) for i, text in enumerate(shown)}
    assert len(pictures) > len(shown) > 0
    for name, content in pictures.items():
        with Image.open(io.BytesIO(content)) as picture:
            assert is_plot(picture), name
    for drawing in (ROOT / "docs/pictures").glob("*.svg"):
        assert "<image" not in drawing.read_text(encoding="utf-8"), drawing
