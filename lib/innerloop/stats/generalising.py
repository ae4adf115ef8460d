"""How far a mean over tasks and trainings may lie from that of trainings and classes not drawn.

A value of one task by one training is modelled as

    mean + class + training + class x training + task + rest

where a task has the mean of its classes' effects (it is a multi-membership of them). All effects
are random and independent. A study has many tasks, but of few classes and by fewer trainings,
which is what limits it. The variances come from five mean squares. How uncertain the two are that
decide (between classes, between trainings) is carried through by their chi-square distributions,
as in a generalised confidence interval (Weerahandi, JASA 1993), and the resulting distribution of
the mean's variance is replaced by that of the Student distribution nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, digamma, ndtr, polygamma

Numbers: TypeAlias = NDArray[np.float64]

#: Fewer classes are no sample of others.
LEAST_CLASSES = 10

#: Fewer trainings decide nothing about a method.
LEAST_TRAININGS = 5

#: Intervals from the sum of two uncertain variances are too wide (the problem of Behrens and
#: Fisher); half a degree of freedom for the trainings' mends that. See docs/evidence.md.
EXTRA_DF = 0.5

# the trapezoidal rule on the scale of a standard normal, exact to many digits
_NORMAL = np.linspace(-5, 5, 18)
_UPPER = ndtr(-_NORMAL)
_WEIGHTS = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()


@dataclass(frozen=True)
class Components:
    """Variances of the effects, none below zero; NaN of what was not told apart.

    Attributes:
        classes: of a class.
        trainings: of a training.
        classes_by_trainings: of how a training moves single classes.
        tasks: of a task, beside its classes.
        rest: of one task by one training.
    """

    classes: Numbers
    trainings: Numbers
    classes_by_trainings: Numbers
    tasks: Numbers
    rest: Numbers


@dataclass(frozen=True)
class Generalised:
    """A mean with its error for what was not drawn; (mean - truth) / error is Student's t.

    Attributes:
        mean: over all tasks and trainings.
        standard_error: of it; NaN where one training, or too few tasks, cannot tell.
        df: degrees of freedom.
        components: the variances behind it.
    """

    mean: Numbers
    standard_error: Numbers
    df: Numbers
    components: Components


class Membership:
    """Which classes the tasks are made of.

    Args:
        shares: [N, C], the share of each class in a task, rows that sum to 1; [N, 0]: the classes
            are not a sample, and new trainings and tasks of the same classes are meant.

    Attributes:
        tasks: N.
        contrasts: [N, r], orthonormal directions of the tasks along which their classes differ.
        sizes: [r], the variance along each for class effects of variance 1.
        weight: the variance of the mean over all tasks, likewise.
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
        """Degrees of freedom that classes leave to the tasks."""
        return self.tasks - 1 - len(self.sizes)


@dataclass(frozen=True)
class Sums:
    """All of values by task and training that the estimate depends on.

    Attributes:
        by_training: [..., S], means over the tasks.
        by_contrast: [..., r, S], along the contrasts of the classes.
        tasks: [...], sum of squares of the tasks' means, beside their classes.
        rest: [...], sum of squares of what neither task, training nor classes explain.
    """

    by_training: Numbers
    by_contrast: Numbers
    tasks: Numbers
    rest: Numbers

    @classmethod
    def of(cls, values: Numbers, membership: Membership) -> Sums:
        """Of values [..., N, S]."""
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
        values: [..., N, S], N tasks by S trainings, without missing ones; leading axes are
            independent draws on the same tasks.
        shares: [N, C], as of `Membership`; None: of the same classes.
    """
    numbers = np.asarray(values, np.float64)
    known = np.zeros((numbers.shape[-2], 0)) if shares is None else np.asarray(shares, np.float64)
    membership = Membership(known)
    return generalise_sums(Sums.of(numbers, membership), membership)


def generalise_sums(sums: Sums, membership: Membership) -> Generalised:
    """The same of what was summed up before."""
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
    extra = EXTRA_DF if rank else 0.0
    possible = np.maximum(_possible(between, trainings - 1, extra), floor[..., None])
    error, df = _student(
        membership.weight * new_classes,
        possible / trainings + (tasks / membership.tasks)[..., None],
    )
    variances = Components(
        classes,
        np.maximum(between - floor, 0),
        interaction if rank else nothing,
        tasks,
        rest,
    )
    return Generalised(mean, error, df, variances)


def _squares(numbers: Numbers, axes: int) -> Numbers:
    """Sums of squares over the last axes."""
    found: Numbers = (numbers**2).sum(tuple(range(-axes, 0)))
    return found


def _possible(square: Numbers, df: ArrayLike, extra: float = 0.0) -> Numbers:
    """What a mean square may be an estimate of, at the nodes of the normal scale, [..., K]."""
    degrees = np.asarray(df, np.float64)[..., None]
    found: Numbers = square[..., None] * degrees / chdtri(degrees + extra, _UPPER)
    return found


def _student(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    """Error and degrees of freedom of Student's t, of a variance that is a sum of two, [..., K].

    It has the same mean and variance of the logarithm of that variance; those of t with error s
    and f degrees are log s² + log(f / 2) - digamma(f / 2) and trigamma(f / 2).
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
