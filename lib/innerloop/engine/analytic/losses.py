"""Losses of T tasks and their gradients, for autograd: each is differentiable once more, exactly.

Tasks go through the network in groups, and nothing of a group is kept but its results.
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
        network: the function, normalised by the images at hand.
        images: [T, N, C, H, W].
        labels: [T, N].
        scale: factor of the sum over a task's images.
    """

    network: BatchConv4
    images: torch.Tensor
    labels: torch.Tensor
    scale: float

    def losses(self, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
        """Each task's loss [T], differentiable, and logits [T, N, way], which are not.

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
        """Each task's loss [T], not differentiable, and its gradients, which are.

        Backwards they are the Hessian times what comes in, since it is symmetric.

        Args:
            parameters: each [T, *shape].
            names: with respect to which of them.
            keep_activations: keep what went through the network until then, instead of computing
                it again.
        """
        losses, *found = _Gradients.apply(  # type: ignore[no-untyped-call]
            self, list(parameters), names, keep_activations, self.images, *parameters.values()
        )
        return losses, dict(zip(names, found, strict=True))

    def groups(self) -> list[slice]:
        """Which tasks go through the network together."""
        return task_groups(self.labels)

    def of(self, group: slice, parameters: Parameters, source: BlockInput) -> LossPass:
        """The pass of some of the tasks, whose images are the source."""
        return LossPass(
            self.network,
            of_group(parameters, group),
            source,
            self.labels[group],
            self.scale,
        )

    def source(self, group: slice, *, images_gradient: bool) -> BlockInput:
        """Images of some of the tasks; with their gradient, or for that of the parameters alone."""
        images = self.images[group]
        return FeatureMap(side_by_side(images), len(images)) if images_gradient else Patches(images)

    def sources(self, *, images_gradient: bool) -> list[BlockInput]:
        """Every group's; without the images' gradient every inner step gets the same."""
        if not images_gradient:
            return self._patches
        return [self.source(group, images_gradient=True) for group in self.groups()]

    @cached_property
    def _patches(self) -> list[BlockInput]:
        return [self.source(group, images_gradient=False) for group in self.groups()]


class _Losses(torch.autograd.Function):
    """The gradient is taken on the way, so that one group's activations are alive at a time."""

    @staticmethod
    def forward(
        ctx: Any, tasks: TaskLosses, names: list[str], images: torch.Tensor, *values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        parameters = dict(zip(names, values, strict=True))
        losses, logits, gradients = [], [], []
        for group in tasks.groups():
            source = tasks.source(group, images_gradient=ctx.needs_input_grad[2])
            here = tasks.of(group, parameters, source)
            losses.append(here.losses)
            logits.append(here.logits)
            gradients.append(here.gradient())
        found = _joined(gradients)
        ctx.has_images = found.images is not None
        images_gradient = [found.images] if found.images is not None else []
        ctx.save_for_backward(*images_gradient, *(found.parameters[name] for name in names))
        joined = torch.cat(logits)
        ctx.mark_non_differentiable(joined)
        return torch.cat(losses), joined

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_losses: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        found = [
            gradient * d_losses.view(-1, *[1] * (gradient.ndim - 1))
            for gradient in ctx.saved_tensors
        ]
        return None, None, *([] if ctx.has_images else [None]), *found


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
            here = tasks.of(group, parameters, source)
            losses.append(here.losses)
            gradients.append(here.gradient())
            if keep_activations:
                ctx.kept.append((here, gradients[-1]))
        joined, found = torch.cat(losses), _joined(gradients).parameters
        ctx.mark_non_differentiable(joined)
        return joined, *(found[name] for name in wanted)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, _: torch.Tensor, *along: torch.Tensor) -> tuple[Any, ...]:
        tasks, names = ctx.tasks, ctx.names
        _images, *values = ctx.saved_tensors
        parameters = dict(zip(names, values, strict=True))
        direction = dict(zip(ctx.wanted, along, strict=True))
        for name in parameters.keys() - direction.keys():
            direction[name] = torch.zeros_like(parameters[name])
        kept, ctx.kept = ctx.kept, []
        products = []
        sources = tasks.sources(images_gradient=ctx.needs_input_grad[4])
        for number, (group, source) in enumerate(zip(tasks.groups(), sources, strict=True)):
            here, gradients = kept[number] if kept else (tasks.of(group, parameters, source), None)
            products.append(here.hvp(of_group(direction, group), gradients))
        found = _joined(products)
        return None, None, None, None, found.images, *(found.parameters[n] for n in names)


def _joined(groups: Sequence[Gradients]) -> Gradients:
    """The groups' gradients as those of all tasks."""
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
