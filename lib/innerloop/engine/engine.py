"""The interface of engines, and the one place that chooses between them."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import torch

from innerloop.data.tasks import Labelled
from innerloop.engine.analytic.engine import Analytic
from innerloop.engine.autograd import Autograd
from innerloop.engine.head import SupportGradient, head_gradient
from innerloop.networks.conv4 import Conv4
from innerloop.networks.network import Activations, Network
from innerloop.networks.options import HEAD
from innerloop.networks.parameters import Parameters, layer_of


class Engine(Protocol):
    """A network's losses and gradients, for T tasks at once."""

    @property
    def name(self) -> str:
        """`analytic` or `autograd`."""

    @property
    def recordable(self) -> bool:
        """Whether a step may be recorded as a CUDA graph."""

    def features(
        self, parameters: Parameters, images: torch.Tensor, *, support: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Features [T, N, F], the head's input; differentiable once."""

    def logits(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        support: torch.Tensor | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Logits [T, N, way]; arguments as for `Network`. Differentiable once."""

    def losses(
        self,
        parameters: Parameters,
        labelled: Labelled,
        scale: float,
        *,
        support: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scaled cross-entropy of each task [T], differentiable once, and detached logits."""

    def gradients(
        self, labelled: Labelled, names: list[str], scale: float, *, second_order: bool
    ) -> SupportGradient:
        """A function that computes each task's loss, and its gradient with respect to `names`.

        Args:
            labelled: images and labels, the same for every call.
            names: parameters to differentiate with respect to.
            scale: factor applied to the cross-entropy summed over a task's images.
            second_order: whether the gradient itself can be differentiated, once.
        """


@cache
def engine_of(network: Network) -> Engine:
    """The engine for a network: the analytic one for Conv4 with BatchNorm, or autograd."""
    module = network.module
    # exactly this type: a subclass may compute something else
    if type(module) is Conv4 and module.normalisation in ("batch", "support"):
        return Analytic(network.way, module.eps, by_support=module.normalisation == "support")
    return Autograd(network)


def support_gradient(
    network: Network,
    fast: Parameters,
    support: Labelled,
    moving: list[str],
    scale: float,
    *,
    second_order: bool,
) -> SupportGradient:
    """The function that computes the gradient of every inner step.

    Args:
        network: the network.
        fast: weights before the first step, each [T, *shape]; parameters that do not move keep
            these values.
        support: images and labels to adapt to.
        moving: the parameters that inner steps move.
        scale: factor applied to the cross-entropy summed over a task's images.
        second_order: whether the gradient itself can be differentiated.
    """
    engine = engine_of(network)
    if all(layer_of(name) == HEAD for name in moving):
        # if only the head moves, the features are computed once
        with torch.set_grad_enabled(second_order):
            features = engine.features(fast, support.images)
        return head_gradient(features, support.labels, moving, scale, second_order=second_order)
    return engine.gradients(support, moving, scale, second_order=second_order)
