"""How far trainings came on their validation tasks, and which stopped short of what needs none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import pandas as pd

from innerloop.measurements.described_study import RAW_PIXELS
from innerloop.measurements.evidence import Evidence
from innerloop.stats.intervals import mean_interval

#: A curve that rises by more than so many points over its last quarter has not levelled off.
RISING, LAST_QUARTER = 1.0, 0.75

PLACE = ["protocol", "variant", "train_dataset", "setting"]


@dataclass(frozen=True)
class Progress:
    """The trainings of one method in one setting, in percent of their validation tasks.

    Attributes:
        protocol: of the method.
        variant: its name.
        dataset: trained on.
        setting: task size.
        low: lower end of the interval of its best accuracy: over trainings, or over the tasks of
            one training.
        untrained: the highest accuracy of an untrained network, and of its own before training.
        raw_pixels: of the nearest class mean; NaN where it was not measured on validation tasks.
        rise: points gained over the last quarter of training, mean over trainings.
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
        """Which method in which setting."""
        return self.protocol, self.variant, self.dataset, self.setting

    @property
    def undertrained(self) -> bool:
        """Whether it is not shown to be better than both that need no training."""
        references = [one for one in (self.untrained, self.raw_pixels) if not math.isnan(one)]
        return bool(references) and not self.low > max(references)

    @property
    def rising(self) -> bool:
        """Whether longer training would go on to improve it."""
        return self.rise > RISING


@lru_cache(maxsize=8)  # every claim asks
def progress(evidence: Evidence) -> tuple[Progress, ...]:
    """How far the trainings of each method and setting came; empty without their curves."""
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
        # of what the study trains too: pretrained features are a baseline, but not untrained
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
    if len(best) > 1:
        return mean_interval(best["accuracy"], "t", level).low
    (one,) = best.to_dict("records")
    error = one["accuracy_sd"] / math.sqrt(one["tasks"])
    return float(one["accuracy"] - NormalDist().inv_cdf((1 + level) / 2) * error)


def _rise(curve: pd.DataFrame) -> float:
    ordered = curve.sort_values("iteration")
    before = ordered[ordered["iteration"] <= LAST_QUARTER * ordered["iteration"].max()]
    gained = ordered.groupby("seed")["accuracy"].last() - before.groupby("seed")["accuracy"].last()
    return float(gained.mean())
