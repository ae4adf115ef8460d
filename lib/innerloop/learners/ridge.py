"""A closed-form head: ridge regression (R2D2, Bertinetto et al. 2019).

MetaOptNet (Lee et al. 2019) follows the same idea; it compares ridge regression with a support
vector machine, which does better there but needs an iterative solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from innerloop.learners.features import FeatureLearner
from innerloop.networks.parameters import Parameters
from innerloop.runtime.allowed import Positive
from innerloop.runtime.field_checks import require_fields


@dataclass(frozen=True)
class Ridge(FeatureLearner):
    """Ridge regression of one-hot labels on features; lambda, scale and shift are learned.

    Attributes:
        regulariser: initial value of lambda; positive.

    Raises:
        ConfigError: the regulariser is not positive.
    """

    regulariser: Positive = 1.0

    def __post_init__(self) -> None:
        require_fields(self)

    def learned(self) -> Parameters:
        """Initial log lambda and log scale, logarithms to keep both positive, and shift."""
        start = torch.tensor(self.regulariser).log()
        return {"log_lambda": start, "log_scale": torch.zeros(()), "shift": torch.zeros(())}

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """X_q W with W = X'(X X' + lambda I)^-1 Y, scaled and shifted (eq. 4 to 6)."""
        gram = support @ support.mT
        identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        regularised = gram + learned["log_lambda"].exp() * identity
        # solve_ex makes no check, which would wait for a GPU: the matrix is positive definite
        dual, _ = torch.linalg.solve_ex(regularised, labels)
        scores: torch.Tensor = query @ (support.mT @ dual)
        return learned["log_scale"].exp() * scores + learned["shift"]
