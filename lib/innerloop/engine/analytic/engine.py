"""The engine for Conv4 with BatchNorm, with hand-written derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from innerloop.data.tasks import Labelled
from innerloop.engine.analytic.conv4 import BatchConv4, Statistics
from innerloop.engine.analytic.convolution import BlockInput, FeatureMap
from innerloop.engine.analytic.loss_pass import LossPass
from innerloop.engine.analytic.patches import Patches, side_by_side
from innerloop.engine.differentiable import gradients_of, losses_of
from innerloop.engine.head import SupportGradient
from innerloop.engine.losses import cross_entropy, of_group, task_groups
from innerloop.networks.network import Activations
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class Analytic:
    """Losses and gradients of Conv4 with BatchNorm.

    Attributes:
        way: classes per task.
        eps: added to the variance.
        by_support: whether query images are normalised by the support images' statistics.
    """

    way: int
    eps: float
    by_support: bool
    name = "analytic"
    recordable = True

    @property
    def _network(self) -> BatchConv4:
        return BatchConv4(self.way, self.eps)

    def _statistics(
        self, parameters: Parameters, support: torch.Tensor | None
    ) -> Statistics | None:
        """Statistics that normalise the query images; None: the query images' own do."""
        if support is None or not self.by_support:
            return None
        return self._network.statistics(parameters, support)

    def features(
        self, parameters: Parameters, images: torch.Tensor, *, support: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Features [T, N, F], the head's input; arguments as for the network."""
        statistics = self._statistics(parameters, support)
        return self._network.features(parameters, images, statistics=statistics)

    def logits(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        support: torch.Tensor | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Logits [T, N, way]; arguments as for the network."""
        statistics = self._statistics(parameters, support)
        if statistics is None and activations is None and not torch.is_grad_enabled():
            parts = [
                self._network(of_group(parameters, group), images[group])
                for group in task_groups(images)
            ]
            return torch.cat(parts)
        return self._network(parameters, images, statistics=statistics, activations=activations)

    def losses(
        self,
        parameters: Parameters,
        labelled: Labelled,
        scale: float,
        *,
        support: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scaled cross-entropy of each task [T], differentiable once, and logits."""
        if torch.is_grad_enabled() and (support is None or not self.by_support):
            tensors = {**parameters, "images": labelled.images}
            return losses_of(self._groups(labelled, scale), tensors)
        logits = self.logits(parameters, labelled.images, support=support)
        return cross_entropy(logits, labelled.labels, scale), logits

    def gradients(
        self, labelled: Labelled, names: list[str], scale: float, *, second_order: bool
    ) -> SupportGradient:
        """A function that computes each task's loss, and its gradient with respect to `names`."""
        groups = list(self._groups(labelled, scale))

        def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
            tensors = {**fast, "images": labelled.images}
            with torch.set_grad_enabled(second_order):
                return gradients_of(groups, tensors, names, keep=keep and second_order)

        return gradient

    def _groups(self, labelled: Labelled, scale: float) -> Iterator[_Group]:
        for tasks in task_groups(labelled.labels):
            yield _Group(self._network, labelled, scale, tasks)


@dataclass(frozen=True)
class _Group:
    network: BatchConv4
    labelled: Labelled
    scale: float
    tasks: slice

    def forward(self, tensors: Parameters, names: list[str], *, second_order: bool) -> LossPass:
        """The group's pass, with all derivatives, whichever are asked for."""
        parameters = {name: value for name, value in tensors.items() if name != "images"}
        labels = self.labelled.labels[self.tasks]
        return LossPass(self.network, parameters, self._source, labels, self.scale)

    @cached_property
    def _source(self) -> BlockInput:
        """The images, which all inner steps share; with a gradient if they require one."""
        images = self.labelled.images[self.tasks]
        if self.labelled.images.requires_grad:
            return FeatureMap(side_by_side(images), len(images))
        return Patches(images)
