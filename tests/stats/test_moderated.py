"""Standard deviations that are drawn towards one another: by how much, and to what end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from innerloop.stats.moderated import moderated_sds

FEW = 4


def sds(true: np.ndarray, rng: np.random.Generator, values: int = FEW) -> np.ndarray:
    return rng.normal(0, true[:, None], (len(true), values)).std(axis=1, ddof=1)


def counts(number: int, values: int = FEW) -> np.ndarray:
    return np.full(number, values)


def test_of_one_common_sd_all_become_it() -> None:
    found, freedom = moderated_sds(sds(np.full(500, 2.0), np.random.default_rng(0)), counts(500))
    assert found == pytest.approx(np.full(500, 2.0), rel=0.25)
    assert freedom.min() > 15


def test_of_sds_far_apart_each_stays_what_it_is() -> None:
    rng = np.random.default_rng(0)
    own = sds(np.exp(rng.normal(0, 3, 500)), rng, values=40)
    found, freedom = moderated_sds(own, counts(500, 40))
    assert np.quantile(found / own, [0.01, 0.5, 0.9]) == pytest.approx(np.ones(3), abs=0.1)
    assert freedom.max() < 41


@pytest.mark.parametrize("prior", [2.0, 8.0, 40.0])
def test_the_prior_is_found(prior: float) -> None:
    """Its degrees of freedom, from draws of the distribution that is assumed."""
    rng = np.random.default_rng(0)
    true = np.sqrt(prior / stats.chi2.rvs(prior, size=20_000, random_state=rng))
    _, freedom = moderated_sds(sds(true, rng), counts(20_000))
    assert freedom[0] == pytest.approx(prior + FEW - 1, rel=0.15)


def test_a_new_value_lies_where_it_is_predicted_as_often_as_is_said() -> None:
    rng = np.random.default_rng(0)
    true = np.sqrt(6 / stats.chi2.rvs(6, size=20_000, random_state=rng))
    values = rng.normal(0, true[:, None], (len(true), FEW + 1))
    past, new = values[:, :FEW], values[:, FEW]
    sd, freedom = moderated_sds(past.std(axis=1, ddof=1), counts(len(true)))
    z = np.abs(new - past.mean(axis=1)) / (sd * np.sqrt(1 + 1 / FEW))
    assert np.mean(z > stats.t.ppf(0.995, freedom)) == pytest.approx(0.01, abs=0.003)


def test_what_never_varies_is_left_out_and_stays() -> None:
    own = np.array([0.0, 1.0, 1.1, 0.9, 0.0])
    found, freedom = moderated_sds(own, counts(5))
    assert found[[0, 4]].tolist() == [0.0, 0.0]
    assert freedom[[0, 4]].tolist() == [3.0, 3.0]
    without, _ = moderated_sds(own[1:4], counts(3))
    assert found[1:4] == pytest.approx(without)


@pytest.mark.parametrize("own", [[], [1.5], [0.0, 0.0], [0.0, 2.0]])
def test_of_fewer_than_two_nothing_is_learned(own: list[float]) -> None:
    found, freedom = moderated_sds(np.array(own), counts(len(own)))
    assert found.tolist() == own
    assert freedom.tolist() == [3.0] * len(own)
