"""The engine for every network: PyTorch differentiates, one group of tasks after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from innerloop.data.tasks import Labelled
from innerloop.engine.differentiable import gradients_of, losses_of
from innerloop.engine.head import SupportGradient, usable
from innerloop.engine.losses import cross_entropy, of_group, task_groups
from innerloop.networks.network import Activations, Network
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class Autograd:
    """Losses and gradients of any network."""

    network: Network
    name = "autograd"
    recordable = False

    def features(
        self, parameters: Parameters, images: torch.Tensor, *, support: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Features [T, N, F], the head's input; arguments as for the network."""
        return self.network.features(parameters, images, support=support)

    def logits(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        support: torch.Tensor | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Logits [T, N, way]; arguments as for the network."""
        if torch.is_grad_enabled() or activations is not None:
            return self.network(parameters, images, support=support, activations=activations)
        parts = [
            self.network(
                of_group(parameters, group),
                images[group],
                support=None if support is None else support[group],
            )
            for group in task_groups(images, self.network.image_size**2)
        ]
        return torch.cat(parts)

    def losses(
        self,
        parameters: Parameters,
        labelled: Labelled,
        scale: float,
        *,
        support: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scaled cross-entropy of each task [T], differentiable once, and detached logits."""
        if not torch.is_grad_enabled():
            logits = self.logits(parameters, labelled.images, support=support)
            return cross_entropy(logits, labelled.labels, scale), logits
        return losses_of(self._groups(labelled, scale, support), parameters)

    def gradients(
        self, labelled: Labelled, names: list[str], scale: float, *, second_order: bool
    ) -> SupportGradient:
        """A function that computes each task's loss, and its gradient with respect to `names`."""
        groups = list(self._groups(labelled, scale, None))

        def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
            with torch.set_grad_enabled(second_order):
                return gradients_of(groups, fast, names, keep=keep and second_order)

        return gradient

    def _groups(
        self, labelled: Labelled, scale: float, support: torch.Tensor | None
    ) -> Iterator[_Group]:
        for tasks in task_groups(labelled.labels, self.network.image_size**2):
            yield _Group(self.network, labelled, scale, support, tasks)


@dataclass(frozen=True)
class _Group:
    network: Network
    labelled: Labelled
    scale: float
    support: torch.Tensor | None
    tasks: slice

    def forward(self, tensors: Parameters, names: list[str], *, second_order: bool) -> _Pass:
        """The group's pass; with `second_order`, differentiable with respect to all tensors."""
        with torch.inference_mode(False), torch.enable_grad():
            leaves = {
                name: usable(value).detach().requires_grad_(second_order or name in names)
                for name, value in tensors.items()
            }
            support = None if self.support is None else usable(self.support[self.tasks])
            logits = self.network(leaves, usable(self.labelled.images[self.tasks]), support=support)
            losses = cross_entropy(logits, usable(self.labelled.labels[self.tasks]), self.scale)
            gradients = torch.autograd.grad(
                losses.sum(),
                [leaves[name] for name in names],
                create_graph=second_order,
                allow_unused=True,
                materialize_grads=True,
            )
        return _Pass(
            leaves, losses.detach(), logits.detach(), dict(zip(names, gradients, strict=True))
        )


@dataclass(frozen=True)
class _Pass:
    """A group's losses and their gradients, on a graph with its own leaves."""

    leaves: Parameters
    losses: torch.Tensor
    logits: torch.Tensor
    gradients: Parameters

    def gradient(self) -> Parameters:
        return {name: value.detach() for name, value in self.gradients.items()}

    def hvp(self, direction: Parameters) -> Parameters:
        graph = {name: value for name, value in self.gradients.items() if value.requires_grad}
        products = torch.autograd.grad(
            list(graph.values()),
            list(self.leaves.values()),
            [direction[name] for name in graph],
            allow_unused=True,
            materialize_grads=True,
        )
        return dict(zip(self.leaves, products, strict=True))
