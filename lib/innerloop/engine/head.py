"""The inner gradient if only the head moves, on features computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from innerloop.engine.losses import cross_entropy
from innerloop.networks.network import head_logits
from innerloop.networks.parameters import Parameters

#: (fast weights, whether to keep activations until the gradient is differentiated, which is faster
#: than recomputing them) -> each task's inner loss [T], and its gradient with respect to the
#: parameters that move.
SupportGradient: TypeAlias = Callable[[Parameters, bool], tuple[torch.Tensor, Parameters]]


def head_gradient(
    features: torch.Tensor,
    labels: torch.Tensor,
    moving: list[str],
    scale: float,
    *,
    second_order: bool,
) -> SupportGradient:
    """The gradient function for the head alone, by autograd, which is efficient for a dense layer.

    Args:
        features: the head's input, [T, N, F].
        labels: [T, N].
        moving: the parameters of the head that move.
        scale: factor applied to the summed cross-entropy.
        second_order: whether the gradient can be differentiated.
    """

    def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
        with torch.inference_mode(False), torch.enable_grad():
            # leaves, unless the graph must reach back before this step
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
    """The tensor, or a copy of it if it was made in inference mode, which autograd refuses."""
    return tensor.clone() if tensor.is_inference() else tensor
