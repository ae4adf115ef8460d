"""Conv4 with BatchNorm for T tasks at once: each layer is one convolution with a group per task.

It computes the same function as `networks/conv4.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.block import BlockParameters, block_output
from innerloop.engine.analytic.convolution import convolved, mean_and_variance
from innerloop.engine.analytic.patches import side_by_side
from innerloop.networks.network import Activations, head_logits
from innerloop.networks.options import BLOCKS, HEAD
from innerloop.networks.parameters import Parameters

#: Per block: mean and variance of each task's and filter's pre-activations, [T * filters].
Statistics: TypeAlias = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class BatchConv4:
    """The forward pass of Conv4, differentiable once.

    Attributes:
        way: classes per task.
        eps: added to the variance.
    """

    way: int
    eps: float

    def __call__(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        statistics: Statistics | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Logits [T, N, way] of images [T, N, C, H, W] under parameters with a task axis.

        Args:
            parameters: fast weights, each tensor [T, *shape].
            images: in [0, 1].
            statistics: normalise by these instead of those of the images at hand.
            activations: a dictionary to fill with the output of every block (after pooling,
                [T, N, filters * h * w]) and of the head.
        """
        features = self.features(parameters, images, statistics=statistics, activations=activations)
        logits = head_logits(parameters, features)
        if activations is not None:
            activations[HEAD] = logits
        return logits

    def features(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        statistics: Statistics | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Output of the body, [T, N, feature_size]; arguments as for the whole network."""
        tasks, hidden = len(images), side_by_side(images)
        for index, block in enumerate(BLOCKS):
            known = None if statistics is None else statistics[index]
            hidden = self._block(parameters, block, hidden, tasks, known)
            if activations is not None:
                activations[block] = by_task(hidden, tasks)
        return by_task(hidden, tasks)

    def statistics(self, parameters: Parameters, images: torch.Tensor) -> Statistics:
        """Mean and variance of the images' pre-activations in every block."""
        tasks, hidden = len(images), side_by_side(images)
        statistics: Statistics = []
        for block in BLOCKS:
            weight = parameters[f"{block}.weight"].flatten(0, 1)
            statistics.append(mean_and_variance(convolved(hidden, weight, tasks)))
            hidden = self._block(parameters, block, hidden, tasks, statistics[-1])
        return statistics

    def _block(
        self,
        parameters: Parameters,
        block: str,
        hidden: torch.Tensor,
        tasks: int,
        statistics: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> torch.Tensor:
        """A block's output, normalised by given statistics or those of the images at hand."""
        tensors = block_parameters(parameters, block)
        if statistics is None:
            return block_output(hidden, tensors, tasks, self.eps)
        mean, variance = (value[:, None, None] for value in statistics)
        scale = tensors.gamma[:, None, None] * torch.rsqrt(variance + self.eps)
        y = convolved(hidden, tensors.weight, tasks)
        return F.relu(F.max_pool2d((y - mean) * scale + tensors.beta[:, None, None], 2))


def block_parameters(parameters: Parameters, block: str) -> BlockParameters:
    """All tasks' parameters of a block, or a direction in them, joined along the channels."""
    return BlockParameters(
        *(parameters[f"{block}.{part}"].flatten(0, 1) for part in ("weight", "gamma", "beta"))
    )


def by_task(hidden: torch.Tensor, tasks: int) -> torch.Tensor:
    """[N, T * C, h, w] -> [T, N, C * h * w]."""
    count = hidden.shape[0]
    return hidden.reshape(count, tasks, -1).transpose(0, 1)
