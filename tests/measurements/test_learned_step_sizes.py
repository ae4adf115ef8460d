"""What was never moved in training is no learned step size, whatever its name."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.schemas import MODEL
from innerloop.measurements.step_sizes import learned, unmoved


def logged(layer: str, parameter: str, means: list[float], sds: list[float]) -> pd.DataFrame:
    """A log of one parameter's step sizes, at iterations 0, 10, ..."""
    model = {field.name: "x" for field in MODEL} | {"seed": 0}
    rows = [
        {**model, "iteration": 10 * index, "layer": layer, "parameter": parameter}
        | {"mean": mean, "sd": sd}
        for index, (mean, sd) in enumerate(zip(means, sds, strict=True))
    ]
    return pd.DataFrame(rows)


ROWS = pd.concat(
    [
        logged("conv1", "weight", [0.05, 0.04, 0.05], [0, 0.01, 0.02]),
        logged("conv1", "bias", [0.05] * 3, [0] * 3),  # all from one value
        logged("conv2", "bias", [0.07] * 3, [0.02] * 3),  # drawn from a range
        logged("conv2", "weight", [0.05] * 3, [0, 0.01, 0.02]),  # the mean alone stays
        logged("conv3", "weight", [0.0] * 3, [0] * 3),  # does not adapt
        logged("head", "bias", [0.05, 0.06, 0.07], [0, 0, 0]),
        logged("head", "weight", [0.05], [0]),  # logged once: not known
    ]
)


def test_what_training_moved_is_kept():
    kept = learned(ROWS)[["layer", "parameter"]].drop_duplicates()
    assert {*kept.itertuples(index=False, name=None)} == {
        ("conv1", "weight"),
        ("conv2", "weight"),
        ("head", "bias"),
        ("head", "weight"),
    }


def test_what_is_left_out_is_named():
    assert unmoved(ROWS).endswith("never moved them: bias of conv1, conv2; weight of conv3.")
    assert unmoved(ROWS[ROWS["layer"] == "head"]) == ""


def test_models_are_told_apart():
    """One seed that moved and one that did not: only the rows of the second are left out."""
    still = logged("conv1", "weight", [0.05] * 3, [0] * 3).assign(seed=1)
    assert set(learned(pd.concat([ROWS, still]))["seed"]) == {0}
