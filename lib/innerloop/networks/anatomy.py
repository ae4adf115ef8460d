"""Layer, role and scale invariance of a module's parameters, from the modules' types and order.

A forward pass of two images shows which module receives which other module's output. Names are
never read; what types and order do not tell, the module declares in attributes:

    parameter_kinds = {"scale": "gamma"}     # weight, bias, gamma or beta
    scale_invariant = {"mix.weight": True}   # whether scaling it leaves all outputs unchanged
    probed_layers = ["stem", "body.2"]       # modules whose outputs are probed besides the head's
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
#: Modules that scale their output by c > 0 if their input is scaled by c.
_HOMOGENEOUS = (*_POOLS, nn.ReLU, nn.LeakyReLU, nn.Flatten)
KINDS = ("weight", "bias", "gamma", "beta")


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a network.

    Attributes:
        path: its name in the module, such as `conv1.1.weight`.
        layer: the convolution or dense layer it belongs to, such as `conv1`; `head` for the last.
        kind: weight and bias of a convolution or dense layer, gamma and beta of a normalisation.
        scale_invariant: whether scaling it leaves all outputs unchanged.
    """

    path: str
    layer: str
    kind: str
    scale_invariant: bool

    @property
    def name(self) -> str:
        """Its name in Innerloop, `conv1.gamma`, from which its role follows (`role_of`)."""
        return f"{self.layer}.{self.kind}"


@dataclass(frozen=True)
class Anatomy:
    """A module's parameters and layers.

    Attributes:
        parameters: in the module's order.
        probed: label -> path of the modules whose outputs are probed; the head is the last.
    """

    parameters: tuple[ParameterInfo, ...]
    probed: Mapping[str, str]

    @property
    def head(self) -> str:
        """Path of the dense layer that computes the logits."""
        return self.probed[HEAD]

    @property
    def by_layer(self) -> dict[str, tuple[str, ...]]:
        """Probed layer -> names of the parameters in it, the head's last.

        A normalisation belongs to the convolution that it follows. Parameters of a layer that is in
        no probed layer are listed under that layer's own name.
        """
        homes: dict[str, str] = {}
        for info in self.parameters:
            outer = [label for label, path in self.probed.items() if _inside(info.path, path)]
            if outer:
                homes.setdefault(info.layer, max(outer, key=lambda label: len(self.probed[label])))
        names: dict[str, list[str]] = {}
        for info in sorted(self.parameters, key=lambda info: info.layer == HEAD):
            names.setdefault(homes.get(info.layer, info.layer), []).append(info.name)
        return {label: tuple(of_layer) for label, of_layer in names.items()}


@dataclass(frozen=True)
class _Call:
    path: str
    module: nn.Module
    input: torch.Tensor
    output: torch.Tensor


def anatomy_of(module: nn.Module, way: int, images: torch.Tensor) -> Anatomy:
    """Layers, roles and scale invariance of a module's parameters.

    Args:
        module: a network.
        way: classes per task.
        images: example input, [N, C, H, W].

    Raises:
        ExtensionError: it is not a network with `way` outputs, or lacks a declaration.
    """
    _require_deterministic(module)
    calls: list[_Call] = []  # of the modules without children, in order
    called: set[str] = set()

    def note(path: str, part: nn.Module, inputs: object, outputs: object) -> None:
        if isinstance(inputs, torch.Tensor) and isinstance(outputs, torch.Tensor):
            called.add(path)
            if not next(part.children(), None):
                calls.append(_Call(path, part, inputs, outputs))

    with torch.no_grad(), listening(dict(module.named_modules()), note):
        logits = module(images)
    if not isinstance(logits, torch.Tensor) or logits.shape != (len(images), way):
        got = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise _refused(module, f"returned {got} for {len(images)} images", f"logits [N, {way}]")
    heads = [call for call in calls if isinstance(call.module, nn.Linear) and call.output is logits]
    if not heads or heads[-1].input.ndim != 2:
        raise _refused(
            module,
            "does not end with a dense layer",
            "forward() to return the output of an nn.Linear for features [N, F]: that layer is the "
            "head, which methods such as ANIL adapt alone",
        )
    head = heads[-1].path
    labels = _labels(module, head)
    declared = getattr(module, "scale_invariant", {})
    parameters = []
    for path, _ in module.named_parameters():
        layer, kind = _place(module, path, labels, calls)
        derived = kind == "weight" and path.rpartition(".")[0] in labels
        derived = derived and _scale_invariant(path.rpartition(".")[0], calls)
        parameters.append(ParameterInfo(path, layer, kind, declared.get(path, derived)))
    _require_distinct(module, parameters)
    probed = getattr(module, "probed_layers", None) or _blocks(module, called)
    if idle := [path for path in probed if path not in called]:
        raise _refused(
            module,
            f"has no submodule {idle[0]} that returns a tensor",
            f"probed_layers to name some that do: {', '.join(sorted(called - {''}))}",
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
    """Path of each convolution and dense layer -> its label, the shortest unique path prefix."""
    paths = [path for path, part in module.named_modules() if isinstance(part, _WEIGHTED)]
    counts = Counter(prefix for path in paths for prefix in _prefixes(path))
    shortest = {
        path: next((prefix for prefix in _prefixes(path) if counts[prefix] == 1), path)
        for path in paths
    }
    return {**shortest, head: HEAD}


def _prefixes(path: str) -> list[str]:
    """`a.b.c` -> `a`, `a.b`, `a.b.c`."""
    parts = path.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _place(
    module: nn.Module, path: str, labels: Mapping[str, str], calls: Sequence[_Call]
) -> tuple[str, str]:
    """Layer and kind of a parameter."""
    owner, _, name = path.rpartition(".")
    declared = getattr(module, "parameter_kinds", {}).get(path)
    part = module.get_submodule(owner)
    if declared is not None:
        if declared not in KINDS:
            raise _refused(module, f"declares {path} as {declared!r}", " or ".join(KINDS))
        return labels.get(owner, owner or name), declared
    if owner in labels and name in ("weight", "bias"):
        return labels[owner], name
    if isinstance(part, _NORMS) and name in ("weight", "bias"):
        return _layer_before(owner, labels, calls), "gamma" if name == "weight" else "beta"
    raise _refused(
        module,
        f"has a parameter {path}, of a {type(part).__name__}, of unknown kind",
        f'it to declare one of {", ".join(KINDS)}, as in parameter_kinds = {{"{path}": "gamma"}}',
    )


def _layer_before(owner: str, labels: Mapping[str, str], calls: Sequence[_Call]) -> str:
    """The layer that a normalisation follows; its own path if it follows none directly."""
    first = next((at for at, call in enumerate(calls) if call.path == owner), None)
    source = None if first is None else calls[first].input
    for call in reversed(calls[:first]):
        if call.output is source:
            if call.path in labels:
                return labels[call.path]
            if not isinstance(call.module, _HOMOGENEOUS):
                break
            source = call.input
    return owner


def _scale_invariant(path: str, calls: Sequence[_Call]) -> bool:
    """Whether normalisation cancels the scale of a layer's weight, wherever it is called."""
    return any(call.path == path for call in calls) and all(
        _normalised(calls, at, shifted=getattr(call.module, "bias", None) is not None)
        for at, call in enumerate(calls)
        if call.path == path
    )


def _normalised(calls: Sequence[_Call], at: int, *, shifted: bool) -> bool:
    """Whether every module that receives a call's output normalises it, perhaps further on.

    Args:
        calls: in order.
        at: the index of the call.
        shifted: whether a bias was added, which only the mean over its channel cancels.
    """
    output = calls[at].output
    receivers = [later for later in range(at + 1, len(calls)) if calls[later].input is output]
    for receiver in receivers:
        part = calls[receiver].module
        if isinstance(part, _NORMS):
            if shifted and not _per_channel(part):
                return False
            continue
        unbiased = isinstance(part, _WEIGHTED) and part.bias is None
        passes = isinstance(part, _POOLS if shifted else _HOMOGENEOUS) or (unbiased and not shifted)
        if not passes or not _normalised(calls, receiver, shifted=shifted):
            return False
    return bool(receivers)


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
                "one of each kind per layer; rename one of the modules",
            )


def _blocks(module: nn.Module, called: Collection[str], start: str = "") -> list[str]:
    """Paths of the children with layers in them.

    A child that is a sequence of several such blocks, or is never called, is replaced by its own.
    """
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


def _refused(module: nn.Module, problem: str, expected: str) -> ExtensionError:
    return ExtensionError(f"network {type(module).__name__} {problem}; expected {expected}")
