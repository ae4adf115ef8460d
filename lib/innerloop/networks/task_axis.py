"""A module's outputs for T tasks at once, each with its own parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, vmap


def over_tasks(
    module: nn.Module,
    parameters: Mapping[str, torch.Tensor],
    images: torch.Tensor,
    wanted: Mapping[str, str],
    side: str,
    *,
    batched: bool,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A module's outputs for T tasks, each with its own parameters.

    Args:
        module: the module.
        parameters: by path, each [T, *shape].
        images: [T, N, C, H, W].
        wanted: label -> path of submodules whose input or output is returned as well.
        side: which of the two, `input` or `output`.
        batched: by vmap; otherwise one task at a time.
    """
    buffers = {
        path: value.to(images) if value.is_floating_point() else value.to(images.device)
        for path, value in module.named_buffers()
    }

    parts = {label: module.get_submodule(path) for label, path in wanted.items()}

    def one(parameters: Mapping[str, torch.Tensor], images: torch.Tensor) -> Any:
        seen: dict[str, torch.Tensor] = {}

        def note(label: str, _: nn.Module, first: torch.Tensor, output: torch.Tensor) -> None:
            seen[label] = first if side == "input" else output

        with listening(parts, note):
            logits = functional_call(module, {**buffers, **parameters}, (images,))
        return logits, seen

    if batched:
        logits, seen = vmap(one)(dict(parameters), images)
        return logits, seen
    each = [
        one({path: value[task] for path, value in parameters.items()}, images[task])
        for task in range(len(images))
    ]
    together = {label: torch.stack([seen[label] for _, seen in each]) for label in wanted}
    return torch.stack([logits for logits, _ in each]), together


@contextmanager
def listening(
    parts: Mapping[str, nn.Module], hear: Callable[[str, nn.Module, Any, Any], None]
) -> Iterator[None]:
    """Report every call of some submodules to `hear`: key, submodule, first input, output."""

    def hook(key: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda part, inputs, output: hear(key, part, inputs[0] if inputs else None, output)

    handles = [part.register_forward_hook(hook(key)) for key, part in parts.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
