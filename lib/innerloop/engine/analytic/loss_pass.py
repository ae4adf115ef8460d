"""The loss of T tasks, with hand-written gradient and Hessian-vector product."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.block import Block, BlockParameters, BlockVJP
from innerloop.engine.analytic.conv4 import BatchConv4, block_parameters, by_task
from innerloop.engine.analytic.convolution import BlockInput, FeatureMap
from innerloop.networks.network import head_logits
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import Parameters


class LossPass:
    """Cross-entropy of T tasks' images under a Conv4, each task with its own parameters.

    Args:
        network: the network.
        parameters: each [T, *shape].
        source: the images, normalised by their own statistics: `Patches`, or `FeatureMap` if
            derivatives with respect to the images are wanted as well.
        labels: [T, N].
        scale: factor applied to the sum over the images: 1 / N makes it a mean.

    Attributes:
        losses: of each task, [T].
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
        self._parameters, self._head = parameters, parameters["head.weight"]
        self._blocks: list[Block] = []
        self._vjps: list[BlockVJP] = []
        for name in BLOCKS:
            block = Block(source, block_parameters(parameters, name), network.eps)
            self._blocks.append(block)
            source = FeatureMap(block.output, self._tasks)
        self._shape = block.output.shape
        self._features = by_task(block.output, self._tasks)
        self.logits = head_logits(parameters, self._features)
        logs = F.log_softmax(self.logits, dim=2)
        self.losses = -scale * logs.gather(2, labels.unsqueeze(2)).sum(dim=(1, 2))
        self._softmax = logs.exp()
        classes = torch.arange(network.way, device=labels.device)
        self._dlogits = scale * (self._softmax - (labels.unsqueeze(2) == classes).to(logs))

    def gradient(self, *, weights: bool = True) -> Parameters:
        """The gradient of every task's loss, by parameter, and by `images` if that is wanted.

        Without `weights`, the parameters are left out.
        """
        gradients: Parameters = {}
        vjps: list[BlockVJP] = []
        grad: torch.Tensor | None = self._as_images(self._dlogits @ self._head)
        for name, block in zip(reversed(BLOCKS), reversed(self._blocks), strict=True):
            assert grad is not None  # only the images' gradient can be missing
            grad, of_block, vjp = block.vjp(grad, weight=weights)
            vjps.insert(0, vjp)
            if of_block is not None:
                gradients |= self._named(name, of_block)
        if weights:
            gradients["head.weight"] = self._dlogits.transpose(1, 2) @ self._features
            gradients["head.bias"] = self._dlogits.sum(dim=1)
        self._vjps = vjps
        return gradients | self._images(grad)

    def hvp(self, direction: Parameters) -> Parameters:
        """The Hessian of every task's loss times a direction u: the gradient's tangent along u.

        Args:
            direction: u, each [T, *shape]; zero in the parameters that it lacks.
        """
        if not self._vjps:
            self.gradient(weights=False)
        direction = {
            name: direction[name] if name in direction else torch.zeros_like(value)
            for name, value in self._parameters.items()
        }
        hidden_t, jvps = None, []
        for name, block in zip(BLOCKS, self._blocks, strict=True):
            hidden_t, jvp = block.jvp(hidden_t, block_parameters(direction, name))
            jvps.append(jvp)
        assert hidden_t is not None
        features_t, head_t = by_task(hidden_t, self._tasks), direction["head.weight"]
        logits_t = torch.baddbmm(
            direction["head.bias"].unsqueeze(1), features_t, self._head.transpose(1, 2)
        ).baddbmm_(self._features, head_t.transpose(1, 2))
        # the Jacobian of softmax times the tangent of the logits
        mean = (self._softmax * logits_t).sum(dim=2, keepdim=True)
        dlogits_t = self._scale * self._softmax * (logits_t - mean)
        product = {
            "head.weight": dlogits_t.transpose(1, 2) @ self._features
            + self._dlogits.transpose(1, 2) @ features_t,
            "head.bias": dlogits_t.sum(dim=1),
        }
        grad_t: torch.Tensor | None
        grad_t = self._as_images(dlogits_t @ self._head + self._dlogits @ head_t)
        for name, block, vjp, jvp in reversed(
            list(zip(BLOCKS, self._blocks, self._vjps, jvps, strict=True))
        ):
            assert grad_t is not None  # only the images' gradient can be missing
            grad_t, of_block = block.jvp_of_vjp(vjp, jvp, grad_t)
            product |= self._named(name, of_block)
        return product | self._images(grad_t)

    def _images(self, gradient: torch.Tensor | None) -> Parameters:
        """[N, T * C, H, W] -> [T, N, C, H, W], by name; nothing if it was not wanted."""
        if gradient is None:
            return {}
        count, _, *shape = gradient.shape
        return {"images": gradient.reshape(count, self._tasks, -1, *shape).transpose(0, 1)}

    def _as_images(self, features: torch.Tensor) -> torch.Tensor:
        """[T, N, C * h * w] -> [N, T * C, h, w], channels last."""
        together = features.transpose(0, 1).reshape(self._shape)
        return together.contiguous(memory_format=torch.channels_last)

    def _named(self, block: str, tensors: BlockParameters) -> Parameters:
        """Tensors by parameter name, each [T, *shape]; zero for a bias, which BatchNorm cancels."""

        def per_task(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.view(self._tasks, -1, *tensor.shape[1:])

        return {
            f"{block}.weight": per_task(tensors.weight),
            f"{block}.bias": per_task(torch.zeros_like(tensors.beta)),
            f"{block}.gamma": per_task(tensors.gamma),
            f"{block}.beta": per_task(tensors.beta),
        }
