"""Filters over images by convolution, of as many images at a time as a CPU does well with."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from innerloop.engine.analytic.convolution import convolution_gradients, convolved
from innerloop.engine.analytic.image_filters import Places
from innerloop.engine.analytic.pooling import Maxima, max_pooled

#: Bytes at full size that are alive at once on a CPU; more take longer as well.
_AT_ONCE = 2**24


class ConvolvedFilters:
    """Convolves the images anew for all that is asked.

    Args:
        images: x, [N, T * C', H, W], channels last.
        tasks: T.
    """

    def __init__(self, images: torch.Tensor, tasks: int) -> None:
        self.images, self.tasks = images, tasks

    def maxima(self, weight: torch.Tensor) -> tuple[torch.Tensor, Places]:
        """The maxima of conv(x, weight), and where they are."""
        parts = [
            (part, *max_pooled(convolved(part, weight, self.tasks)))
            for part in in_parts(self.images, len(weight))
        ]
        places = _PlacesInParts(weight, self.tasks, [(part, maxima) for part, _, maxima in parts])
        return joined([pooled for _, pooled, _ in parts]), places


class _PlacesInParts:
    def __init__(
        self, weight: torch.Tensor, tasks: int, parts: list[tuple[torch.Tensor, Maxima]]
    ) -> None:
        self._weight, self._tasks, self._parts = weight, tasks, parts

    def of(self, weight: torch.Tensor) -> torch.Tensor:
        return joined(
            [
                maxima.taken_from(convolved(part, weight, self._tasks))
                for part, maxima in self._parts
            ]
        )

    def gradient(self, v: torch.Tensor) -> torch.Tensor:
        found, first = torch.zeros_like(self._weight), 0
        for part, maxima in self._parts:
            dy = maxima.put_back(v[first : first + len(part)])
            found += convolution_gradients(
                dy, part, self._weight, self._tasks, image=False, weight=True
            )[1]
            first += len(part)
        return found


def in_parts(images: torch.Tensor, channels: int) -> Iterator[torch.Tensor]:
    """The images [N, C, H, W], as many at a time as may be alive with so many channels."""
    if not images.is_cpu:
        return iter([images])
    each = channels * images.shape[2] * images.shape[3] * images.element_size()
    return iter(torch.split(images, max(1, _AT_ONCE // each)))


def joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """The parts as one, without a copy where there is one."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
