"""The inner gradient where only the head moves: the features stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from innerloop.engine.losses import cross_entropy
from innerloop.networks.network import head_logits
from innerloop.networks.parameters import Parameters

#: Fast weights, and whether to keep activations until the gradient is differentiated (faster)
#: instead of computing them again -> each task's inner loss [T], and its gradient with respect to
#: what moves.
SupportGradient: TypeAlias = Callable[[Parameters, bool], tuple[torch.Tensor, Parameters]]


class HeadGradient:
    """A `SupportGradient` of the head alone, by autograd, which does a dense layer well.

    Args:
        features: what the head is given, [T, N, F].
        labels: [T, N].
        moving: the parameters of the head that move.
        scale: factor of the summed cross-entropy.
        second_order: whether the gradient is differentiable.
    """

    def __init__(
        self,
        features: torch.Tensor,
        labels: torch.Tensor,
        moving: list[str],
        scale: float,
        *,
        second_order: bool,
    ) -> None:
        self._features, self._labels, self._moving = features, labels, moving
        self._scale, self._second_order = scale, second_order

    def __call__(self, fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
        """Each task's loss [T], and its gradients; there are no activations to keep."""
        with torch.inference_mode(False), torch.enable_grad():
            # a leaf where no graph is wanted from before this step
            weights = {
                name: fast[name]
                if self._second_order
                else usable(fast[name]).detach().requires_grad_()
                for name in self._moving
            }
            logits = head_logits({**fast, **weights}, usable(self._features))
            losses = cross_entropy(logits, usable(self._labels), self._scale)
            gradients = (
                torch.autograd.grad(
                    losses.sum(), list(weights.values()), create_graph=self._second_order
                )
                if weights
                else ()
            )
        return losses.detach(), dict(zip(self._moving, gradients, strict=True))


def usable(tensor: torch.Tensor) -> torch.Tensor:
    """The same values for autograd, which takes none that were made in inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor
