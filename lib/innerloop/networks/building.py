"""Make a network's module, learn what it is, and try it: once per process."""

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
    """What makes a module: `entry(way, image_size, channels, **options)`, options as JSON."""

    entry: str
    way: int
    image_size: int
    channels: int
    options: str


@dataclass(frozen=True)
class Built:
    """A module in double precision, what is known of it, and whether it works under vmap."""

    module: nn.Module
    anatomy: Anatomy
    batched: bool


@lru_cache(maxsize=64)
def built(recipe: Recipe) -> Built:
    """The module of a recipe.

    Raises:
        ConfigError: an option is none of the module's.
        ExtensionError: it cannot be made, or is no network that Innerloop understands.
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
        ConfigError: an option is none of the module's.
        ExtensionError: what the entry names makes no module.
    """
    make, options = load_entry(recipe.entry), json.loads(recipe.options)
    given = (recipe.way, recipe.image_size, recipe.channels)
    try:
        inspect.signature(make).bind(*given, **options)
    except TypeError as error:
        raise ConfigError(
            f"network '{recipe.entry}': {error}. It is called with way, image_size, channels and "
            f"the options {', '.join(options) or '(none)'}; it takes {inspect.signature(make)}"
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make(*given, **options)
    if not isinstance(module, nn.Module):
        raise ExtensionError(
            f"network '{recipe.entry}' made a {type(module).__name__}; expected a torch.nn.Module"
        )
    for part in module.modules():
        if isinstance(part, _NormBase):  # it normalises by the images at hand
            part.track_running_stats = False
            part.running_mean = part.running_var = part.num_batches_tracked = None
        if type(part) is nn.GroupNorm:
            part.__class__ = GroupNorm
    return module.requires_grad_(False)


def _works_batched(entry: str, module: nn.Module, images: torch.Tensor) -> bool:
    """Whether vmap over tasks gives what one task by one does."""
    tasks = images.unsqueeze(1)
    parameters = {
        path: torch.stack([value, 1.5 * value]) for path, value in module.named_parameters()
    }
    expected, _ = over_tasks(module, parameters, tasks, {}, "output", batched=False)
    try:
        logits, _ = over_tasks(module, parameters, tasks, {}, "output", batched=True)
        if torch.allclose(logits, expected, equal_nan=True):
            return True
        why = "its tasks mix there"
    except (RuntimeError, ValueError, NotImplementedError) as error:
        why = str(error).partition("\n")[0]
    say(f"network '{entry}' takes one task at a time, which is slower than all: {why:.200}")
    return False
