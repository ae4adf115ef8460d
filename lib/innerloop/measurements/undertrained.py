"""Validation accuracy of trainings, and which are no better than a network without training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import pandas as pd

from innerloop.measurements.described_study import RAW_PIXELS
from innerloop.measurements.evidence import Evidence
from innerloop.stats.intervals import mean_interval

#: A curve that rises by more than RISING points over its last quarter has not levelled off.
RISING, LAST_QUARTER = 1.0, 0.75

PLACE = ["protocol", "variant", "train_dataset", "setting"]


@dataclass(frozen=True)
class Progress:
    """Validation accuracy, in percent, of the trainings of one method in one setting.

    Attributes:
        protocol: the method's protocol.
        variant: the method's name.
        dataset: the data set trained on.
        setting: task size.
        low: what the best accuracy is shown to exceed: the lower end of its interval over
            trainings, or the lowest of each training's interval over tasks if that is higher.
        untrained: accuracy without training, the highest of the untrained baselines' and of the
            method's own network at iteration 0.
        raw_pixels: accuracy of the nearest class mean on raw pixels; NaN if not measured on
            validation tasks.
        rise: points gained over the last quarter of training, averaged over trainings.
    """

    protocol: str
    variant: str
    dataset: str
    setting: str
    low: float
    untrained: float
    raw_pixels: float
    rise: float

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Protocol, variant, data set and setting."""
        return self.protocol, self.variant, self.dataset, self.setting

    @property
    def undertrained(self) -> bool:
        """Whether it is not shown to be better than both references that need no training."""
        references = [one for one in (self.untrained, self.raw_pixels) if not math.isnan(one)]
        return bool(references) and not self.low > max(references)

    @property
    def rising(self) -> bool:
        """Whether accuracy was still rising at the end of training."""
        return self.rise > RISING


@lru_cache(maxsize=8)  # called for every claim
def progress(evidence: Evidence) -> tuple[Progress, ...]:
    """The progress of each method's trainings in each setting; empty without training curves."""
    return tuple(_progress(evidence))


def _progress(evidence: Evidence) -> Iterator[Progress]:
    study = evidence.study
    rows = evidence.rows("training", split="val")
    rows = rows.assign(accuracy=100 * rows["accuracy"], accuracy_sd=100 * rows["accuracy_sd"])
    variants = {(v.protocol, v.name): v for name in study.protocols for v in study.variants(name)}
    trained = {variant.method for variant in variants.values() if not variant.baseline}
    raw_pixels = evidence.rows("accuracy", variant=RAW_PIXELS, split="val")
    for (dataset, setting), here in rows.groupby(PLACE[2:], sort=False, observed=True):
        curves = {
            (str(protocol), str(name)): curve
            for (protocol, name), curve in here.groupby(PLACE[:2], sort=False, observed=True)
        }
        baselines = {key for key in curves if key in variants and variants[key].baseline}
        # baselines of methods that are trained too; pretrained features are a baseline, but trained
        untrained = {key for key in baselines if variants[key].method in trained}
        pixels = raw_pixels[
            (raw_pixels["eval_dataset"] == dataset) & (raw_pixels["setting"] == setting)
        ]
        for key, curve in curves.items():
            if key in baselines:
                continue
            starts = [_start(curves[one]) for one in (*untrained, key)]
            yield Progress(
                *(*key, str(dataset), str(setting)),
                low=_low(curve, study.statistics.level),
                untrained=max(starts),
                raw_pixels=100 * float(pixels["accuracy"].mean()),
                rise=_rise(curve),
            )


def _start(curve: pd.DataFrame) -> float:
    return float(curve.loc[curve["iteration"] == 0, "accuracy"].mean())


def _low(curve: pd.DataFrame, level: float) -> float:
    best = curve.sort_values("accuracy", kind="stable").groupby("seed").tail(1)
    error = best["accuracy_sd"] / np.sqrt(best["tasks"])
    each = best["accuracy"] - NormalDist().inv_cdf((1 + level) / 2) * error
    # two trainings alone have too wide an interval to show what each of them shows
    over_trainings = mean_interval(best["accuracy"], "t", level).low
    return float(np.fmax(each.min(), over_trainings))


def _rise(curve: pd.DataFrame) -> float:
    ordered = curve.sort_values("iteration")
    before = ordered[ordered["iteration"] <= LAST_QUARTER * ordered["iteration"].max()]
    gained = ordered.groupby("seed")["accuracy"].last() - before.groupby("seed")["accuracy"].last()
    return float(gained.mean())
