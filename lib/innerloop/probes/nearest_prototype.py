"""Nearest-prototype classification of embeddings (prototypical networks; P2 Section 2.1.3)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from innerloop.data.tasks import TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.losses import task_accuracies
from innerloop.learners.prototypes import class_means
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, bounded


def prototypes(embeddings: torch.Tensor, labels: torch.Tensor, way: int) -> torch.Tensor:
    """The mean embedding of every class, [T, way, D] (P2 eq. 5).

    Args:
        embeddings: of the support images, [T, N, D].
        labels: their classes, [T, N], each of 0 ... way - 1 at least once.
        way: number of classes.
    """
    return class_means(embeddings, F.one_hot(labels, way).to(embeddings))


def cosine_similarities(embeddings: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Cosine similarity of every image and prototype (P2 Section 4), [T, N, way].

    The nearest prototype is the one with the highest similarity; an embedding whose squared norm is
    not finite has none, and its similarities are NaN.

    Args:
        embeddings: of the images to classify, [T, N, D].
        prototypes: [T, way, D].
    """
    return _directions(embeddings) @ _directions(prototypes).transpose(1, 2)


def prototype_accuracies(
    network: Network, weights: Parameters, tasks: TaskBatch, *, joint: bool = False
) -> torch.Tensor:
    """The fraction of each task's query images that are nearest to their own prototype, [T].

    With `joint`, support and query images go through the network in one pass. NaN for a task whose
    weights diverged.
    """
    support, query = _embeddings(network, weights, tasks, joint)
    centres = prototypes(support, tasks.support.labels, network.way)
    return task_accuracies(cosine_similarities(query, centres), tasks.query.labels).masked_fill(
        ~bounded(weights), math.nan
    )


@torch.no_grad()
def _embeddings(
    network: Network, weights: Parameters, tasks: TaskBatch, joint: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Output of the body for support and query images, [T, N, feature_size] each."""
    engine, support, query = engine_of(network), tasks.support.images, tasks.query.images
    if joint:
        both = engine.features(weights, torch.cat([support, query], 1), support=support)
        return both[:, : support.shape[1]], both[:, support.shape[1] :]
    return engine.features(weights, support), engine.features(weights, query, support=support)


def _directions(vectors: torch.Tensor) -> torch.Tensor:
    # equals F.normalize to the bit, except that vectors of infinite length become NaN, not 0
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors, dim=2, keepdim=True).clamp_min(1e-12)
    return vectors / lengths.masked_fill(~lengths.isfinite(), math.nan)
