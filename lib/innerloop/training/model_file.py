"""Model files: a network, and its trained weights at every kept iteration, in one file."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from innerloop.learners.building import learner_of
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.learner import Learner, State
from innerloop.learners.predict import one_task
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.disk_error import disk_error
from innerloop.runtime.errors import CheckpointError
from innerloop.runtime.files import atomic_path, canonical_json
from innerloop.runtime.typed_json import from_json
from innerloop.specs.train import TrainSpec

#: Format 1 was that of version 0.1.0, for Conv4 only.
FORMAT = 2


@dataclass(frozen=True)
class Weights:
    """The trained state at one outer iteration."""

    iteration: int
    state: State = field(repr=False)

    @property
    def slow(self) -> Parameters:
        """Slow weights."""
        return self.state["slow"]

    def to(self, device: torch.device) -> Weights:
        """The same weights on a device."""
        moved = {
            part: {name: tensor.to(device) for name, tensor in values.items()}
            for part, values in self.state.items()
        }
        return Weights(self.iteration, moved)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    Attributes:
        network: the network.
        spec: all parameters of its training.
        kept: weights by outer iteration.
        best: iteration with the highest validation accuracy.
        last: last iteration.
    """

    network: Network
    spec: TrainSpec = field(repr=False)
    kept: dict[int, Weights]
    best: int
    last: int

    def __repr__(self) -> str:
        kept = f"{len(self.kept)} kept iterations, best {self.best}, last {self.last}"
        return f"TrainedModel({self.network}, {self.spec.learner}, {kept})"

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

    @cached_property
    def learner(self) -> Learner:
        """How it learns."""
        return learner_of(self.spec.learner, self.spec.schedule.train_steps)

    @property
    def slow(self) -> Parameters:
        """Slow weights of the last iteration."""
        return self.at("last").slow

    @property
    def method(self) -> Method | None:
        """How it adapts; None if the learner is not a method."""
        return self.spec.learner if isinstance(self.spec.learner, Method) else None

    @property
    def step_sizes(self) -> Parameters:
        """Step sizes of the last iteration, as the inner loop uses them; {} without a method."""
        if isinstance(self.learner, GradientLearner):
            return self.learner.step_sizes(self.at("last").state)
        return {}

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
            query_images: the images to classify, [M, C, H, W]; with `batch_norm: batch`, the
                prediction for one depends on the others.
            steps: inner steps; by default the `test_steps` that the model was trained for.
            checkpoint: which weights: `best`, `last`, or a kept iteration.

        Raises:
            InputError: an argument does not fit the network.
            CheckpointError: that iteration was not kept.
        """
        state, learner = self.at(checkpoint).state, self.learner
        steps = self.spec.schedule.test_steps if steps is None else steps
        support, query = one_task(
            self.network, state["slow"], support_images, support_labels, query_images,
            way=self.spec.way,
        )  # fmt: skip
        with torch.no_grad():
            adapted = learner.adapt(self.network, state, support, steps)
            scores = learner.predict(self.network, state, adapted, support, query, self.spec.way)
        return scores[0].softmax(dim=1)

    def digest(self) -> str:
        """SHA-256 of every kept tensor and the training's parameters."""
        total = hashlib.sha256(canonical_json(self.spec).encode())
        total.update(f"best {self.best} last {self.last}".encode())
        for iteration, weights in sorted(self.kept.items()):
            for part in weights.state.values():
                for name, tensor in sorted(part.items()):
                    total.update(f"{iteration}.{name}".encode())
                    total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()


def save(model: TrainedModel, path: Path | str) -> None:
    """Write a model file, atomically."""
    content = {
        "format": FORMAT,
        "network": asdict(model.network),
        "spec": canonical_json(model.spec),
        "best": model.best,
        "last": model.last,
        "kept": {iteration: weights.state for iteration, weights in model.kept.items()},
    }
    write_tensors(content, path)


def write_tensors(content: Mapping[str, Any], path: Path | str) -> None:
    """Write a file for `torch.load`, atomically; equal content gives equal bytes.

    Raises:
        DiskError: the disk is full, or the file may not be written.
    """
    # torch itself would store the temporary file's name, and not report a full disk
    archive = io.BytesIO()
    torch.save(content, archive)
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(archive.getbuffer())
    except OSError as error:
        raise disk_error(path, error, needed=archive.tell()) from error


def load(path: Path | str) -> TrainedModel:
    """Read a trained model from its file.

    Args:
        path: of a `model.pt`, whose content is never executed (`weights_only`), or of a bundle's
            `model.safetensors`.

    Raises:
        CheckpointError: the file is missing, damaged, or not a model file of Innerloop.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        from innerloop.training.safetensors_file import read_safetensors  # needs an extra

        return read_safetensors(path)
    content = _content(path)
    if content["format"] != FORMAT:
        raise CheckpointError(
            f"{path} is of another version of Innerloop: its model format is {content['format']}, "
            f"and this one reads {FORMAT}. Train the model again, or load it with that version"
        )
    try:
        spec = from_json(TrainSpec, json.loads(content["spec"]))
        return TrainedModel(
            network=Network(**content["network"]),
            spec=spec,
            kept={
                iteration: Weights(iteration, state) for iteration, state in content["kept"].items()
            },
            best=content["best"],
            last=content["last"],
        )
    except Exception as error:  # whatever a value of the wrong type leads to
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _content(path: Path) -> Mapping[str, Any]:
    """The file's content, if it is a model file of Innerloop."""
    if not path.is_file():
        hint = "it is a folder" if path.is_dir() else "`snakemake train` makes a study's models"
        raise CheckpointError(f"there is no model file {path}; {hint}")
    try:
        start = _start(path)
        if start[:2] != b"PK":
            safetensors = start[8:] == b"{"
            raise not_a_model_file(
                path,
                "it is empty"
                if not start
                else f"it is {'a safetensors file' if safetensors else 'not from torch.save'}",
            )
        content = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except UnpicklingError as error:
        raise not_a_model_file(
            path,
            "it holds pickled Python objects, perhaps a whole nn.Module, which are not executed",
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise _damaged(path, str(error).partition("\n")[0] or type(error).__name__) from error
    if not isinstance(content, Mapping):
        raise not_a_model_file(path, f"it holds a {type(content).__name__}")
    if "format" not in content:
        tensors = content and all(isinstance(value, torch.Tensor) for value in content.values())
        raise not_a_model_file(path, "it holds a state dict" if tensors else "it has no 'format'")
    return content


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(9)


def not_a_model_file(path: Path | str, content: str) -> CheckpointError:
    """The error for a file with other content, which is described."""
    return CheckpointError(
        f"{path} is not a model file of Innerloop: {content}. To use weights of another program, "
        "see innerloop.from_state_dict (docs/library.md)"
    )


def _damaged(path: Path, why: str) -> CheckpointError:
    # never say "delete": it may be the user's only copy
    return CheckpointError(
        f"{path} is damaged, or copied in part ({why}). If Snakemake made it, move it away and run "
        "Snakemake again"
    )
