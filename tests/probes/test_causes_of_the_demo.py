"""The demo's probes find what other code found on models that were trained in the same way.

That code froze parameters in a loop of its own, on 60 to 200 tasks of one training each of version
0.1.0. What ships of the demo is of six trainings; another one is expected within what they say.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

import innerloop

SPREAD = Path(innerloop.__file__).parent / "commands/demo_reference/spread.parquet"
MODEL = "p1 {} symbols 28 5w1s 5 1 symbols 28 test last 200 5 15 batch"

#: Debiased CKA: of the whole change, of the layer's own, and of what it inherits.
SIMILAR = {
    ("maml", ""): {"conv1": 0.998, "conv2": 0.997, "conv3": 0.990, "conv4": 0.951, "head": 0.389},
    ("maml", " own"): {"conv3": 0.999, "conv4": 0.967, "head": 0.976},
    ("maml", " inherited"): {"head": 0.408},
    ("scaled_lr", ""): {"head": 0.352},
    ("scaled_lr", " own"): {"conv3": 0.994, "conv4": 0.787, "head": 1.000},
    ("scaled_lr", " inherited"): {"head": 0.352},
}
#: Points of accuracy that are lost.
LOST = {
    "maml": {"frozen head": 0.3, "only head": 19.0, "nothing ": 31.2},
    "scaled_lr": {"frozen head": 0.0, "only head": 35.2},
    "meta_sgd": {"frozen head": 1.3, "only head": 18.5, "step_sizes_clamped ": 0.1},
}


@pytest.fixture(scope="module")
def spread() -> pd.DataFrame:
    return pd.read_parquet(SPREAD).set_index("number")


def expected(mean: float, sd: float, trainings: int, rounding: float) -> tuple[float, float]:
    """Where 95 of 100 further trainings are."""
    half = float(stats.t.ppf(0.975, trainings - 1)) * sd * math.sqrt(1 + 1 / trainings)
    return mean - half - rounding, mean + half + rounding


@pytest.mark.parametrize(
    ("variant", "change", "layer", "found"),
    [(*key, layer, found) for key, layers in SIMILAR.items() for layer, found in layers.items()],
)
def test_similarities_are_those_of_another_training(
    spread: pd.DataFrame, variant: str, change: str, layer: str, found: float
) -> None:
    known = spread.loc[f"{MODEL.format(variant)} {layer}{change} debiased: similarity"]
    low, high = expected(known["mean"], known["sd"], known["seeds"], 0.0005)
    assert low <= found <= high


@pytest.mark.parametrize(
    ("variant", "intervention", "found"),
    [(variant, *one) for variant, lost in LOST.items() for one in lost.items()],
)
def test_what_freezing_costs_is_that_of_another_training(
    spread: pd.DataFrame, variant: str, intervention: str, found: float
) -> None:
    whole, changed = (
        spread.loc[f"{MODEL.format(variant)} {name}: accuracy"]
        for name in ("everything ", intervention)
    )
    sd = 100 * math.hypot(whole["sd"], changed["sd"])  # of the difference no more than that
    lost = 100 * (whole["mean"] - changed["mean"])
    low, high = expected(lost, sd, whole["seeds"], 0.05)
    assert low <= found <= high
