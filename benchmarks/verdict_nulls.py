"""How often verdicts on a method are false, and how often they detect a true difference.

    python benchmarks/verdict_nulls.py --out verdict_nulls.csv

Every cell of the grid simulates studies of two methods whose paired difference has effects of
classes, trainings, their interaction, tasks and a residual. The difference is tested at a nominal
5 %, before any correction: if there is none; if it is 3 points; and for equality within 2 points if
it is 2. Effects are normal, or gamma distributed with skewness 1. Tasks have 5 classes, an sd of 5
points between tasks, and a residual sd of 6 for each training. Sufficient statistics are drawn
instead of single values, which gives the same distribution in a thousandth of the time.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from innerloop.stats.generalising import Generalised, Membership, Numbers, Sums, generalise_sums

WAY, POINTS, MARGIN, ALPHA = 5, 3.0, 2.0, 0.05
TASK_SD, REST_SD = 5.0, 6.0


@dataclass(frozen=True)
class Cell:
    """One kind of study: its size, and the standard deviations of effects in points."""

    effects: str
    classes: int
    tasks: int
    trainings: int
    class_sd: float
    training_sd: float
    interaction_sd: float

    def shares(self) -> Numbers:
        """The class shares of the tasks, [N, C]; all studies of a cell have the same tasks."""
        rng = np.random.default_rng((self.classes, self.tasks))
        order = rng.permuted(np.tile(np.arange(self.classes), (self.tasks, 1)), axis=1)
        shares: Numbers = np.zeros((self.tasks, self.classes))
        np.put_along_axis(shares, order[:, :WAY], 1 / WAY, axis=1)
        return shares

    def effects_of(self, draws: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Effects of the trainings, [draws, S], and of classes within each, [draws, C, S]."""
        of_classes = self._effects(rng, draws, self.classes, 1)
        moved = self._effects(rng, draws, self.classes, self.trainings)
        of_trainings = self._effects(rng, draws, self.trainings)
        return (
            self.training_sd * of_trainings,
            self.class_sd * of_classes + self.interaction_sd * moved,
        )

    def _effects(self, rng: np.random.Generator, *shape: int) -> Numbers:
        return rng.normal(size=shape) if self.effects == "normal" else rng.gamma(4, 0.5, shape) - 2

    def values(self, shares: Numbers, draws: int, rng: np.random.Generator) -> Numbers:
        """Values of whole studies without a difference, [draws, N, S]."""
        of_trainings, in_classes = self.effects_of(draws, rng)
        task = TASK_SD * rng.normal(size=(draws, self.tasks, 1))
        rest = REST_SD * rng.normal(size=(draws, self.tasks, self.trainings))
        return of_trainings[:, None] + shares @ in_classes + task + rest

    def sums(
        self, shares: Numbers, membership: Membership, draws: int, rng: np.random.Generator
    ) -> Sums:
        """The sums of such values, drawn directly."""
        of_trainings, in_classes = self.effects_of(draws, rng)
        rank, s, spare = len(membership.sizes), self.trainings, membership.spare
        task = TASK_SD * rng.normal(size=(draws, rank + 1, 1))
        noise = task + REST_SD * rng.normal(size=(draws, rank + 1, s))
        of_a_mean = TASK_SD**2 + REST_SD**2 / s
        return Sums(
            of_trainings + shares.mean(0) @ in_classes + noise[:, 0] / math.sqrt(self.tasks),
            (membership.contrasts.T @ shares) @ in_classes + noise[:, 1:],
            of_a_mean * rng.chisquare(spare, draws),
            REST_SD**2 * rng.chisquare(spare * (s - 1), draws),
        )

    def variance(self, weight: float) -> float:
        """The variance of a study's mean difference, given `Membership.weight`."""
        of_classes = (self.class_sd**2 + self.interaction_sd**2 / self.trainings) * weight
        of_tasks = (TASK_SD**2 + REST_SD**2 / self.trainings) / self.tasks
        return of_classes + self.training_sd**2 / self.trainings + of_tasks


def grid(effects: str) -> list[Cell]:
    """Every cell with normal or skewed effects."""
    axes = ((20, 50), (100, 600, 5000), (3, 5, 10, 20), (2, 4, 6), (0.2, 0.5, 1, 2), (0, 2))
    return [Cell(effects, *values) for values in itertools.product(*axes)]


def rates(cell: Cell, draws: int, seed: int = 0) -> dict[str, float]:
    """How often tests decide, as shares of the draws."""
    shares = cell.shares()
    membership = Membership(shares)
    rng = np.random.default_rng((seed, *map(int, np.array([*asdict(cell).values()][1:]) * 10)))
    return rates_of(generalise_sums(cell.sums(shares, membership, draws, rng), membership),
                    math.sqrt(cell.variance(membership.weight)))  # fmt: skip


def rates_of(found: Generalised, sd: float) -> dict[str, float]:
    """The same, given the results of studies without a difference and the true sd of their mean."""
    error, df = found.standard_error, found.df

    def above(mean: Numbers, null: float) -> Numbers:
        p: Numbers = stats.t.sf((mean - null) / error, df)
        return p

    def rate(decided: Numbers) -> float:
        return float(np.mean(decided))

    null, there, edge = found.mean, found.mean + POINTS, found.mean + MARGIN
    equal = (above(edge, -MARGIN) < ALPHA / 2) & (1 - above(edge, MARGIN) < ALPHA / 2)
    power = rate((above(there, 0) < ALPHA / 2) | (above(there, 0) > 1 - ALPHA / 2))
    limit = stats.norm.ppf(1 - ALPHA / 2)
    oracle = rate(np.abs(there) / sd > limit)
    return {
        "false": rate(2 * np.minimum(above(null, 0), 1 - above(null, 0)) < ALPHA),
        "falsely_equal": rate(equal),
        "falsely_unequal": rate(above(edge, MARGIN) < ALPHA / 2),
        "power": power,
        "oracle": oracle,
        "of_oracle": power / oracle,
    }


def main(argv: list[str] | None = None) -> None:
    """Write the rates of every cell, and print the extremes for each number of trainings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=4000, help="studies per cell")
    parser.add_argument("--out", type=Path, help="CSV of every cell")
    arguments = parser.parse_args(argv)
    rows = [
        {**asdict(cell), **rates(cell, arguments.draws)}
        for effects in ("normal", "skewed")
        for cell in grid(effects)
    ]
    if arguments.out:
        with arguments.out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    print_extremes(rows)


def print_extremes(rows: list[dict[str, float | str]]) -> None:
    """Print a table of the lowest, highest and median rates."""
    print("| effects | tasks | trainings | false verdicts | falsely equal | power / oracle |")
    print("|---|---|---|---|---|---|")
    for key, group in itertools.groupby(
        sorted(rows, key=lambda row: [row[name] for name in _BY]),
        key=lambda row: [row[name] for name in _BY],
    ):
        cells = [*group]
        ends = []
        for name in ("false", "falsely_equal", "of_oracle"):
            values = np.array([row[name] for row in cells], float)
            ends.append(f"{100 * values.min():.1f} to {100 * values.max():.1f} %, "
                        f"median {100 * np.median(values):.1f}")  # fmt: skip
        print(f"| {' | '.join(map(str, key))} | {' | '.join(ends)} |")


_BY = ("effects", "tasks", "trainings")

if __name__ == "__main__":
    main()
