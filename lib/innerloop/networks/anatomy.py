"""What a module's parameters are: layer, role and scale invariance, from module types and order.

One pass of two images shows which module is given what another one gave. Names are never read;
what types and order do not tell, the module says in attributes of its own:

    parameter_kinds = {"scale": "gamma"}     # weight, bias, gamma or beta
    scale_invariant = {"mix.weight": True}   # whether scaling it changes no output
    probed_layers = ["stem", "body.2"]       # modules whose outputs are looked at, but for the head
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from innerloop.networks.options import HEAD
from innerloop.networks.task_axis import listening
from innerloop.runtime.errors import ExtensionError

_WEIGHTED = (_ConvNd, nn.Linear)
_PER_CHANNEL = (_NormBase,)
_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
_POOLS = (
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Identity,
)  # fmt: skip
#: What is given a multiple gives that multiple.
_HOMOGENEOUS = (*_POOLS, nn.ReLU, nn.LeakyReLU, nn.Flatten)
KINDS = ("weight", "bias", "gamma", "beta")


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a network.

    Attributes:
        path: its name in the module, such as `conv1.1.weight`.
        layer: the convolution or dense layer it belongs to, such as `conv1`; `head` for the last.
        kind: weight and bias of a convolution or dense layer, gamma and beta of a normalisation.
        scale_invariant: whether its scale changes no output.
    """

    path: str
    layer: str
    kind: str
    scale_invariant: bool

    @property
    def name(self) -> str:
        """`conv1.gamma`; what its role is follows from it (`role_of`)."""
        return f"{self.layer}.{self.kind}"


@dataclass(frozen=True)
class Anatomy:
    """What is known of a module.

    Attributes:
        parameters: in the module's order.
        probed: the modules whose outputs are looked at: label -> path; the head is the last.
    """

    parameters: tuple[ParameterInfo, ...]
    probed: Mapping[str, str]

    @property
    def head(self) -> str:
        """Path of the dense layer that gives the logits."""
        return self.probed[HEAD]

    @property
    def by_layer(self) -> dict[str, tuple[str, ...]]:
        """Names of the parameters by the probed layer that they are in, the head's last.

        A normalisation goes with the convolution that it follows; the parameters of a layer that
        is in no probed one stand under its own name.
        """
        homes: dict[str, str] = {}
        for info in self.parameters:
            around = [label for label, path in self.probed.items() if _inside(info.path, path)]
            if around:
                homes.setdefault(info.layer, max(around, key=lambda label: len(self.probed[label])))
        names: dict[str, list[str]] = {}
        for info in sorted(self.parameters, key=lambda info: info.layer == HEAD):
            names.setdefault(homes.get(info.layer, info.layer), []).append(info.name)
        return {label: tuple(found) for label, found in names.items()}


@dataclass(frozen=True)
class _Call:
    path: str
    module: nn.Module
    given: torch.Tensor
    gave: torch.Tensor


def anatomy_of(module: nn.Module, way: int, images: torch.Tensor) -> Anatomy:
    """Layers, roles and scale invariance of a module's parameters.

    Args:
        module: a network.
        way: classes of a task.
        images: some that it takes, [N, C, H, W].

    Raises:
        ExtensionError: it is no network for tasks of these classes, or does not say enough.
    """
    _require_deterministic(module)
    calls: list[_Call] = []  # of the parts without parts of their own, in order
    called: set[str] = set()

    def note(path: str, part: nn.Module, given: object, gave: object) -> None:
        if isinstance(given, torch.Tensor) and isinstance(gave, torch.Tensor):
            called.add(path)
            if not next(part.children(), None):
                calls.append(_Call(path, part, given, gave))

    with torch.no_grad(), listening(dict(module.named_modules()), note):
        logits = module(images)
    if not isinstance(logits, torch.Tensor) or logits.shape != (len(images), way):
        gave = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise _refused(module, f"gave {gave} for {len(images)} images", f"logits [N, {way}]")
    heads = [call for call in calls if isinstance(call.module, nn.Linear) and call.gave is logits]
    if not heads or heads[-1].given.ndim != 2:
        raise _refused(
            module,
            "does not end with a dense layer",
            "forward() to return what an nn.Linear gives for features [N, F]: that layer is the "
            "head, which methods such as ANIL adapt alone",
        )
    head = heads[-1].path
    labels = _labels(module, head)
    said = getattr(module, "scale_invariant", {})
    parameters = []
    for path, _ in module.named_parameters():
        layer, kind = _place(module, path, labels, calls)
        derived = kind == "weight" and path.rpartition(".")[0] in labels
        derived = derived and _scale_invariant(path.rpartition(".")[0], calls)
        parameters.append(ParameterInfo(path, layer, kind, said.get(path, derived)))
    _require_distinct(module, parameters)
    probed = getattr(module, "probed_layers", None) or _blocks(module, called)
    if idle := [path for path in probed if path not in called]:
        raise _refused(
            module,
            f"has no part {idle[0]} that gives a tensor",
            f"probed_layers of those that do: {', '.join(sorted(called - {''}))}",
        )
    shown = {path: path for path in probed if not _inside(head, path)}
    return Anatomy(tuple(parameters), {**shown, HEAD: head})


def _require_deterministic(module: nn.Module) -> None:
    for path, part in module.named_modules():
        if isinstance(part, _DropoutNd) and part.p > 0:
            raise _refused(
                module, f"draws random numbers ({path}: {part})", "a function of its parameters"
            )


def _labels(module: nn.Module, head: str) -> dict[str, str]:
    """Path of each convolution and dense layer -> its label: the shortest path to it alone."""
    paths = [path for path, part in module.named_modules() if isinstance(part, _WEIGHTED)]
    starts = Counter(start for path in paths for start in _starts(path))
    shortest = {
        path: next((start for start in _starts(path) if starts[start] == 1), path) for path in paths
    }
    return {**shortest, head: HEAD}


def _starts(path: str) -> list[str]:
    """`a.b.c` -> `a`, `a.b`, `a.b.c`."""
    parts = path.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _place(
    module: nn.Module, path: str, labels: Mapping[str, str], calls: Sequence[_Call]
) -> tuple[str, str]:
    """Layer and kind of a parameter."""
    owner, _, name = path.rpartition(".")
    said = getattr(module, "parameter_kinds", {}).get(path)
    part = module.get_submodule(owner)
    if said is not None:
        if said not in KINDS:
            raise _refused(module, f"says that {path} is {said!r}", " or ".join(KINDS))
        return labels.get(owner, owner or name), said
    if owner in labels and name in ("weight", "bias"):
        return labels[owner], name
    if isinstance(part, _NORMS) and name in ("weight", "bias"):
        return _layer_before(owner, labels, calls), "gamma" if name == "weight" else "beta"
    raise _refused(
        module,
        f"has a parameter {path}, of a {type(part).__name__}, whose role is not known",
        f'it to say so: parameter_kinds = {{"{path}": "gamma"}}; the kinds are {", ".join(KINDS)}',
    )


def _layer_before(owner: str, labels: Mapping[str, str], calls: Sequence[_Call]) -> str:
    """The layer that a normalisation follows; its own path where it follows none directly."""
    first = next((at for at, call in enumerate(calls) if call.path == owner), None)
    given = None if first is None else calls[first].given
    for call in reversed(calls[:first]):
        if call.gave is given:
            if call.path in labels:
                return labels[call.path]
            if not isinstance(call.module, _HOMOGENEOUS):
                break
            given = call.given
    return owner


def _scale_invariant(path: str, calls: Sequence[_Call]) -> bool:
    """Whether normalisation takes the scale of a layer's weight out, wherever it is called."""
    return any(call.path == path for call in calls) and all(
        _normalised(calls, at, shifted=getattr(call.module, "bias", None) is not None)
        for at, call in enumerate(calls)
        if call.path == path
    )


def _normalised(calls: Sequence[_Call], at: int, *, shifted: bool) -> bool:
    """Whether all that takes what a call gave normalises it.

    Args:
        calls: in order.
        at: the number of the call.
        shifted: whether a bias was added, which only a mean over its channel takes out again.
    """
    takers = [later for later in range(at + 1, len(calls)) if calls[later].given is calls[at].gave]
    for taker in takers:
        part = calls[taker].module
        if isinstance(part, _NORMS):
            if shifted and not _per_channel(part):
                return False
            continue
        unbiased = isinstance(part, _WEIGHTED) and part.bias is None
        passes = isinstance(part, _POOLS if shifted else _HOMOGENEOUS) or (unbiased and not shifted)
        if not passes or not _normalised(calls, taker, shifted=shifted):
            return False
    return bool(takers)


def _per_channel(norm: nn.Module) -> bool:
    groups = isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels
    return isinstance(norm, _PER_CHANNEL) or groups


def _require_distinct(module: nn.Module, parameters: Sequence[ParameterInfo]) -> None:
    first: dict[str, str] = {}
    for parameter in parameters:
        other = first.setdefault(parameter.name, parameter.path)
        if other != parameter.path:
            raise _refused(
                module,
                f"has two parameters {parameter.name}: {other} and {parameter.path}",
                "one of each kind per layer; call one of the modules by another name",
            )


def _blocks(module: nn.Module, called: Collection[str], start: str = "") -> list[str]:
    """The parts with layers in them; a sequence of several, or what only holds them, is those."""
    blocks: list[str] = []
    for name, part in module.named_children():
        if not any(isinstance(inner, _WEIGHTED) for inner in part.modules()):
            continue
        path = f"{start}{name}"
        inner = _blocks(part, called, f"{path}.")
        several = isinstance(part, nn.Sequential) and len(inner) > 1
        blocks += [path] if path in called and not several else inner
    return blocks


def _inside(path: str, outer: str) -> bool:
    return f"{path}.".startswith(f"{outer}.")


def _refused(module: nn.Module, what: str, expected: str) -> ExtensionError:
    return ExtensionError(f"network {type(module).__name__} {what}; expected {expected}")
