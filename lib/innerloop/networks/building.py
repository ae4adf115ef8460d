"""Make a network's module, derive its anatomy, and try it: once per process."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from innerloop.networks.anatomy import Anatomy, anatomy_of
from innerloop.networks.normalisation import GroupNorm
from innerloop.networks.scale_invariance import require_scale_invariance
from innerloop.networks.task_axis import over_tasks
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.progress import say


@dataclass(frozen=True)
class Recipe:
    """How to make a module: `entry(way, image_size, channels, **options)`, with options as JSON."""

    entry: str
    way: int
    image_size: int
    channels: int
    options: str


@dataclass(frozen=True)
class Built:
    """A module in double precision, its anatomy, and whether it works under vmap."""

    module: nn.Module
    anatomy: Anatomy
    batched: bool


@lru_cache(maxsize=64)
def built(recipe: Recipe) -> Built:
    """The module of a recipe, tried on two images.

    Raises:
        ConfigError: the module does not take an option.
        ExtensionError: it cannot be made, or is not a network that Innerloop understands.
    """
    with torch.inference_mode(False), torch.no_grad():
        module = made(recipe, seed=0).double()
        size = (2, recipe.channels, recipe.image_size, recipe.image_size)
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(size, generator=generator, dtype=torch.float64)
        try:
            anatomy = anatomy_of(module, recipe.way, images)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise ExtensionError(
                f"network '{recipe.entry}' fails on two images {list(size)}: {error}"
            ) from error
        require_scale_invariance(module, anatomy, images)
        return Built(module, anatomy, _works_batched(recipe.entry, module, images))


def made(recipe: Recipe, seed: int) -> nn.Module:
    """A new module, whose own initial parameters are a pure function of the seed.

    Raises:
        ConfigError: the module does not take an option.
        ExtensionError: the entry's code does not make a module.
    """
    make, options = load_entry(recipe.entry), json.loads(recipe.options)
    arguments = (recipe.way, recipe.image_size, recipe.channels)
    try:
        inspect.signature(make).bind(*arguments, **options)
    except TypeError as error:
        raise ConfigError(
            f"network '{recipe.entry}': {error}. It is called with way, image_size, channels and "
            f"the options {', '.join(options) or '(none)'}; it takes {inspect.signature(make)}"
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make(*arguments, **options)
    if not isinstance(module, nn.Module):
        raise ExtensionError(
            f"network '{recipe.entry}' made a {type(module).__name__}; expected a torch.nn.Module"
        )
    for part in module.modules():
        if isinstance(part, _NormBase):  # no running statistics: normalise by the images at hand
            part.track_running_stats = False
            part.running_mean = part.running_var = part.num_batches_tracked = None
        if type(part) is nn.GroupNorm:
            part.__class__ = GroupNorm
    return module.requires_grad_(False)


def _works_batched(entry: str, module: nn.Module, images: torch.Tensor) -> bool:
    """Whether vmap over tasks gives the same logits as one task at a time."""
    tasks = images.unsqueeze(1)
    parameters = {
        path: torch.stack([value, 1.5 * value]) for path, value in module.named_parameters()
    }
    expected, _ = over_tasks(module, parameters, tasks, {}, "output", batched=False)
    try:
        logits, _ = over_tasks(module, parameters, tasks, {}, "output", batched=True)
        if torch.allclose(logits, expected, equal_nan=True):
            return True
        why = "under vmap, the tasks mix"
    except (RuntimeError, ValueError, NotImplementedError) as error:
        why = str(error).partition("\n")[0]
    say(f"network '{entry}' takes one task at a time, slower than all at once: {why:.200}")
    return False
