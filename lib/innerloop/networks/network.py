"""A network: any `torch.nn.Module`, as a function of its parameters with a leading task axis."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import nn

from innerloop.networks.anatomy import Anatomy, ParameterInfo
from innerloop.networks.building import Built, Recipe, built, made
from innerloop.networks.initialisation import initial_weight
from innerloop.networks.normalisation import SupportBatchNorm2d, normalised_by_first
from innerloop.networks.options import CONV4, HEAD, Initialisation, NetworkOptions
from innerloop.networks.parameters import Parameters
from innerloop.networks.task_axis import over_tasks
from innerloop.runtime.errors import InputError, require_choice, require_count
from innerloop.runtime.files import canonical_json
from innerloop.runtime.streams import seed_from

#: Layer -> its outputs, flattened, [T, N, F].
Activations: TypeAlias = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Network:
    """A module as a function of its parameters, for T tasks at once.

    It can be differentiated any number of times, and used inside the transforms of `torch.func`.
    BatchNorm normalises by the images at hand, without running statistics.

    Attributes:
        way: classes per task; the width of the head.
        image_size: side of the square images in pixels.
        channels: channels of the images.
        entry: the code that makes the module, `package.module:name` or `file.py:name`; called as
            `name(way, image_size, channels, **options)`.
        options: keyword arguments of the module.
        initialisation: distribution of the initial weights; `own`: as the module draws them.

    Raises:
        ConfigError: a value is not allowed, or an option is unknown.
        ExtensionError: the module cannot be made, or is not a network that Innerloop understands.
    """

    way: int = 5
    image_size: int = 84
    channels: int = 3
    entry: str = CONV4
    options: Mapping[str, Any] = field(default_factory=dict)
    initialisation: Initialisation = "glorot"

    def __post_init__(self) -> None:
        require_choice("initialisation", self.initialisation, get_args(Initialisation))
        for name in ("way", "image_size", "channels"):
            require_count(name, getattr(self, name), least=1)
        _ = self._built  # raise errors now

    def __hash__(self) -> int:
        return hash((self._recipe, self.initialisation))

    def __repr__(self) -> str:
        """The arguments that `innerloop.network` makes it from."""
        options = {**self.options, "initialisation": self.initialisation}
        if self.initialisation == "glorot":
            del options["initialisation"]
        values = {"way": self.way, "image_size": self.image_size, "channels": self.channels}
        shown = ", ".join(f"{name}={value!r}" for name, value in {**values, **options}.items())
        return f"Network({self.name}, {shown})"

    @property
    def name(self) -> str:
        """`conv4`, `resnet12`, or the name in a user's entry: `Net` of `my_net.py:Net`."""
        place, _, name = self.entry.rpartition(":")
        built_in = place.removeprefix("innerloop.networks.")
        return built_in if built_in != place else name

    @property
    def module(self) -> nn.Module:
        """The module itself; its own parameters are never used."""
        return self._built.module

    @property
    def anatomy(self) -> Anatomy:
        """Layer, kind and scale invariance of each parameter."""
        return self._built.anatomy

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose outputs are probed, from the input to the head."""
        return tuple(self.anatomy.probed)

    @property
    def layer_parameters(self) -> dict[str, tuple[str, ...]]:
        """Probed layer -> names of its parameters, from the input to the head.

        Parameters of a layer that is in no probed layer are listed under that layer's own name.
        """
        return self.anatomy.by_layer

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape, without a task axis."""
        by_path = dict(self.module.named_parameters())
        return {info.name: tuple(by_path[info.path].shape) for info in self.anatomy.parameters}

    @property
    def normalised_by_support(self) -> bool:
        """Whether query images are normalised by the support images' statistics."""
        return any(isinstance(part, SupportBatchNorm2d) for part in self.module.modules())

    @property
    def batch_norm(self) -> Literal["batch", "support", "none"]:
        """Which images' statistics normalise query images; `none` if there is no BatchNorm."""
        batch = any(isinstance(part, nn.BatchNorm2d) for part in self.module.modules())
        return "support" if self.normalised_by_support else "batch" if batch else "none"

    def with_options(self, **options: Any) -> Network:
        """The same network with some options replaced: `with_options(normalisation="group")`."""
        return replace(self, options={**self.options, **options})

    @classmethod
    def of(cls, made_by: NetworkOptions) -> Network:
        """The network that a study's options describe."""
        return cls(
            made_by.way, made_by.image_size, made_by.channels,
            made_by.network, made_by.arguments, made_by.initialisation,
        )  # fmt: skip

    def initial(self, seed: int, dtype: torch.dtype = torch.float32) -> Parameters:
        """Initial slow weights: zero biases and betas, unit gammas; a pure function of `seed`."""
        if self.initialisation == "own":
            drawn = dict(made(self._recipe, seed_from("initial weights", seed)).named_parameters())
            return {info.name: drawn[info.path].to(dtype) for info in self.anatomy.parameters}
        return {info.name: self._initial(seed, info).to(dtype) for info in self.anatomy.parameters}

    def _initial(self, seed: int, info: ParameterInfo) -> torch.Tensor:
        shape = self.shapes[info.name]
        if info.kind != "weight":
            return torch.ones(shape) if info.kind == "gamma" else torch.zeros(shape)
        generator = torch.Generator().manual_seed(seed_from("initial weights", seed, info.layer))
        return initial_weight(shape, self.initialisation, generator)

    def __call__(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        *,
        support: torch.Tensor | None = None,
        activations: Activations | None = None,
    ) -> torch.Tensor:
        """Logits [T, N, way] of images [T, N, C, H, W] under parameters with a task axis.

        Args:
            parameters: fast weights, each tensor [T, *shape].
            images: in [0, 1].
            support: support images of each task, [T, M, C, H, W], whose statistics a network with
                `normalisation="support"` normalises by; others ignore them.
            activations: a dictionary to fill with the flattened output of every probed layer,
                [T, N, features], and of the head.

        Raises:
            InputError: parameters and images are not of the same T tasks.
        """
        wanted = {} if activations is None else dict(self.anatomy.probed)
        logits, seen = self._run(parameters, images, support, wanted, "output")
        if activations is not None:
            activations.update({layer: seen[layer].flatten(2) for layer in self.layers})
        return logits

    def features(
        self, parameters: Parameters, images: torch.Tensor, *, support: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Features [T, N, F], the head's input; arguments as for the whole network."""
        _, seen = self._run(parameters, images, support, {HEAD: self.anatomy.head}, "input")
        return seen[HEAD]

    def _run(
        self,
        parameters: Parameters,
        images: torch.Tensor,
        support: torch.Tensor | None,
        wanted: Mapping[str, str],
        side: str,
    ) -> tuple[torch.Tensor, Activations]:
        """Logits, and the inputs or outputs (`side`) of the wanted submodules (label -> path)."""
        module, anatomy = self.module, self.anatomy
        self._require_tasks(parameters, images)
        first = 0
        if support is not None and self.normalised_by_support:
            first = support.shape[1]
            images = torch.cat([support, images], dim=1)
        by_path = {info.path: parameters[info.name] for info in anatomy.parameters}
        with normalised_by_first(module, first) if first else nullcontext():
            logits, seen = over_tasks(
                module, by_path, images, wanted, side, batched=self._built.batched
            )
        return logits[:, first:], {label: value[:, first:] for label, value in seen.items()}

    def _require_tasks(self, parameters: Parameters, images: torch.Tensor) -> None:
        """Refuse parameters and images that are not of the same T tasks.

        Raises:
            InputError: one lacks the task axis, or has another length there.
        """
        if images.ndim != 5:
            raise InputError(
                f"images are {list(images.shape)}; expected [T, N, C, H, W], the task axis first "
                "(one task: images[None])"
            )
        for name, shape in self.shapes.items():
            found = list(parameters[name].shape) if name in parameters else "missing"
            if found != [len(images), *shape]:
                raise InputError(
                    f"parameters: {name} is {found}; expected {[len(images), *shape]}, for the "
                    f"{len(images)} tasks of the images. Fast weights have this task axis; "
                    "innerloop.with_task_axis(slow, tasks) gives it to slow weights"
                )

    @property
    def _built(self) -> Built:
        return built(self._recipe)

    @property
    def _recipe(self) -> Recipe:
        options = canonical_json(dict(self.options))
        return Recipe(self.entry, self.way, self.image_size, self.channels, options)


def head_logits(parameters: Parameters, features: torch.Tensor) -> torch.Tensor:
    """Logits [T, N, way] of features [T, N, F], each task under its own head."""
    weight, bias = parameters[f"{HEAD}.weight"], parameters.get(f"{HEAD}.bias")
    if bias is None:
        return torch.bmm(features, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), features, weight.transpose(1, 2))
