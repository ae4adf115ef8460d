"""docs/library.md: each of its programs runs as it stands, and says what the page says."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import innerloop
import tiny
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import method
from innerloop.training.model_file import TrainedModel, Weights, save

PAGE = Path(__file__).parents[1] / "docs" / "library.md"
#: Files that the page before it has the reader write, and their text.
FILES = dict(
    re.findall(
        r"^`(\w+\.py)`:\n\n```python\n(.*?)^```",
        PAGE.with_name("extending.md").read_text(encoding="utf-8"),
        re.M | re.S,
    )
)
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def used(tmp_path: Path, study_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study and a model, photos of five classes, and photos to ask for."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(study_folder, "results/demo", symlinks=True)
    for file, text in FILES.items():
        Path(file).write_text(text, encoding="utf-8")
    network, chosen = innerloop.network(filters=4, image_size=16), method("maml")
    learner = GradientLearner(chosen, tiny.TRAINING.schedule.train_steps)
    weights = Weights(0, learner.init(network, seed=0))
    spec = replace(tiny.TRAINING, learner=chosen, way=network.way)
    model = TrainedModel(network, spec, {0: weights}, best=0, last=0)
    save(model, "results/demo/models/p1/symbols/maml/5w1s/seed0/model.pt")
    random = np.random.default_rng(0)
    for place in [*(f"photos/{name}/1.jpg" for name in "abcde"), "new/1.jpg", "new/2.jpg"]:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(place)
    return tmp_path


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_program_runs(used: Path, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    program = BLOCKS[number].replace("/scratch/me", str(used))
    exec(compile(program, f"docs/library.md, program {number + 1}", "exec"), {})
    if "new" in program:
        assert re.fullmatch(r"1.jpg [a-e]\n2.jpg [a-e]\n", capsys.readouterr().out)


def test_every_public_function_is_on_a_page() -> None:
    pages = [*PAGE.parent.glob("*.md"), PAGE.parent.parent / "README.md"]
    text = " ".join(page.read_text(encoding="utf-8") for page in pages)
    missing = [name for name in innerloop.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == ["__version__"]
