"""Standard deviations of many quantities with few values each, shrunk towards a common one.

Smyth 2004, "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments": the variances are assumed to be draws from one scaled inverse chi-square
distribution, which is fitted to all of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import polygamma, psi

#: Prior degrees of freedom that are practically infinite.
_MOST = 1e6


def moderated_sds(
    sds: NDArray[np.float64], values: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The moderated standard deviation of each quantity, and its degrees of freedom.

    Quantities whose values are all equal are left out of the fit and keep their sd of zero.

    Args:
        sds: sample standard deviation of each quantity, [N].
        values: number of values of each quantity, at least 2, [N].
    """
    own: NDArray[np.float64] = values.astype(np.float64) - 1.0
    varies = sds > 0
    if varies.sum() < 2:
        return sds, own
    log_variance, half = 2 * np.log(sds[varies]), own[varies] / 2
    centred = log_variance - psi(half) + np.log(half)
    excess = float(centred.var(ddof=1) - polygamma(1, half).mean())
    prior = 2 * _inverse_trigamma(excess) if excess > polygamma(1, _MOST / 2) else _MOST
    common = math.exp(float(centred.mean()) + psi(prior / 2) - math.log(prior / 2))
    variance = (prior * common + own * sds**2) / (prior + own)
    return np.where(varies, np.sqrt(variance), 0.0), np.where(varies, own + prior, own)


def _inverse_trigamma(value: float) -> float:
    """The x with trigamma(x) = value, for a positive value."""
    return float(brentq(lambda x: float(polygamma(1, x)) - value, 1e-6, _MOST))
