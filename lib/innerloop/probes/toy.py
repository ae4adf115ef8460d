"""The supervised toy: do unit norm and scaled LR agree without meta-learning? P1 A.2, Figure 7.

The network of the meta-learning experiments is trained to classify all classes of a data set, by
plain SGD with one of the two updates for conv weights. Both arms start from the same conv weights
of unit norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from innerloop.data.tasks import Labelled
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.constraint import constrained
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.update_rules.rule import UpdateRule
from innerloop.learners.gradient_based.update_rules.rules import scaled_lr, unit_norm
from innerloop.learners.losses import loss_scale, task_accuracies, task_losses
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, role_of, with_task_axis
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.streams import Stream, stream_key

#: The updates to compare. Imported, not looked up by name, so that the toy's code digest includes
#: them.
ARMS: dict[str, UpdateRule] = {"unit_norm": unit_norm, "scaled_lr": scaled_lr}


@dataclass(frozen=True)
class _Images:
    """Images [N, 3, H, W] in [0, 1] and their classes [N], read in batches."""

    images: torch.Tensor
    labels: torch.Tensor

    def batches(self, order: np.ndarray, batch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches of images and labels in the given order, with the axis of one task: [1, n, ...].

        Batch sizes differ by one image at most, so that no batch has odd BatchNorm statistics.
        """
        for rows in np.array_split(order, -(-len(order) // batch)):
            chosen = torch.from_numpy(rows).to(self.images.device)
            yield self.images[chosen].unsqueeze(0), self.labels[chosen].unsqueeze(0)


def train_toy(
    images: torch.Tensor,
    labels: torch.Tensor,
    test_images: torch.Tensor,
    test_labels: torch.Tensor,
    *,
    arm: str,
    step_sizes: Sequence[float],
    epochs: int,
    batch: int,
    seed: int,
    filters: int,
    classes: int,
    progress: Callable[[], object] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """Train once with every step size; a pure function of its arguments.

    Args:
        images: training images [N, 3, H, W] in [0, 1].
        labels: their classes [N], below `classes`.
        test_images: like `images`.
        test_labels: like `labels`.
        arm: the update of conv weights, unit_norm or scaled_lr; other parameters take plain steps.
        step_sizes: SGD step sizes to try.
        epochs: passes over the training images.
        batch: images per step, at most.
        seed: for initial weights and batches.
        filters: filters of each block.
        classes: number of classes of the data set.
        progress: called after every epoch.

    Yields:
        Rows of the table `toy` without `dataset` and `store`: accuracy (fraction) and mean
        cross-entropy (nats) on training and test images, before training and after every epoch.

    Raises:
        ConfigError: the arm is unknown.
    """
    if arm not in ARMS:
        raise ConfigError(f"toy: arm '{arm}' is unknown; known are {', '.join(ARMS)}")
    network = Network(classes, images.shape[-1], options={"filters": filters})
    train, test = _Images(images, labels), _Images(test_images, test_labels)
    start = constrained(method("unit_norm"), network.initial(seed))
    for step_size in step_sizes:
        weights = with_task_axis({name: w.to(images) for name, w in start.items()}, 1)
        rate = torch.tensor(step_size, dtype=images.dtype, device=images.device)
        for epoch in range(epochs + 1):
            if epoch:
                for part in train.batches(_order(len(images), "toy", seed, epoch), batch):
                    weights = _sgd_step(network, weights, *part, ARMS[arm], rate)
                progress()
            for split, held in (("train", train), ("test", test)):
                yield {
                    "arm": arm,
                    "step_size": step_size,
                    "seed": seed,
                    "epoch": epoch,
                    "split": split,
                    "images": len(held.images),
                    **_measure(network, weights, held, batch),
                }


def _order(count: int, *names: object) -> np.ndarray:
    """A random order of `count` images."""
    return Stream(stream_key(*names), 0).choose(count, count)


def _sgd_step(
    network: Network,
    weights: Parameters,
    images: torch.Tensor,
    labels: torch.Tensor,
    rule: UpdateRule,
    rate: torch.Tensor,
) -> Parameters:
    batch = Labelled(images, labels)
    scale = loss_scale(labels, network.way)
    gradient = engine_of(network).gradients(batch, list(weights), scale, second_order=False)
    _, gradients = gradient(weights, False)
    return {
        name: rule(role_of(name), weights[name], along, rate) for name, along in gradients.items()
    }


@torch.no_grad()
def _measure(network: Network, weights: Parameters, held: _Images, batch: int) -> dict[str, float]:
    """Accuracy and loss, both NaN if training diverged.

    Images are in a fixed random order, since they are stored class by class.
    """
    loss, parts, count = 0.0, [], len(held.images)
    for images, labels in held.batches(_order(count, "toy evaluation"), batch):
        logits = engine_of(network).logits(weights, images)
        parts.append((logits, labels))
        loss += float(task_losses(logits, labels)) * labels.shape[1]
    if not math.isfinite(loss):
        return {"accuracy": math.nan, "loss": math.nan}
    logits, labels = (torch.cat(tensors, dim=1) for tensors in zip(*parts, strict=True))
    return {"accuracy": float(task_accuracies(logits, labels)), "loss": loss / count}
