"""Predict the classes of new images from a few labelled ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from innerloop.data.tasks import Labelled
from innerloop.learners.gradient_based.adapt import adapt, query_logits
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.inputs import (
    require_images,
    require_labelled,
    require_network,
    require_weights,
)
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import InputError


def predict(
    network: Network,
    slow: Parameters,
    method: Method,
    support_images: torch.Tensor,
    support_labels: torch.Tensor | Sequence[int],
    query_images: torch.Tensor,
    *,
    steps: int,
    step_sizes: Parameters | None = None,
) -> torch.Tensor:
    """Class probabilities of new images, after adaptation to a few labelled ones.

    With `normalisation="batch"`, query images are normalised together, so that the prediction for
    one depends on the others in the same call. Always predict the same number of images from the
    same mixture of classes, or use `normalisation="support"`, where each prediction is independent.

    Args:
        network: the network.
        slow: weights before adaptation.
        method: what adapts, by which rule.
        support_images: [N, C, H, W], floating point in [0, 1].
        support_labels: N classes, 0 ... way - 1.
        query_images: [M, C, H, W].
        steps: inner steps.
        step_sizes: of the adapted parameters; by default the method's initial ones.

    Returns:
        [M, way], each row summing to 1; `.argmax(dim=1)` gives the classes. NaN where adaptation
        diverged.

    Raises:
        InputError: an argument does not fit the network.
    """
    support, query = one_task(network, slow, support_images, support_labels, query_images)
    with torch.no_grad():
        fast = adapt(network, slow, method, support, steps=steps, step_sizes=step_sizes).fast
        return query_logits(network, fast, support.images, query)[0].softmax(dim=1)


def one_task(
    network: Network,
    slow: Parameters,
    support_images: torch.Tensor,
    support_labels: torch.Tensor | Sequence[int],
    query_images: torch.Tensor,
    *,
    way: int | None = None,
) -> tuple[Labelled, torch.Tensor]:
    """Support set and query images as a batch of one task; arguments as for `predict`.

    Labels must be below `way`, by default the network's own.

    Raises:
        InputError: an argument does not fit the network.
    """
    require_network(network)
    require_weights(network, slow, "slow")
    images = _images(support_images, "support_images", slow)
    support = Labelled(images, _labels(support_labels, images))
    require_labelled(network, support, "support", slow, values=True, way=way)
    query = _images(query_images, "query_images", slow)
    require_images(network, query, "query_images", slow, values=True)
    return support, query


def _images(images: object, name: str, like: Parameters) -> torch.Tensor:
    """Images [1, N, C, H, W] of one task, in the weights' type and on their device."""
    try:
        tensor = torch.as_tensor(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name}: {type(images).__name__}; expected a tensor ({error})") from error
    if tensor.ndim != 4:
        raise InputError(
            f"{name}: shape {list(tensor.shape)}; expected [N, C, H, W] (one image: image[None])"
        )
    weight = like["head.weight"]
    return tensor[None].to(weight.device, weight.dtype if tensor.dtype.is_floating_point else None)


def _labels(labels: object, images: torch.Tensor) -> torch.Tensor:
    try:
        tensor = torch.as_tensor(labels, device=images.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"support_labels: {labels!r}; expected whole numbers") from error
    if tensor.shape != images.shape[1:2] or tensor.dtype.is_floating_point:
        raise InputError(
            f"support_labels: {tensor.dtype} of shape {list(tensor.shape)}; expected a whole "
            f"number for each of {images.shape[1]} images"
        )
    return tensor[None].long()
