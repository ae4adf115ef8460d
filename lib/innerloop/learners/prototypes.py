"""Prototypical networks (Snell, Swersky and Zemel 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from innerloop.learners.features import FeatureLearner
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class Prototypes(FeatureLearner):
    """A query image is of the class whose mean of support features is nearest."""

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """Minus the squared distances to the classes' means (eq. 1 and 2)."""
        return minus_squared_distances(support, labels, query)


def class_means(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Prototypes, [T, way, F]: the mean of features [T, N, F] of each class of [T, N, way]."""
    return labels.mT @ features / labels.sum(dim=1).unsqueeze(2)


def minus_squared_distances(
    support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor
) -> torch.Tensor:
    """-||query - mean of a class||^2, [T, M, way]; arguments as for `FeatureLearner.scores`."""
    means = class_means(support, labels)
    return -(query.unsqueeze(2) - means.unsqueeze(1)).square().sum(dim=3)
