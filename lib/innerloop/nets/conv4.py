"""Conv4: four blocks of 3x3 convolution, BatchNorm, ReLU and 2x2 max-pooling, and a dense head.

The network is a function of its parameters, and everything carries a leading task axis: the
parameters of T tasks and their images go through together, as one convolution with T groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F

from innerloop.nets.block import BlockTensors, block_output
from innerloop.nets.convolution import convolved, mean_and_variance
from innerloop.nets.initialisation import initial_weight
from innerloop.nets.options import BLOCKS, Conv4Options
from innerloop.nets.patches import side_by_side
from innerloop.parameters import Parameters, kind_of, layer_of
from innerloop.streams import seed_from

#: Per block: mean and variance of each task's and filter's pre-activations, [T * filters].
Statistics: TypeAlias = list[tuple[torch.Tensor, torch.Tensor]]
Activations: TypeAlias = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Conv4(Conv4Options):
    """The network of both papers (P1 Section 4.1, P2 Figure 4).

    Its arguments are those of `Conv4Options`. With `batch_norm: batch`, every pass is normalised by
    its own images (transductive); with `support`, query images are normalised by the support
    images' statistics.
    """

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> Parameters:
        """Initial slow weights: zero biases and betas, unit gammas; a pure function of `seed`."""
        return {
            name: self._initial(seed, name, shape).to(dtype) for name, shape in self.shapes.items()
        }

    def _initial(self, seed: int, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        if kind_of(name) != "weight":
            return torch.ones(shape) if kind_of(name) == "gamma" else torch.zeros(shape)
        generator = torch.Generator().manual_seed(
            seed_from("initial weights", seed, layer_of(name))
        )
        return initial_weight(shape, self.initialisation, generator)

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
            statistics: normalise by these instead of by the images at hand.
            activations: a dictionary to fill with the output of every block (after pooling,
                [T, N, filters * h * w]) and of the head.
        """
        features = self.features(parameters, images, statistics=statistics, activations=activations)
        logits = self.head(parameters, features)
        if activations is not None:
            activations["head"] = logits
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

    def head(self, parameters: Parameters, features: torch.Tensor) -> torch.Tensor:
        """Logits [T, N, way] of features [T, N, feature_size]."""
        weight, bias = parameters["head.weight"], parameters["head.bias"]
        return torch.baddbmm(bias.unsqueeze(1), features, weight.transpose(1, 2))

    def statistics(self, parameters: Parameters, images: torch.Tensor) -> Statistics:
        """What BatchNorm measures on the images, block by block."""
        tasks, hidden = len(images), side_by_side(images)
        found: Statistics = []
        for block in BLOCKS:
            weight = parameters[f"{block}.weight"].flatten(0, 1)
            found.append(mean_and_variance(convolved(hidden, weight, tasks)))
            hidden = self._block(parameters, block, hidden, tasks, found[-1])
        return found

    def query_statistics(self, parameters: Parameters, support: torch.Tensor) -> Statistics | None:
        """What a query pass must be given: nothing, or the support images' statistics."""
        return self.statistics(parameters, support) if self.batch_norm == "support" else None

    def _block(
        self,
        parameters: Parameters,
        block: str,
        hidden: torch.Tensor,
        tasks: int,
        statistics: tuple[torch.Tensor, torch.Tensor] | None,
    ) -> torch.Tensor:
        """A block's output, normalised by the images at hand or by given statistics."""
        tensors = block_tensors(parameters, block)
        if statistics is None:
            return block_output(hidden, tensors, tasks, self.batch_norm_eps)
        mean, variance = (value[:, None, None] for value in statistics)
        scale = tensors.gamma[:, None, None] * torch.rsqrt(variance + self.batch_norm_eps)
        y = convolved(hidden, tensors.weight, tasks)
        return F.relu(F.max_pool2d((y - mean) * scale + tensors.beta[:, None, None], 2))


def block_tensors(parameters: Parameters, block: str) -> BlockTensors:
    """A block's parameters, or a direction in them, for all tasks side by side."""
    return BlockTensors(
        *(parameters[f"{block}.{part}"].flatten(0, 1) for part in ("weight", "gamma", "beta"))
    )


def by_task(hidden: torch.Tensor, tasks: int) -> torch.Tensor:
    """[N, T * C, h, w] -> [T, N, C * h * w]."""
    count = hidden.shape[0]
    return hidden.reshape(count, tasks, -1).transpose(0, 1)
