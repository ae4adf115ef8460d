"""A numerical check of scale invariance, as derived from module types or declared.

A weight before normalisation is scaled by two large factors, which must give the same logits: the
effect of BatchNorm's epsilon falls with the square of the scale, while a bias that is not cancelled
still shows.
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
#: Relative to the logits' norm.
_TOLERANCE = 1e-4


def require_scale_invariance(module: nn.Module, anatomy: Anatomy, images: torch.Tensor) -> None:
    """Refuse a network with a body weight whose scale invariance differs from its anatomy's.

    Args:
        module: in double precision.
        anatomy: of the module.
        images: in double precision, [N, C, H, W].

    Raises:
        ExtensionError: names the weight, and how to declare its scale invariance.
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
        expected = wrong[0] in invariant
        raise ExtensionError(
            f"network {type(module).__name__}: by its modules {wrong[0]} is "
            f"{'' if expected else 'not '}scale invariant, but its scale changes "
            f"{'the logits' if expected else 'no logit'}. If that is intended, declare it in the "
            f'module: scale_invariant = {{"{wrong[0]}": {not expected}}}'
        )
