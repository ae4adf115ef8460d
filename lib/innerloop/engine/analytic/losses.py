"""Losses and gradients of T tasks as autograd functions, each of them differentiable once.

Tasks go through the network in groups, of which only the results are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from innerloop.engine.analytic.conv4 import BatchConv4
from innerloop.engine.analytic.convolution import BlockInput, FeatureMap
from innerloop.engine.analytic.loss_pass import Gradients, LossPass
from innerloop.engine.analytic.patches import Patches, side_by_side
from innerloop.engine.losses import of_group, task_groups
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class TaskLosses:
    """Cross-entropy of T tasks under their own parameters.

    Attributes:
        network: the network, which normalises by the images at hand.
        images: [T, N, C, H, W].
        labels: [T, N].
        scale: factor applied to the sum over a task's images.
    """

    network: BatchConv4
    images: torch.Tensor
    labels: torch.Tensor
    scale: float

    def losses(self, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
        """Each task's loss [T], differentiable, and detached logits [T, N, way].

        Args:
            parameters: each [T, *shape].
        """
        losses, logits = _Losses.apply(  # type: ignore[no-untyped-call]
            self, list(parameters), self.images, *parameters.values()
        )
        return losses, logits

    def gradients(
        self, parameters: Parameters, names: list[str], *, keep_activations: bool = False
    ) -> tuple[torch.Tensor, Parameters]:
        """Each task's loss [T], detached, and its gradients, differentiable.

        Their vjp is a Hessian-vector product, since the Hessian is symmetric.

        Args:
            parameters: each [T, *shape].
            names: the parameters to differentiate with respect to.
            keep_activations: keep activations for the backward pass instead of recomputing them.
        """
        losses, *gradients = _Gradients.apply(  # type: ignore[no-untyped-call]
            self, list(parameters), names, keep_activations, self.images, *parameters.values()
        )
        return losses, dict(zip(names, gradients, strict=True))

    def groups(self) -> list[slice]:
        """Slices of the task axis: the tasks of one slice go through the network together."""
        return task_groups(self.labels)

    def of(self, group: slice, parameters: Parameters, source: BlockInput) -> LossPass:
        """The forward pass of a group of tasks, whose images are the source."""
        return LossPass(
            self.network,
            of_group(parameters, group),
            source,
            self.labels[group],
            self.scale,
        )

    def source(self, group: slice, *, images_gradient: bool) -> BlockInput:
        """The images of a group of tasks, with or without support for the images' gradient."""
        images = self.images[group]
        return FeatureMap(side_by_side(images), len(images)) if images_gradient else Patches(images)

    def sources(self, *, images_gradient: bool) -> list[BlockInput]:
        """The source of every group; without the images' gradient, all inner steps share them."""
        if not images_gradient:
            return self._patches
        return [self.source(group, images_gradient=True) for group in self.groups()]

    @cached_property
    def _patches(self) -> list[BlockInput]:
        return [self.source(group, images_gradient=False) for group in self.groups()]


class _Losses(torch.autograd.Function):
    """Takes the gradient in the forward pass, so that only one group's activations are alive."""

    @staticmethod
    def forward(
        ctx: Any, tasks: TaskLosses, names: list[str], images: torch.Tensor, *values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        parameters = dict(zip(names, values, strict=True))
        losses, logits, gradients = [], [], []
        for group in tasks.groups():
            source = tasks.source(group, images_gradient=ctx.needs_input_grad[2])
            forward = tasks.of(group, parameters, source)
            losses.append(forward.losses)
            logits.append(forward.logits)
            gradients.append(forward.gradient())
        joined = _joined(gradients)
        ctx.has_images = joined.images is not None
        images_gradient = [joined.images] if joined.images is not None else []
        ctx.save_for_backward(*images_gradient, *(joined.parameters[name] for name in names))
        all_logits = torch.cat(logits)
        ctx.mark_non_differentiable(all_logits)
        return torch.cat(losses), all_logits

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_losses: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        gradients = [
            gradient * d_losses.view(-1, *[1] * (gradient.ndim - 1))
            for gradient in ctx.saved_tensors
        ]
        return None, None, *([] if ctx.has_images else [None]), *gradients


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        tasks: TaskLosses,
        names: list[str],
        wanted: list[str],
        keep_activations: bool,
        images: torch.Tensor,
        *values: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        ctx.tasks, ctx.names, ctx.wanted, ctx.kept = tasks, names, wanted, []
        ctx.save_for_backward(images, *values)
        parameters = dict(zip(names, values, strict=True))
        losses, gradients = [], []
        sources = tasks.sources(images_gradient=ctx.needs_input_grad[4])
        for group, source in zip(tasks.groups(), sources, strict=True):
            forward = tasks.of(group, parameters, source)
            losses.append(forward.losses)
            gradients.append(forward.gradient())
            if keep_activations:
                ctx.kept.append((forward, gradients[-1]))
        all_losses, joined = torch.cat(losses), _joined(gradients).parameters
        ctx.mark_non_differentiable(all_losses)
        return all_losses, *(joined[name] for name in wanted)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, _: torch.Tensor, *vectors: torch.Tensor) -> tuple[Any, ...]:
        tasks, names = ctx.tasks, ctx.names
        _images, *values = ctx.saved_tensors
        parameters = dict(zip(names, values, strict=True))
        direction = dict(zip(ctx.wanted, vectors, strict=True))
        for name in parameters.keys() - direction.keys():
            direction[name] = torch.zeros_like(parameters[name])
        kept, ctx.kept = ctx.kept, []
        products = []
        sources = tasks.sources(images_gradient=ctx.needs_input_grad[4])
        for number, (group, source) in enumerate(zip(tasks.groups(), sources, strict=True)):
            forward, gradients = (
                kept[number] if kept else (tasks.of(group, parameters, source), None)
            )
            products.append(forward.hvp(of_group(direction, group), gradients))
        joined = _joined(products)
        return None, None, None, None, joined.images, *(joined.parameters[n] for n in names)


def _joined(groups: Sequence[Gradients]) -> Gradients:
    """The groups' gradients, concatenated along the task axis."""
    if len(groups) == 1:
        return groups[0]
    images = [group.images for group in groups if group.images is not None]
    return Gradients(
        {
            name: torch.cat([group.parameters[name] for group in groups])
            for name in groups[0].parameters
        },
        torch.cat(images) if images else None,
    )
