"""The engine for every network: PyTorch differentiates, and no graph outlives an inner step.

The inner gradient g(w) enters the outer graph as one function of the weights w. In the backward
pass, g is recomputed from w, and its graph gives the vjp of g, which is H v for each task, since
the Hessian H is symmetric. So memory does not grow with the inner steps, unless a step is told to
keep its graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from innerloop.data.tasks import Labelled
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
        tasks = _Tasks(self.network, labelled, scale, support)
        losses, logits = _Losses.apply(  # type: ignore[no-untyped-call]
            tasks, list(parameters), *parameters.values()
        )
        return losses, logits

    def gradients(
        self, labelled: Labelled, names: list[str], scale: float, *, second_order: bool
    ) -> SupportGradient:
        """A function that computes each task's loss, and its gradient with respect to `names`."""
        tasks = _Tasks(self.network, labelled, scale, None)

        def gradient(fast: Parameters, keep: bool) -> tuple[torch.Tensor, Parameters]:
            with torch.set_grad_enabled(second_order):
                losses, *gradients = _Gradients.apply(  # type: ignore[no-untyped-call]
                    tasks, list(fast), names, keep and second_order, *fast.values()
                )
            return losses, dict(zip(names, gradients, strict=True))

        return gradient


@dataclass(frozen=True)
class _Tasks:
    network: Network
    labelled: Labelled
    scale: float
    support: torch.Tensor | None

    @property
    def groups(self) -> list[slice]:
        return task_groups(self.labelled.labels, self.network.image_size**2)

    def losses(self, group: slice, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses and logits of a group of tasks, with their graph if gradients are enabled."""
        support = None if self.support is None else usable(self.support[group])
        logits = self.network(parameters, usable(self.labelled.images[group]), support=support)
        return cross_entropy(logits, usable(self.labelled.labels[group]), self.scale), logits


@dataclass(frozen=True)
class _Differentiated:
    """A group's losses and their gradients, on a graph with its own leaves."""

    leaves: Parameters
    losses: torch.Tensor
    logits: torch.Tensor
    gradients: tuple[torch.Tensor, ...]


def _differentiated(
    tasks: _Tasks, group: slice, parameters: Parameters, names: Sequence[str], *, second_order: bool
) -> _Differentiated:
    """A group's losses and gradients with respect to `names`.

    With `second_order`, the gradients can be differentiated with respect to all parameters.
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {
            name: usable(value[group]).detach().requires_grad_(second_order or name in names)
            for name, value in parameters.items()
        }
        losses, logits = tasks.losses(group, leaves)
        gradients = torch.autograd.grad(
            losses.sum(),
            [leaves[name] for name in names],
            create_graph=second_order,
            allow_unused=True,
            materialize_grads=True,
        )
    return _Differentiated(leaves, losses.detach(), logits.detach(), gradients)


class _Losses(torch.autograd.Function):
    """Takes the gradient in the forward pass, so that only one group's activations are alive."""

    @staticmethod
    def forward(
        ctx: Any, tasks: _Tasks, names: list[str], *values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        parameters = dict(zip(names, values, strict=True))
        wanted = [name for name, need in zip(names, ctx.needs_input_grad[2:], strict=True) if need]
        parts = [
            _differentiated(tasks, group, parameters, wanted, second_order=False)
            for group in tasks.groups
        ]
        joined = _joined([part.gradients for part in parts])
        ctx.save_for_backward(*joined)
        ctx.places = [names.index(name) for name in wanted]
        logits = torch.cat([part.logits for part in parts])
        ctx.mark_non_differentiable(logits)
        return torch.cat([part.losses for part in parts]), logits

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_losses: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        gradients: list[torch.Tensor | None] = [None] * len(ctx.needs_input_grad[2:])
        for place, gradient in zip(ctx.places, ctx.saved_tensors, strict=True):
            gradients[place] = gradient * d_losses.view(-1, *[1] * (gradient.ndim - 1))
        return None, None, *gradients


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        tasks: _Tasks,
        names: list[str],
        wanted: list[str],
        keep: bool,
        *values: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        parameters = dict(zip(names, values, strict=True))
        parts = [
            _differentiated(tasks, group, parameters, wanted, second_order=keep)
            for group in tasks.groups
        ]
        ctx.tasks, ctx.names, ctx.wanted = tasks, names, wanted
        ctx.kept = parts if keep else []
        ctx.save_for_backward(*values)
        losses = torch.cat([part.losses for part in parts])
        ctx.mark_non_differentiable(losses)
        detached = [[value.detach() for value in part.gradients] for part in parts]
        return losses, *_joined(detached)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, _: torch.Tensor, *vectors: torch.Tensor) -> tuple[Any, ...]:
        parameters = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        kept, ctx.kept = ctx.kept, []
        products = []
        for number, group in enumerate(ctx.tasks.groups):
            part = (
                kept[number]
                if kept
                else _differentiated(ctx.tasks, group, parameters, ctx.wanted, second_order=True)
            )
            pairs = [
                (gradient, vector[group])
                for gradient, vector in zip(part.gradients, vectors, strict=True)
                if gradient.requires_grad
            ]
            products.append(
                torch.autograd.grad(
                    [gradient for gradient, _ in pairs],
                    list(part.leaves.values()),
                    [vector for _, vector in pairs],
                    allow_unused=True,
                    materialize_grads=True,
                )
            )
        return None, None, None, None, *_joined(products)


def _joined(groups: Sequence[Sequence[torch.Tensor]]) -> list[torch.Tensor]:
    """The groups' tensors, concatenated along the task axis."""
    return [torch.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*groups, strict=True)]
