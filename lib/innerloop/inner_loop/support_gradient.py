"""The inner gradient of T tasks, exact, and differentiable once more without a stored graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from innerloop.data.tasks import Labelled
from innerloop.inner_loop.losses import loss_scale, task_losses
from innerloop.inner_loop.method import InnerLoss
from innerloop.nets.conv4 import Conv4
from innerloop.nets.losses import TaskLosses
from innerloop.parameters import HEAD, Parameters, layer_of

#: Fast weights, and whether to keep activations until the gradient is differentiated (faster)
#: instead of computing them again -> each task's inner loss [T], and its gradient by what moves.
SupportGradient: TypeAlias = Callable[[Parameters, bool], tuple[torch.Tensor, Parameters]]


def support_gradient(
    network: Conv4,
    fast: Parameters,
    support: Labelled,
    moving: list[str],
    loss: InnerLoss,
    *,
    second_order: bool,
) -> SupportGradient:
    """The function that every inner step asks for its gradient.

    Args:
        network: the network.
        fast: weights before the first step; what does not move is taken from here.
        support: images and labels to adapt to.
        moving: the parameters that inner steps move.
        loss: the inner loss.
        second_order: whether the gradient itself is differentiable.
    """
    if all(layer_of(name) == HEAD for name in moving):
        with torch.set_grad_enabled(second_order):
            features = network.features(fast, support.images)
        return _OfHead(network, features, support.labels, moving, loss, second_order)
    scale = loss_scale(support.labels, network.way, loss)
    losses = TaskLosses(network, support.images, support.labels, scale)

    def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
        with torch.set_grad_enabled(second_order):
            return losses.gradients(fast, moving, keep_activations=keep and second_order)

    return gradient


class _OfHead:
    """Where only the head moves: the features stay, and autograd does a dense layer well."""

    def __init__(
        self,
        network: Conv4,
        features: torch.Tensor,
        labels: torch.Tensor,
        moving: list[str],
        loss: InnerLoss,
        second_order: bool,
    ) -> None:
        self._network, self._labels, self._moving = network, labels, moving
        self._features, self._loss, self._second_order = features, loss, second_order

    def __call__(self, fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
        with torch.inference_mode(False), torch.enable_grad():
            # a leaf where no graph is wanted from before this step
            here = {
                name: fast[name]
                if self._second_order
                else _usable(fast[name]).detach().requires_grad_()
                for name in self._moving
            }
            logits = self._network.head({**fast, **here}, _usable(self._features))
            losses = task_losses(logits, _usable(self._labels), self._loss)
            found = torch.autograd.grad(
                losses.sum(), list(here.values()), create_graph=self._second_order
            )
        return losses.detach(), dict(zip(self._moving, found, strict=True))


def _usable(tensor: torch.Tensor) -> torch.Tensor:
    """The same values for autograd, which takes none that were made in inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor
