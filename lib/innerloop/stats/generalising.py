"""The error of a mean over tasks and trainings, if new trainings and new classes are meant.

The value of one task under one training is modelled as

    mean + class + training + class x training + task + rest

where all effects are random and independent, and a task has the mean of its classes' effects (a
multiple-membership model). A study has many tasks, but they come from few classes and even fewer
trainings, which limits its precision. The variances are estimated from five mean squares. The
uncertainty of the two that matter most (between classes, between trainings) is propagated through
their chi-square distributions, as in a generalised confidence interval (Weerahandi, JASA 1993), and
the resulting distribution of the mean's variance is replaced by that of the nearest Student's t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, digamma, ndtr, polygamma

Numbers: TypeAlias = NDArray[np.float64]

#: Fewer classes are not treated as a sample of other classes.
LEAST_CLASSES = 10

#: Fewer trainings give no verdict on a method.
LEAST_TRAININGS = 5

# nodes and weights of the trapezoidal rule for a standard normal, accurate to many digits
_NORMAL = np.linspace(-5, 5, 18)
_UPPER = ndtr(-_NORMAL)
_WEIGHTS = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()


@dataclass(frozen=True)
class Components:
    """Variances of the effects, truncated at zero; NaN where the data cannot separate them.

    Attributes:
        classes: variance between classes.
        trainings: variance between trainings.
        classes_by_trainings: interaction of classes and trainings.
        tasks: variance between tasks of the same classes.
        rest: residual variance, of one task under one training.
    """

    classes: Numbers
    trainings: Numbers
    classes_by_trainings: Numbers
    tasks: Numbers
    rest: Numbers


@dataclass(frozen=True)
class Generalised:
    """A mean with its error for new trainings and classes; (mean - truth) / error is Student's t.

    Attributes:
        mean: mean over all tasks and trainings.
        standard_error: its standard error; NaN with one training or too few tasks.
        df: its degrees of freedom.
        components: the variances it was estimated from.
    """

    mean: Numbers
    standard_error: Numbers
    df: Numbers
    components: Components


class Membership:
    """The design matrix of class effects: which classes each task consists of.

    Args:
        shares: [N, C], the share of each class in each task; rows sum to 1. [N, 0] if the classes
            are not a sample: the error is then for new trainings and tasks of the same classes.

    Attributes:
        tasks: N.
        contrasts: [N, r], orthonormal contrasts of the tasks along which their classes differ.
        sizes: [r], the variance of each contrast if class effects have variance 1.
        weight: the variance of the mean over all tasks if class effects have variance 1.
    """

    def __init__(self, shares: Numbers) -> None:
        self.tasks = len(shares)
        directions, values, _ = np.linalg.svd(shares - shares.mean(0), full_matrices=False)
        there = values > 1e-9 * max(values.max(initial=0), 1)
        self.contrasts: Numbers = directions[:, there]
        self.sizes: Numbers = values[there] ** 2
        self.weight = float((shares.mean(0) ** 2).sum())

    @property
    def spare(self) -> int:
        """Degrees of freedom of tasks that are left after fitting the classes."""
        return self.tasks - 1 - len(self.sizes)


@dataclass(frozen=True)
class Sums:
    """Sufficient statistics of values [..., N, S] by task and training.

    Attributes:
        by_training: [..., S], means over the tasks.
        by_contrast: [..., r, S], the values projected on the classes' contrasts.
        tasks: [...], sum of squares of the tasks' means that classes do not explain.
        rest: [...], residual sum of squares, after tasks, trainings and classes.
    """

    by_training: Numbers
    by_contrast: Numbers
    tasks: Numbers
    rest: Numbers

    @classmethod
    def of(cls, values: Numbers, membership: Membership) -> Sums:
        """Sum up values [..., N, S]."""
        mean = values.mean((-2, -1))[..., None, None]
        by_task, by_training = values.mean(-1), values.mean(-2)
        by_contrast = membership.contrasts.T @ values
        shared = by_contrast.mean(-1)
        left = values - by_task[..., None] - by_training[..., None, :] + mean
        return cls(
            by_training,
            by_contrast,
            _squares(by_task - mean[..., 0], 1) - _squares(shared, 1),
            _squares(left, 2) - _squares(by_contrast - shared[..., None], 2),
        )


def generalise(values: ArrayLike, shares: ArrayLike | None = None) -> Generalised:
    """The mean of values by task and training, with its error for new trainings and classes.

    Args:
        values: [..., N, S], N tasks by S trainings, without missing values; leading axes are
            independent data sets with the same tasks.
        shares: [N, C], as in `Membership`; None: the error is for the same classes.
    """
    numbers = np.asarray(values, np.float64)
    known = np.zeros((numbers.shape[-2], 0)) if shares is None else np.asarray(shares, np.float64)
    membership = Membership(known)
    return generalise_sums(Sums.of(numbers, membership), membership)


def generalise_sums(sums: Sums, membership: Membership) -> Generalised:
    """`generalise`, given the sums of the values."""
    trainings, rank = sums.by_training.shape[-1], len(membership.sizes)
    mean, nothing = sums.by_training.mean(-1), np.full(sums.rest.shape, np.nan)
    if trainings < 2 or membership.spare < 1:
        return Generalised(mean, nothing, nothing, Components(*[nothing] * 5))
    rest = sums.rest / (membership.spare * (trainings - 1))
    task = sums.tasks / membership.spare  # of a task's mean over trainings
    tasks = np.maximum(task - rest / trainings, 0)
    between = sums.by_training.var(-1, ddof=1)
    shared = sums.by_contrast.mean(-1)
    if rank:
        total = membership.sizes.sum()
        moved = _squares(sums.by_contrast - shared[..., None], 2) / (trainings - 1)
        interaction = np.maximum(moved - rank * rest, 0) / total
        known = rank * task / total + interaction / trainings
        square = _squares(shared, 1) / total
        classes = np.maximum(square - known, 0)
        new_classes = np.maximum(_possible(square, rank) - known[..., None], 0)
    else:
        interaction, classes, new_classes = 0 * mean, nothing, 0 * mean[..., None]
    floor = membership.weight * interaction + rest / membership.tasks
    possible = np.maximum(_possible(between, trainings - 1), floor[..., None])
    error, df = _student(
        membership.weight * new_classes,
        possible / trainings + (tasks / membership.tasks)[..., None],
    )
    variances = Components(
        classes, np.maximum(between - floor, 0), interaction if rank else nothing, tasks, rest
    )
    return Generalised(mean, error, df, variances)


def _squares(numbers: Numbers, axes: int) -> Numbers:
    """Sum of squares over the last `axes` axes."""
    sums: Numbers = (numbers**2).sum(tuple(range(-axes, 0)))
    return sums


def _possible(square: Numbers, df: ArrayLike) -> Numbers:
    """Quantiles, at the K nodes, of the true variance that a mean square estimates, [..., K]."""
    degrees = np.asarray(df, np.float64)[..., None]
    variances: Numbers = square[..., None] * degrees / chdtri(degrees, _UPPER)
    return variances


def _student(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Standard error and degrees of freedom of the Student's t nearest to an uncertain variance.

    The variance is the sum of two independent ones, given at the nodes, [..., K]. The mean and
    variance of its logarithm are matched to those of a t with error s and f degrees of freedom:
    log s² + log(f / 2) - digamma(f / 2) and trigamma(f / 2).
    """
    weights = _WEIGHTS if first.shape[-1] == len(_WEIGHTS) else np.ones(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(first[..., :, None] + second[..., None, :])
        mean = np.einsum("...ij,i,j->...", logarithm, weights, _WEIGHTS)
        squared = (logarithm - mean[..., None, None]) ** 2
        variance = np.einsum("...ij,i,j->...", squared, weights, _WEIGHTS)
        half = 0.5 + 1 / variance
        for _ in range(6):  # Newton's steps to trigamma(half) = variance
            trigamma = polygamma(1, half)
            half = half + trigamma * (1 - trigamma / variance) / polygamma(2, half)
        return np.exp((mean + digamma(half) - np.log(half)) / 2), 2 * half
