"""Model files: what is written comes back; anything else is refused with a reason."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from innerloop.learners.gradient_based.methods import method
from innerloop.runtime.errors import CheckpointError
from innerloop.training.checkpoint import Checkpoint
from innerloop.training.model_file import FORMAT, TrainedModel, Weights, load, save


@pytest.fixture
def model() -> TrainedModel:
    chosen = method("scaled_lr", rule_options={"norm": "filter"})
    kept = {number: Weights(number, tiny.state(chosen, seed=number)) for number in (0, 40, 60)}
    spec = replace(tiny.TRAINING, learner=chosen)
    return TrainedModel(tiny.NETWORK, spec, kept, best=40, last=60)


def test_round_trip(model: TrainedModel, tmp_path: Path):
    save(model, tmp_path / "model.pt")
    found = load(tmp_path / "model.pt")
    assert found.digest() == model.digest()
    assert (found.network, found.learner, found.spec) == (model.network, model.learner, model.spec)
    assert (found.best, found.last) == (40, 60)
    for name, weight in model.slow.items():
        assert torch.equal(found.slow[name], weight)
    assert found.step_sizes.keys() == model.step_sizes.keys()


def test_equal_models_are_equal_files(model: TrainedModel, tmp_path: Path):
    for name in ("model.pt", "other.pt"):
        save(model, tmp_path / name)
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "other.pt").read_bytes()


def test_weights_by_name_or_iteration(model: TrainedModel):
    assert model.at("best").iteration == 40
    assert model.at().iteration == model.at("last").iteration == 60
    assert model.at(0).iteration == 0
    with pytest.raises(CheckpointError, match=r"iteration 5 were kept; .*best \(40\), last \(60\)"):
        model.at(5)


def test_the_digest_sees_every_tensor_and_the_parameters(model: TrainedModel):
    before = model.digest()
    model.kept[0].state["step_sizes"]["conv1.bias"].add_(1e-12)
    changed = model.digest()
    assert changed != before
    spec = replace(tiny.TRAINING, way=4)
    other = TrainedModel(model.network, spec, model.kept, 40, 60)
    assert other.digest() != changed


def test_missing(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"no model file .*model\.pt"):
        load(tmp_path / "model.pt")


@pytest.mark.parametrize("kept", [100, 3000])
def test_damaged(model: TrainedModel, tmp_path: Path, kept: int):
    path = tmp_path / "model.pt"
    save(model, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"model\.pt is damaged, or copied in part"):
        load(path)


def test_lacking_a_part(model: TrainedModel, tmp_path: Path):
    path = tmp_path / "model.pt"
    save(model, path)
    content = torch.load(path)
    del content["kept"]
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"damaged, or copied in part .KeyError: 'kept'"):
        load(path)


def test_of_another_format(tmp_path: Path):
    torch.save({"format": 1}, tmp_path / "model.pt")
    with pytest.raises(
        CheckpointError, match=r"another version .* format is 1, and this one reads"
    ):
        load(tmp_path / "model.pt")


PLAIN = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'

#: Files of other programs: how one comes about, and what is said of it.
FOREIGN = {
    "a pickled module": (
        lambda path: torch.save(PLAIN, path),
        "holds pickled Python objects, perhaps a whole nn.Module, which are not executed",
    ),
    "a state dict": (lambda path: torch.save(PLAIN.state_dict(), path), "holds a state dict"),
    "a training state": (
        lambda path: torch.save({"model": PLAIN.state_dict(), "epoch": 3}, path),
        "has no 'format'",
    ),
    "a tensor": (lambda path: torch.save(torch.zeros(2), path), "holds a Tensor"),
    "safetensors": (
        lambda path: path.write_bytes(len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)),
        "is a safetensors file",
    ),
    "text": (lambda path: path.write_text("weights: none"), "is not from torch.save"),
    "nothing": (lambda path: path.write_bytes(b""), "is empty"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_named_as_what_it_is(tmp_path: Path, kind: str):
    path = tmp_path / "only_copy.pt"
    write, what = FOREIGN[kind]
    write(path)
    with pytest.raises(
        CheckpointError, match=rf"only_copy\.pt is not a model .* it {what}"
    ) as found:
        load(path)
    assert "innerloop.from_state_dict" in str(found.value)


def test_a_folder(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"there is no model file .*; it is a folder"):
        load(tmp_path)


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch executed",)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": FORMAT, "network": Evil()}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="holds pickled Python objects"):
        load(tmp_path / "model.pt")
    checkpoint = Checkpoint(tmp_path, "same")
    torch.save({"fingerprint": "same", "state": Evil()}, checkpoint.path)
    assert checkpoint.read() is None
    assert not (tmp_path / "executed").exists()
