"""Adjusted p-values agree with statsmodels; what was not tested is not counted."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from innerloop.stats.multiple_comparisons import adjusted

NAMES = {"holm": "holm", "bonferroni": "bonferroni", "benjamini_hochberg": "fdr_bh"}


@pytest.mark.parametrize("correction", NAMES)
@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_agrees_with_statsmodels(correction, size):
    p_values = np.random.default_rng(size).uniform(0, 0.2, size)
    expected = multipletests(p_values, method=NAMES[correction])[1]
    assert adjusted(p_values, correction) == pytest.approx(expected)


@pytest.mark.parametrize("correction", NAMES)
def test_ties_agree_with_statsmodels(correction):
    p_values = [0.01, 0.04, 0.01, 0.04, 0.9]
    expected = multipletests(p_values, method=NAMES[correction])[1]
    assert adjusted(p_values, correction) == pytest.approx(expected)


def test_a_comparison_that_was_not_tested_is_not_counted():
    assert adjusted([0.01, np.nan, 0.04], "bonferroni") == pytest.approx(
        [0.02, np.nan, 0.08], nan_ok=True
    )
    assert adjusted([], "holm") == []
    assert np.isnan(adjusted([np.nan], "benjamini_hochberg")).all()


def test_none_adjusts_nothing():
    assert adjusted([0.01, 0.04], "none") == [0.01, 0.04]
