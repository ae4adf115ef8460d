"""Models as safetensors: back to the same bits, and refused where they are none of ours."""

from __future__ import annotations

import sys

import pytest

import innerloop
import tiny
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.runtime.errors import CheckpointError, ConfigError
from innerloop.training.model_file import TrainedModel, Weights
from innerloop.training.safetensors_file import write_safetensors


@pytest.fixture
def model() -> TrainedModel:
    learner = GradientLearner(tiny.TRAINING.learner, tiny.TRAINING.schedule.train_steps)
    kept = {number: Weights(number, learner.init(tiny.NETWORK, seed=number)) for number in (0, 12)}
    return TrainedModel(tiny.NETWORK, tiny.TRAINING, kept, best=0, last=12)


def test_a_model_comes_back_to_the_bit(model, tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra bundle")
    write_safetensors(model, tmp_path / "model.safetensors")
    read = innerloop.load(tmp_path / "model.safetensors")
    assert read.digest() == model.digest()
    assert read.network == model.network


def test_another_s_file_is_refused(model, tmp_path):
    torch_files = pytest.importorskip("safetensors.torch", reason="needs the extra bundle")
    torch_files.save_file(model.slow, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="from_state_dict"):
        innerloop.load(tmp_path / "other.safetensors")


def test_without_the_package_the_extra_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ConfigError, match=r"innerloop\[bundle\]"):
        write_safetensors(model, tmp_path / "model.safetensors")
