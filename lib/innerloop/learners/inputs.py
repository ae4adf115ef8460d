"""Checks of the library's arguments, with messages that say what is wrong and what was expected.

Types, names, shapes and devices are checked on the host. Values are checked only if the caller asks
for it, since that waits for a GPU and cannot be captured in a CUDA graph.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.gradient_based.method import Method
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import InputError

#: Pixels beyond this cannot come from [0, 1], even standardised: they were not divided by 255.
FAR = 64


def require_network(network: object) -> None:
    """Refuse anything but a network of Innerloop's.

    Raises:
        InputError: it is something else, which the message names.
    """
    if not isinstance(network, Network):
        raise InputError(
            f"network is {_article(network)}; expected innerloop.network('conv4', way=5), or "
            "innerloop.network('my_net.py:Net', way=5) for a module of your own; "
            "innerloop.from_state_dict reads a module's weights"
            f"{_inside(network, Network, 'network')}"
        )


def require_method(method: object) -> None:
    """Refuse anything but a method, such as a method's name.

    Raises:
        InputError: it is something else, which the message names.
    """
    if not isinstance(method, Method):
        raise InputError(
            f"method is {method!r}; expected an innerloop.Method, such as innerloop.method('maml')"
        )


def require_weights(network: Network, weights: object, name: str, tasks: int | None = None) -> None:
    """Refuse weights that do not fit the network.

    Args:
        network: the network.
        weights: tensors by parameter name.
        name: the argument's name, for the message.
        tasks: required length of the task axis; by default there must be none.

    Raises:
        InputError: a name, shape, type or device is wrong.
    """
    expected = network.shapes
    if not isinstance(weights, Mapping):
        raise InputError(
            f"{name} is {_article(weights)}; expected a dictionary of tensors by name"
            f"{_inside(weights, Mapping, 'slow', 'fast')}"
        )
    if weights.keys() != expected.keys():
        foreign = weights.keys() - expected.keys()
        raise InputError(
            f"{name}: {_names('missing', expected.keys() - weights.keys())}"
            f"{_names('unknown', foreign)}expected the parameters of the network, as "
            "network.initial(seed) names them; innerloop.from_state_dict translates names from "
            "plain PyTorch"
        )
    first = weights["head.weight"]
    for key, shape in expected.items():
        wanted = shape if tasks is None else (tasks, *shape)
        value = weights[key]
        if not isinstance(value, torch.Tensor) or not value.dtype.is_floating_point:
            kind = value.dtype if isinstance(value, torch.Tensor) else _article(value)
            raise InputError(f"{name}: {key} is {kind}; expected a floating-point tensor")
        if value.shape != wanted:
            axis = "without a task axis" if tasks is None else f"for {tasks} tasks"
            raise InputError(
                f"{name}: {key} is {list(value.shape)}; expected {list(wanted)}, {axis}, for the "
                f"network {network}"
            )
        if (value.dtype, value.device) != (first.dtype, first.device):
            raise InputError(
                f"{name}: {key} is {value.dtype} on {value.device}, but head.weight {first.dtype} "
                f"on {first.device}; expected one type on one device"
            )


def require_step_sizes(
    step_sizes: object, moving: Mapping[str, Sequence[int]], method: Method
) -> None:
    """Refuse step sizes that leave out a parameter that moves, or do not fit its shape.

    Args:
        step_sizes: tensors by parameter name.
        moving: the shape of each parameter that moves, without a task axis.
        method: says whether each step has step sizes of its own.

    Raises:
        InputError: a step size is missing, is not a tensor or has the wrong shape.
    """
    if not isinstance(step_sizes, Mapping):
        raise InputError(
            f"step_sizes is {step_sizes!r}; expected a dictionary of tensors by parameter. For one "
            "number for all, use innerloop.method(..., step_size=...)"
        )
    if missing := [name for name in moving if name not in step_sizes]:
        raise InputError(
            f"step_sizes: {_names('missing', missing)}expected one for each parameter that the "
            "method adapts"
        )
    per_step = method.learn_step_size == "step_and_layer"
    for name, weight in moving.items():
        size = step_sizes[name]
        if not isinstance(size, torch.Tensor):
            raise InputError(f"step_sizes: {name} is {size!r}; expected a tensor")
        shape = [*size.shape]
        if shape and (len(shape) > 1 if per_step else shape != [*weight]):
            expected = "[steps]" if per_step else f"{[*weight]}, the weight's shape"
            raise InputError(f"step_sizes: {name} is {shape}; expected one number, or {expected}")


def require_images(
    network: Network, images: object, name: str, like: Parameters, *, values: bool = False
) -> None:
    """Refuse images [..., C, H, W] that the network cannot take.

    Args:
        network: the network.
        images: the argument to check.
        name: the argument's name, for the message.
        like: weights, whose type and device the images must have.
        values: check values, too.

    Raises:
        InputError: number of images, channels, size, type, device or, if checked, a value is wrong.
    """
    if not isinstance(images, torch.Tensor):
        raise InputError(f"{name}: {_article(images)}; expected a torch tensor")
    if not images.dtype.is_floating_point:
        raise InputError(
            f"{name}: {images.dtype}; expected floating point in [0, 1]: images.float() / 255"
        )
    size = network.image_size
    wanted, found = (network.channels, size, size), tuple(images.shape[-3:])
    if images.numel() == 0:
        raise InputError(f"{name}: shape {list(images.shape)} holds no image")
    if found != wanted:
        hint = ""
        if found == (1, size, size) and network.channels == 3:
            hint = "; repeat the grey channel, images.expand(..., 3, -1, -1)"
        elif found == (size, size, network.channels):
            hint = "; channels come first, images.movedim(-1, -3)"
        raise InputError(
            f"{name}: an image is {list(found)}; the network expects [channels, height, width] "
            f"{list(wanted)}{hint}"
        )
    weight = like["head.weight"]
    if (images.dtype, images.device) != (weight.dtype, weight.device):
        raise InputError(
            f"{name}: {images.dtype} on {images.device}; the weights are {weight.dtype} on "
            f"{weight.device}"
        )
    if values:
        lowest, highest = (float(end) for end in images.detach().aminmax())
        if not math.isfinite(lowest) or not math.isfinite(highest):
            raise InputError(f"{name}: some values are NaN or infinite; expected numbers in [0, 1]")
        if max(-lowest, highest) > FAR:
            raise InputError(
                f"{name}: values from {lowest:g} to {highest:g}; expected numbers in [0, 1], or "
                f"normalised ones within {FAR} of 0; divide bytes by 255: images / 255"
            )


def require_labelled(
    network: Network,
    labelled: Labelled,
    name: str,
    like: Parameters,
    *,
    values: bool = False,
    way: int | None = None,
) -> None:
    """Refuse images and labels that the network cannot take; arguments as for `require_images`.

    Labels must be below `way`, by default the network's own.

    Raises:
        InputError: as for images, or a label is out of range.
    """
    if not isinstance(labelled, Labelled):
        raise InputError(
            f"{name} is {_article(labelled)}; expected innerloop.Labelled(images, labels)"
            f"{_inside(labelled, Labelled, 'support')}"
        )
    require_images(network, labelled.images, f"{name} images", like, values=values)
    labels = labelled.labels
    if labels.device != labelled.images.device:
        raise InputError(
            f"{name} labels: on {labels.device}; expected the images' device, "
            f"{labelled.images.device}"
        )
    if values:
        way = network.way if way is None else way
        lowest, highest = (int(end) for end in labels.aminmax())
        if lowest < 0 or highest >= way:
            raise InputError(
                f"{name} labels: {lowest} ... {highest}; expected the number of a class within "
                f"its task of {way} classes, 0 ... {way - 1}"
            )


def require_tasks(
    network: Network,
    tasks: TaskBatch,
    like: Parameters,
    *,
    values: bool = False,
    any_way: bool = False,
) -> None:
    """Refuse tasks that the network cannot take; arguments as for `require_images`.

    With `any_way`, the number of classes per task may differ from the head's.

    Raises:
        InputError: the support or query images do not fit, as for `require_labelled`.
    """
    if not isinstance(tasks, TaskBatch):
        raise InputError(
            f"tasks is {_article(tasks)}; expected a batch of tasks, such as "
            "innerloop.tasks_of(images, 'test').batch(range(4)) or, of your own tensors, "
            "innerloop.TaskBatch(support, query)"
        )
    way = tasks.way if any_way else network.way
    require_labelled(network, tasks.support, "support", like, values=values, way=way)
    require_labelled(network, tasks.query, "query", like, values=values, way=way)


def _article(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"


def _inside(value: object, kind: type, *parts: str) -> str:
    """The end of a message: which of an object's parts is what was expected, if one is."""
    found = [part for part in parts if isinstance(getattr(value, part, None), kind)]
    return f"; its .{found[0]} is one" if found else ""


def _names(problem: str, names: Collection[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"{problem} {', '.join(shown[:3])}{more}; " if shown else ""
