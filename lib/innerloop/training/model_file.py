"""Model files: a network, its method, and its weights at every kept iteration, in one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from innerloop.learners.method import Method
from innerloop.learners.predict import predict
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import CheckpointError
from innerloop.runtime.files import atomic_path, canonical_json
from innerloop.runtime.typed_json import from_json
from innerloop.specs.train import TrainSpec

#: 1: version 0.1.0, of Conv4 alone.
FORMAT = 2


@dataclass(frozen=True)
class Weights:
    """Slow weights and step sizes of one outer iteration."""

    iteration: int
    slow: Parameters = field(repr=False)
    step_sizes: Parameters = field(repr=False)

    def to(self, device: torch.device) -> Weights:
        """The same weights on a device."""
        return Weights(
            self.iteration,
            {name: tensor.to(device) for name, tensor in self.slow.items()},
            {name: tensor.to(device) for name, tensor in self.step_sizes.items()},
        )


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    Attributes:
        network: the function.
        method: how it adapts.
        spec: all parameters it was trained under.
        kept: weights by outer iteration.
        best: iteration with the highest validation accuracy.
        last: last iteration.
    """

    network: Network
    method: Method
    spec: TrainSpec = field(repr=False)
    kept: dict[int, Weights]
    best: int
    last: int

    def __repr__(self) -> str:
        kept = f"{len(self.kept)} kept iterations, best {self.best}, last {self.last}"
        return f"TrainedModel({self.network}, {self.method}, {kept})"

    def at(self, checkpoint: str | int = "last") -> Weights:
        """Weights of `best`, `last`, or a kept iteration.

        Raises:
            CheckpointError: that iteration was not kept.
        """
        iteration = {"best": self.best, "last": self.last}.get(str(checkpoint), checkpoint)
        if iteration not in self.kept:
            raise CheckpointError(
                f"no weights of iteration {checkpoint} were kept; there are best ({self.best}), "
                f"last ({self.last}) and {sorted(self.kept)}"
            )
        return self.kept[int(iteration)]

    @property
    def slow(self) -> Parameters:
        """Slow weights of the last iteration."""
        return self.at("last").slow

    @property
    def step_sizes(self) -> Parameters:
        """Step sizes of the last iteration."""
        return self.at("last").step_sizes

    def predict(
        self,
        support_images: torch.Tensor,
        support_labels: torch.Tensor | Sequence[int],
        query_images: torch.Tensor,
        *,
        steps: int | None = None,
        checkpoint: str | int = "last",
    ) -> torch.Tensor:
        """Class probabilities [M, way] of new images: `innerloop.predict` with this model.

        Args:
            support_images: labelled images to adapt to, [N, C, H, W] in [0, 1].
            support_labels: their classes, 0 ... way - 1.
            query_images: the images asked for, [M, C, H, W]; with `batch_norm: batch` the answer
                for one depends on the others.
            steps: inner steps; left out: the `test_steps` that the model was trained for.
            checkpoint: whose weights: `best`, `last`, or a kept iteration.

        Raises:
            InputError: an argument does not fit the network.
            CheckpointError: that iteration was not kept.
        """
        weights = self.at(checkpoint)
        return predict(
            self.network, weights.slow, self.method, support_images, support_labels, query_images,
            steps=self.spec.schedule.test_steps if steps is None else steps,
            step_sizes=weights.step_sizes,
        )  # fmt: skip

    def digest(self) -> str:
        """SHA-256 over every kept tensor and the parameters."""
        total = hashlib.sha256(canonical_json(self.spec).encode())
        total.update(f"best {self.best} last {self.last}".encode())
        for iteration, weights in sorted(self.kept.items()):
            for part in (weights.slow, weights.step_sizes):
                for name, tensor in sorted(part.items()):
                    total.update(f"{iteration}.{name}".encode())
                    total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()


def save(model: TrainedModel, path: Path | str) -> None:
    """Write a model file, atomically."""
    content = {
        "format": FORMAT,
        "network": asdict(model.network),
        "method": canonical_json(model.method),
        "spec": canonical_json(model.spec),
        "best": model.best,
        "last": model.last,
        "kept": {
            iteration: {"slow": weights.slow, "step_sizes": weights.step_sizes}
            for iteration, weights in model.kept.items()
        },
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load(path: Path | str) -> TrainedModel:
    """Read a model file: network, method, slow weights and step sizes.

    Args:
        path: of a `model.pt`; nothing in it is executed (`weights_only`).

    Raises:
        CheckpointError: the file is missing, damaged, or not a model file of Innerloop.
    """
    path = Path(path)
    content = _content(path)
    if content["format"] != FORMAT:
        raise CheckpointError(
            f"{path} is of another version of Innerloop: its model format is {content['format']}, "
            f"and this one reads {FORMAT}. Train the model again, or load it with that version"
        )
    try:
        return TrainedModel(
            network=Network(**content["network"]),
            method=from_json(Method, json.loads(content["method"])),
            spec=from_json(TrainSpec, json.loads(content["spec"])),
            kept={
                iteration: Weights(iteration, part["slow"], part["step_sizes"])
                for iteration, part in content["kept"].items()
            },
            best=content["best"],
            last=content["last"],
        )
    except Exception as error:  # whatever a value of the wrong kind leads to
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _content(path: Path) -> Mapping[str, Any]:
    """What the file holds, if it is a model file of Innerloop."""
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "`snakemake train` makes a study's models"
        raise CheckpointError(f"there is no model file {path}; {what}")
    try:
        start = _start(path)
        if start[:2] != b"PK":
            safetensors = start[8:] == b"{"
            raise _foreign(
                path,
                "it is empty"
                if not start
                else f"it is {'a safetensors file' if safetensors else 'no archive of torch.save'}",
            )
        content = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except UnpicklingError as error:
        raise _foreign(
            path, "it holds pickled Python objects, perhaps a whole nn.Module, and none is executed"
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise _damaged(path, str(error).partition("\n")[0] or type(error).__name__) from error
    if not isinstance(content, Mapping):
        raise _foreign(path, f"it holds a {type(content).__name__}")
    if "format" not in content:
        tensors = content and all(isinstance(value, torch.Tensor) for value in content.values())
        raise _foreign(path, "it holds a state dict" if tensors else "it names no 'format'")
    return content


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(9)


def _foreign(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is not a model file of Innerloop: {what}. Weights of another program come in "
        "through innerloop.from_state_dict (docs/library.md)"
    )


def _damaged(path: Path, why: str) -> CheckpointError:
    # never "delete": it may be somebody's only copy
    return CheckpointError(
        f"{path} is damaged, or copied in part ({why}). If Snakemake made it, move it away and run "
        "Snakemake again"
    )
