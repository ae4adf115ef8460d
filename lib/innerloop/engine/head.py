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


def head_gradient(
    features: torch.Tensor,
    labels: torch.Tensor,
    moving: list[str],
    scale: float,
    *,
    second_order: bool,
) -> SupportGradient:
    """That of the head alone, by autograd, which does a dense layer well.

    Args:
        features: what the head is given, [T, N, F].
        labels: [T, N].
        moving: the parameters of the head that move.
        scale: factor of the summed cross-entropy.
        second_order: whether the gradient is differentiable.
    """

    def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
        with torch.inference_mode(False), torch.enable_grad():
            # a leaf where no graph is wanted from before this step
            weights = {
                name: fast[name] if second_order else usable(fast[name]).detach().requires_grad_()
                for name in moving
            }
            logits = head_logits({**fast, **weights}, usable(features))
            losses = cross_entropy(logits, usable(labels), scale)
            gradients = (
                torch.autograd.grad(losses.sum(), list(weights.values()), create_graph=second_order)
                if weights
                else ()
            )
        return losses.detach(), dict(zip(moving, gradients, strict=True))

    return gradient


def usable(tensor: torch.Tensor) -> torch.Tensor:
    """The same values for autograd, which takes none that were made in inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor
