"""Scale invariance by number: what module types tell must be what the network computes.

Under two large scales a weight before normalisation gives the same logits: what BatchNorm's epsilon
adds falls with the square of the scale. A bias that is not taken out still shows.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn
from torch.func import functional_call

from innerloop.networks.anatomy import Anatomy
from innerloop.networks.options import HEAD
from innerloop.runtime.errors import ExtensionError

_SCALES = (100.0, 200.0)
#: Of the logits' norm.
_TOLERANCE = 1e-4


def require_scale_invariance(module: nn.Module, anatomy: Anatomy, images: torch.Tensor) -> None:
    """Refuse a network whose body's weights are not as scale invariant as its types tell.

    Args:
        module: in double precision.
        anatomy: what is known of it.
        images: in double precision, [N, C, H, W].

    Raises:
        ExtensionError: naming the weight, and how to say what is right.
    """
    generator = torch.Generator().manual_seed(1)
    parameters = {
        path: value + 0.3 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        if value.ndim == 1
        else value
        for path, value in module.named_parameters()
    }

    def changes(paths: Collection[str]) -> bool:
        """Whether the logits depend on the scale of these weights."""
        small, large = (
            functional_call(
                module,
                {path: scale * value if path in paths else value for path, value in given.items()},
                (images,),
            )
            for scale in _SCALES
        )
        return not bool((large - small).norm() <= _TOLERANCE * small.norm())

    given = parameters
    weights = [info for info in anatomy.parameters if info.kind == "weight" and info.layer != HEAD]
    invariant = [info.path for info in weights if info.scale_invariant]
    wrong = [info.path for info in weights if not info.scale_invariant and not changes([info.path])]
    if invariant and changes(invariant):
        wrong += [path for path in invariant if changes([path])] or invariant
    if wrong:
        held = wrong[0] in invariant
        raise ExtensionError(
            f"network {type(module).__name__}: by its modules {wrong[0]} is "
            f"{'' if held else 'not '}scale invariant, but its scale changes "
            f"{'the logits' if held else 'no logit'}. If that is meant, say so in the module: "
            f'scale_invariant = {{"{wrong[0]}": {not held}}}'
        )
