"""A study's choice of statistics: kind and level of intervals, correction for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from innerloop.runtime.allowed import Allowed
from innerloop.runtime.errors import ConfigError

Kind = Literal["normal", "t", "bootstrap"]
Correction = Literal["holm", "bonferroni", "benjamini_hochberg", "none"]

_CHOICES = {"interval": get_args(Kind), "correction": get_args(Correction)}


@dataclass(frozen=True)
class Statistics:
    """The key `statistics` of a study file.

    Attributes:
        interval: of a mean over tasks: `normal`, mean ± 1.96 s/√n (what the papers print); `t`,
            the same with Student's quantile; `bootstrap`, the percentile bootstrap.
        level: how often an interval covers the truth; tests decide at 1 - level.
        correction: what p-values of one family are adjusted by.
    """

    interval: Kind = "normal"
    level: Annotated[float, Allowed(least=0.5, below=1)] = 0.95
    correction: Correction = "holm"

    def __post_init__(self) -> None:
        for key, allowed in _CHOICES.items():
            if getattr(self, key) not in allowed:
                raise ConfigError(
                    f"statistics.{key} is '{getattr(self, key)}'; choose {', '.join(allowed)}"
                )
        if not 0.5 <= self.level < 1:
            raise ConfigError(f"statistics.level is {self.level}; expected 0.5 to below 1")

    @property
    def alpha(self) -> float:
        """The significance level of tests."""
        return 1 - self.level
