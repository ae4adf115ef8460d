"""Losses and gradients of T tasks as autograd functions, each of them differentiable once.

Tasks go through the network in groups, of which only the results are kept. The inner gradient g(w)
enters the outer graph as one function of the weights w: its vjp is H v for each task, since the
Hessian H is symmetric. In the backward pass g is recomputed from w, so memory does not grow with
the inner steps, unless a step is told to keep its passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch

from innerloop.engine.losses import of_group
from innerloop.networks.parameters import Parameters


class GroupPass(Protocol):
    """The losses of a group of tasks, and their derivatives."""

    @property
    def losses(self) -> torch.Tensor:
        """Of each task, [T], detached."""

    @property
    def logits(self) -> torch.Tensor:
        """Detached, [T, N, way]."""

    def gradient(self) -> Parameters:
        """The gradient of every task's loss, detached, by name."""

    def hvp(self, direction: Parameters) -> Parameters:
        """The Hessian of every task's loss times a direction, which is zero in names it lacks."""


class TaskGroup(Protocol):
    """Tasks that go through the network together."""

    @property
    def tasks(self) -> slice:
        """Their place on the task axis."""

    def forward(self, tensors: Parameters, names: list[str], *, second_order: bool) -> GroupPass:
        """The forward pass.

        Args:
            tensors: the parameters, each [T, *shape], and whatever else has a gradient.
            names: of the tensors to differentiate with respect to.
            second_order: whether the pass must support `hvp`.
        """


def losses_of(
    groups: Iterable[TaskGroup], tensors: Parameters
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each task's loss [T], differentiable, and detached logits [T, N, way].

    Args:
        groups: all tasks; from an iterator, a group's tensors are freed after its turn.
        tensors: as for `TaskGroup.forward`, for all tasks.
    """
    losses, logits = _Losses.apply(  # type: ignore[no-untyped-call]
        groups, list(tensors), *tensors.values()
    )
    return losses, logits


def gradients_of(
    groups: Sequence[TaskGroup], tensors: Parameters, names: list[str], *, keep: bool
) -> tuple[torch.Tensor, Parameters]:
    """Each task's loss [T], detached, and its gradients, differentiable.

    Args:
        groups: all tasks.
        tensors: as for `TaskGroup.forward`, for all tasks.
        names: of the tensors to differentiate with respect to.
        keep: keep the passes for the backward pass instead of recomputing them.
    """
    losses, *gradients = _Gradients.apply(  # type: ignore[no-untyped-call]
        groups, list(tensors), names, keep, *tensors.values()
    )
    return losses, dict(zip(names, gradients, strict=True))


class _Losses(torch.autograd.Function):
    """Takes the gradient in the forward pass, so that only one group's activations are alive."""

    @staticmethod
    def forward(
        ctx: Any, groups: Iterable[TaskGroup], names: list[str], *values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        tensors = dict(zip(names, values, strict=True))
        needed = [name for name, need in zip(names, ctx.needs_input_grad[2:], strict=True) if need]
        losses, logits, gradients = [], [], []
        for group in groups:
            forward = group.forward(of_group(tensors, group.tasks), needed, second_order=False)
            losses.append(forward.losses)
            logits.append(forward.logits)
            gradients.append(forward.gradient())
        ctx.names, ctx.needed = names, needed
        ctx.save_for_backward(*_joined(gradients, needed))
        all_logits = torch.cat(logits)
        ctx.mark_non_differentiable(all_logits)
        return torch.cat(losses), all_logits

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_losses: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        gradients = {
            name: gradient * d_losses.view(-1, *[1] * (gradient.ndim - 1))
            for name, gradient in zip(ctx.needed, ctx.saved_tensors, strict=True)
        }
        return None, None, *(gradients.get(name) for name in ctx.names)


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        groups: Sequence[TaskGroup],
        names: list[str],
        wanted: list[str],
        keep: bool,
        *values: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        ctx.groups, ctx.names, ctx.wanted, ctx.kept = groups, names, wanted, []
        ctx.save_for_backward(*values)
        tensors = dict(zip(names, values, strict=True))
        losses, gradients = [], []
        for group in groups:
            forward = group.forward(of_group(tensors, group.tasks), wanted, second_order=keep)
            losses.append(forward.losses)
            gradients.append(forward.gradient())
            if keep:
                ctx.kept.append(forward)
        all_losses = torch.cat(losses)
        ctx.mark_non_differentiable(all_losses)
        return all_losses, *_joined(gradients, wanted)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, _: torch.Tensor, *vectors: torch.Tensor) -> tuple[Any, ...]:
        tensors = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        direction = dict(zip(ctx.wanted, vectors, strict=True))
        kept, ctx.kept = ctx.kept, []
        products = []
        for number, group in enumerate(ctx.groups):
            own = of_group(tensors, group.tasks)
            forward = kept[number] if kept else group.forward(own, ctx.wanted, second_order=True)
            products.append(forward.hvp(of_group(direction, group.tasks)))
            del forward  # or it would live until the next one is complete
        return None, None, None, None, *_joined(products, ctx.names)


def _joined(groups: Sequence[Parameters], names: list[str]) -> list[Any]:
    """The groups' tensors, concatenated along the task axis; None for a name that they lack."""
    if len(groups) == 1:
        return [groups[0].get(name) for name in names]
    return [
        torch.cat([group[name] for group in groups]) if name in groups[0] else None
        for name in names
    ]
