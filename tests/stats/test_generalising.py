"""Verdicts on a method: seldom false, and able to find what is there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from statsmodels.regression.mixed_linear_model import MixedLM

from innerloop.stats.generalising import Membership, generalise
from innerloop.stats.intervals import mean_interval
from verdict_nulls import Cell, rates, rates_of


def cells(effects="normal", classes=20, tasks=600, trainings=5, sds=((2, 0.5, 0),)):
    return [Cell(effects, classes, tasks, trainings, *chosen) for chosen in sds]


DRAWS = 1000
EXTREMES = [(2, 0.2, 0), (2, 2, 2), (6, 0.2, 0), (6, 2, 0)]
GRID = [
    cell
    for effects in ("normal", "skewed")
    for classes, tasks in ((20, 100), (20, 600), (20, 5000), (50, 600), (50, 5000))
    for trainings in (3, 5, 20)
    for cell in cells(effects, classes, tasks, trainings, EXTREMES)
]
# trainings decide nearly all, as in the CKA of a head
GRID += [
    cell for trainings in (3, 5, 20) for cell in cells("normal", 20, 600, trainings, [(1, 9, 1)])
]


@pytest.mark.parametrize("cell", GRID, ids=str)
def test_false_verdicts_are_rare_and_effects_are_found(cell):
    found = rates(cell, DRAWS)
    margin = 2.5 * np.sqrt(0.05 * 0.95 / DRAWS)
    assert found["false"] <= (0.06 if cell.trainings == 3 else 0.07) + margin
    assert found["falsely_equal"] <= 0.05 + margin
    if cell.tasks > 100 and cell.trainings > 3:
        assert found["false"] >= 0.02 - margin
        assert found["of_oracle"] >= 0.7 - margin


def test_sums_are_drawn_as_values_sum_up():
    """The grid draws sums; whole studies of values give the same rates."""
    cell = Cell("skewed", 20, 100, 5, 4, 1, 2)
    shares = cell.shares()
    values = cell.values(shares, DRAWS, np.random.default_rng(0))
    sd = np.sqrt(cell.variance(Membership(shares).weight))
    whole, drawn = rates_of(generalise(values, shares), sd), rates(cell, DRAWS)
    for name in ("false", "power"):
        assert whole[name] == pytest.approx(drawn[name], abs=0.045), name
    assert whole["oracle"] == pytest.approx(drawn["oracle"], abs=0.045)


def test_variances_are_recovered():
    cell = Cell("normal", 50, 600, 10, 4, 1, 2)
    shares = cell.shares()
    found = generalise(cell.values(shares, 100, np.random.default_rng(1)), shares).components
    true = {"classes": 16, "trainings": 1, "classes_by_trainings": 4, "tasks": 25, "rest": 36}
    for name, variance in true.items():
        assert np.mean(getattr(found, name)) == pytest.approx(variance, rel=0.12), name


@pytest.mark.parametrize("seed", [3, 4, 6])
def test_a_mixed_model_fitted_by_restricted_maximum_likelihood_has_the_same_variances(seed):
    """Where tasks are of one class each and equally many, the two are one estimate, above zero."""
    classes, trainings, each = 8, 4, 4
    rng, of_task = np.random.default_rng(seed), np.repeat(np.arange(8), 4)
    values = 4 * rng.normal(size=(classes, 1))[of_task] + 2 * rng.normal(size=trainings)
    values = values + 2 * rng.normal(size=(classes, trainings))[of_task]
    values += 3 * rng.normal(size=(len(of_task), 1)) + 2 * rng.normal(size=values.shape)
    found = generalise(values, np.eye(classes)[of_task])
    rows = pd.DataFrame(
        {
            "value": values.ravel(),
            "of_class": np.repeat(of_task, trainings),
            "task": np.repeat(np.arange(classes * each), trainings),
            "training": np.tile(np.arange(trainings), classes * each),
        }
    )
    formulas = {
        "classes": "0 + C(of_class)",
        "trainings": "0 + C(training)",
        "classes_by_trainings": "0 + C(of_class):C(training)",
        "tasks": "0 + C(task)",
    }
    groups = np.ones(len(rows))
    model = MixedLM.from_formula("value ~ 1", rows, groups=groups, vc_formula=formulas)
    fitted = model.fit(reml=True)
    variances = dict(zip(model.exog_vc.names, fitted.vcomp, strict=True)) | {"rest": fitted.scale}
    for name, variance in variances.items():
        assert getattr(found.components, name) == pytest.approx(variance, rel=0.01, abs=0.02), name


def test_what_classes_cannot_explain_is_not_theirs():
    """Tasks' noise and what trainings do to single classes move class means too."""
    cell = Cell("normal", 20, 100, 3, 0, 0.2, 6)
    shares = cell.shares()
    values = cell.values(shares, 400, np.random.default_rng(3))
    found = generalise(values, shares)
    assert np.mean(found.components.classes) < 0.25 * 6**2
    # half of such studies have no more between classes than chance puts there
    assert np.mean(found.components.classes == 0) == pytest.approx(0.55, abs=0.12)


@pytest.mark.parametrize("seed", range(5))
def test_trainings_that_agree_by_chance_leave_what_tasks_and_classes_move(seed):
    """Equal means of the trainings: the error is no less than that of their tasks."""
    cell = Cell("normal", 20, 40, 3, 0, 0, 6)
    shares = cell.shares()
    values = cell.values(shares, 1, np.random.default_rng(seed))[0]
    values -= values.mean(0)
    found = generalise(values, shares)
    interaction, rest = found.components.classes_by_trainings, found.components.rest
    floor = Membership(shares).weight * interaction + rest / 40
    assert found.components.trainings == 0
    assert found.standard_error**2 >= 0.9 * floor / 3


def test_a_jackknife_over_classes_and_trainings_agrees():
    """With many tasks: leave out a class with all of its tasks, a training, or both."""
    cell = Cell("normal", 20, 5000, 5, 4, 1, 2)
    shares = cell.shares()
    values = cell.values(shares, 20, np.random.default_rng(2))
    without = np.stack([values[:, shares[:, c] == 0].mean(1) for c in range(20)], 1)
    moved = without - without.mean(1, keepdims=True)
    own = moved - moved.mean(2, keepdims=True)
    of_classes = 19 / 20 * (moved.mean(2) ** 2).sum(1)
    of_both = 19 / 20 * (own**2).sum((1, 2)) / (5 * 4)
    of_trainings = values.mean(1).var(1, ddof=1) / 5
    found = generalise(values, shares).components
    weight = Membership(shares).weight
    expected = weight * (found.classes + found.classes_by_trainings / 5) + found.trainings / 5
    jackknife = of_classes + of_trainings - of_both
    assert np.mean(jackknife) == pytest.approx(np.mean(expected), rel=0.15)


def by_the_page(y, shares):
    """The standard error and degrees of freedom as docs/intervals.md has them, loops and all."""
    n, s = y.shape
    u_, values, _ = np.linalg.svd(shares - shares.mean(0), full_matrices=False)
    u_, sizes = u_[:, values > 1e-9], values[values > 1e-9] ** 2
    r, total, weight = len(sizes), sizes.sum(), (shares.mean(0) ** 2).sum()
    spare, u, grand = n - 1 - r, u_.T @ y, y.mean()
    alike, own = u.mean(1), u - u.mean(1, keepdims=True)
    left = y - y.mean(1, keepdims=True) - y.mean(0) + grand
    rest = ((left**2).sum() - (own**2).sum()) / (spare * (s - 1))
    tasks = (((y.mean(1) - grand) ** 2).sum() - (alike**2).sum()) / spare
    trainings = ((y.mean(0) - grand) ** 2).sum() / (s - 1)
    both = max((own**2).sum() / (s - 1) - r * rest, 0) / total
    classes = (alike**2).sum() / total
    x = np.linspace(-5, 5, 18)
    weights = np.exp(-(x**2) / 2)
    logs, probability = [], np.outer(weights, weights).ravel() / weights.sum() ** 2
    for of_classes in stats.chi2.ppf(stats.norm.cdf(x), r):
        for of_trainings in stats.chi2.ppf(stats.norm.cdf(x), s - 1):
            new = max(r * classes / of_classes - r * tasks / total - both / s, 0)
            moved = max((s - 1) * trainings / of_trainings, weight * both + rest / n)
            logs.append(np.log(weight * new + moved / s + max(tasks - rest / s, 0) / n))
    mean = np.dot(probability, logs)
    variance = np.dot(probability, (np.array(logs) - mean) ** 2)
    half = brentq(lambda h: polygamma(1, h) - variance, 1e-3, 1e6)
    return np.sqrt(np.exp(mean + digamma(half) - np.log(half))), 2 * half


@pytest.mark.parametrize(("trainings", "sds"), [(2, (0, 2, 0)), (5, (4, 1, 2)), (8, (2, 9, 1))])
def test_the_documented_formulas_give_the_same_error(trainings, sds):
    cell = Cell("normal", 20, 100, trainings, *sds)
    shares = cell.shares()
    values = cell.values(shares, 3, np.random.default_rng(5))
    found = generalise(values, shares)
    for one, error, df in zip(values, found.standard_error, found.df, strict=True):
        assert by_the_page(one, shares) == pytest.approx((error, df), rel=1e-6)


@given(st.integers(2, 12), st.floats(-3, 3), st.integers(0, 99))
def test_without_tasks_or_classes_it_is_students_t(trainings, mean, seed):
    values = mean + np.random.default_rng(seed).normal(size=trainings)
    found = generalise(np.tile(values, (3, 1)))
    expected = mean_interval(values, "t")
    half = stats.t.ppf(0.975, found.df) * found.standard_error
    assert found.df == pytest.approx(trainings - 1, rel=1e-3)
    assert half == pytest.approx(expected.half_width, rel=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-3, 1e3), st.floats(-100, 100), st.permutations(range(5)))
def test_units_and_the_order_of_trainings_are_no_matter(scale, shift, order):
    cell = Cell("normal", 20, 100, 5, 4, 1, 2)
    shares = cell.shares()
    values = cell.values(shares, 1, np.random.default_rng(0))[0]
    found, moved = generalise(values, shares), generalise(scale * values[:, order] + shift, shares)
    assert moved.mean == pytest.approx(scale * found.mean + shift, abs=1e-9 * (1 + scale))
    assert moved.standard_error == pytest.approx(scale * found.standard_error)
    assert moved.df == pytest.approx(found.df)


def test_new_classes_widen_what_is_said_of_new_trainings():
    cell = Cell("normal", 20, 600, 5, 6, 0.5, 0)
    shares = cell.shares()
    values = cell.values(shares, 1, np.random.default_rng(0))[0]
    same, new = generalise(values), generalise(values, shares)
    assert np.isnan(same.components.classes)
    assert new.standard_error > 2 * same.standard_error


@pytest.mark.parametrize(("tasks", "trainings"), [(100, 1), (20, 5)])
def test_one_training_or_too_few_tasks_tell_nothing(tasks, trainings):
    cell = Cell("normal", 20, tasks, trainings, 4, 1, 2)
    shares = cell.shares()
    found = generalise(cell.values(shares, 1, np.random.default_rng(0)), shares)
    assert np.isnan(found.standard_error).all()
    assert np.isfinite(found.mean).all()
