"""Corrections of p-values for the number of comparisons in a family."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from innerloop.stats.statistics import Correction

#: How captions describe each correction.
PROMISES: dict[Correction, str] = {
    "holm": "p-values adjusted by Holm's method for the {n} comparisons of this family",
    "bonferroni": "p-values adjusted by Bonferroni's method for the {n} comparisons of this family",
    "benjamini_hochberg": "p-values adjusted by Benjamini and Hochberg's method (false discovery "
    "rate) for the {n} comparisons of this family",
    "none": "p-values of {n} comparisons, not adjusted for their number",
}


def adjusted(p_values: Sequence[float], correction: Correction = "holm") -> list[float]:
    """Adjusted p-values in the given order; NaN (no test) stays NaN and is not counted."""
    values = np.asarray(p_values, dtype=np.float64)
    tested = ~np.isnan(values)
    result = values.copy()
    if tested.any():
        result[tested] = _METHODS[correction](values[tested])
    floats: list[float] = result.tolist()
    return floats


def _holm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(values.size, 0, -1)
    result = np.empty_like(values)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return result


def _bonferroni(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(values * values.size, 1)


def _benjamini_hochberg(values: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = stats.false_discovery_control(values, method="bh")
    return result


_METHODS: dict[Correction, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "holm": _holm,
    "bonferroni": _bonferroni,
    "benjamini_hochberg": _benjamini_hochberg,
    "none": lambda values: values,
}
