"""Nearest-prototype classification of embeddings (prototypical networks; P2 Section 2.1.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def prototypes(embeddings: torch.Tensor, labels: torch.Tensor, way: int) -> torch.Tensor:
    """Mean embedding of every class, [T, way, D] (P2 eq. 5).

    Args:
        embeddings: of the support images, [T, N, D].
        labels: their classes, [T, N], each of 0 ... way - 1 at least once.
        way: number of classes.
    """
    members = F.one_hot(labels, way).transpose(1, 2).to(embeddings)
    return members @ embeddings / members.sum(dim=2, keepdim=True)


def nearest_prototype(embeddings: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Class of the prototype with the highest cosine similarity (P2 Section 4), [T, N].

    Args:
        embeddings: of the images to classify, [T, N, D].
        prototypes: [T, way, D].
    """
    similarity = F.normalize(embeddings, dim=2) @ F.normalize(prototypes, dim=2).transpose(1, 2)
    return similarity.argmax(dim=2)
