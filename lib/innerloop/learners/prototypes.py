"""Prototypical networks (Snell, Swersky and Zemel 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from innerloop.learners.features import FeatureLearner
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class Prototypes(FeatureLearner):
    """Assigns each query image to the class whose mean support feature is nearest."""

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """Negative squared distances to the class means (eq. 1 and 2)."""
        return minus_squared_distances(support, labels, query)


def class_means(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Prototypes [T, way, F]: class means of features [T, N, F], by one-hot labels [T, N, way]."""
    return labels.mT @ features / labels.sum(dim=1).unsqueeze(2)


def minus_squared_distances(
    support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor
) -> torch.Tensor:
    """-||query - class mean||^2, [T, M, way]; arguments as for `FeatureLearner.scores`."""
    means = class_means(support, labels)
    return -(query.unsqueeze(2) - means.unsqueeze(1)).square().sum(dim=3)
