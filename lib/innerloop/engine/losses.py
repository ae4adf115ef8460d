"""Cross-entropy of T tasks, and how many tasks go through a network together."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.networks.parameters import Parameters

#: On a CPU, fewer images than this at once leave it idle, and more do not fit its caches.
IMAGES_OF_A_GROUP = 64
#: On a CPU and for large images, torch's convolutions with a group per task take longer than the
#: tasks one after another: 1.6 times as long at 84 pixels.
PIXELS_OF_A_GROUP = IMAGES_OF_A_GROUP * 28**2


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, scale: float) -> torch.Tensor:
    """Each task's cross-entropy, summed over its images and scaled, [T].

    Args:
        logits: [T, N, way].
        labels: [T, N].
        scale: 1 / N makes it a mean.
    """
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape).sum(dim=1) * scale


def task_groups(images: torch.Tensor, pixels: int = 1) -> list[slice]:
    """Slices of the task axis: the tasks of one slice go through the network together.

    Args:
        images: [T, N, ...], or their labels.
        pixels: of one image, if they are to limit a group.
    """
    count, each = images.shape[:2]
    together = min(IMAGES_OF_A_GROUP, PIXELS_OF_A_GROUP // pixels)
    size = max(1, together // each) if images.device.type == "cpu" else count
    return [slice(start, start + size) for start in range(0, count, size)]


def of_group(parameters: Parameters, group: slice) -> Parameters:
    """The parameters of a group of tasks."""
    return {name: value[group] for name, value in parameters.items()}
