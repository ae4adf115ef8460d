"""Model files as safetensors, which any program can read; the header describes the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from innerloop.networks.network import Network
from innerloop.runtime.errors import CheckpointError, ConfigError
from innerloop.runtime.files import atomic_path, canonical_json
from innerloop.runtime.typed_json import from_json
from innerloop.specs.train import TrainSpec
from innerloop.training.model_file import TrainedModel, Weights, not_a_model_file

#: The header's key for everything about the model but its tensors.
KEY = "innerloop"


def write_safetensors(model: TrainedModel, path: Path | str) -> None:
    """Write a model as safetensors, atomically.

    Tensors are named `<outer iteration>/<part>/<name>`, for example `200/slow/conv1.weight`.

    Raises:
        ConfigError: the package safetensors is not installed.
    """
    tensors = {
        f"{iteration}/{part}/{name}": tensor.detach().cpu().contiguous()
        for iteration, weights in model.kept.items()
        for part, values in weights.state.items()
        for name, tensor in values.items()
    }
    about = {
        "network": asdict(model.network), "spec": canonical_json(model.spec),
        "best": model.best, "last": model.last,
    }  # fmt: skip
    with atomic_path(path) as temporary:
        _safetensors().save_file(tensors, temporary, {KEY: canonical_json(about)})


def read_safetensors(path: Path | str) -> TrainedModel:
    """The model that `write_safetensors` wrote.

    Raises:
        CheckpointError: the file is missing, or not a model file of Innerloop.
        ConfigError: the package safetensors is not installed.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"there is no model file {path}")
    with _safetensors().safe_open(str(path), framework="pt") as file:
        if KEY not in (file.metadata() or {}):
            raise not_a_model_file(path, f"its header has no '{KEY}'")
        about: Mapping[str, Any] = json.loads(file.metadata()[KEY])
        kept: dict[int, dict[str, dict[str, torch.Tensor]]] = {}
        for key in file.keys():  # noqa: SIM118  (no mapping)
            iteration, part, name = key.split("/", 2)
            values = kept.setdefault(int(iteration), {}).setdefault(part, {})
            values[name] = file.get_tensor(key)
    return TrainedModel(
        Network(**about["network"]),
        from_json(TrainSpec, json.loads(about["spec"])),
        {iteration: Weights(iteration, state) for iteration, state in kept.items()},
        about["best"],
        about["last"],
    )


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise ConfigError(
            "models as safetensors need the package safetensors; install it with Innerloop's "
            "extra: pip install 'innerloop[bundle]'"
        ) from error
    return safetensors.torch
