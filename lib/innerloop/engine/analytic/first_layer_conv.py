"""The first layer by convolution, with as many images at a time as fit a CPU's caches."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from innerloop.engine.analytic.convolution import convolved, weight_gradient
from innerloop.engine.analytic.first_layer import Maxima
from innerloop.engine.analytic.pooling import PoolIndices, max_pool

#: Bytes of full-size tensors that are alive at once on a CPU; more are slower, too.
_AT_ONCE = 2**24


class FirstLayerConv:
    """Convolves the images anew on every call.

    Args:
        images: x, [N, T * C', H, W], channels last.
        tasks: T.
    """

    def __init__(self, images: torch.Tensor, tasks: int) -> None:
        self.images, self.tasks = images, tasks

    def max_pool(self, weight: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
        """The maxima of conv(x, weight), and their positions."""
        parts = [
            (part, *max_pool(convolved(part, weight, self.tasks)))
            for part in in_parts(self.images, len(weight))
        ]
        maxima = _MaximaInParts(weight, self.tasks, [(part, indices) for part, _, indices in parts])
        return joined([pooled for _, pooled, _ in parts]), maxima


class _MaximaInParts:
    def __init__(
        self, weight: torch.Tensor, tasks: int, parts: list[tuple[torch.Tensor, PoolIndices]]
    ) -> None:
        self._weight, self._tasks, self._parts = weight, tasks, parts

    def convolve(self, weight: torch.Tensor) -> torch.Tensor:
        return joined(
            [indices.gather(convolved(part, weight, self._tasks)) for part, indices in self._parts]
        )

    def weight_gradient(self, v: torch.Tensor) -> torch.Tensor:
        total, first = torch.zeros_like(self._weight), 0
        for part, indices in self._parts:
            dy = indices.scatter(v[first : first + len(part)])
            total += weight_gradient(dy, part, self._weight, self._tasks)
            first += len(part)
        return total


def in_parts(images: torch.Tensor, channels: int) -> Iterator[torch.Tensor]:
    """Chunks of images [N, C, H, W] that fit `_AT_ONCE` with that many channels; one on a GPU."""
    if not images.is_cpu:
        return iter([images])
    each = channels * images.shape[2] * images.shape[3] * images.element_size()
    return iter(torch.split(images, max(1, _AT_ONCE // each)))


def joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """The parts, concatenated; a single part is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
