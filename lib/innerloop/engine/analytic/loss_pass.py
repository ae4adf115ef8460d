"""The loss of T tasks: its gradient, and its Hessian times a direction, written out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.block import BlockPass, BlockTensors
from innerloop.engine.analytic.conv4 import BatchConv4, block_tensors, by_task
from innerloop.engine.analytic.convolution import BlockInput, Hidden
from innerloop.networks.network import head_logits
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class Gradients:
    """By the parameters, each [T, *shape], and by the images, [T, N, C, H, W], where wanted."""

    by_parameters: Parameters
    by_images: torch.Tensor | None


class LossPass:
    """Cross-entropy of T tasks' images under a Conv4, each task with its own parameters.

    Args:
        network: the function.
        parameters: each [T, *shape].
        source: the images, normalised by their own statistics: `Patches`, or `Hidden` where
            derivatives by the images are wanted as well.
        labels: [T, N].
        scale: factor of the sum over the images: 1 / N makes it a mean.

    Attributes:
        losses: one of each task, [T].
        logits: [T, N, way].
    """

    def __init__(
        self,
        network: BatchConv4,
        parameters: Parameters,
        source: BlockInput,
        labels: torch.Tensor,
        scale: float,
    ) -> None:
        self._tasks, self._scale = len(labels), scale
        self._head = parameters["head.weight"]
        self._blocks: list[BlockPass] = []
        for block in BLOCKS:
            part = BlockPass(source, block_tensors(parameters, block), network.eps)
            self._blocks.append(part)
            source = Hidden(part.output, self._tasks)
        self._shape = part.output.shape
        self._features = by_task(part.output, self._tasks)
        self.logits = head_logits(parameters, self._features)
        logs = F.log_softmax(self.logits, dim=2)
        self.losses = -scale * logs.gather(2, labels.unsqueeze(2)).sum(dim=(1, 2))
        self._shares = logs.exp()
        classes = torch.arange(network.way, device=labels.device)
        self._d_logits = scale * (self._shares - (labels.unsqueeze(2) == classes).to(logs))

    def gradient(self) -> Gradients:
        """Gradient of every task's loss, each [T, *shape]."""
        found, by_images = self._backward(weights=True)
        found["head.weight"] = self._d_logits.transpose(1, 2) @ self._features
        found["head.bias"] = self._d_logits.sum(dim=1)
        return Gradients(found, by_images)

    def hessian_vector(self, direction: Parameters, *, gradient_known: bool) -> Gradients:
        """H u of every task: how its gradients move when its parameters move along u.

        Args:
            direction: u, each [T, *shape].
            gradient_known: whether `gradient` was called on this pass before.
        """
        if not gradient_known:
            self._backward(weights=False)
        hidden = None
        for block, part in zip(BLOCKS, self._blocks, strict=True):
            hidden = part.tangent(hidden, block_tensors(direction, block))
        assert hidden is not None
        features, head = by_task(hidden, self._tasks), direction["head.weight"]
        logits = torch.baddbmm(
            direction["head.bias"].unsqueeze(1), features, self._head.transpose(1, 2)
        ).baddbmm_(self._features, head.transpose(1, 2))
        # the softmax's Jacobian times the logits' tangent
        mean = (self._shares * logits).sum(dim=2, keepdim=True)
        d_logits = self._scale * self._shares * (logits - mean)
        found = {
            "head.weight": d_logits.transpose(1, 2) @ self._features
            + self._d_logits.transpose(1, 2) @ features,
            "head.bias": d_logits.sum(dim=1),
        }
        gradient: torch.Tensor | None
        gradient = self._as_images(d_logits @ self._head + self._d_logits @ head)
        for block, part in zip(reversed(BLOCKS), reversed(self._blocks), strict=True):
            assert gradient is not None  # that of the images alone may be unwanted
            gradient, tensors = part.tangent_backward(gradient)
            found |= self._named(block, tensors)
        return Gradients(found, self._apart(gradient))

    def _backward(self, *, weights: bool) -> tuple[Parameters, torch.Tensor | None]:
        """Through all blocks; with or without the gradients of their parameters."""
        found: Parameters = {}
        gradient: torch.Tensor | None = self._as_images(self._d_logits @ self._head)
        for block, part in zip(reversed(BLOCKS), reversed(self._blocks), strict=True):
            assert gradient is not None  # that of the images alone may be unwanted
            gradient, tensors = part.backward(gradient, weight=weights)
            if tensors is not None:
                found |= self._named(block, tensors)
        return found, self._apart(gradient)

    def _apart(self, gradient: torch.Tensor | None) -> torch.Tensor | None:
        """[N, T * C, H, W] -> [T, N, C, H, W]."""
        if gradient is None:
            return None
        count, _, *shape = gradient.shape
        return gradient.reshape(count, self._tasks, -1, *shape).transpose(0, 1)

    def _as_images(self, features: torch.Tensor) -> torch.Tensor:
        """[T, N, C * h * w] -> [N, T * C, h, w], channels last."""
        together = features.transpose(0, 1).reshape(self._shape)
        return together.contiguous(memory_format=torch.channels_last)

    def _named(self, block: str, tensors: BlockTensors) -> Parameters:
        """By parameter, with a task axis; a bias before BatchNorm moves nothing."""

        def of_each(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.view(self._tasks, -1, *tensor.shape[1:])

        return {
            f"{block}.weight": of_each(tensors.weight),
            f"{block}.bias": of_each(torch.zeros_like(tensors.beta)),
            f"{block}.gamma": of_each(tensors.gamma),
            f"{block}.beta": of_each(tensors.beta),
        }
