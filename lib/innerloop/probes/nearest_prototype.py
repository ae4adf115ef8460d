"""Nearest-prototype classification of embeddings (prototypical networks; P2 Section 2.1.3)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from innerloop.learners.prototypes import class_means


def prototypes(embeddings: torch.Tensor, labels: torch.Tensor, way: int) -> torch.Tensor:
    """Mean embedding of every class, [T, way, D] (P2 eq. 5).

    Args:
        embeddings: of the support images, [T, N, D].
        labels: their classes, [T, N], each of 0 ... way - 1 at least once.
        way: number of classes.
    """
    return class_means(embeddings, F.one_hot(labels, way).to(embeddings))


def cosine_similarities(embeddings: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Cosine similarity of every image and prototype (P2 Section 4), [T, N, way].

    The nearest prototype is that of the highest; an embedding whose squared norm is not finite has
    none, and NaN similarities.

    Args:
        embeddings: of the images to classify, [T, N, D].
        prototypes: [T, way, D].
    """
    return _directions(embeddings) @ _directions(prototypes).transpose(1, 2)


def _directions(vectors: torch.Tensor) -> torch.Tensor:
    # to the bit as F.normalize has it, which makes zeros of vectors of infinite length
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors, dim=2, keepdim=True).clamp_min(1e-12)
    return vectors / lengths.masked_fill(~lengths.isfinite(), math.nan)
