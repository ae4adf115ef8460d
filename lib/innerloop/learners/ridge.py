"""A head in closed form: ridge regression (R2D2, Bertinetto et al. 2019).

MetaOptNet (Lee et al. 2019) has the same idea; its best head is a support vector machine, which
takes an iterative solver, and ridge regression is the other that it compares.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from innerloop.learners.features import FeatureLearner
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import ConfigError


@dataclass(frozen=True)
class Ridge(FeatureLearner):
    """Regression of one-hot labels on features; regulariser, scale and shift are learned.

    Attributes:
        regulariser: what lambda starts from; positive.

    Raises:
        ConfigError: it is not.
    """

    regulariser: float = 1.0

    def __post_init__(self) -> None:
        if not self.regulariser > 0:
            raise ConfigError(f"regulariser is {self.regulariser!r}; expected a number above 0")

    def learned(self) -> Parameters:
        """Logarithms of lambda and of the scale, which are positive, and the shift."""
        start = torch.tensor(self.regulariser).log()
        return {"log_lambda": start, "log_scale": torch.zeros(()), "shift": torch.zeros(())}

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """X_q W with W = X'(X X' + lambda I)^-1 Y, scaled and shifted (eq. 4 to 6)."""
        gram = support @ support.mT
        identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
        regularised = gram + learned["log_lambda"].exp() * identity
        # unchecked: a check waits for a GPU, and the matrix is positive definite
        dual, _ = torch.linalg.solve_ex(regularised, labels)
        scores: torch.Tensor = query @ (support.mT @ dual)
        return learned["log_scale"].exp() * scores + learned["shift"]
