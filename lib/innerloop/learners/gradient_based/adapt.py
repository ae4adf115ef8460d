"""The inner loop: adapt a network to a batch of tasks, all of them at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import torch

from innerloop.data.tasks import Labelled
from innerloop.engine.engine import engine_of, support_gradient
from innerloop.learners.gradient_based.constraint import require_constrained
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.inputs import (
    require_labelled,
    require_method,
    require_network,
    require_step_sizes,
    require_weights,
)
from innerloop.learners.losses import loss_scale
from innerloop.networks.network import Activations, Network
from innerloop.networks.parameters import Parameters, role_of, with_task_axis
from innerloop.runtime.errors import ConfigError, InputError, require_count
from innerloop.runtime.streams import seed_from


@dataclass(frozen=True)
class Adaptation:
    """The result of adapting to T tasks.

    Attributes:
        fast: the adapted weights, each [T, *shape].
        support_losses: for each step, every task's inner loss before it, [T].
        trajectory: the weights before each step and after the last, if requested.
    """

    fast: Parameters
    support_losses: list[torch.Tensor]
    trajectory: list[Parameters] = field(default_factory=list)

    def __repr__(self) -> str:
        tasks, steps = len(next(iter(self.fast.values()))), len(self.support_losses)
        return f"Adaptation(fast weights of {tasks} tasks after {steps} steps)"


def adapt(
    network: Network,
    slow: Parameters,
    method: Method,
    support: Labelled,
    *,
    steps: int,
    step_sizes: Parameters | None = None,
    frozen: Collection[str] = (),
    differentiable: bool = False,
    trajectory: bool = False,
    keep_activations: bool = False,
    trusted: bool = False,
) -> Adaptation:
    """Adapt slow weights to the support images of T tasks by `steps` inner steps.

    Every task has its own copy of the slow weights. A step moves the parameters that the method
    adapts, by its update rule on the gradient of the task's own inner loss (MAML, Algorithm 1).

    Args:
        network: the network.
        slow: weights before adaptation, without a task axis; if the method constrains them (unit
            norm), they must satisfy the constraint, as trained ones do.
        method: what adapts, by which rule.
        support: the images and labels to adapt to.
        steps: number of inner steps; 0 gives the slow weights.
        step_sizes: of the adapted parameters: each [], [*shape] of the weight, or [steps] if the
            method has one per step, of which the last holds for all further steps. By default those
            that the method's training starts from, with seed 0 if they are drawn from a range.
        frozen: parameters that are not adapted, although the method would adapt them.
        differentiable: keep the graph from `slow` and `step_sizes` to the result, including the
            inner gradients unless the method is first order.
        trajectory: also return the weights before every step.
        keep_activations: keep every step's activations for the outer gradient instead of
            recomputing them: faster, but memory grows with the steps; the result is the same.
        trusted: skip the checks of values, which would wait for a GPU, since the support and the
            slow weights are known to be valid.

    Raises:
        InputError: an argument does not fit the network.
        ConfigError: the slow weights violate the method's constraint, or autocast is on.
    """
    require_network(network)
    require_method(method)
    require_count("steps", steps, least=0)
    require_weights(network, slow, "slow")
    require_labelled(network, support, "support", slow, values=not trusted)
    if not trusted:
        require_constrained(method, slow)
    device = support.images.device.type
    if torch.is_autocast_enabled(device):
        raise ConfigError(
            "adapt() computes in the precision of the weights: call it outside torch.autocast, or "
            f"under torch.autocast({device!r}, enabled=False)"
        )
    if isinstance(frozen, str) or not slow.keys() >= {*frozen}:
        raise InputError(f"frozen is {frozen!r}; expected a list of {', '.join(slow)}")
    rule = rule_of(method)
    moving = [name for name in adapted_names(method, list(slow)) if name not in frozen]
    if step_sizes is None:
        step_sizes = initial_step_sizes(method, slow, seed=0, steps=max(steps, 1))
    require_step_sizes(step_sizes, {name: slow[name].shape for name in moving}, method)
    fast = with_task_axis(slow, len(support))
    gradient = support_gradient(
        network, fast, support, moving,
        loss_scale(support.labels, network.way, method.inner_loss),
        second_order=differentiable and not method.first_order,
    )  # fmt: skip
    with torch.set_grad_enabled(differentiable):
        states = {name: rule.init_state(role_of(name), fast[name]) for name in moving}
    losses: list[torch.Tensor] = []
    visited = [fast] if trajectory else []
    for step in range(steps):
        # the backward pass starts at the last step, whose activations are thus needed at once
        keep = keep_activations or step == steps - 1
        with torch.set_grad_enabled(differentiable):
            loss, gradients = gradient(fast, keep)
            moved, states = rule.move(
                fast, gradients, _of_step(method, step_sizes, step), states, step
            )
        fast = {**fast, **moved}
        losses.append(loss)
        if trajectory:
            visited.append(fast)
    return Adaptation(fast, losses, visited)


def adapted_names(method: Method, names: list[str]) -> list[str]:
    """The parameters that the method moves in its inner loop, in the given order."""
    return [name for name in names if role_of(name) in method.moving_roles]


def initial_step_sizes(method: Method, slow: Parameters, seed: int, steps: int = 1) -> Parameters:
    """Initial step sizes of the adapted parameters, in the shapes that the method gives them.

    Learned step sizes all start at one value, or are drawn uniformly from a range (P2 leaves their
    start open; it biases the sign of the final mean).

    Args:
        method: what adapts, and how its step sizes are learned.
        slow: weights, without a task axis.
        seed: for step sizes that are drawn.
        steps: inner steps in training, for a method with step sizes per step.
    """
    factor = method.step_size_multiplier
    sizes: Parameters = {}
    for name in adapted_names(method, list(slow)):
        weight = slow[name]
        shape = method.step_size_shape(tuple(weight.shape), steps)
        if isinstance(method.step_size, tuple):
            low, high = method.step_size
            generator = torch.Generator().manual_seed(seed_from("step sizes", seed, name))
            drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
            sizes[name] = ((low + (high - low) * drawn) * factor).to(weight)
        else:
            value = method.step_size * factor
            sizes[name] = torch.full(shape, value, dtype=torch.float64).to(weight)
    return sizes


def query_logits(
    network: Network,
    fast: Parameters,
    support: torch.Tensor,
    query: torch.Tensor,
    activations: Activations | None = None,
) -> torch.Tensor:
    """Logits [T, N, way] of query images, normalised as the network's options say."""
    return engine_of(network).logits(fast, query, support=support, activations=activations)


def _of_step(method: Method, step_sizes: Parameters, step: int) -> Parameters:
    """The step sizes of inner step `step`, counted from 0.

    If each step has its own, steps beyond those of training use the last one's.
    """
    if method.learn_step_size != "step_and_layer":
        return step_sizes
    return {
        name: sizes[min(step, len(sizes) - 1)] if sizes.ndim else sizes
        for name, sizes in step_sizes.items()
    }
